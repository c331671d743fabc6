//! What a consumer of a classic group is assigned.

use bytes::Bytes;
use wire_derive::Message;

/// What a consumer is assigned: the assignment of SyncGroup.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[message(data, versions = "0-3")]
pub struct ConsumerProtocolAssignment {
    #[message(versions = "0+")]
    pub assigned_partitions: Vec<TopicPartition>,
    /// The assignor's own.
    #[message(versions = "0+", nullable = "0+", default = "null")]
    pub user_data: Option<Bytes>,
}

/// Partitions of a topic.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
pub struct TopicPartition {
    #[message(versions = "0+")]
    pub topic: String,
    #[message(versions = "0+")]
    pub partitions: Vec<i32>,
}
