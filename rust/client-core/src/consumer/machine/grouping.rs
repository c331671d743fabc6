//! The consumer as a member of its group: what the group assigns is read from where the group has
//! come, and what the program has come back for is committed.

mod committing;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use base::{ErrorCode, Instant, LeaderEpoch, NodeId, TopicPartition};
use wire::ApiKey;
use wire::offset_fetch::OffsetFetchRequest;

use super::{Assign, Consumer, ConsumerEvent};
use crate::backoff::Backoff;
use crate::config::GroupConfig;
use crate::config::IsolationLevel;
use crate::connection::SendTerms;
use crate::consumer::assignment::Position;
use crate::consumer::group::{
    Change, CommitError, Commits, Coordinator, GroupError, Identity, Member, OffsetAndMetadata,
    Rebalance, RebalanceTotals, Subscription, read_committed, request_committed,
};
use crate::consumer::{ConsumeError, StartAt};
use crate::node::Lane;
use crate::request::{Answer, RequestError, RequestId};

/// The last version of OffsetFetch in which topics go by name.
const NAMED_VERSION_MAX: i16 = 9;
/// How many questions for committed offsets may wait; one more is refused.
const ASKS_MAX: usize = 1000;

/// Names one question for committed offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AskId(pub u64);

/// The offset after the last record of a partition that the program was given.
pub type Given = (TopicPartition, i64);

/// An offset that the program commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToCommit {
    /// Of which partition.
    pub topic_partition: TopicPartition,
    /// The offset.
    pub offset: OffsetAndMetadata,
    /// The assignment in which its records were read ([`Consumer::tenure`]): if that is over, the
    /// commit is refused. `None` commits whoever owns the partition.
    pub tenure: Option<u64>,
}

/// A member of a group, as others know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMetadata {
    /// Its group.
    pub group_id: String,
    /// Its id.
    pub member_id: String,
    /// The generation that it is a member of, or its epoch in the new protocol.
    pub generation: i32,
    /// Its own name, if it is a static member.
    pub instance_id: Option<String>,
}

/// The group's part of a consumer.
#[derive(Debug)]
pub(super) struct Group {
    config: GroupConfig,
    coordinator: Coordinator,
    member: Member,
    commits: Commits,
    subscription: Option<Subscription>,
    auto_commit_due: Option<Instant>,
    asks: VecDeque<Ask>,
    asked: Option<(RequestId, Asked)>,
    next_ask: u64,
    failures: u32,
    not_before: Instant,
    /// What the program was last found to be told, so that it is woken once.
    was_telling: bool,
}

#[derive(Debug)]
struct Ask {
    id: AskId,
    partitions: BTreeSet<TopicPartition>,
    timeout: Duration,
    deadline: Instant,
}

/// For whom committed offsets were asked.
#[derive(Debug)]
enum Asked {
    Positions(Vec<(TopicPartition, u64)>),
    Program(Ask),
}

impl Group {
    pub(super) fn new(config: GroupConfig, member_id: String) -> Self {
        Self {
            coordinator: Coordinator::new(config.group_id.clone()),
            member: Member::new(config.clone(), member_id),
            commits: Commits::new(config.group_id.clone()),
            config,
            subscription: None,
            auto_commit_due: None,
            asks: VecDeque::new(),
            asked: None,
            next_ask: 0,
            failures: 0,
            not_before: Instant::default(),
            was_telling: false,
        }
    }

    /// As whom to commit now.
    fn identity(&self) -> Option<Identity> {
        if self.member.is_gone() && self.subscription.is_none() {
            // Partitions were assigned by hand: the group only remembers offsets.
            let instance_id = None;
            return Some(Identity { member_id: String::new(), generation: -1, instance_id });
        }
        self.member.identity()
    }
}

impl Consumer {
    /// Joins the group for these topics; what was assigned by hand is not read any more.
    pub fn subscribe(&mut self, subscription: Subscription) -> Result<(), GroupError> {
        let group = self.group.as_mut().ok_or(GroupError::NoGroup)?;
        if group.subscription.is_none() {
            self.assigned.clear();
        }
        subscription.want(&mut self.cluster);
        group.subscription = Some(subscription);
        self.follow_metadata();
        Ok(())
    }

    /// Leaves the group. The program knows that it has nothing any more.
    pub fn unsubscribe(&mut self) {
        let Some(group) = &mut self.group else { return };
        if group.subscription.take().is_some() {
            group.member.leave();
            self.cluster.want_all_topics(false);
            self.follow_member();
        }
    }

    /// Whether there is no membership to be waited for.
    pub fn has_left(&self) -> bool {
        self.group.as_ref().is_none_or(|group| group.member.is_gone())
    }

