//! ListOffsets: finds offsets by timestamp, and the ends of partitions.
//!
//! Key 2. Versions 1-11, flexible from 6. Negative timestamps are questions of their own.
//!
//! - 1: one offset a partition, with its timestamp (KIP-79)
//! - 2: isolation level (KIP-98)
//! - 3: the broker answers before it throttles (KIP-219)
//! - 4: leader epochs (KIP-320)
//! - 5: the answer may be `OFFSET_NOT_AVAILABLE` (KIP-207)
//! - 6: flexible (KIP-482)
//! - 7: timestamp -3, the record with the largest timestamp (KIP-734)
//! - 8: timestamp -4, the first offset on local disk (KIP-405)
//! - 9: timestamp -5, the last offset in tiered storage (KIP-1005)
//! - 10: `timeout_ms` for lookups in tiered storage (KIP-1075)
//! - 11: timestamp -6, the first offset that waits for its upload (KIP-1023)

use wire_derive::Message;

/// Which offsets to find.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(request, key = 2, versions = "1-11", flexible = "6+")]
pub struct ListOffsetsRequest {
    #[message(versions = "0+")]
    pub replica_id: i32,
    #[message(versions = "2+")]
    pub isolation_level: i8,
    #[message(versions = "0+")]
    pub topics: Vec<ListOffsetsTopic>,
    #[message(versions = "10+", ignorable)]
    pub timeout_ms: i32,
}

/// The partitions of a topic.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct ListOffsetsTopic {
    #[message(versions = "0+")]
    pub name: String,
    #[message(versions = "0+")]
    pub partitions: Vec<ListOffsetsPartition>,
}

/// The question for a partition.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct ListOffsetsPartition {
    #[message(versions = "0+")]
    pub partition_index: i32,
    #[message(versions = "4+", default = "-1", ignorable)]
    pub current_leader_epoch: i32,
    /// Milliseconds, or -1 the end, -2 the start, -3 the largest timestamp, -4, -5, -6: see above.
    #[message(versions = "0+")]
    pub timestamp: i64,
}

/// The offsets.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(response, key = 2, versions = "1-11", flexible = "6+")]
pub struct ListOffsetsResponse {
    #[message(versions = "2+", ignorable)]
    pub throttle_time_ms: i32,
    #[message(versions = "0+")]
    pub topics: Vec<ListOffsetsTopicResponse>,
}

/// The partitions of a topic.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct ListOffsetsTopicResponse {
    #[message(versions = "0+")]
    pub name: String,
    #[message(versions = "0+")]
    pub partitions: Vec<ListOffsetsPartitionResponse>,
}

/// The answer for a partition.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct ListOffsetsPartitionResponse {
    #[message(versions = "0+")]
    pub partition_index: i32,
    #[message(versions = "0+")]
    pub error_code: i16,
    /// Of the record found, or -1.
    #[message(versions = "1+", default = "-1")]
    pub timestamp: i64,
    #[message(versions = "1+", default = "-1")]
    pub offset: i64,
    #[message(versions = "4+", default = "-1")]
    pub leader_epoch: i32,
}
