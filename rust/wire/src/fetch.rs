//! Fetch: reads record batches, and waits for them; consumers and followers use it alike.
//!
//! Key 1. Versions 4-18, flexible from 12.
//!
//! - 4: record batches of format 2, isolation level, aborted transactions (KIP-98)
//! - 5: log start offset (KIP-107)
//! - 6: the answer may be `KAFKA_STORAGE_ERROR` (KIP-112)
//! - 7: fetch sessions (KIP-227)
//! - 8: the broker answers before it throttles (KIP-219)
//! - 9: `current_leader_epoch` fences the fetcher (KIP-320)
//! - 10: batches may be compressed with zstd (KIP-110)
//! - 11: rack and preferred read replica (KIP-392)
//! - 12: flexible; diverging epochs (KIP-595)
//! - 13: topics by id, not by name (KIP-516)
//! - 14: the answer may be `OFFSET_MOVED_TO_TIERED_STORAGE` (KIP-405)
//! - 15: `replica_state` in place of `replica_id` (KIP-903)
//! - 16: the answer names a moved partition's leader (KIP-951)
//! - 17: the follower's directory id (KIP-853)
//! - 18: the follower's high watermark (KIP-1166)

use base::Uuid;
use wire_derive::Message;

use crate::Records;

/// What to read, and how long to wait for it.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(request, key = 1, versions = "4-18", flexible = "12+")]
pub struct FetchRequest {
    #[message(
        versions = "12+",
        nullable = "12+",
        tagged = "12+",
        tag = 0,
        default = "null",
        ignorable
    )]
    pub cluster_id: Option<String>,
    /// The follower's broker id, or -1 for a consumer.
    #[message(versions = "0-14", default = "-1")]
    pub replica_id: i32,
    #[message(versions = "15+", tagged = "15+", tag = 1)]
    pub replica_state: ReplicaState,
    #[message(versions = "0+")]
    pub max_wait_ms: i32,
    #[message(versions = "0+")]
    pub min_bytes: i32,
    #[message(versions = "3+", default = "0x7fffffff", ignorable)]
    pub max_bytes: i32,
    /// 0 reads all records, 1 only committed ones.
    #[message(versions = "4+", ignorable)]
    pub isolation_level: i8,
    #[message(versions = "7+", ignorable)]
    pub session_id: i32,
    /// -1: no session; 0: open one.
    #[message(versions = "7+", default = "-1", ignorable)]
    pub session_epoch: i32,
    #[message(versions = "0+")]
    pub topics: Vec<FetchTopic>,
    /// What a fetch session drops.
    #[message(versions = "7+")]
    pub forgotten_topics_data: Vec<ForgottenTopic>,
    #[message(versions = "11+", ignorable)]
    pub rack_id: String,
}

/// The follower that asks.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct ReplicaState {
    /// The follower's broker id, or -1 for a consumer.
    #[message(versions = "15+", default = "-1")]
    pub replica_id: i32,
    #[message(versions = "15+", default = "-1")]
    pub replica_epoch: i64,
}

/// The partitions of a topic.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct FetchTopic {
    #[message(versions = "0-12", ignorable)]
    pub topic: String,
    #[message(versions = "13+", ignorable)]
    pub topic_id: Uuid,
    #[message(versions = "0+")]
    pub partitions: Vec<FetchPartition>,
}

/// Partitions that leave the fetch session.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct ForgottenTopic {
    #[message(versions = "7-12", ignorable)]
    pub topic: String,
    #[message(versions = "13+", ignorable)]
    pub topic_id: Uuid,
    #[message(versions = "7+")]
    pub partitions: Vec<i32>,
}

