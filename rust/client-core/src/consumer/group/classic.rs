//! A member in Kafka's classic protocol: it joins, perhaps leads, and beats.
//!
//! ```text
//!  begin ─> Preparing ── JoinGroup ──> Joining ──> (leader: Assigning) ── SyncGroup ──> Stable
//!               ^                                                                         │
//!               └── the group rebalances, the subscription or the metadata has changed ───┘
//! ```

mod answers;
mod joining;
mod leader;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base::{Instant, NodeId, TopicPartition};
use bytes::Bytes;
use wire::ApiKey;
use wire::heartbeat::HeartbeatRequest;
use wire::leave_group::{LeaveGroupRequest, MemberIdentity};
use wire::sync_group::SyncGroupRequestAssignment;

use super::assignor::{AssignmentStrategy, Errand, ErrandAnswer, GroupPartitions, Subscriber};
use super::member::{Asking, Hearing, Identity, Protocol};
use super::membership::{Membership, State, send};
use crate::cluster::Cluster;
use crate::node::Lane;
use crate::request::{Answer, OutgoingRequest, RequestError, RequestId};

/// From this version on several members can leave at once.
const LEAVE_SEVERAL_VERSION_MIN: i16 = 3;
/// No generation.
const NO_GENERATION: i32 = -1;

/// What a member knows of its place in the group.
#[derive(Debug)]
pub(super) struct ClassicMember {
    phase: Phase,
    id: String,
    generation: i32,
    assignor: Option<AssignmentStrategy>,
    /// What the program's own assignor is asked.
    errand: Option<Errand>,
    /// What the program's own assignors say to the leader's, for the next join.
    user_data: BTreeMap<Arc<str>, Option<Bytes>>,
    /// What it subscribed to when it joined.
    joined_topics: BTreeSet<Arc<str>>,
    /// What it was assigned last, and when, for sticky assignors.
    last: BTreeSet<TopicPartition>,
    last_generation: i32,
    /// Why it has to join again, if it has.
    rejoin: Option<&'static str>,
    /// As leader: the partitions that it has assigned.
    led: Option<GroupPartitions>,
    heartbeat: Option<RequestId>,
    heartbeat_due: Instant,
}

#[derive(Debug)]
enum Phase {
    /// On its way in, as soon as the program has been told what it is to be told.
    Preparing,
    Joining(RequestId),
    /// It leads, and waits for the metadata of all topics until then.
    Assigning(Vec<Subscriber>, Instant),
    /// It knows what to hand in, which is nothing unless it leads.
    ToSync(Vec<SyncGroupRequestAssignment>),
    Syncing(RequestId),
    Stable,
}

impl Default for ClassicMember {
    fn default() -> Self {
        Self {
            phase: Phase::Preparing,
            id: String::new(),
            generation: NO_GENERATION,
            assignor: None,
            errand: None,
            user_data: BTreeMap::new(),
            joined_topics: BTreeSet::new(),
            last: BTreeSet::new(),
            last_generation: NO_GENERATION,
            rejoin: None,
            led: None,
            heartbeat: None,
            heartbeat_due: Instant::default(),
        }
    }
}

impl Protocol for ClassicMember {
    fn begin(&mut self, membership: &mut Membership, now: Instant) {
        let cause = self.rejoin.unwrap_or("this member joins");
        self.prepare(membership, cause, now);
    }

    fn drive(&mut self, membership: &mut Membership, to: &mut Asking<'_>) {
        if matches!(self.phase, Phase::Stable)
            && let Some(cause) = self.rejoin
        {
            self.prepare(membership, cause, to.now);
        }
        match &self.phase {
            Phase::Preparing => self.join_if_ready(membership, to),
            Phase::Assigning(..) => self.assign(membership, to),
            Phase::ToSync(assignments) => {
                let assignments = assignments.clone();
                self.sync(membership, assignments, to);
            }
            Phase::Stable if membership.ownership.is_told() => {
                membership.settled(self.generation, to.now);
            }
            _ => {}
        }
        // Heartbeats do not wait for a program that is asked to assign.
        let beats = match self.phase {
            Phase::Preparing | Phase::Stable => true,
            Phase::Assigning(..) => self.errand.is_some(),
            _ => false,
        };
        if self.generation >= 0 && beats && membership.is_in() {
            self.beat(membership, to);
        }
    }

    fn handle(
        &mut self,
        membership: &mut Membership,
        request: RequestId,
        result: &Result<Answer, RequestError>,
        to: &mut Hearing<'_>,
    ) -> bool {
        self.hear(membership, request, result, to)
    }

