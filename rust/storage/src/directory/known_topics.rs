//! What the cluster's metadata says about the partitions of a log directory, asked when it is
//! opened.

use std::sync::Arc;

use base::{PartitionIndex, TopicId};

use crate::log::{LogConfig, LogListener};

/// A partition that metadata assigns to this directory.
#[derive(Clone, Debug)]
pub struct KnownPartition {
    /// Its topic's name.
    pub topic: Arc<str>,
    /// Its topic's configuration.
    pub config: LogConfig,
    /// Who is told when its log moves.
    pub listener: Arc<dyn LogListener>,
}

/// The partitions that metadata assigns to this directory. A partition must be unknown before its
/// log is deleted: what is known and journalled is expected to be there after a crash.
pub trait KnownTopics {
    /// The partition, unless its topic was deleted or it lies elsewhere.
    fn partition(&self, topic_id: TopicId, partition: PartitionIndex) -> Option<KnownPartition>;
}
