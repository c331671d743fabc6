//! `DescribeLogDirs` (key 35), v1-v5: where partitions lie, and how much they and their disk hold.
//!
//! v3 adds an error code of its own, v4 the disk's size (KIP-827), v5 cordoned directories
//! (KIP-1066), of which there are none.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base::ErrorCode;
use wire::describe_log_dirs::{
    DescribeLogDirsPartition, DescribeLogDirsRequest, DescribeLogDirsResponse,
    DescribeLogDirsResult, DescribeLogDirsTopic,
};

use crate::partition::Partition;
use crate::request::RequestContext;

/// Answers with the one log directory.
pub(crate) fn handle(
    context: &RequestContext,
    request: &DescribeLogDirsRequest,
) -> DescribeLogDirsResponse {
    let directory = &context.broker.directory;
    let error = match directory.failure() {
        None => ErrorCode::None,
        Some(_) => ErrorCode::KafkaStorageError,
    };
    let (total_bytes, usable_bytes) = context.broker.disk_space();
    let result = DescribeLogDirsResult {
        error_code: error.code(),
        log_dir: directory.path().display().to_string(),
        topics: topics(context.broker.partitions.all(), request),
        total_bytes,
        usable_bytes,
        ..DescribeLogDirsResult::default()
    };
    DescribeLogDirsResponse { results: vec![result], ..DescribeLogDirsResponse::default() }
}

/// The partitions asked for; a null list asks for all.
fn topics(
    partitions: Vec<Arc<Partition>>,
    request: &DescribeLogDirsRequest,
) -> Vec<DescribeLogDirsTopic> {
    let asked = request.topics.as_ref().map(|topics| {
        let named = topics.iter().flat_map(|t| t.partitions.iter().map(|&p| (t.topic.as_str(), p)));
        named.collect::<BTreeSet<_>>()
    });
    let mut found: BTreeMap<Arc<str>, Vec<DescribeLogDirsPartition>> = BTreeMap::new();
    for partition in partitions {
        let index = partition.index().0;
        if asked.as_ref().is_none_or(|asked| asked.contains(&(&**partition.topic(), index))) {
            found.entry(Arc::clone(partition.topic())).or_default().push(
                DescribeLogDirsPartition {
                    partition_index: index,
                    partition_size: partition.size_bytes() as i64,
                    ..DescribeLogDirsPartition::default()
                },
            );
        }
    }
    let topics = found.into_iter();
    topics.map(|(name, p)| DescribeLogDirsTopic { name: name.to_string(), partitions: p }).collect()
}
