//! The consumer as a member of its group: what the group assigns is read from where the group has
//! come, and what the program has come back for is committed.

mod asking;
mod committing;

use base::{Instant, LeaderEpoch, TopicPartition};

use super::{Assign, Consumer, ConsumerEvent};
use crate::config::GroupConfig;
use crate::consumer::group::{
    Change, CommitError, Commits, Errand, ErrandAnswer, GroupError, Identity, Member,
    OffsetAndMetadata, Rebalance, RebalanceTotals, Subscription,
};
use crate::consumer::{ConsumeError, StartAt};
use crate::coordinator::{Coordinator, Kind};
use crate::request::{Answer, RequestError, RequestId};
pub use asking::AskId;
use asking::Asks;

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
    /// Nothing was to be committed when that was last looked at: no timer runs.
    is_committed: bool,
    asks: Asks,
    /// What the program was last found to be told, so that it is woken once.
    was_telling: bool,
}

impl Group {
    pub(super) fn new(config: GroupConfig, member_id: String) -> Self {
        Self {
            coordinator: Coordinator::new(Kind::Group, config.group_id.clone()),
            member: Member::new(config.clone(), member_id),
            commits: Commits::new(config.group_id.clone()),
            config,
            subscription: None,
            auto_commit_due: None,
            is_committed: true,
            asks: Asks::default(),
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
    /// with everything that it was given before. Whether something was waiting for that, which can
    /// be done now; `Err` once if it was away for too long.
    pub fn begin_poll(&mut self, given: &[Given], now: Instant) -> Result<bool, ConsumeError> {
        self.store(given);
        let Some(group) = &mut self.group else { return Ok(false) };
        let is_first_to_commit = group.is_committed && !given.is_empty();
        if group.subscription.is_none() {
            return Ok(is_first_to_commit);
        }
        let was_awaited = group.member.begin_poll(now)?;
        Ok(was_awaited || is_first_to_commit || group.member.telling().is_some())
    }

    /// The program does something else than waiting for records, beginning now.
    pub fn end_poll(&mut self, now: Instant) {
        if let Some(group) = &mut self.group {
            group.member.end_poll(now);
        }
    }

    /// Whether there is a [`Self::rebalance`]. A partition is given up only after what the program
    /// has done with is committed.
    pub fn has_rebalance(&self) -> bool {
        let Some(group) = &self.group else { return false };
        let Some(telling) = group.member.telling() else { return false };
        let is_flushed = group.commits.is_empty() && self.to_store().is_empty();
        is_flushed || !matches!(telling, Rebalance::Revoked(_))
    }

    /// What the program is told now, before it is given anything else. Until [`Self::rebalanced`]
    /// its time is counted, as between two polls.
    pub fn rebalance(&mut self, now: Instant) -> Option<Rebalance> {
        if !self.has_rebalance() {
            return None;
        }
        self.group.as_mut()?.member.begin_telling(now)
    }

    /// The program was told of what [`Self::rebalance`] says. `Err` once if that took too long.
    pub fn rebalanced(&mut self, now: Instant) -> Result<(), ConsumeError> {
        let Some(group) = &mut self.group else { return Ok(()) };
        let told = group.member.ack(now);
        group.was_telling = false;
        self.follow_member();
        Ok(told?)
    }

    /// Whether there is an [`Self::errand`].
    pub fn has_errand(&self) -> bool {
        self.group.as_ref().is_some_and(|group| group.member.errand().is_some())
    }

    /// What the program's own assignor is asked now, before the program is given anything else.
    /// Until it answers its time is counted, as between two polls.
    pub fn errand(&mut self, now: Instant) -> Option<Errand> {
        self.group.as_mut()?.member.begin_errand(now)
    }

    /// What it has answered. `Err` once if that took too long.
    pub fn answer_errand(
        &mut self,
        answer: ErrandAnswer,
        now: Instant,
    ) -> Result<(), ConsumeError> {
        let Some(group) = &mut self.group else { return Ok(()) };
        let answered = group.member.answer_errand(answer, now);
        group.was_telling = false;
        self.follow_member();
        Ok(answered?)
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

    /// In which leader epoch the record before `offset` was written, if this assignment has had it:
    /// what an offset is committed with (KIP-320).
    pub fn leader_epoch_before(&self, partition: &TopicPartition, offset: i64) -> LeaderEpoch {
        let assignment = self.assigned.get(partition);
        assignment.map_or(LeaderEpoch::NONE, |assignment| assignment.epochs.before(offset))
    }

    /// Whether the program is to be told something, and to get nothing before that.
    pub(super) fn is_telling(&self) -> bool {
        let is_telling = |member: &Member| member.telling().is_some() || member.errand().is_some();
        self.group.as_ref().is_some_and(|group| is_telling(&group.member))
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
        } else if group.asks.is_asking(request) {
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
        let is_telling = self.has_rebalance() || self.has_errand();
        let Some(group) = &mut self.group else { return };
        let failed = group.member.failure().is_some();
        if (is_telling || failed) && !group.was_telling {
            self.events.push_back(ConsumerEvent::Ready);
        }
        group.was_telling = is_telling || failed;
    }
}