    fn follow_topics(&mut self, membership: &Membership) {
        let topics = membership.topics.as_ref().map(|topics| &topics.names);
        if membership.is_in() && topics.is_some_and(|topics| *topics != self.joined_topics) {
            self.rejoin = Some("the subscription has changed");
        }
    }

    fn follow(&mut self, membership: &Membership, cluster: &Cluster) {
        let Some(led) = self.led.as_ref().filter(|_| matches!(self.phase, Phase::Stable)) else {
            return;
        };
        let now = joining::group_partitions(cluster, led.counts.keys());
        if now.counts != led.counts {
            self.rejoin = Some("the number of partitions has changed");
        } else if membership.config.rack.is_some() && now.racks != led.racks {
            // As in Kafka, a leader that has no rack does not look at those of others.
            self.rejoin = Some("partitions are kept in other racks");
        }
    }

    fn identity(&self, membership: &Membership) -> Option<Identity> {
        let is_settled =
            matches!(self.phase, Phase::Preparing | Phase::Assigning(..) | Phase::Stable);
        (is_settled && self.generation >= 0).then(|| Identity {
            member_id: self.id.clone(),
            generation: self.generation,
            instance_id: membership.config.instance_id.clone(),
        })
    }

    fn errand(&self) -> Option<&Errand> {
        self.errand.as_ref()
    }

    fn answer_errand(&mut self, membership: &mut Membership, answer: ErrandAnswer) {
        self.answered(membership, answer);
    }

    fn doubt(&mut self) {
        self.heartbeat_due = Instant::default();
    }

    /// Whoever has no id yet is nobody to the coordinator. A static member is waited for (KIP-345).
    fn has_to_leave(&self, membership: &Membership) -> bool {
        !self.id.is_empty() && membership.config.instance_id.is_none()
    }

    fn leave(
        &mut self,
        membership: &Membership,
        cluster: &Cluster,
        node: NodeId,
    ) -> Box<dyn OutgoingRequest> {
        let version = cluster.highest_version(node, Lane::Coordinator, ApiKey::LeaveGroup);
        let member_id = std::mem::take(&mut self.id);
        let group_id = membership.config.group_id.clone();
        if version.is_some_and(|version| version < LEAVE_SEVERAL_VERSION_MIN) {
            return Box::new(LeaveGroupRequest { group_id, member_id, ..Default::default() });
        }
        let reason = match membership.state {
            State::Lapsed => "max.poll.interval.ms was exceeded",
            _ => "the consumer is being closed",
        };
        let reason = Some(reason.to_owned());
        let members = vec![MemberIdentity { member_id, reason, ..Default::default() }];
        Box::new(LeaveGroupRequest { group_id, members, ..Default::default() })
    }

    fn lapse(&mut self) {
        (self.heartbeat, self.led, self.errand) = (None, None, None);
        self.user_data.clear();
        self.phase = Phase::Preparing;
        self.generation = NO_GENERATION;
    }

    fn forget(&mut self) {
        self.lapse();
        self.rejoin = None;
    }
}

impl ClassicMember {
    /// Goes (back) to joining: an eager member gives up all that it has first.
    fn prepare(&mut self, membership: &mut Membership, cause: &str, now: Instant) {
        self.phase = Phase::Preparing;
        membership.begin_rebalance(cause, now);
        if !is_cooperative(membership) {
            let owned = membership.ownership.owned().iter().cloned().collect();
            membership.ownership.give_up(owned);
        }
    }

    fn beat(&mut self, membership: &mut Membership, to: &mut Asking<'_>) {
        if self.heartbeat.is_some() {
            return;
        }
        if self.heartbeat_due > to.now {
            return to.wake.at(self.heartbeat_due);
        }
        let request = HeartbeatRequest {
            group_id: membership.config.group_id.clone(),
            generation_id: self.generation,
            member_id: self.id.clone(),
            group_instance_id: membership.config.instance_id.clone(),
        };
        let timeout = to.cluster.config().request_timeout.min(membership.config.session_timeout);
        match send(to.cluster, to.node, &request, timeout, to.now) {
            Ok(id) => self.heartbeat = Some(id),
            Err(error) => membership.fail_because(&error),
        }
    }
}

/// What is cooperative may be kept while the group rebalances: if all that it knows are so.
fn is_cooperative(membership: &Membership) -> bool {
    membership.config.assignors.iter().all(AssignmentStrategy::is_cooperative)
}
