//! The committed offsets of one shard: how far each group has come with each partition, and how
//! far it will have come once transactions are committed.

mod by_partition;
mod commit;
mod delete;
mod expiry;
mod fetch;
mod pending;
#[cfg(test)]
mod tests;
mod transactional_commit;

use std::collections::{BTreeMap, BTreeSet};

use base::{Offset, ProducerId};
use wire::coordinator_records::{OffsetCommitKey, OffsetCommitValue};

use crate::record::CoordinatorRecord;
use by_partition::ByPartition;
use pending::PendingOffsets;

pub(crate) use expiry::ExpirySince;
pub(crate) use transactional_commit::is_of_nobody;

/// A committed offset.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CommittedOffset {
    /// Where the log has it.
    pub(crate) recorded_at: Offset,
    pub(crate) value: OffsetCommitValue,
}

/// The committed offsets, and those of transactions that have not ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Offsets {
    committed: ByPartition<CommittedOffset>,
    pending: PendingOffsets,
}

impl Offsets {
    /// A commit counts at once. A tombstone takes away what transactions would commit, too.
    pub(crate) fn replay(
        &mut self,
        recorded_at: Offset,
        key: &OffsetCommitKey,
        value: Option<&OffsetCommitValue>,
    ) {
        if let Some(value) = value {
            self.committed.insert(key, CommittedOffset { recorded_at, value: value.clone() });
        } else {
            self.committed.remove(key);
            self.pending.remove(key);
        }
    }

    /// A commit inside of a producer's transaction counts once that is committed.
    pub(crate) fn replay_pending(
        &mut self,
        recorded_at: Offset,
        producer: ProducerId,
        key: &OffsetCommitKey,
        value: &OffsetCommitValue,
    ) {
        let offset = CommittedOffset { recorded_at, value: value.clone() };
        self.pending.insert(producer, key, offset);
    }

    /// A producer's transaction has ended; answers with the groups that it was about. What was
    /// recorded last holds: a commit outside of the transaction, and behind that inside, stays, or
    /// else compaction, which keeps the last record of each key, would change what is committed.
    pub(crate) fn end_transaction(
        &mut self,
        producer: ProducerId,
        is_committed: bool,
    ) -> BTreeSet<String> {
        let mut groups = BTreeSet::new();
        for (key, pending) in self.pending.take(producer) {
            let current = self.committed.get(&key.group, &key.topic, key.partition);
            let is_last = current.is_none_or(|current| current.recorded_at < pending.recorded_at);
            if is_committed && is_last {
                self.committed.insert(&key, pending);
            }
            groups.insert(key.group);
        }
        groups
    }

    pub(crate) fn get(&self, group: &str, topic: &str, index: i32) -> Option<&OffsetCommitValue> {
        self.committed.get(group, topic, index).map(|committed| &committed.value)
    }

    /// Whether a transaction that has not ended may replace this offset.
    pub(crate) fn is_pending(&self, group: &str, topic: &str, index: i32) -> bool {
        self.pending.by_partition().get(group, topic, index).is_some()
    }

    /// What a group has committed.
    pub(crate) fn of_group(
        &self,
        group: &str,
    ) -> impl Iterator<Item = (&String, &BTreeMap<i32, CommittedOffset>)> {
        self.committed.of_group(group)
    }

    /// Where a group has offsets, committed or pending.
    pub(crate) fn partitions_of_group(&self, group: &str) -> BTreeSet<(&String, i32)> {
        let committed = self.committed.of_group(group).flat_map(|(topic, partitions)| {
            partitions.keys().map(move |&partition| (topic, partition))
        });
        let pending = self.pending.by_partition().of_group(group);
        let pending = pending.flat_map(|(topic, partitions)| {
            partitions.keys().map(move |&partition| (topic, partition))
        });
        committed.chain(pending).collect()
    }

    /// Whether there is anything of a group.
    pub(crate) fn has_group(&self, group: &str) -> bool {
        self.committed.has_group(group) || self.has_pending(group)
    }

    /// Whether transactions that have not ended are about a group.
    pub(crate) fn has_pending(&self, group: &str) -> bool {
        self.pending.by_partition().has_group(group)
    }

    /// The groups that there is anything of.
    pub(crate) fn groups(&self) -> BTreeSet<&String> {
        self.committed.groups().chain(self.pending.by_partition().groups()).collect()
    }
}

/// The record that forgets an offset.
pub(crate) fn tombstone(group: &str, topic: &str, partition: i32) -> CoordinatorRecord {
    let key = OffsetCommitKey { group: group.to_owned(), topic: topic.to_owned(), partition };
    CoordinatorRecord::OffsetCommit(key, None)
}
