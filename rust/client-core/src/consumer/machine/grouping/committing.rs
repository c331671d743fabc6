//! What is committed when: what the program says, and by itself what it was given and has come back
//! for, never more.

use std::collections::BTreeMap;
use std::time::Duration;

use base::{Instant, LeaderEpoch, TopicPartition};

use super::{Given, ToCommit};
use crate::consumer::group::{CommitError, CommitId, Finished, OffsetAndMetadata};
use crate::consumer::machine::{Consumer, ConsumerEvent};

impl Consumer {
    /// The program has done with everything before these offsets, as far as the partitions still
    /// are its own.
    pub fn store(&mut self, given: &[Given]) {
        for (partition, offset) in given {
            if let Some(assignment) = self.assigned.get_mut(partition) {
                assignment.stored = Some(*offset);
            }
        }
    }

    /// What the program has done with, by partition.
    pub fn stored(&self) -> BTreeMap<TopicPartition, i64> {
        let stored = |(partition, offset): (&TopicPartition, Option<i64>)| {
            offset.map(|offset| (partition.clone(), offset))
        };
        let assigned = self.assigned.iter();
        assigned
            .map(|(partition, assignment)| (partition, assignment.stored))
            .filter_map(stored)
            .collect()
    }

    /// Commits these; answered by [`ConsumerEvent::Committed`].
    pub fn commit(
        &mut self,
        mut offsets: Vec<ToCommit>,
        timeout: Duration,
        now: Instant,
    ) -> Result<CommitId, CommitError> {
        for ToCommit { topic_partition, tenure, offset } in &mut offsets {
            if tenure.is_some() && *tenure != self.tenure(topic_partition) {
                return Err(CommitError::Lost(topic_partition.clone()));
            }
            if offset.leader_epoch == LeaderEpoch::NONE {
                offset.leader_epoch = self.leader_epoch_before(topic_partition, offset.offset);
            }
        }
        let group = self.group.as_mut().ok_or(CommitError::NoGroup)?;
        let mut generation = None;
        if group.subscription.is_some() {
            if !group.member.is_in() {
                return Err(CommitError::NotMember);
            }
            let foreign =
                offsets.iter().find(|row| !self.assigned.contains_key(&row.topic_partition));
            if let Some(ToCommit { topic_partition, .. }) = foreign {
                // Whoever owns it from the next generation on may have come further by then.
                let identity = group.member.identity();
                let identity =
                    identity.ok_or_else(|| CommitError::Lost(topic_partition.clone()))?;
                generation = Some(identity.generation);
            }
        }
        let rows = offsets.into_iter().map(|row| (row.topic_partition, row.offset));
        group.commits.push(rows.collect(), generation, timeout, now)
    }

    /// Commits what the program has done with now, if it is to be committed without being asked
    /// for.
    pub fn flush(&mut self, now: Instant) {
        if let Some(group) = &mut self.group {
            group.auto_commit_due = Some(now);
        }
    }

    /// Whether nothing waits to be committed.
    pub fn is_flushed(&self) -> bool {
        let Some(group) = &self.group else { return true };
        group.commits.is_empty() && (self.to_store().is_empty() || group.identity().is_none())
    }

    /// What the program has done with and the group does not know of, if that is committed without
    /// being asked for.
    pub(super) fn to_store(&self) -> BTreeMap<TopicPartition, OffsetAndMetadata> {
        if self.group.as_ref().is_none_or(|group| !group.config.auto_commit) {
            return BTreeMap::new();
        }
        let news = self.assigned.iter().filter_map(|(partition, assignment)| {
            let stored = assignment.stored.filter(|_| assignment.stored != assignment.committed)?;
            let leader_epoch = assignment.epochs.before(stored);
            let offset = OffsetAndMetadata { leader_epoch, ..OffsetAndMetadata::of(stored) };
            Some((partition.clone(), offset))
        });
        news.collect()
    }

    /// Commits by itself: now and then, and before a partition is given up.
    pub(super) fn auto_commit(&mut self, now: Instant) {
        let offsets = self.to_store();
        let timeout = self.config.default_api_timeout;
        let Some(group) = &mut self.group else { return };
        group.is_committed = offsets.is_empty();
        if offsets.is_empty() || group.commits.has_own() || group.identity().is_none() {
            return;
        }
        let due = *group.auto_commit_due.get_or_insert(now + group.config.auto_commit_interval);
        if due > now && group.member.telling().is_none() {
            return self.wake.at(due);
        }
        group.auto_commit_due = Some(now + group.config.auto_commit_interval);
        group.commits.push_own(offsets, timeout, now);
    }

    pub(super) fn report_commits(&mut self) {
        while let Some(finished) =
            self.group.as_mut().and_then(|group| group.commits.poll_finished())
        {
            let Finished { id, offsets, result } = finished;
            for (partition, offset) in &offsets {
                let Some(assignment) = self.assigned.get_mut(partition) else { continue };
                match &result {
                    Ok(()) => {
                        assignment.committed = Some(offset.offset);
                        assignment.epochs.forget_before(offset.offset);
                    }
                    // The consumer's own commit has failed for good: it is not tried again until
                    // there is more to commit, or a partition could never be given up.
                    Err(_) if id.is_none() => assignment.committed = Some(offset.offset),
                    Err(_) => {}
                }
            }
            self.counts.note_commit(result.is_ok());
            self.events.push_back(ConsumerEvent::Committed { id, offsets, result });
        }
    }
}
