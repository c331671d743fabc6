//! The committed offsets of one shard: how far each group has come with each partition.

mod commit;
mod delete;
mod expiry;
mod fetch;

use std::collections::BTreeMap;

use wire::coordinator_records::{OffsetCommitKey, OffsetCommitValue};

use crate::record::CoordinatorRecord;

pub(crate) use expiry::ExpirySince;

/// Offsets by partition.
pub(crate) type PartitionOffsets = BTreeMap<i32, OffsetCommitValue>;
/// Offsets by topic and partition.
pub(crate) type TopicOffsets = BTreeMap<String, PartitionOffsets>;

/// The committed offsets, by group, topic and partition. No group and no topic in it is empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Offsets {
    by_group: BTreeMap<String, TopicOffsets>,
}

impl Offsets {
    pub(crate) fn replay(&mut self, key: &OffsetCommitKey, value: Option<&OffsetCommitValue>) {
        let Some(value) = value else { return self.remove(key) };
        self.by_group
            .entry(key.group.clone())
            .or_default()
            .entry(key.topic.clone())
            .or_default()
            .insert(key.partition, value.clone());
    }

    fn remove(&mut self, key: &OffsetCommitKey) {
        let Some(topics) = self.by_group.get_mut(&key.group) else { return };
        if let Some(partitions) = topics.get_mut(&key.topic) {
            partitions.remove(&key.partition);
            if partitions.is_empty() {
                topics.remove(&key.topic);
            }
        }
        if topics.is_empty() {
            self.by_group.remove(&key.group);
        }
    }

    pub(crate) fn get(&self, group: &str, topic: &str, index: i32) -> Option<&OffsetCommitValue> {
        self.by_group.get(group)?.get(topic)?.get(&index)
    }

    /// What a group has committed; nothing is an empty map.
    pub(crate) fn of_group(&self, group: &str) -> &TopicOffsets {
        const NOTHING: &TopicOffsets = &TopicOffsets::new();
        self.by_group.get(group).unwrap_or(NOTHING)
    }

    pub(crate) fn groups(&self) -> impl Iterator<Item = (&String, &TopicOffsets)> {
        self.by_group.iter()
    }
}

/// The record that forgets an offset.
pub(crate) fn tombstone(group: &str, topic: &str, partition: i32) -> CoordinatorRecord {
    let key = OffsetCommitKey { group: group.to_owned(), topic: topic.to_owned(), partition };
    CoordinatorRecord::OffsetCommit(key, None)
}
