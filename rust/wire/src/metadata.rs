//! Metadata: names the brokers, and the topics with their partitions and leaders.
//!
//! Key 3. Versions 0-13, flexible from 9.
//!
//! - 0: no topics asked for means all of them
//! - 1: null means all topics, none means none; controller and racks
//! - 2: cluster id (KIP-78)
//! - 3: throttle time (KIP-124)
//! - 4: `allow_auto_topic_creation`
//! - 5: offline replicas (KIP-112)
//! - 6: the broker answers before it throttles (KIP-219)
//! - 7: leader epochs (KIP-320)
//! - 8: authorized operations (KIP-430)
//! - 9: flexible (KIP-482)
//! - 10: topic ids in the answer (KIP-516)
//! - 11: the cluster's authorized operations have moved to DescribeCluster (KIP-700)
//! - 12: topics may be asked for by id, with a null name (KIP-516)
//! - 13: an error for the whole request, `REBOOTSTRAP_REQUIRED` (KIP-1102)

use base::Uuid;
use wire_derive::Message;

/// Which topics to describe.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(request, key = 3, versions = "0-13", flexible = "9+")]
pub struct MetadataRequest {
    /// Null: all of them. In version 0 an empty list says so.
    #[message(versions = "0+", nullable = "1+")]
    pub topics: Option<Vec<MetadataRequestTopic>>,
    #[message(versions = "4+", default = "true")]
    pub allow_auto_topic_creation: bool,
    #[message(versions = "8-10")]
    pub include_cluster_authorized_operations: bool,
    #[message(versions = "8+")]
    pub include_topic_authorized_operations: bool,
}

/// A topic, by name or by id.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct MetadataRequestTopic {
    /// Zero if the topic is asked for by name.
    #[message(versions = "10+", ignorable)]
    pub topic_id: Uuid,
    /// Null if the topic is asked for by id.
    #[message(versions = "0+", nullable = "10+")]
    pub name: Option<String>,
}

/// Brokers and topics.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(response, key = 3, versions = "0-13", flexible = "9+")]
pub struct MetadataResponse {
    #[message(versions = "3+", ignorable)]
    pub throttle_time_ms: i32,
    #[message(versions = "0+")]
    pub brokers: Vec<MetadataResponseBroker>,
    #[message(versions = "2+", nullable = "2+", default = "null", ignorable)]
    pub cluster_id: Option<String>,
    #[message(versions = "1+", default = "-1", ignorable)]
    pub controller_id: i32,
    #[message(versions = "0+")]
    pub topics: Vec<MetadataResponseTopic>,
    /// A bit for each operation, or `i32::MIN` if they are not told.
    #[message(versions = "8-10", default = "-2147483648")]
    pub cluster_authorized_operations: i32,
    #[message(versions = "13+", ignorable)]
    pub error_code: i16,
}

/// A broker and where it listens.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct MetadataResponseBroker {
    #[message(versions = "0+")]
    pub node_id: i32,
    #[message(versions = "0+")]
    pub host: String,
    #[message(versions = "0+")]
    pub port: i32,
    #[message(versions = "1+", nullable = "1+", default = "null", ignorable)]
    pub rack: Option<String>,
}

/// A topic.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct MetadataResponseTopic {
    #[message(versions = "0+")]
    pub error_code: i16,
    #[message(versions = "0+", nullable = "12+")]
    pub name: Option<String>,
    #[message(versions = "10+", ignorable)]
    pub topic_id: Uuid,
    #[message(versions = "1+", ignorable)]
    pub is_internal: bool,
    #[message(versions = "0+")]
    pub partitions: Vec<MetadataResponsePartition>,
    /// A bit for each operation, or `i32::MIN` if they are not told.
    #[message(versions = "8+", default = "-2147483648")]
    pub topic_authorized_operations: i32,
}

/// A partition, its leader and replicas.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct MetadataResponsePartition {
    #[message(versions = "0+")]
    pub error_code: i16,
    #[message(versions = "0+")]
    pub partition_index: i32,
    /// -1: there is none.
    #[message(versions = "0+")]
    pub leader_id: i32,
    #[message(versions = "7+", default = "-1", ignorable)]
    pub leader_epoch: i32,
    #[message(versions = "0+")]
    pub replica_nodes: Vec<i32>,
    #[message(versions = "0+")]
    pub isr_nodes: Vec<i32>,
    #[message(versions = "5+", ignorable)]
    pub offline_replicas: Vec<i32>,
}
