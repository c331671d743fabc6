//! CreateTopics: makes topics.
//!
//! Key 19. Versions 2-7, flexible from 5.
//!
//! - 2: throttle time (KIP-124)
//! - 3: the broker answers before it throttles (KIP-219)
//! - 4: -1 partitions or replicas mean the broker's default (KIP-464)
//! - 5: flexible; the answer tells the topic's partitions and configuration (KIP-525)
//! - 6: the answer may be `THROTTLING_QUOTA_EXCEEDED` (KIP-599)
//! - 7: the topic's id in the answer (KIP-516)

use base::Uuid;
use wire_derive::Message;

/// Topics to make.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(request, key = 19, versions = "2-7", flexible = "5+")]
pub struct CreateTopicsRequest {
    #[message(versions = "0+")]
    pub topics: Vec<CreatableTopic>,
    #[message(name = "timeoutMs", versions = "0+", default = "60000")]
    pub timeout_ms: i32,
    #[message(name = "validateOnly", versions = "1+")]
    pub validate_only: bool,
}

/// A topic to make.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct CreatableTopic {
    #[message(versions = "0+")]
    pub name: String,
    /// -1: the broker's default, or the assignments' number.
    #[message(versions = "0+")]
    pub num_partitions: i32,
    /// -1: the broker's default, or the assignments'.
    #[message(versions = "0+")]
    pub replication_factor: i16,
    #[message(versions = "0+")]
    pub assignments: Vec<CreatableReplicaAssignment>,
    #[message(versions = "0+")]
    pub configs: Vec<CreatableTopicConfig>,
}

/// The brokers of a partition, chosen by hand.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct CreatableReplicaAssignment {
    #[message(versions = "0+")]
    pub partition_index: i32,
    #[message(versions = "0+")]
    pub broker_ids: Vec<i32>,
}

/// A configuration key that differs from its default.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct CreatableTopicConfig {
    #[message(versions = "0+")]
    pub name: String,
    #[message(versions = "0+", nullable = "0+")]
    pub value: Option<String>,
}

/// What has become of each topic.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(response, key = 19, versions = "2-7", flexible = "5+")]
pub struct CreateTopicsResponse {
    #[message(versions = "2+", ignorable)]
    pub throttle_time_ms: i32,
    #[message(versions = "0+")]
    pub topics: Vec<CreatableTopicResult>,
}

/// The topic that was made, or why it was not.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct CreatableTopicResult {
    #[message(versions = "0+")]
    pub name: String,
    #[message(versions = "7+", ignorable)]
    pub topic_id: Uuid,
    #[message(versions = "0+")]
    pub error_code: i16,
    #[message(versions = "1+", nullable = "0+", ignorable)]
    pub error_message: Option<String>,
    /// Why the configuration is not told.
    #[message(versions = "5+", tagged = "5+", tag = 0, ignorable)]
    pub topic_config_error_code: i16,
    #[message(versions = "5+", default = "-1", ignorable)]
    pub num_partitions: i32,
    #[message(versions = "5+", default = "-1", ignorable)]
    pub replication_factor: i16,
    #[message(versions = "5+", nullable = "5+", ignorable)]
    pub configs: Option<Vec<CreatableTopicConfigs>>,
}

/// A configuration key of the topic that was made.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct CreatableTopicConfigs {
    #[message(versions = "5+")]
    pub name: String,
    #[message(versions = "5+", nullable = "5+")]
    pub value: Option<String>,
    #[message(versions = "5+")]
    pub read_only: bool,
    #[message(versions = "5+", default = "-1", ignorable)]
    pub config_source: i8,
    #[message(versions = "5+")]
    pub is_sensitive: bool,
}
