//! OffsetFetch: how far groups have come.
//!
//! Key 9. Versions 1-10, flexible from 6.
//!
//! - 2: null asks for all topics; an error for the whole group
//! - 3: throttle time (KIP-124)
//! - 4: the broker answers before it throttles (KIP-219)
//! - 5: leader epochs (KIP-320)
//! - 6: flexible (KIP-482)
//! - 7: whether to refuse offsets that an open transaction may still change (KIP-447)
//! - 8: several groups (KIP-709)
//! - 9: members of the new protocol say who they are, and are fenced (KIP-848)
//! - 10: topics by id (KIP-848)

use base::Uuid;
use wire_derive::Message;

/// Which offsets are asked for: of one group up to version 7, of several from 8.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(request, key = 9, versions = "1-10", flexible = "6+")]
pub struct OffsetFetchRequest {
    #[message(versions = "0-7")]
    pub group_id: String,
    /// Null: all of them.
    #[message(versions = "0-7", nullable = "2-7")]
    pub topics: Option<Vec<OffsetFetchRequestTopic>>,
    #[message(versions = "8+")]
    pub groups: Vec<OffsetFetchRequestGroup>,
    #[message(versions = "7+")]
    pub require_stable: bool,
}

/// A topic up to version 7.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct OffsetFetchRequestTopic {
    #[message(versions = "0-7")]
    pub name: String,
    #[message(versions = "0-7")]
    pub partition_indexes: Vec<i32>,
}

/// A group.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct OffsetFetchRequestGroup {
    #[message(versions = "8+")]
    pub group_id: String,
    /// Null: asked from outside of any membership.
    #[message(versions = "9+", nullable = "9+", default = "null", ignorable)]
    pub member_id: Option<String>,
    #[message(versions = "9+", default = "-1", ignorable)]
    pub member_epoch: i32,
    /// Null: all of them.
    #[message(versions = "8+", nullable = "8+")]
    pub topics: Option<Vec<OffsetFetchRequestTopics>>,
}

/// A topic from version 8, by name or, from version 10, by id.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct OffsetFetchRequestTopics {
    #[message(versions = "8-9", ignorable)]
    pub name: String,
    #[message(versions = "10+", ignorable)]
    pub topic_id: Uuid,
    #[message(versions = "8+")]
    pub partition_indexes: Vec<i32>,
}

/// The offsets.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(response, key = 9, versions = "1-10", flexible = "6+")]
pub struct OffsetFetchResponse {
    #[message(versions = "3+", ignorable)]
    pub throttle_time_ms: i32,
    #[message(versions = "0-7")]
    pub topics: Vec<OffsetFetchResponseTopic>,
    #[message(versions = "2-7", ignorable)]
    pub error_code: i16,
    #[message(versions = "8+")]
    pub groups: Vec<OffsetFetchResponseGroup>,
}

/// A topic up to version 7.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct OffsetFetchResponseTopic {
    #[message(versions = "0-7")]
    pub name: String,
    #[message(versions = "0-7")]
    pub partitions: Vec<OffsetFetchResponsePartition>,
}

/// A partition up to version 7.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct OffsetFetchResponsePartition {
    #[message(versions = "0-7")]
    pub partition_index: i32,
    /// -1: none.
    #[message(versions = "0-7")]
    pub committed_offset: i64,
    #[message(versions = "5-7", default = "-1", ignorable)]
    pub committed_leader_epoch: i32,
    #[message(versions = "0-7", nullable = "0-7")]
    pub metadata: Option<String>,
    #[message(versions = "0-7")]
    pub error_code: i16,
}

/// A group.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct OffsetFetchResponseGroup {
    #[message(versions = "8+")]
    pub group_id: String,
    #[message(versions = "8+")]
    pub topics: Vec<OffsetFetchResponseTopics>,
    #[message(versions = "8+")]
    pub error_code: i16,
}

/// A topic from version 8.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct OffsetFetchResponseTopics {
    #[message(versions = "8-9", ignorable)]
    pub name: String,
    #[message(versions = "10+", ignorable)]
    pub topic_id: Uuid,
    #[message(versions = "8+")]
    pub partitions: Vec<OffsetFetchResponsePartitions>,
}

/// A partition from version 8.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct OffsetFetchResponsePartitions {
    #[message(versions = "8+")]
    pub partition_index: i32,
    /// -1: none.
    #[message(versions = "8+")]
    pub committed_offset: i64,
    #[message(versions = "8+", default = "-1", ignorable)]
    pub committed_leader_epoch: i32,
    #[message(versions = "8+", nullable = "8+")]
    pub metadata: Option<String>,
    #[message(versions = "8+")]
    pub error_code: i16,
}
