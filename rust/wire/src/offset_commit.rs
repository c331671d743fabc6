//! OffsetCommit: stores how far a group has come.
//!
//! Key 8. Versions 2-10, flexible from 8.
//!
//! - 3: throttle time (KIP-124)
//! - 4: the broker answers before it throttles (KIP-219)
//! - 5: the broker alone decides how long offsets are kept (KIP-211)
//! - 6: leader epochs (KIP-320)
//! - 7: static members (KIP-345)
//! - 8: flexible (KIP-482)
//! - 9: members of the new protocol, by their member epoch (KIP-848)
//! - 10: topics by id (KIP-848)

use base::Uuid;
use wire_derive::Message;

/// Who commits which offsets.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(request, key = 8, versions = "2-10", flexible = "8+")]
pub struct OffsetCommitRequest {
    #[message(versions = "0+")]
    pub group_id: String,
    /// Negative, without a member id: from outside of any membership.
    #[message(versions = "1+", default = "-1", ignorable)]
    pub generation_id_or_member_epoch: i32,
    #[message(versions = "1+", ignorable)]
    pub member_id: String,
    #[message(versions = "7+", nullable = "7+", default = "null")]
    pub group_instance_id: Option<String>,
    /// How long to keep the offsets; -1: as long as the broker keeps any.
    #[message(versions = "2-4", default = "-1", ignorable)]
    pub retention_time_ms: i64,
    #[message(versions = "0+")]
    pub topics: Vec<OffsetCommitRequestTopic>,
}

/// A topic, by name or, from version 10, by id.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct OffsetCommitRequestTopic {
    #[message(versions = "0-9", ignorable)]
    pub name: String,
    #[message(versions = "10+", ignorable)]
    pub topic_id: Uuid,
    #[message(versions = "0+")]
    pub partitions: Vec<OffsetCommitRequestPartition>,
}

/// The next offset to read of a partition.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct OffsetCommitRequestPartition {
    #[message(versions = "0+")]
    pub partition_index: i32,
    #[message(versions = "0+")]
    pub committed_offset: i64,
    /// The epoch of the last record read; -1: not known.
    #[message(versions = "6+", default = "-1", ignorable)]
    pub committed_leader_epoch: i32,
    #[message(versions = "0+", nullable = "0+")]
    pub committed_metadata: Option<String>,
}

/// What was stored.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(response, key = 8, versions = "2-10", flexible = "8+")]
pub struct OffsetCommitResponse {
    #[message(versions = "3+", ignorable)]
    pub throttle_time_ms: i32,
    #[message(versions = "0+")]
    pub topics: Vec<OffsetCommitResponseTopic>,
}

/// A topic, as it was named in the request.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct OffsetCommitResponseTopic {
    #[message(versions = "0-9", ignorable)]
    pub name: String,
    #[message(versions = "10+", ignorable)]
    pub topic_id: Uuid,
    #[message(versions = "0+")]
    pub partitions: Vec<OffsetCommitResponsePartition>,
}

/// What became of a partition's offset.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct OffsetCommitResponsePartition {
    #[message(versions = "0+")]
    pub partition_index: i32,
    #[message(versions = "0+")]
    pub error_code: i16,
}
