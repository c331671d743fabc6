//! DescribeProducers: who writes to a partition, and since where in a transaction (KIP-664).
//!
//! Key 61. Version 0, flexible.

use wire_derive::Message;

/// Which partitions.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(request, key = 61, versions = "0", flexible = "0+")]
pub struct DescribeProducersRequest {
    #[message(versions = "0+")]
    pub topics: Vec<TopicRequest>,
}

/// Partitions of a topic.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct TopicRequest {
    #[message(versions = "0+")]
    pub name: String,
    #[message(versions = "0+")]
    pub partition_indexes: Vec<i32>,
}

/// Their producers.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(response, key = 61, versions = "0", flexible = "0+")]
pub struct DescribeProducersResponse {
    #[message(versions = "0+")]
    pub throttle_time_ms: i32,
    #[message(versions = "0+")]
    pub topics: Vec<TopicResponse>,
}

/// A topic.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct TopicResponse {
    #[message(versions = "0+")]
    pub name: String,
    #[message(versions = "0+")]
    pub partitions: Vec<PartitionResponse>,
}

/// A partition.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct PartitionResponse {
    #[message(versions = "0+")]
    pub partition_index: i32,
    #[message(versions = "0+")]
    pub error_code: i16,
    #[message(versions = "0+", nullable = "0+", default = "null")]
    pub error_message: Option<String>,
    #[message(versions = "0+")]
    pub active_producers: Vec<ProducerState>,
}

/// A producer.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct ProducerState {
    #[message(versions = "0+")]
    pub producer_id: i64,
    #[message(versions = "0+")]
    pub producer_epoch: i32,
    #[message(versions = "0+", default = "-1")]
    pub last_sequence: i32,
    #[message(versions = "0+", default = "-1")]
    pub last_timestamp: i64,
    /// That of the last marker; -1: there was none.
    #[message(versions = "0+")]
    pub coordinator_epoch: i32,
    /// The first offset of the transaction that is under way; -1: there is none.
    #[message(versions = "0+", default = "-1")]
    pub current_txn_start_offset: i64,
}
