//! DescribeTopicPartitions: describes topics page by page, with their eligible leader replicas
//! (KIP-966).
//!
//! Key 75. Version 0, flexible.

use base::Uuid;
use wire_derive::Message;

/// Which topics, and from where on.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(request, key = 75, versions = "0", flexible = "0+")]
pub struct DescribeTopicPartitionsRequest {
    #[message(versions = "0+")]
    pub topics: Vec<TopicRequest>,
    #[message(versions = "0+", default = "2000")]
    pub response_partition_limit: i32,
    #[message(versions = "0+", nullable = "0+", default = "null")]
    pub cursor: Option<Cursor>,
}

/// A topic.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct TopicRequest {
    #[message(versions = "0+")]
    pub name: String,
}

/// The first partition of the next page.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct Cursor {
    #[message(versions = "0+")]
    pub topic_name: String,
    #[message(versions = "0+")]
    pub partition_index: i32,
}

/// A page of partitions.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(response, key = 75, versions = "0", flexible = "0+")]
pub struct DescribeTopicPartitionsResponse {
    #[message(versions = "0+", ignorable)]
    pub throttle_time_ms: i32,
    #[message(versions = "0+")]
    pub topics: Vec<DescribeTopicPartitionsResponseTopic>,
    #[message(versions = "0+", nullable = "0+", default = "null")]
    pub next_cursor: Option<Cursor>,
}

/// A topic, or that part of it which is on this page.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct DescribeTopicPartitionsResponseTopic {
    #[message(versions = "0+")]
    pub error_code: i16,
    #[message(versions = "0+", nullable = "0+")]
    pub name: Option<String>,
    #[message(versions = "0+", ignorable)]
    pub topic_id: Uuid,
    #[message(versions = "0+", ignorable)]
    pub is_internal: bool,
    #[message(versions = "0+")]
    pub partitions: Vec<DescribeTopicPartitionsResponsePartition>,
    /// A bit for each operation, or `i32::MIN` if they are not told.
    #[message(versions = "0+", default = "-2147483648")]
    pub topic_authorized_operations: i32,
}

/// A partition, its leader and replicas.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct DescribeTopicPartitionsResponsePartition {
    #[message(versions = "0+")]
    pub error_code: i16,
    #[message(versions = "0+")]
    pub partition_index: i32,
    #[message(versions = "0+")]
    pub leader_id: i32,
    #[message(versions = "0+", default = "-1", ignorable)]
    pub leader_epoch: i32,
    #[message(versions = "0+")]
    pub replica_nodes: Vec<i32>,
    #[message(versions = "0+")]
    pub isr_nodes: Vec<i32>,
    #[message(versions = "0+", nullable = "0+", default = "null")]
    pub eligible_leader_replicas: Option<Vec<i32>>,
    #[message(versions = "0+", nullable = "0+", default = "null")]
    pub last_known_elr: Option<Vec<i32>>,
    #[message(versions = "0+", ignorable)]
    pub offline_replicas: Vec<i32>,
}
