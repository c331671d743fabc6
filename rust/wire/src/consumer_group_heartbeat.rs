//! ConsumerGroupHeartbeat: a member of a consumer group joins, stays and leaves, and is told its
//! assignment (KIP-848).
//!
//! Key 68. Versions 0-1, flexible.
//!
//! - 1: subscribing by a regular expression that the broker resolves; the member draws its own id

use base::Uuid;
use wire_derive::Message;

/// Who lives, and what has changed since its last heartbeat: what has not is null.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(request, key = 68, versions = "0-1", flexible = "0+")]
pub struct ConsumerGroupHeartbeatRequest {
    #[message(versions = "0+")]
    pub group_id: String,
    #[message(versions = "0+")]
    pub member_id: String,
    /// 0: joins; -1: leaves; -2: a static member leaves for a while.
    #[message(versions = "0+")]
    pub member_epoch: i32,
    #[message(versions = "0+", nullable = "0+", default = "null")]
    pub instance_id: Option<String>,
    #[message(versions = "0+", nullable = "0+", default = "null")]
    pub rack_id: Option<String>,
    /// -1: as it was told before.
    #[message(versions = "0+", default = "-1")]
    pub rebalance_timeout_ms: i32,
    #[message(versions = "0+", nullable = "0+", default = "null")]
    pub subscribed_topic_names: Option<Vec<String>>,
    #[message(versions = "1+", nullable = "1+", default = "null")]
    pub subscribed_topic_regex: Option<String>,
    #[message(versions = "0+", nullable = "0+", default = "null")]
    pub server_assignor: Option<String>,
    /// What the member owns.
    #[message(versions = "0+", nullable = "0+", default = "null")]
    pub topic_partitions: Option<Vec<TopicPartitions>>,
}

/// Partitions of a topic.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct TopicPartitions {
    #[message(versions = "0+")]
    pub topic_id: Uuid,
    #[message(versions = "0+")]
    pub partitions: Vec<i32>,
}

/// The epoch that the member has reached.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(response, key = 68, versions = "0-1", flexible = "0+")]
pub struct ConsumerGroupHeartbeatResponse {
    #[message(versions = "0+")]
    pub throttle_time_ms: i32,
    #[message(versions = "0+")]
    pub error_code: i16,
    #[message(versions = "0+", nullable = "0+", default = "null")]
    pub error_message: Option<String>,
    #[message(versions = "0+", nullable = "0+", default = "null")]
    pub member_id: Option<String>,
    #[message(versions = "0+")]
    pub member_epoch: i32,
    /// When to send the next heartbeat.
    #[message(versions = "0+")]
    pub heartbeat_interval_ms: i32,
    /// Null: as it was told before.
    #[message(versions = "0+", nullable = "0+", default = "null")]
    pub assignment: Option<Assignment>,
}

/// What the member may own.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct Assignment {
    #[message(versions = "0+")]
    pub topic_partitions: Vec<TopicPartitions>,
}
