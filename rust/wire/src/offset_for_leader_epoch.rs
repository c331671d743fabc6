//! OffsetForLeaderEpoch: finds where a leader epoch ends, by which logs that diverged are cut back
//! (KIP-101, KIP-279).
//!
//! Key 23. Versions 2-4, flexible from 4.
//!
//! - 2: `current_leader_epoch` fences the asker (KIP-320); throttle time
//! - 3: replica id, so that a consumer is told no offset above the high watermark
//! - 4: flexible (KIP-482)

use wire_derive::Message;

/// Whose ends to find.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(request, key = 23, versions = "2-4", flexible = "4+")]
pub struct OffsetForLeaderEpochRequest {
    /// The follower's broker id, -1 for a consumer, -2 for whoever does not say.
    #[message(versions = "3+", default = "-2", ignorable)]
    pub replica_id: i32,
    #[message(versions = "0+")]
    pub topics: Vec<OffsetForLeaderTopic>,
}

/// The partitions of a topic.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct OffsetForLeaderTopic {
    #[message(versions = "0+")]
    pub topic: String,
    #[message(versions = "0+")]
    pub partitions: Vec<OffsetForLeaderPartition>,
}

/// The epoch whose end is asked for.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct OffsetForLeaderPartition {
    #[message(versions = "0+")]
    pub partition: i32,
    #[message(versions = "2+", default = "-1", ignorable)]
    pub current_leader_epoch: i32,
    #[message(versions = "0+")]
    pub leader_epoch: i32,
}

/// The ends.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(response, key = 23, versions = "2-4", flexible = "4+")]
pub struct OffsetForLeaderEpochResponse {
    #[message(versions = "2+", ignorable)]
    pub throttle_time_ms: i32,
    #[message(versions = "0+")]
    pub topics: Vec<OffsetForLeaderTopicResult>,
}

/// The partitions of a topic.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct OffsetForLeaderTopicResult {
    #[message(versions = "0+")]
    pub topic: String,
    #[message(versions = "0+")]
    pub partitions: Vec<EpochEndOffset>,
}

/// The largest epoch up to the one asked for, and its end.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct EpochEndOffset {
    #[message(versions = "0+")]
    pub error_code: i16,
    #[message(versions = "0+")]
    pub partition: i32,
    #[message(versions = "1+", default = "-1", ignorable)]
    pub leader_epoch: i32,
    #[message(versions = "0+", default = "-1")]
    pub end_offset: i64,
}
