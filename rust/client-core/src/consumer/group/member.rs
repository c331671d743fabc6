//! The member of a group, whichever protocol it speaks: what the program, the consumer and time ask
//! of it.

use std::fmt::Debug;

use base::{Instant, NodeId};

use super::assignor::{Errand, ErrandAnswer};
use super::classic::ClassicMember;
use super::consumer::ConsumerMember;
use super::membership::{Membership, State, send};
use super::ownership::Change;
use super::{GroupError, Rebalance, RebalanceReport, RebalanceTotals, Topics};
use crate::cluster::Cluster;
use crate::config::{GroupConfig, GroupProtocol};
use crate::coordinator::{Coordinator, Refusal};
use crate::request::{Answer, OutgoingRequest, RequestError, RequestId};
use crate::wake::Wake;

/// A member, or somebody who wants to be one.
#[derive(Debug)]
pub(in crate::consumer) struct Member {
    membership: Membership,
    protocol: Box<dyn Protocol>,
}

/// Who commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::consumer) struct Identity {
    pub(in crate::consumer) member_id: String,
    /// The generation, or the member's epoch.
    pub(in crate::consumer) generation: i32,
    pub(in crate::consumer) instance_id: Option<String>,
}

/// What a protocol says to the coordinator while there is a membership ([`State::In`]).
pub(super) trait Protocol: Debug + Send {
    /// The membership begins.
    fn begin(&mut self, membership: &mut Membership, now: Instant);

    /// Decides what to say to the coordinator, which can be asked now.
    fn drive(&mut self, membership: &mut Membership, to: &mut Asking<'_>);

    /// Something that was asked is answered, or will never be. Whether it was this member's.
    fn handle(
        &mut self,
        membership: &mut Membership,
        request: RequestId,
        result: &Result<Answer, RequestError>,
        to: &mut Hearing<'_>,
    ) -> bool;

    /// The subscription has changed.
    fn follow_topics(&mut self, membership: &Membership);

    /// Brokers, topics or partitions may have changed.
    fn follow(&mut self, membership: &Membership, cluster: &Cluster);

    /// As whom to commit; `None` while it is not known.
    fn identity(&self, membership: &Membership) -> Option<Identity>;

    /// What the program's own assignor is to be asked.
    fn errand(&self) -> Option<&Errand>;

    /// What it has answered.
    fn answer_errand(&mut self, membership: &mut Membership, answer: ErrandAnswer);

    /// The coordinator did not like what was said as a member: to be looked into.
    fn doubt(&mut self);

    /// Whether the coordinator has to be told that the member goes.
    fn has_to_leave(&self, membership: &Membership) -> bool;

    /// What it is told.
    fn leave(
        &mut self,
        membership: &Membership,
        cluster: &Cluster,
        node: NodeId,
    ) -> Box<dyn OutgoingRequest>;

    /// Nothing is owned any more. The coordinator may still know the member.
    fn lapse(&mut self);

    /// The membership is over.
    fn forget(&mut self);
}

/// The coordinator, which can be asked now.
pub(super) struct Asking<'a> {
    pub(super) cluster: &'a mut Cluster,
    pub(super) node: NodeId,
    /// Whether everything that was to be committed is.
    pub(super) flushed: bool,
    pub(super) now: Instant,
    pub(super) wake: &'a mut Wake,
}

/// Whom an answer comes from.
pub(super) struct Hearing<'a> {
    pub(super) coordinator: &'a mut Coordinator,
    pub(super) cluster: &'a mut Cluster,
    pub(super) now: Instant,
}

impl Member {
    /// `member_id` is its name in the new protocol, where members draw their own.
    pub(in crate::consumer) fn new(config: GroupConfig, member_id: String) -> Self {
        let protocol: Box<dyn Protocol> = match config.protocol {
            GroupProtocol::Classic => Box::new(ClassicMember::default()),
            GroupProtocol::Consumer => Box::new(ConsumerMember::new(member_id)),
        };
        Self { membership: Membership::new(config), protocol }
    }

