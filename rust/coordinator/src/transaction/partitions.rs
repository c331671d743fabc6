//! A set of partitions by topic, in order.

use std::collections::{BTreeMap, BTreeSet};

use base::PartitionIndex;
use metadata::MetadataImage;

/// Partitions by the name of their topic; no topic in it is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct TopicPartitions(BTreeMap<String, BTreeSet<i32>>);

impl TopicPartitions {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn contains(&self, topic: &str, partition: i32) -> bool {
        self.0.get(topic).is_some_and(|partitions| partitions.contains(&partition))
    }

    /// Whether all of `others` are in it.
    pub(super) fn contains_all(&self, others: &Self) -> bool {
        let is_inside = |(topic, others): (&String, &BTreeSet<i32>)| {
            self.0.get(topic).is_some_and(|partitions| partitions.is_superset(others))
        };
        others.0.iter().all(is_inside)
    }

    pub(super) fn add(&mut self, topic: &str, partitions: impl IntoIterator<Item = i32>) {
        let mut partitions = partitions.into_iter().peekable();
        if partitions.peek().is_some() {
            self.0.entry(topic.to_owned()).or_default().extend(partitions);
        }
    }

    pub(super) fn add_all(&mut self, others: &Self) {
        for (topic, partitions) in &others.0 {
            self.add(topic, partitions.iter().copied());
        }
    }

    /// Says whether it was in the set.
    pub(super) fn remove(&mut self, topic: &str, partition: i32) -> bool {
        let Some(partitions) = self.0.get_mut(topic) else { return false };
        let was_inside = partitions.remove(&partition);
        if partitions.is_empty() {
            self.0.remove(topic);
        }
        was_inside
    }

    /// Forgets those that are no more.
    pub(super) fn retain_existing(&mut self, image: &MetadataImage) {
        self.0.retain(|topic, partitions| {
            let topic = image.topic_by_name(topic);
            partitions.retain(|&partition| {
                topic.is_some_and(|topic| topic.partition(PartitionIndex(partition)).is_some())
            });
            !partitions.is_empty()
        });
    }

    pub(super) fn to_lists(&self) -> Vec<(String, Vec<i32>)> {
        let topics = self.0.iter();
        topics.map(|(topic, all)| (topic.clone(), all.iter().copied().collect())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partitions(topics: &[(&str, &[i32])]) -> TopicPartitions {
        let mut partitions = TopicPartitions::default();
        for (topic, all) in topics {
            partitions.add(topic, all.iter().copied());
        }
        partitions
    }

    #[test]
    fn a_topic_without_partitions_is_not_in_the_set() {
        let mut set = partitions(&[("a", &[]), ("b", &[1])]);
        assert_eq!(set.to_lists(), [("b".to_owned(), vec![1])]);
        assert!(!set.remove("b", 2) && !set.remove("c", 1));
        assert!(set.contains("b", 1));
        assert!(set.remove("b", 1) && set.is_empty());
    }

    #[test]
    fn a_set_contains_another_if_every_partition_is_in_it() {
        let set = partitions(&[("a", &[0, 1]), ("b", &[2])]);
        assert!(set.contains_all(&partitions(&[("a", &[1]), ("b", &[2])])));
        assert!(set.contains_all(&TopicPartitions::default()));
        assert!(!set.contains_all(&partitions(&[("a", &[1, 2])])));
        assert!(!set.contains_all(&partitions(&[("c", &[0])])));
    }
}
