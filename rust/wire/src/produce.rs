//! Produce: appends record batches to partitions.
//!
//! Key 0. Advertised 0-13, served 3-13, flexible from 9. Versions 0 to 2 (record formats before
//! KIP-98) are advertised and refused: librdkafka 2.0 does not compress for a broker whose range
//! starts at 3.
//!
//! - 3: record batches of format 2, transactional id (KIP-98)
//! - 4: the answer may be `KAFKA_STORAGE_ERROR` (KIP-112)
//! - 5: `log_start_offset` in the answer
//! - 6: the broker answers before it throttles (KIP-219)
//! - 7: batches may be compressed with zstd (KIP-110)
//! - 8: `record_errors` and `error_message` in the answer (KIP-467)
//! - 9: flexible (KIP-482)
//! - 10: the answer names a moved partition's leader (KIP-951)
//! - 11, 12: transactions with implicit partitions (KIP-890)
//! - 13: topics by id, not by name (KIP-516)
//!
//! With `acks` 0 there is no answer, not even for an error.

use base::Uuid;
use wire_derive::Message;

use crate::Records;

/// Batches for partitions.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(request, key = 0, versions = "3-13", flexible = "9+")]
pub struct ProduceRequest {
    #[message(versions = "3+", nullable = "3+", default = "null")]
    pub transactional_id: Option<String>,
    /// Who must have the batches before the answer: 0 nobody (and no answer), 1 the leader, -1 all
    /// in sync.
    #[message(versions = "0+")]
    pub acks: i16,
    #[message(versions = "0+")]
    pub timeout_ms: i32,
    #[message(versions = "0+")]
    pub topic_data: Vec<TopicProduceData>,
}

/// Batches for the partitions of a topic.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct TopicProduceData {
    #[message(versions = "0-12", ignorable)]
    pub name: String,
    #[message(versions = "13+", ignorable)]
    pub topic_id: Uuid,
    #[message(versions = "0+")]
    pub partition_data: Vec<PartitionProduceData>,
}

/// The batch for a partition.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct PartitionProduceData {
    #[message(versions = "0+")]
    pub index: i32,
    #[message(versions = "0+", nullable = "0+")]
    pub records: Option<Records>,
}

/// Where the batches lie.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(response, key = 0, versions = "3-13", flexible = "9+")]
pub struct ProduceResponse {
    #[message(versions = "0+")]
    pub responses: Vec<TopicProduceResponse>,
    #[message(versions = "1+", ignorable)]
    pub throttle_time_ms: i32,
    #[message(versions = "10+", tagged = "10+", tag = 0)]
    pub node_endpoints: Vec<NodeEndpoint>,
}

/// The partitions of a topic.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct TopicProduceResponse {
    #[message(versions = "0-12", ignorable)]
    pub name: String,
    #[message(versions = "13+", ignorable)]
    pub topic_id: Uuid,
    #[message(versions = "0+")]
    pub partition_responses: Vec<PartitionProduceResponse>,
}

/// Where a broker that is named as a leader listens.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct NodeEndpoint {
    #[message(versions = "10+")]
    pub node_id: i32,
    #[message(versions = "10+")]
    pub host: String,
    #[message(versions = "10+")]
    pub port: i32,
    #[message(versions = "10+", nullable = "10+", default = "null")]
    pub rack: Option<String>,
}

/// Where the batch lies, or why it does not.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct PartitionProduceResponse {
    #[message(versions = "0+")]
    pub index: i32,
    #[message(versions = "0+")]
    pub error_code: i16,
    /// The offset of the first record.
    #[message(versions = "0+")]
    pub base_offset: i64,
    /// The timestamp that the broker gave, or -1 if the producer's stand.
    #[message(versions = "2+", default = "-1", ignorable)]
    pub log_append_time_ms: i64,
    #[message(versions = "5+", default = "-1", ignorable)]
    pub log_start_offset: i64,
    #[message(versions = "8+", ignorable)]
    pub record_errors: Vec<BatchIndexAndErrorMessage>,
    #[message(versions = "8+", nullable = "8+", default = "null", ignorable)]
    pub error_message: Option<String>,
    #[message(versions = "10+", tagged = "10+", tag = 0)]
    pub current_leader: LeaderIdAndEpoch,
}

/// A record that made its batch fail.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct BatchIndexAndErrorMessage {
    /// The record's place in the batch.
    #[message(versions = "8+")]
    pub batch_index: i32,
    #[message(versions = "8+", nullable = "8+", default = "null")]
    pub batch_index_error_message: Option<String>,
}

/// The leader that a partition has moved to.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct LeaderIdAndEpoch {
    #[message(versions = "10+", default = "-1")]
    pub leader_id: i32,
    #[message(versions = "10+", default = "-1")]
    pub leader_epoch: i32,
}
