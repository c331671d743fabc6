//! A topic's name and a partition's number: how people and most requests name a partition.

use std::fmt;
use std::sync::Arc;

use crate::ids::PartitionIndex;

/// A partition by the name of its topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// The topic's name.
    pub topic: Arc<str>,
    /// The partition's number.
    pub partition: PartitionIndex,
}

impl TopicPartition {
    /// The partition `partition` of `topic`.
    pub fn new(topic: impl Into<Arc<str>>, partition: i32) -> Self {
        Self { topic: topic.into(), partition: PartitionIndex(partition) }
    }

    /// No partition of `topic` yet: Kafka's clients number it -1.
    pub fn unplaced(topic: impl Into<Arc<str>>) -> Self {
        Self::new(topic, -1)
    }

    /// Whether this is a partition.
    pub fn is_placed(&self) -> bool {
        self.partition.0 >= 0
    }
}

/// `topic-partition`, which is also the name of its directory; only `topic` without a partition.
impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_placed() {
            return f.write_str(&self.topic);
        }
        write!(f, "{}-{}", self.topic, self.partition)
    }
}
