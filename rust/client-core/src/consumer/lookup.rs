//! ListOffsets requests and answers: from "the start", "the end" or a time to an offset.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::{ErrorCode, LeaderEpoch, TopicPartition};
use wire::list_offsets::{
    ListOffsetsPartition, ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsResponse,
    ListOffsetsTopic,
};

use crate::config::IsolationLevel;
use crate::metadata_cache::MetadataCache;

/// The end of the log: the high watermark, or the last stable offset for `read_committed`.
pub const LATEST_TIMESTAMP: i64 = -1;
/// The start of the log.
pub const EARLIEST_TIMESTAMP: i64 = -2;
/// What a consumer calls itself where a replica would name its broker.
const CONSUMER_REPLICA_ID: i32 = -1;

/// What was found for one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The offset; `None` if no record is that young.
    pub offset: Option<i64>,
    /// The timestamp of the record found, if one was looked for by time.
    pub timestamp_ms: Option<i64>,
    /// The epoch of the leader that wrote it.
    pub leader_epoch: LeaderEpoch,
}

/// The request for timestamps, or the special ones, of partitions that all have the same leader.
pub fn request_offsets<'a>(
    wanted: impl IntoIterator<Item = (&'a TopicPartition, i64)>,
    isolation_level: IsolationLevel,
    metadata: &MetadataCache,
    timeout_ms: i32,
) -> ListOffsetsRequest {
    let mut topics: BTreeMap<Arc<str>, Vec<ListOffsetsPartition>> = BTreeMap::new();
    for (topic_partition, timestamp) in wanted {
        let epoch = metadata.partition(topic_partition).map(|partition| partition.leader_epoch);
        topics.entry(topic_partition.topic.clone()).or_default().push(ListOffsetsPartition {
            partition_index: topic_partition.partition.0,
            current_leader_epoch: epoch.unwrap_or(LeaderEpoch::NONE).0,
            timestamp,
        });
    }
    let topics = topics
        .into_iter()
        .map(|(name, partitions)| ListOffsetsTopic { name: name.to_string(), partitions });
    ListOffsetsRequest {
        replica_id: CONSUMER_REPLICA_ID,
        isolation_level: isolation_level as i8,
        topics: topics.collect(),
        timeout_ms,
    }
}

/// What the answer says about a partition; an answer that does not name it is an unknown error.
pub fn read_offset(
    response: &ListOffsetsResponse,
    topic_partition: &TopicPartition,
) -> Result<Found, ErrorCode> {
    let row = response
        .topics
        .iter()
        .find(|topic| *topic.name == *topic_partition.topic)
        .and_then(|topic| {
            topic.partitions.iter().find(|row| row.partition_index == topic_partition.partition.0)
        })
        .ok_or(ErrorCode::UnknownServerError)?;
    found(row)
}

fn found(row: &ListOffsetsPartitionResponse) -> Result<Found, ErrorCode> {
    match ErrorCode::from_code(row.error_code).unwrap_or(ErrorCode::UnknownServerError) {
        ErrorCode::None => Ok(Found {
            offset: (row.offset >= 0).then_some(row.offset),
            timestamp_ms: (row.timestamp >= 0).then_some(row.timestamp),
            leader_epoch: LeaderEpoch(row.leader_epoch),
        }),
        code => Err(code),
    }
}
