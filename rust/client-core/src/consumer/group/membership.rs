//! What is the same in both protocols: whether there is a membership, what it is for, what it
//! owns, and whether the program is there to use it.

use std::time::Duration;

use base::Instant;

use super::ownership::Ownership;
use super::rebalances::Rebalances;
use super::{GroupError, Topics};
use crate::backoff::Backoff;
use crate::cluster::Cluster;
use crate::config::GroupConfig;
use crate::connection::SendTerms;
use crate::node::Lane;
use crate::request::{OutgoingRequest, RequestError, RequestId};
use crate::wake::Wake;

/// A membership, or the wish for one.
#[derive(Debug)]
pub(super) struct Membership {
    pub(super) config: GroupConfig,
    pub(super) state: State,
    pub(super) topics: Option<Topics>,
    pub(super) ownership: Ownership,
    pub(super) rebalances: Rebalances,
    /// What the program does: how many calls are waiting for records, and when one last ended.
    polling: u32,
    polled: Option<Instant>,
    /// Since when one of those calls is in a callback or an assignor of the program's.
    called_back: Option<Instant>,
    failures: u32,
    not_before: Instant,
}

#[derive(Debug)]
pub(super) enum State {
    /// Not a member.
    Out,
    /// A member, or about to be one: the protocol knows more.
    In,
    /// The program stayed away for too long; it is told when it comes back.
    Lapsed,
    /// Asks to be let go as soon as the coordinator can be asked.
    ToLeave,
    Leaving(RequestId),
    Left,
    Failed(GroupError),
}

impl Membership {
    pub(super) fn new(config: GroupConfig) -> Self {
        Self {
            config,
            state: State::Out,
            topics: None,
            ownership: Ownership::default(),
            rebalances: Rebalances::default(),
            polling: 0,
            polled: None,
            called_back: None,
            failures: 0,
            not_before: Instant::default(),
        }
    }

    /// The program waits for records, or does something that shows that it lives. Whether the
    /// membership waits for that; `Err` if it was away for too long, once, or if there is no
    /// membership any more.
    pub(super) fn begin_poll(&mut self, now: Instant) -> Result<bool, GroupError> {
        if let State::Failed(error) = &self.state {
            return Err(error.clone());
        }
        let was_awaited = self.polled.is_none() || !self.is_in();
        self.come_back(self.polled, now)?;
        self.polling += 1;
        Ok(was_awaited)
    }

    /// The program does something else now.
    pub(super) fn end_poll(&mut self, now: Instant) {
        self.polling = self.polling.saturating_sub(1);
        self.polled = Some(now);
    }

    /// A callback or an assignor of the program's begins, within a call that waits for records.
    pub(super) fn begin_callback(&mut self, now: Instant) {
        self.called_back.get_or_insert(now);
    }

    /// It has returned. `Err` if that took too long, once.
    pub(super) fn end_callback(&mut self, now: Instant) -> Result<(), GroupError> {
        match self.called_back.take() {
            Some(begun) => self.come_back(Some(begun), now),
            None => Ok(()),
        }
    }

    /// Whether the program has been away for longer than it may. It is away in its callbacks, too:
    /// whoever waits for them gets no record.
    pub(super) fn is_overdue(&self, now: Instant, wake: &mut Wake) -> bool {
        if !self.is_in() {
            return false;
        }
        if self.polling > 0 && self.called_back.is_none() {
            // Sooner than this it cannot be: nobody has to say that a poll has ended.
            wake.at(now + self.config.poll_interval_max);
            return false;
        }
        let Some(away_since) = self.called_back.or(self.polled) else { return false };
        let until = away_since + self.config.poll_interval_max;
        if until > now {
            wake.at(until);
        }
        until <= now
    }

    /// The program was away; `Err` if that has cost it its membership.
    fn come_back(&mut self, away_since: Option<Instant>, now: Instant) -> Result<(), GroupError> {
        self.polled = Some(now);
        if !matches!(self.state, State::Lapsed) {
            return Ok(());
        }
        self.state = State::In;
        let limit = self.config.poll_interval_max;
        let away = away_since.map_or(Duration::ZERO, |since| now.since(since));
        let exceeded_by = away.saturating_sub(limit);
        Err(GroupError::PollIntervalExceeded { limit, exceeded_by })
    }

    /// Whether a membership is wanted and there is none.
    pub(super) fn wants_in(&self) -> bool {
        matches!(self.state, State::Out) && self.topics.is_some() && self.polled.is_some()
    }

    pub(super) fn is_in(&self) -> bool {
        matches!(self.state, State::In)
    }

    /// Everything that it owned may be another's already.
    pub(super) fn lose_all(&mut self, cause: &str, now: Instant) {
        self.rebalances.lose(cause, self.ownership.owned().len(), now);
        self.ownership.lose_all();
    }

    /// There is no membership, for good.
    pub(super) fn fail(&mut self, error: GroupError) {
        self.ownership.lose_all();
        self.rebalances.abandon();
        self.state = State::Failed(error);
    }

    pub(super) fn fail_because(&mut self, error: &dyn std::error::Error) {
        self.fail(self.impossible(error.to_string()));
    }

    pub(super) fn impossible(&self, reason: String) -> GroupError {
        GroupError::Impossible { group_id: self.config.group_id.clone(), reason }
    }

    pub(super) fn fenced(&self) -> GroupError {
        GroupError::Fenced {
            group_id: self.config.group_id.clone(),
            instance_id: self.config.instance_id.clone().unwrap_or_default(),
        }
    }

    /// A rebalance begins.
    pub(super) fn begin_rebalance(&mut self, cause: &str, now: Instant) {
        self.rebalances.begin(cause, self.ownership.owned().len(), now);
    }

    /// The member is settled; nothing more stands in its way.
    pub(super) fn settled(&mut self, generation: i32, now: Instant) {
        self.rebalances.end(generation, self.ownership.owned().len(), now);
    }

    /// Something was answered: whatever failed before does not count any more.
    pub(super) fn succeeded(&mut self) {
        self.failures = 0;
    }

    pub(super) fn put_off(&mut self, cluster: &mut Cluster, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        let config = cluster.config();
        let backoff = Backoff { initial: config.retry_backoff, max: config.retry_backoff_max };
        self.not_before = now + backoff.wait(self.failures, cluster.rng());
    }

    /// When the next attempt may be made, if that is not now.
    pub(super) fn put_off_until(&self, now: Instant) -> Option<Instant> {
        (self.not_before > now).then_some(self.not_before)
    }
}

/// Sends something to the coordinator.
pub(super) fn send(
    cluster: &mut Cluster,
    node: base::NodeId,
    request: &dyn OutgoingRequest,
    timeout: Duration,
    now: Instant,
) -> Result<RequestId, RequestError> {
    let terms = SendTerms { version_max: i16::MAX, answered: true, timeout };
    cluster.send(node, Lane::Coordinator, request, &terms, now)
}

pub(super) fn millis(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis()).unwrap_or(i32::MAX)
}
