//! What a consumer of a classic group subscribes to.

use bytes::Bytes;
use wire_derive::Message;

/// What a consumer subscribes to: the metadata of JoinGroup.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[message(data, versions = "0-3")]
pub struct ConsumerProtocolSubscription {
    #[message(versions = "0+")]
    pub topics: Vec<String>,
    /// The assignor's own.
    #[message(versions = "0+", nullable = "0+", default = "null")]
    pub user_data: Option<Bytes>,
    #[message(versions = "1+", ignorable)]
    pub owned_partitions: Vec<TopicPartition>,
    /// -1: not known.
    #[message(versions = "2+", default = "-1", ignorable)]
    pub generation_id: i32,
    #[message(versions = "3+", nullable = "3+", default = "null", ignorable)]
    pub rack_id: Option<String>,
}

/// Partitions of a topic.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
pub struct TopicPartition {
    #[message(versions = "1+")]
    pub topic: String,
    #[message(versions = "1+")]
    pub partitions: Vec<i32>,
}
