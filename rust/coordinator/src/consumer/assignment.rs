//! Sets of partitions, by topic id: what a member is to own, and what it owns.

use std::collections::{BTreeMap, BTreeSet};

use base::Uuid;
use wire::consumer_group_heartbeat as heartbeat;
use wire::coordinator_records::consumer_group_current_member_assignment as current;
use wire::coordinator_records::consumer_group_target_assignment_member as target;

/// Partitions by topic. No topic in it is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assignment {
    topics: BTreeMap<Uuid, BTreeSet<i32>>,
}

impl Assignment {
    pub(crate) fn insert(&mut self, topic: Uuid, partition: i32) {
        self.topics.entry(topic).or_default().insert(partition);
    }

    pub(crate) fn contains(&self, topic: Uuid, partition: i32) -> bool {
        self.topics.get(&topic).is_some_and(|partitions| partitions.contains(&partition))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.topics.is_empty()
    }

    /// The topics and their partitions.
    pub(crate) fn topics(&self) -> impl Iterator<Item = (Uuid, &BTreeSet<i32>)> {
        self.topics.iter().map(|(&topic, partitions)| (topic, partitions))
    }

    /// The partitions, one by one.
    pub fn partitions(&self) -> impl Iterator<Item = (Uuid, i32)> {
        self.topics().flat_map(|(topic, partitions)| partitions.iter().map(move |&p| (topic, p)))
    }

    pub(crate) fn from_target(value: &target::ConsumerGroupTargetAssignmentMemberValue) -> Self {
        let topics = value.topic_partitions.iter();
        topics.flat_map(|topic| topic.partitions.iter().map(|&p| (topic.topic_id, p))).collect()
    }

    pub(crate) fn to_target(&self) -> target::ConsumerGroupTargetAssignmentMemberValue {
        let topic = |(topic_id, partitions): (Uuid, &BTreeSet<i32>)| target::TopicPartition {
            topic_id,
            partitions: partitions.iter().copied().collect(),
        };
        target::ConsumerGroupTargetAssignmentMemberValue {
            topic_partitions: self.topics().map(topic).collect(),
        }
    }
}

impl FromIterator<(Uuid, i32)> for Assignment {
    fn from_iter<I: IntoIterator<Item = (Uuid, i32)>>(partitions: I) -> Self {
        let mut assignment = Self::default();
        for (topic, partition) in partitions {
            assignment.insert(topic, partition);
        }
        assignment
    }
}

/// Partitions that a member holds, each with the member's epoch in which it was given it: a commit
/// of that epoch or a later one is the owner's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Holdings {
    topics: BTreeMap<Uuid, BTreeMap<i32, i32>>,
}

impl Holdings {
    pub(crate) fn insert(&mut self, topic: Uuid, partition: i32, epoch: i32) {
        self.topics.entry(topic).or_default().insert(partition, epoch);
    }

    /// The epoch in which the partition was given, if it is held.
    pub(crate) fn epoch(&self, topic: Uuid, partition: i32) -> Option<i32> {
        self.topics.get(&topic)?.get(&partition).copied()
    }

    pub(crate) fn contains(&self, topic: Uuid, partition: i32) -> bool {
        self.epoch(topic, partition).is_some()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.topics.is_empty()
    }

    /// Topic, partition and epoch of each.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Uuid, i32, i32)> {
        self.topics.iter().flat_map(|(&topic, partitions)| {
            partitions.iter().map(move |(&partition, &epoch)| (topic, partition, epoch))
        })
    }

    /// The same partitions, as if all had been given in this epoch.
    pub(crate) fn given_in(&self, epoch: i32) -> Self {
        self.iter().map(|(topic, partition, _)| (topic, partition, epoch)).collect()
    }

    /// Without the epochs.
    pub(crate) fn assignment(&self) -> Assignment {
        self.iter().map(|(topic, partition, _)| (topic, partition)).collect()
    }

    /// Records of earlier releases have no epochs: those partitions count as just given.
    pub(crate) fn from_record(topics: &[current::TopicPartitions], member_epoch: i32) -> Self {
        let mut holdings = Self::default();
        for topic in topics {
            let epochs = topic.assignment_epochs.as_deref().unwrap_or_default();
            for (index, &partition) in topic.partitions.iter().enumerate() {
                let epoch = epochs.get(index).copied().unwrap_or(member_epoch);
                holdings.insert(topic.topic_id, partition, epoch);
            }
        }
        holdings
    }

    pub(crate) fn to_record(&self) -> Vec<current::TopicPartitions> {
        let topic =
            |(&topic_id, partitions): (&Uuid, &BTreeMap<i32, i32>)| current::TopicPartitions {
                topic_id,
                partitions: partitions.keys().copied().collect(),
                assignment_epochs: Some(partitions.values().copied().collect()),
            };
        self.topics.iter().map(topic).collect()
    }

    pub(crate) fn to_response(&self) -> Vec<heartbeat::TopicPartitions> {
        let topic =
            |(&topic_id, partitions): (&Uuid, &BTreeMap<i32, i32>)| heartbeat::TopicPartitions {
                topic_id,
                partitions: partitions.keys().copied().collect(),
            };
        self.topics.iter().map(topic).collect()
    }
}

impl FromIterator<(Uuid, i32, i32)> for Holdings {
    fn from_iter<I: IntoIterator<Item = (Uuid, i32, i32)>>(partitions: I) -> Self {
        let mut holdings = Self::default();
        for (topic, partition, epoch) in partitions {
            holdings.insert(topic, partition, epoch);
        }
        holdings
    }
}
