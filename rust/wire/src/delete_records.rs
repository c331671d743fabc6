//! DeleteRecords: moves the start of partitions forward (KIP-107).
//!
//! Key 21. Versions 0-2, flexible from 2.
//!
//! - 1: the broker answers before it throttles (KIP-219)
//! - 2: flexible (KIP-482)

use wire_derive::Message;

/// Where partitions shall start.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(request, key = 21, versions = "0-2", flexible = "2+")]
pub struct DeleteRecordsRequest {
    #[message(versions = "0+")]
    pub topics: Vec<DeleteRecordsTopic>,
    #[message(versions = "0+")]
    pub timeout_ms: i32,
}

/// The partitions of a topic.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct DeleteRecordsTopic {
    #[message(versions = "0+")]
    pub name: String,
    #[message(versions = "0+")]
    pub partitions: Vec<DeleteRecordsPartition>,
}

/// Where a partition shall start.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct DeleteRecordsPartition {
    #[message(versions = "0+")]
    pub partition_index: i32,
    /// -1: the high watermark.
    #[message(versions = "0+")]
    pub offset: i64,
}

/// Where partitions start.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(response, key = 21, versions = "0-2", flexible = "2+")]
pub struct DeleteRecordsResponse {
    #[message(versions = "0+")]
    pub throttle_time_ms: i32,
    #[message(versions = "0+")]
    pub topics: Vec<DeleteRecordsTopicResult>,
}

/// The partitions of a topic.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct DeleteRecordsTopicResult {
    #[message(versions = "0+")]
    pub name: String,
    #[message(versions = "0+")]
    pub partitions: Vec<DeleteRecordsPartitionResult>,
}

/// Where a partition starts, or why it was not moved.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct DeleteRecordsPartitionResult {
    #[message(versions = "0+")]
    pub partition_index: i32,
    /// Where all live replicas start.
    #[message(versions = "0+")]
    pub low_watermark: i64,
    #[message(versions = "0+")]
    pub error_code: i16,
}