    /// Subscribes to these, and tells the group if that is news.
    pub(in crate::consumer) fn subscribe(&mut self, topics: Topics) {
        let membership = &mut self.membership;
        if membership.topics.as_ref() == Some(&topics) {
            return;
        }
        if matches!(membership.state, State::Left) {
            membership.state = State::Out;
        }
        membership.topics = Some(topics);
        self.protocol.follow_topics(membership);
    }

    /// See [`Membership::begin_poll`].
    pub(in crate::consumer) fn begin_poll(&mut self, now: Instant) -> Result<bool, GroupError> {
        self.come_back(now, |membership| membership.begin_poll(now))
    }

    /// The program does something else now.
    pub(in crate::consumer) fn end_poll(&mut self, now: Instant) {
        self.membership.end_poll(now);
    }

    /// What the program is to be told next.
    pub(in crate::consumer) fn telling(&self) -> Option<&Rebalance> {
        self.membership.ownership.telling()
    }

    /// The program is being told.
    pub(in crate::consumer) fn begin_telling(&mut self, now: Instant) -> Option<Rebalance> {
        let telling = self.membership.ownership.begin_telling()?;
        self.membership.begin_callback(now);
        Some(telling)
    }

    /// The program was told. `Err` if it took too long over it, once.
    pub(in crate::consumer) fn ack(&mut self, now: Instant) -> Result<(), GroupError> {
        self.membership.ownership.ack();
        self.come_back(now, |membership| membership.end_callback(now))
    }

    /// What has changed, in order.
    pub(in crate::consumer) fn poll_change(&mut self) -> Option<Change> {
        self.membership.ownership.poll_change()
    }

    /// A rebalance that is over.
    pub(in crate::consumer) fn poll_report(&mut self) -> Option<RebalanceReport> {
        self.membership.rebalances.poll_report()
    }

    /// All rebalances so far.
    pub(in crate::consumer) fn rebalance_totals(&self) -> &RebalanceTotals {
        self.membership.rebalances.totals()
    }

    /// As whom to commit; `None` while it is not known, or there is no membership.
    pub(in crate::consumer) fn identity(&self) -> Option<Identity> {
        self.is_in().then(|| self.protocol.identity(&self.membership)).flatten()
    }

    /// Whether there is, or soon will be, a membership to commit as.
    pub(in crate::consumer) fn is_in(&self) -> bool {
        self.membership.is_in()
    }

    /// Whether there is nothing that it would do before a subscription.
    pub(in crate::consumer) fn is_gone(&self) -> bool {
        matches!(self.membership.state, State::Out | State::Left | State::Failed(_))
    }

    /// Why there is no membership, for good.
    pub(in crate::consumer) fn failure(&self) -> Option<&GroupError> {
        match &self.membership.state {
            State::Failed(error) => Some(error),
            _ => None,
        }
    }

    /// What the program's own assignor is to be asked.
    pub(in crate::consumer) fn errand(&self) -> Option<&Errand> {
        self.is_in().then(|| self.protocol.errand()).flatten()
    }

    /// It is being asked.
    pub(in crate::consumer) fn begin_errand(&mut self, now: Instant) -> Option<Errand> {
        let errand = self.errand().cloned()?;
        self.membership.begin_callback(now);
        Some(errand)
    }

    /// What it has answered. `Err` if that took too long, once.
    pub(in crate::consumer) fn answer_errand(
        &mut self,
        answer: ErrandAnswer,
        now: Instant,
    ) -> Result<(), GroupError> {
        if self.is_in() {
            self.protocol.answer_errand(&mut self.membership, answer);
        }
        self.come_back(now, |membership| membership.end_callback(now))
    }

    /// The coordinator did not like what was said as a member: a heartbeat will show why.
    pub(in crate::consumer) fn doubt(&mut self) {
        self.protocol.doubt();
    }

    /// There is no coordinator, for good.
    pub(in crate::consumer) fn refuse(&mut self, refusal: Refusal) -> GroupError {
        let group_id = self.membership.config.group_id.clone();
        let error = match refusal {
            Refusal::Code(code) => GroupError::Refused { group_id, code, said: None },
            Refusal::Impossible(reason) => GroupError::Impossible { group_id, reason },
        };
        self.membership.fail(error.clone());
        error
    }