    /// Whether the group assigns what is read.
    pub fn is_subscribed(&self) -> bool {
        self.group.as_ref().is_some_and(|group| group.subscription.is_some())
    }

    /// The program is back, to wait for records or to do whatever shows that it lives: it has done
    /// with everything that it was given before. `Err` once if it was away for too long.
    pub fn begin_poll(&mut self, given: &[Given], now: Instant) -> Result<(), ConsumeError> {
        self.store(given);
        let Some(group) = self.group.as_mut().filter(|group| group.subscription.is_some()) else {
            return Ok(());
        };
        Ok(group.member.begin_poll(now)?)
    }

    /// The program does something else than waiting for records, beginning now.
    pub fn end_poll(&mut self, now: Instant) {
        if let Some(group) = &mut self.group {
            group.member.end_poll(now);
        }
    }

    /// What the program is to be told before it is given anything else. A partition is given up
    /// only after what the program has done with is committed.
    pub fn rebalance(&self) -> Option<&Rebalance> {
        let group = self.group.as_ref()?;
        let telling = group.member.telling()?;
        let is_flushed = group.commits.is_empty() && self.to_store().is_empty();
        let waits = matches!(telling, Rebalance::Revoked(_)) && !is_flushed;
        (!waits).then_some(telling)
    }

    /// The program was told of what [`Self::rebalance`] says.
    pub fn rebalanced(&mut self) {
        let Some(group) = &mut self.group else { return };
        group.member.ack();
        group.was_telling = false;
        self.follow_member();
    }

    /// Asks what the group has committed; answered by [`ConsumerEvent::CommittedOffsets`].
    pub fn ask_committed(
        &mut self,
        partitions: BTreeSet<TopicPartition>,
        timeout: Duration,
        now: Instant,
    ) -> Result<AskId, CommitError> {
        let group = self.group.as_mut().ok_or(CommitError::NoGroup)?;
        if group.asks.len() >= ASKS_MAX {
            return Err(CommitError::TooMany);
        }
        group.next_ask += 1;
        let id = AskId(group.next_ask);
        group.asks.push_back(Ask { id, partitions, timeout, deadline: now + timeout });
        Ok(id)
    }

    /// As whom this consumer is a member of its group, while it is one.
    pub fn group_metadata(&self) -> Option<GroupMetadata> {
        let group = self.group.as_ref()?;
        let Identity { member_id, generation, instance_id } = group.member.identity()?;
        let group_id = group.config.group_id.clone();
        Some(GroupMetadata { group_id, member_id, generation, instance_id })
    }

    /// The rebalances so far.
    pub fn rebalance_totals(&self) -> Option<&RebalanceTotals> {
        self.group.as_ref().map(|group| group.member.rebalance_totals())
    }

    /// Which assignment of a partition this is: a number that changes whenever it is assigned anew.
    pub fn tenure(&self, partition: &TopicPartition) -> Option<u64> {
        self.assigned.get(partition).map(|assignment| assignment.tenure)
    }

    /// Whether the program is to be told something, and to get nothing before that.
    pub(super) fn is_telling(&self) -> bool {
        self.group.as_ref().is_some_and(|group| group.member.telling().is_some())
    }

    /// Why the group does not take this consumer, if it does not.
    pub(super) fn group_failure(&self) -> Option<&GroupError> {
        let group = self.group.as_ref().filter(|group| group.subscription.is_some())?;
        group.member.failure()
    }

    pub(super) fn follow_metadata(&mut self) {
        let Some(group) = &mut self.group else { return };
        if let Some(subscription) = &group.subscription {
            let excluded = group.config.exclude_internal_topics;
            let topics = subscription.resolve(&self.cluster, excluded);
            group.member.subscribe(topics);
            group.member.follow(&self.cluster);
        }
    }

    pub(super) fn drive_group(&mut self, now: Instant) {
        let Some(mut group) = self.group.take() else { return };
        group.member.pass_time(now, &mut self.wake);
        self.group = Some(group);
        self.follow_member();
        self.auto_commit(now);
        group = self.group.take().expect("it was just put back");
        group.commits.pass_time(now, &mut self.wake);
        self.expire_asks(&mut group, now);
        let positions = self.without_position();
        let is_needed = group.member.needs_coordinator()
            || !group.commits.is_empty()
            || !positions.is_empty()
            || !group.asks.is_empty();
        if is_needed
            && let Some(node) = group.coordinator.ready(&mut self.cluster, now, &mut self.wake)
        {
            let identity = group.identity();
            group.commits.drop_stale(identity.as_ref().map(|identity| identity.generation));
            if let Some(identity) = identity {
                let (cluster, wake) = (&mut self.cluster, &mut self.wake);
                group.commits.drive(cluster, node, &identity, now, wake);
            }
            let flushed = group.commits.is_empty();
            let (cluster, wake) = (&mut self.cluster, &mut self.wake);
            group.member.drive(cluster, node, flushed, now, wake);
            self.ask_coordinator(&mut group, node, positions, now);
        }
        if let Some(refusal) = group.coordinator.take_refusal() {
            let error = group.member.refuse(refusal);
            let error = CommitError::Impossible(error.to_string());
            group.commits.give_up(&error);
            self.refuse_positions(&mut group, &error);
        }
        self.group = Some(group);
        self.follow_member();
        self.report_group();
    }

