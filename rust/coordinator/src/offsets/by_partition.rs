//! Something for each partition of each topic of each group.

use std::collections::BTreeMap;

use wire::coordinator_records::OffsetCommitKey;

/// What is kept, by group, topic and partition. No group and no topic in it is empty.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ByPartition<V> {
    by_group: BTreeMap<String, BTreeMap<String, BTreeMap<i32, V>>>,
}

impl<V> Default for ByPartition<V> {
    fn default() -> Self {
        Self { by_group: BTreeMap::new() }
    }
}

impl<V> ByPartition<V> {
    pub(crate) fn get(&self, group: &str, topic: &str, partition: i32) -> Option<&V> {
        self.by_group.get(group)?.get(topic)?.get(&partition)
    }

    pub(super) fn get_mut(&mut self, key: &OffsetCommitKey) -> Option<&mut V> {
        self.by_group.get_mut(&key.group)?.get_mut(&key.topic)?.get_mut(&key.partition)
    }

    /// What is there, or what is put there now.
    pub(super) fn get_or_default(&mut self, key: &OffsetCommitKey) -> &mut V
    where
        V: Default,
    {
        self.partitions_of(key).entry(key.partition).or_default()
    }

    pub(super) fn insert(&mut self, key: &OffsetCommitKey, value: V) {
        self.partitions_of(key).insert(key.partition, value);
    }

    pub(super) fn remove(&mut self, key: &OffsetCommitKey) -> Option<V> {
        let topics = self.by_group.get_mut(&key.group)?;
        let partitions = topics.get_mut(&key.topic)?;
        let removed = partitions.remove(&key.partition);
        if partitions.is_empty() {
            topics.remove(&key.topic);
        }
        if topics.is_empty() {
            self.by_group.remove(&key.group);
        }
        removed
    }

    pub(crate) fn has_group(&self, group: &str) -> bool {
        self.by_group.contains_key(group)
    }

    /// A group's partitions, topic by topic.
    pub(crate) fn of_group(
        &self,
        group: &str,
    ) -> impl Iterator<Item = (&String, &BTreeMap<i32, V>)> + use<'_, V> {
        self.by_group.get(group).into_iter().flatten()
    }

    pub(crate) fn groups(&self) -> impl Iterator<Item = &String> {
        self.by_group.keys()
    }

    fn partitions_of(&mut self, key: &OffsetCommitKey) -> &mut BTreeMap<i32, V> {
        let topics = self.by_group.entry(key.group.clone()).or_default();
        topics.entry(key.topic.clone()).or_default()
    }
}
