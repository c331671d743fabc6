//! The cluster and its brokers: who is there, and what lies in their log directories.

use std::time::Duration;

use base::{ErrorCode, NodeId, TopicPartition};
use wire::describe_cluster::DescribeClusterRequest;
use wire::describe_log_dirs::{DescribeLogDirsRequest, DescribeLogDirsResult};

use super::{code, each};
use crate::inquiry::{Inquiry, InquiryError, Reading, Target};

/// The cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterDescription {
    /// Its identity.
    pub cluster_id: String,
    /// The broker that speaks for the controller.
    pub controller: Option<NodeId>,
    /// Its brokers, by number.
    pub brokers: Vec<BrokerDescription>,
}

/// One broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerDescription {
    /// Its number.
    pub node: NodeId,
    /// Where it says that it is.
    pub host: String,
    /// The port there.
    pub port: u16,
    /// The rack that it stands in.
    pub rack: Option<String>,
}

/// One log directory of a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogDirectoryDescription {
    /// Its path on the broker.
    pub path: String,
    /// Why it is not served, if so.
    pub error: Option<InquiryError>,
    /// The size of the volume that it is on, where the broker says.
    pub total_bytes: Option<u64>,
    /// How much of that is free.
    pub usable_bytes: Option<u64>,
    /// The replicas in it.
    pub replicas: Vec<ReplicaDescription>,
}

/// One replica in a log directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaDescription {
    /// Of which partition.
    pub topic_partition: TopicPartition,
    /// How large it is.
    pub size_bytes: i64,
    /// How far it is behind the high watermark.
    pub offset_lag: i64,
    /// Whether it is being moved here from another directory.
    pub is_future: bool,
}

/// Describes the cluster.
pub fn describe_cluster(timeout: Duration) -> Inquiry<DescribeClusterRequest, ClusterDescription> {
    let request = DescribeClusterRequest::default();
    Inquiry::new(Target::Any, request, timeout, |response| {
        match code(response.error_code) {
            ErrorCode::None => {}
            code if code.is_retriable() => return Reading::Again(code),
            code => return Reading::Refused(code, response.error_message),
        }
        let brokers = response.brokers.into_iter().map(|row| BrokerDescription {
            node: NodeId(row.broker_id),
            host: row.host,
            port: u16::try_from(row.port).unwrap_or(0),
            rack: row.rack,
        });
        let mut brokers: Vec<_> = brokers.collect();
        brokers.sort_unstable_by_key(|broker| broker.node);
        Reading::Done(ClusterDescription {
            cluster_id: response.cluster_id,
            controller: (response.controller_id >= 0).then_some(NodeId(response.controller_id)),
            brokers,
        })
    })
}

/// Describes the log directories of one broker, which only it knows.
pub fn describe_log_dirs(
    node: NodeId,
    timeout: Duration,
) -> Inquiry<DescribeLogDirsRequest, Vec<LogDirectoryDescription>> {
    let request = DescribeLogDirsRequest { topics: None };
    Inquiry::new(Target::Node(node), request, timeout, |response| match code(response.error_code) {
        ErrorCode::None => Reading::Done(response.results.into_iter().map(directory).collect()),
        code if code.is_retriable() => Reading::Again(code),
        code => Reading::Refused(code, None),
    })
}

fn directory(row: DescribeLogDirsResult) -> LogDirectoryDescription {
    let replicas = row.topics.into_iter().flat_map(|topic| {
        let name: std::sync::Arc<str> = topic.name.as_str().into();
        topic.partitions.into_iter().map(move |row| ReplicaDescription {
            topic_partition: TopicPartition::new(name.clone(), row.partition_index),
            size_bytes: row.partition_size,
            offset_lag: row.offset_lag,
            is_future: row.is_future_key,
        })
    });
    LogDirectoryDescription {
        path: row.log_dir,
        error: each(row.error_code, None).err(),
        total_bytes: u64::try_from(row.total_bytes).ok(),
        usable_bytes: u64::try_from(row.usable_bytes).ok(),
        replicas: replicas.collect(),
    }
}