    /// Leaves the group. What it owns is given up; the program knows.
    pub(in crate::consumer) fn leave(&mut self) {
        let membership = &mut self.membership;
        let is_failed = matches!(membership.state, State::Failed(_));
        membership.ownership.drop_all();
        membership.rebalances.abandon();
        membership.topics = None;
        membership.state = State::ToLeave;
        if is_failed || !self.protocol.has_to_leave(membership) {
            self.left();
        }
    }

    /// Brokers, topics or partitions may have changed.
    pub(in crate::consumer) fn follow(&mut self, cluster: &Cluster) {
        if self.is_in() {
            self.protocol.follow(&self.membership, cluster);
        }
    }

    /// Does what time asks for although there may be no coordinator.
    pub(in crate::consumer) fn pass_time(&mut self, now: Instant, wake: &mut Wake) {
        if self.membership.is_overdue(now, wake) {
            self.membership.lose_all("max.poll.interval.ms was exceeded", now);
            self.membership.state = State::Lapsed;
            self.protocol.lapse();
        }
    }

    /// Decides what to say to the coordinator, which can be asked now. `flushed` is whether
    /// everything that was to be committed is.
    pub(in crate::consumer) fn drive(
        &mut self,
        cluster: &mut Cluster,
        node: NodeId,
        flushed: bool,
        now: Instant,
        wake: &mut Wake,
    ) {
        if let Some(later) = self.membership.put_off_until(now) {
            return wake.at(later);
        }
        if self.membership.wants_in() {
            self.membership.state = State::In;
            self.protocol.begin(&mut self.membership, now);
        }
        match self.membership.state {
            State::In => {
                let mut to = Asking { cluster, node, flushed, now, wake };
                self.protocol.drive(&mut self.membership, &mut to);
            }
            State::ToLeave | State::Lapsed => self.send_leave(cluster, node, now),
            _ => {}
        }
    }

    /// Whether the coordinator has to be found and connected to.
    pub(in crate::consumer) fn needs_coordinator(&self) -> bool {
        match &self.membership.state {
            State::Out => self.membership.wants_in(),
            State::Lapsed => self.protocol.has_to_leave(&self.membership),
            State::Left | State::Failed(_) => false,
            _ => true,
        }
    }

    /// Something that was asked is answered, or will never be. Whether it was this member's.
    pub(in crate::consumer) fn handle(
        &mut self,
        request: RequestId,
        result: &Result<Answer, RequestError>,
        coordinator: &mut Coordinator,
        cluster: &mut Cluster,
        now: Instant,
    ) -> bool {
        if matches!(self.membership.state, State::Leaving(id) if id == request) {
            self.left();
            return true;
        }
        let mut to = Hearing { coordinator, cluster, now };
        self.is_in() && self.protocol.handle(&mut self.membership, request, result, &mut to)
    }

    /// Whoever was away for too long begins anew.
    fn come_back<T>(
        &mut self,
        now: Instant,
        back: impl FnOnce(&mut Membership) -> Result<T, GroupError>,
    ) -> Result<T, GroupError> {
        let was_lapsed = matches!(self.membership.state, State::Lapsed);
        let came = back(&mut self.membership);
        if was_lapsed && self.is_in() {
            self.protocol.begin(&mut self.membership, now);
        }
        came
    }

    fn send_leave(&mut self, cluster: &mut Cluster, node: NodeId, now: Instant) {
        if !self.protocol.has_to_leave(&self.membership) {
            return;
        }
        let request = self.protocol.leave(&self.membership, cluster, node);
        let sent = send(cluster, node, &*request, cluster.config().request_timeout, now);
        if matches!(self.membership.state, State::ToLeave) {
            // Who cannot say that he leaves is found out by his silence.
            match sent {
                Ok(id) => self.membership.state = State::Leaving(id),
                Err(_) => self.left(),
            }
        }
    }

    /// It has left; a subscription that came meanwhile is for another membership.
    fn left(&mut self) {
        let is_wanted = self.membership.topics.is_some();
        self.membership.state = if is_wanted { State::Out } else { State::Left };
        self.protocol.forget();
    }
}