    /// An answer that may be the group's; given back if it is not.
    pub(super) fn handle_group(
        &mut self,
        request: RequestId,
        result: Result<Answer, RequestError>,
        now: Instant,
    ) -> Option<Result<Answer, RequestError>> {
        let Some(group) = &mut self.group else { return Some(result) };
        let Group { coordinator, member, commits, .. } = group;
        if coordinator.is_asking(request) {
            coordinator.handle(result, &mut self.cluster, now);
        } else if commits.is_asking(request) {
            let is_member = group.subscription.is_some();
            if commits.handle(result, coordinator, &mut self.cluster, is_member, now) {
                member.doubt();
            }
        } else if group.asked.as_ref().is_some_and(|(id, _)| *id == request) {
            self.handle_committed(result, now);
        } else if !member.handle(request, &result, coordinator, &mut self.cluster, now) {
            return Some(result);
        }
        self.follow_member();
        None
    }

    /// Does to the assignment what has happened to the membership.
    fn follow_member(&mut self) {
        while let Some(change) = self.group.as_mut().and_then(|group| group.member.poll_change()) {
            match change {
                Change::Add(partitions) => {
                    let assign = |topic_partition| {
                        let start = StartAt::Committed;
                        Assign { topic_partition, start, stop_at: None }
                    };
                    self.add(partitions.into_iter().map(assign).collect());
                }
                Change::GiveUp(partitions) => {
                    self.assigned.retain(|partition, _| !partitions.contains(partition));
                    if let Some(group) = &mut self.group {
                        let generation = group.identity().map(|identity| identity.generation);
                        group.commits.bind(&partitions, generation);
                    }
                }
                Change::Lose(partitions) => {
                    self.assigned.retain(|partition, _| !partitions.contains(partition));
                    if let Some(group) = &mut self.group {
                        group.commits.lose(&partitions);
                    }
                }
            }
        }
    }

    /// Tells of commits that are over, and wakes the program when there is something to tell it.
    fn report_group(&mut self) {
        self.report_commits();
        let reports = self
            .group
            .iter_mut()
            .flat_map(|group| std::iter::from_fn(|| group.member.poll_report()));
        self.events.extend(reports.map(ConsumerEvent::Rebalanced));
        let is_telling = self.rebalance().is_some();
        let Some(group) = &mut self.group else { return };
        let failed = group.member.failure().is_some();
        if (is_telling || failed) && !group.was_telling {
            self.events.push_back(ConsumerEvent::Ready);
        }
        group.was_telling = is_telling || failed;
    }

    /// The partitions that are to be read from where the group has come.
    fn without_position(&self) -> Vec<(TopicPartition, u64)> {
        let wanted = self.assigned.iter().filter(|(_, assignment)| {
            assignment.position == Position::Lookup(StartAt::Committed)
                && assignment.error.is_none()
        });
        wanted.map(|(partition, wanted)| (partition.clone(), wanted.generation)).collect()
    }

    fn ask_coordinator(
        &mut self,
        group: &mut Group,
        node: NodeId,
        positions: Vec<(TopicPartition, u64)>,
        now: Instant,
    ) {
        if group.asked.is_some() || (positions.is_empty() && group.asks.is_empty()) {
            return;
        }
        if group.not_before > now {
            return self.wake.at(group.not_before);
        }
        let asked = match group.asks.pop_front() {
            Some(ask) => Asked::Program(ask),
            None => Asked::Positions(positions),
        };
        let names: Vec<_> = match &asked {
            Asked::Program(ask) => ask.partitions.iter().collect(),
            Asked::Positions(positions) => positions.iter().map(|(name, _)| name).collect(),
        };
        let version = self.cluster.highest_version(node, Lane::Coordinator, ApiKey::OffsetFetch);
        let version = version.unwrap_or(NAMED_VERSION_MAX).min(NAMED_VERSION_MAX);
        let stable = self.config.isolation_level == IsolationLevel::ReadCommitted;
        let request = request_committed(&group.config.group_id, names, stable, version);
        let timeout = self.config.connection.request_timeout;
        let terms = SendTerms { version_max: version, answered: true, timeout };
        match self.cluster.send(node, Lane::Coordinator, &request, &terms, now) {
            Ok(id) => group.asked = Some((id, asked)),
            Err(error) => {
                let reason = error.to_string();
                self.refuse_asked(
                    asked,
                    &CommitError::Impossible(reason),
                    ErrorCode::UnsupportedVersion,
                );
            }
        }
    }

