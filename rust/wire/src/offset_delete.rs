//! OffsetDelete: forgets how far a group has come with some topics (KIP-496).
//!
//! Key 47. Version 0, never flexible.

use wire_derive::Message;

/// Which offsets to forget.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(request, key = 47, versions = "0")]
pub struct OffsetDeleteRequest {
    #[message(versions = "0+")]
    pub group_id: String,
    #[message(versions = "0+")]
    pub topics: Vec<OffsetDeleteRequestTopic>,
}

/// A topic.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct OffsetDeleteRequestTopic {
    #[message(versions = "0+")]
    pub name: String,
    #[message(versions = "0+")]
    pub partitions: Vec<OffsetDeleteRequestPartition>,
}

/// A partition.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct OffsetDeleteRequestPartition {
    #[message(versions = "0+")]
    pub partition_index: i32,
}

/// What was forgotten.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(response, key = 47, versions = "0")]
pub struct OffsetDeleteResponse {
    #[message(versions = "0+")]
    pub error_code: i16,
    #[message(versions = "0+", ignorable)]
    pub throttle_time_ms: i32,
    #[message(versions = "0+")]
    pub topics: Vec<OffsetDeleteResponseTopic>,
}

/// A topic.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct OffsetDeleteResponseTopic {
    #[message(versions = "0+")]
    pub name: String,
    #[message(versions = "0+")]
    pub partitions: Vec<OffsetDeleteResponsePartition>,
}

/// What became of a partition's offset.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct OffsetDeleteResponsePartition {
    #[message(versions = "0+")]
    pub partition_index: i32,
    #[message(versions = "0+")]
    pub error_code: i16,
}
