//! DescribeCluster: names the cluster and its brokers (KIP-700).
//!
//! Key 60. Versions 0-2, all flexible.
//!
//! - 1: brokers or controllers (KIP-919)
//! - 2: fenced brokers (KIP-1073)

use wire_derive::Message;

/// What to tell of the cluster.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(request, key = 60, versions = "0-2", flexible = "0+")]
pub struct DescribeClusterRequest {
    #[message(versions = "0+")]
    pub include_cluster_authorized_operations: bool,
    /// 1: brokers, 2: controllers.
    #[message(versions = "1+", default = "1")]
    pub endpoint_type: i8,
    #[message(versions = "2+")]
    pub include_fenced_brokers: bool,
}

/// The cluster.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(response, key = 60, versions = "0-2", flexible = "0+")]
pub struct DescribeClusterResponse {
    #[message(versions = "0+")]
    pub throttle_time_ms: i32,
    #[message(versions = "0+")]
    pub error_code: i16,
    #[message(versions = "0+", nullable = "0+", default = "null")]
    pub error_message: Option<String>,
    /// 1: brokers, 2: controllers.
    #[message(versions = "1+", default = "1")]
    pub endpoint_type: i8,
    #[message(versions = "0+")]
    pub cluster_id: String,
    #[message(versions = "0+", default = "-1")]
    pub controller_id: i32,
    #[message(versions = "0+")]
    pub brokers: Vec<DescribeClusterBroker>,
    /// A bit for each operation, or `i32::MIN` if they are not told.
    #[message(versions = "0+", default = "-2147483648")]
    pub cluster_authorized_operations: i32,
}

/// A broker and where it listens.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct DescribeClusterBroker {
    #[message(versions = "0+")]
    pub broker_id: i32,
    #[message(versions = "0+")]
    pub host: String,
    #[message(versions = "0+")]
    pub port: i32,
    #[message(versions = "0+", nullable = "0+", default = "null")]
    pub rack: Option<String>,
    #[message(versions = "2+")]
    pub is_fenced: bool,
}