    fn handle_committed(&mut self, result: Result<Answer, RequestError>, now: Instant) {
        let Some(group) = &mut self.group else { return };
        let Some((_, asked)) = group.asked.take() else { return };
        let response = match result.and_then(Answer::decode::<OffsetFetchRequest>) {
            Ok(response) => response,
            Err(error) if error.is_retriable() => {
                group.coordinator.lost(&mut self.cluster, now);
                return self.ask_again(asked, now);
            }
            Err(error) => {
                let error = CommitError::Impossible(error.to_string());
                return self.refuse_asked(asked, &error, ErrorCode::UnsupportedVersion);
            }
        };
        let names: Vec<_> = match &asked {
            Asked::Program(ask) => ask.partitions.iter().collect(),
            Asked::Positions(positions) => positions.iter().map(|(name, _)| name).collect(),
        };
        match read_committed(&response, names) {
            Ok(committed) => {
                group.failures = 0;
                self.take_committed(asked, committed);
            }
            Err(code) if code.is_retriable() => {
                if matches!(code, ErrorCode::NotCoordinator | ErrorCode::CoordinatorNotAvailable) {
                    group.coordinator.lost(&mut self.cluster, now);
                }
                self.ask_again(asked, now);
            }
            Err(code) => {
                let error = CommitError::Impossible(code.name().to_owned());
                self.refuse_asked(asked, &error, code);
            }
        }
    }

    fn take_committed(
        &mut self,
        asked: Asked,
        mut committed: BTreeMap<TopicPartition, Option<OffsetAndMetadata>>,
    ) {
        let positions = match asked {
            Asked::Program(Ask { id, .. }) => {
                let result = Ok(committed);
                return self.events.push_back(ConsumerEvent::CommittedOffsets { id, result });
            }
            Asked::Positions(positions) => positions,
        };
        for (partition, generation) in positions {
            let found = committed.remove(&partition).flatten();
            let Some(assignment) = self.current(&partition, generation) else { continue };
            if let Some(OffsetAndMetadata { offset, leader_epoch, .. }) = found {
                assignment.position = Position::At { offset, epoch: leader_epoch };
                assignment.committed = Some(offset);
            } else {
                assignment.position = Position::Lookup(StartAt::Reset);
            }
        }
    }

    /// Nobody will ever say what is committed.
    fn refuse_positions(&mut self, group: &mut Group, error: &CommitError) {
        for ask in std::mem::take(&mut group.asks) {
            self.refuse_asked(Asked::Program(ask), error, ErrorCode::CoordinatorNotAvailable);
        }
        let positions = Asked::Positions(self.without_position());
        self.refuse_asked(positions, error, ErrorCode::CoordinatorNotAvailable);
    }

    fn ask_again(&mut self, asked: Asked, now: Instant) {
        let config = &self.config.connection;
        let backoff = Backoff { initial: config.retry_backoff, max: config.retry_backoff_max };
        let Some(group) = &mut self.group else { return };
        group.failures = group.failures.saturating_add(1);
        group.not_before = now + backoff.wait(group.failures, self.cluster.rng());
        if let Asked::Program(ask) = asked {
            group.asks.push_front(ask);
        }
    }

    fn refuse_asked(&mut self, asked: Asked, error: &CommitError, code: ErrorCode) {
        match asked {
            Asked::Program(Ask { id, .. }) => {
                let result = Err(error.clone());
                self.events.push_back(ConsumerEvent::CommittedOffsets { id, result });
            }
            Asked::Positions(positions) => {
                for (topic_partition, generation) in positions {
                    if let Some(assignment) = self.current(&topic_partition, generation) {
                        assignment.error = Some(ConsumeError::Refused { topic_partition, code });
                        self.events.push_back(ConsumerEvent::Ready);
                    }
                }
            }
        }
    }

    fn expire_asks(&mut self, group: &mut Group, now: Instant) {
        let mut kept = VecDeque::new();
        for ask in std::mem::take(&mut group.asks) {
            if ask.deadline > now {
                self.wake.at(ask.deadline);
                kept.push_back(ask);
                continue;
            }
            let last = "the coordinator has not answered".to_owned();
            let result = Err(CommitError::TimedOut { waited: ask.timeout, last });
            self.events.push_back(ConsumerEvent::CommittedOffsets { id: ask.id, result });
        }
        group.asks = kept;
    }
}

/// The epoch of what is committed is not known here.
fn offset_alone(offset: i64) -> OffsetAndMetadata {
    OffsetAndMetadata { offset, leader_epoch: LeaderEpoch::NONE, metadata: String::new() }
}