/// From where to read, and how much.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct FetchPartition {
    #[message(versions = "0+")]
    pub partition: i32,
    #[message(versions = "9+", default = "-1", ignorable)]
    pub current_leader_epoch: i32,
    #[message(versions = "0+")]
    pub fetch_offset: i64,
    /// The epoch of the last record that was fetched, or -1: finds diverging logs.
    #[message(versions = "12+", default = "-1")]
    pub last_fetched_epoch: i32,
    /// Where the follower's log starts, or -1 for a consumer.
    #[message(versions = "5+", default = "-1", ignorable)]
    pub log_start_offset: i64,
    /// A batch that is larger is sent all the same if it is the first.
    #[message(versions = "0+")]
    pub partition_max_bytes: i32,
    #[message(versions = "17+", tagged = "17+", tag = 0, ignorable)]
    pub replica_directory_id: Uuid,
    #[message(
        versions = "18+",
        tagged = "18+",
        tag = 1,
        default = "9223372036854775807",
        ignorable
    )]
    pub high_watermark: i64,
}

/// What has been read.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(response, key = 1, versions = "4-18", flexible = "12+")]
pub struct FetchResponse {
    #[message(versions = "1+", ignorable)]
    pub throttle_time_ms: i32,
    #[message(versions = "7+", ignorable)]
    pub error_code: i16,
    #[message(versions = "7+")]
    pub session_id: i32,
    #[message(versions = "0+")]
    pub responses: Vec<FetchableTopicResponse>,
    #[message(versions = "16+", tagged = "16+", tag = 0)]
    pub node_endpoints: Vec<NodeEndpoint>,
}

/// The partitions of a topic.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct FetchableTopicResponse {
    #[message(versions = "0-12", ignorable)]
    pub topic: String,
    #[message(versions = "13+", ignorable)]
    pub topic_id: Uuid,
    #[message(versions = "0+")]
    pub partitions: Vec<PartitionData>,
}

/// Where a broker that is named as a leader listens.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct NodeEndpoint {
    #[message(versions = "16+")]
    pub node_id: i32,
    #[message(versions = "16+")]
    pub host: String,
    #[message(versions = "16+")]
    pub port: i32,
    #[message(versions = "16+", nullable = "16+", default = "null")]
    pub rack: Option<String>,
}

/// The batches of a partition and its offsets.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct PartitionData {
    #[message(versions = "0+")]
    pub partition_index: i32,
    #[message(versions = "0+")]
    pub error_code: i16,
    #[message(versions = "0+")]
    pub high_watermark: i64,
    /// Where the first open transaction begins.
    #[message(versions = "4+", default = "-1", ignorable)]
    pub last_stable_offset: i64,
    #[message(versions = "5+", default = "-1", ignorable)]
    pub log_start_offset: i64,
    #[message(versions = "12+", tagged = "12+", tag = 0)]
    pub diverging_epoch: EpochEndOffset,
    #[message(versions = "12+", tagged = "12+", tag = 1)]
    pub current_leader: LeaderIdAndEpoch,
    #[message(versions = "12+", tagged = "12+", tag = 2)]
    pub snapshot_id: SnapshotId,
    /// Null unless committed records are asked for.
    #[message(versions = "4+", nullable = "4+", ignorable)]
    pub aborted_transactions: Option<Vec<AbortedTransaction>>,
    /// Where to fetch instead, or -1.
    #[message(versions = "11+", default = "-1")]
    pub preferred_read_replica: i32,
    #[message(versions = "0+", nullable = "0+")]
    pub records: Option<Records>,
}

/// The largest epoch and its end that leader and follower may still have in common.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct EpochEndOffset {
    #[message(versions = "12+", default = "-1")]
    pub epoch: i32,
    #[message(versions = "12+", default = "-1")]
    pub end_offset: i64,
}

/// The leader that a partition has moved to.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct LeaderIdAndEpoch {
    #[message(versions = "12+", default = "-1")]
    pub leader_id: i32,
    #[message(versions = "12+", default = "-1")]
    pub leader_epoch: i32,
}

/// The snapshot to load in place of records that are gone.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct SnapshotId {
    #[message(versions = "0+", default = "-1")]
    pub end_offset: i64,
    #[message(versions = "0+", default = "-1")]
    pub epoch: i32,
}

/// A transaction whose records a `read_committed` consumer skips.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct AbortedTransaction {
    #[message(versions = "4+")]
    pub producer_id: i64,
    #[message(versions = "4+")]
    pub first_offset: i64,
}
