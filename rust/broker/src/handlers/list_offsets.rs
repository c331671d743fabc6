//! `ListOffsets` (key 2), v1-v11: the offset at a timestamp, or at one of the special positions.
//!
//! v4 adds leader epochs (KIP-320), v7 the offset of the largest timestamp (KIP-734), v8 and v9 the
//! ends of the tiers (KIP-405, KIP-1005), v11 the earliest pending upload (KIP-1023). Nothing is
//! tiered here: the local log is the whole log.

use std::collections::BTreeMap;

use base::{ErrorCode, LeaderEpoch};
use wire::list_offsets::{
    ListOffsetsPartition, ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsResponse,
    ListOffsetsTopic, ListOffsetsTopicResponse,
};

use crate::partition::Found;
use crate::request::RequestContext;

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
const EARLIEST_LOCAL: i64 = -4;
const LATEST_TIERED: i64 = -5;
const EARLIEST_PENDING_UPLOAD: i64 = -6;
const READ_COMMITTED: i8 = 1;

/// Answers each partition on its own; one that is named twice is refused, as Kafka does. A search
/// by timestamp may have to wait for the disk.
pub(crate) async fn handle(
    context: RequestContext,
    request: ListOffsetsRequest,
) -> ListOffsetsResponse {
    let timestamps = request.topics.iter().flat_map(|topic| &topic.partitions);
    if timestamps.map(|asked| asked.timestamp).any(is_searched) {
        let blocking = context.broker.blocking;
        return blocking.run(move || answer_all(&context, &request)).await;
    }
    answer_all(&context, &request)
}

fn is_searched(timestamp: i64) -> bool {
    timestamp >= 0 || timestamp == MAX_TIMESTAMP
}

fn answer_all(context: &RequestContext, request: &ListOffsetsRequest) -> ListOffsetsResponse {
    let times_asked = times_asked(request);
    let topics = request.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|asked| {
            let found = match times_asked[&(topic.name.as_str(), asked.partition_index)] {
                1 => find(context, request, topic, asked),
                _ => Err(ErrorCode::InvalidRequest),
            };
            answer(asked.partition_index, found)
        });
        ListOffsetsTopicResponse { name: topic.name.clone(), partitions: partitions.collect() }
    });
    ListOffsetsResponse { topics: topics.collect(), ..ListOffsetsResponse::default() }
}

fn times_asked(request: &ListOffsetsRequest) -> BTreeMap<(&str, i32), u32> {
    let mut times = BTreeMap::new();
    for topic in &request.topics {
        for partition in &topic.partitions {
            *times.entry((topic.name.as_str(), partition.partition_index)).or_default() += 1;
        }
    }
    times
}

fn find(
    context: &RequestContext,
    request: &ListOffsetsRequest,
    topic: &ListOffsetsTopic,
    asked: &ListOffsetsPartition,
) -> Result<Option<Found>, ErrorCode> {
    if !is_known(asked.timestamp, context.api_version) {
        return Err(ErrorCode::UnsupportedVersion);
    }
    let partition = context.broker.partitions.by_name(&topic.name, asked.partition_index)?;
    partition.check_epoch(LeaderEpoch(asked.current_leader_epoch))?;
    let read_committed = request.isolation_level == READ_COMMITTED;
    match asked.timestamp {
        LATEST => Ok(Some(partition.latest(read_committed))),
        EARLIEST | EARLIEST_LOCAL => Ok(Some(partition.earliest())),
        MAX_TIMESTAMP => partition.max_timestamp(read_committed),
        LATEST_TIERED | EARLIEST_PENDING_UPLOAD => Ok(None),
        timestamp => partition.find_by_timestamp(timestamp, read_committed),
    }
}

/// Whether a special position exists in this version of the API.
fn is_known(timestamp: i64, api_version: i16) -> bool {
    match timestamp {
        MAX_TIMESTAMP => api_version >= 7,
        EARLIEST_LOCAL => api_version >= 8,
        LATEST_TIERED => api_version >= 9,
        EARLIEST_PENDING_UPLOAD => api_version >= 11,
        timestamp => timestamp >= EARLIEST,
    }
}

fn answer(
    partition_index: i32,
    found: Result<Option<Found>, ErrorCode>,
) -> ListOffsetsPartitionResponse {
    let unknown =
        ListOffsetsPartitionResponse { partition_index, ..ListOffsetsPartitionResponse::default() };
    match found {
        Ok(None) => unknown,
        Ok(Some(found)) => ListOffsetsPartitionResponse {
            timestamp: found.timestamp_ms,
            offset: found.offset.0,
            leader_epoch: found.leader_epoch.0,
            ..unknown
        },
        Err(code) => ListOffsetsPartitionResponse { error_code: code.code(), ..unknown },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_special_position_exists_from_the_version_that_brought_it() {
        for (timestamp, first) in [(-1, 1), (-2, 1), (-3, 7), (-4, 8), (-5, 9), (-6, 11), (0, 1)] {
            for version in 1..=11 {
                assert_eq!(
                    is_known(timestamp, version),
                    version >= first,
                    "{timestamp} v{version}"
                );
            }
        }
        assert!(!is_known(-7, 11));
        assert!(!is_known(i64::MIN, 11));
    }
}
