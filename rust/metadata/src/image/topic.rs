//! A topic and its partitions in the image.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::{PartitionIndex, TopicId};

use super::partition::PartitionImage;

/// A topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicImage {
    /// Its id.
    pub id: TopicId,
    /// Its name.
    pub name: Arc<str>,
    pub(super) partitions: BTreeMap<PartitionIndex, PartitionImage>,
}

impl TopicImage {
    /// Its partitions, by number.
    pub fn partitions(&self) -> impl ExactSizeIterator<Item = (PartitionIndex, &PartitionImage)> {
        self.partitions.iter().map(|(&index, partition)| (index, partition))
    }

    /// One of its partitions.
    pub fn partition(&self, index: PartitionIndex) -> Option<&PartitionImage> {
        self.partitions.get(&index)
    }

    /// How many partitions it has.
    pub fn partition_count(&self) -> usize {
        self.partitions.len()
    }

    /// How many replicas its first partition has; new partitions get as many.
    pub fn replication_factor(&self) -> usize {
        self.partitions.values().next().map_or(0, |partition| partition.replicas.len())
    }
}
