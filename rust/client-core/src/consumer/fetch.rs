//! Fetch requests and answers for the partitions of one broker.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use base::{ErrorCode, LeaderEpoch, NodeId, TopicId, TopicPartition};
use bytes::Bytes;
use records::batches;
use wire::fetch::{FetchPartition, FetchRequest, FetchResponse, FetchTopic, PartitionData};

use super::aborted::AbortedFilter;
use super::fetched::Run;
use crate::config::{ConsumerConfig, IsolationLevel};
use crate::metadata_cache::MetadataCache;

/// The last version in which topics go by name: without an id there is no going further.
const NAMED_VERSION_MAX: i16 = 12;
/// The first version in which the broker says that the log was cut before what was fetched last
/// (KIP-595).
pub(super) const DIVERGENCE_VERSION_MIN: i16 = 12;
/// No fetch session (KIP-227).
const NO_SESSION_EPOCH: i32 = -1;

/// One partition's part of a request.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) topic_partition: TopicPartition,
    pub(super) offset: i64,
    /// Of the record before.
    pub(super) epoch: LeaderEpoch,
    pub(super) generation: u64,
}

/// How much, and how long to wait for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Helping {
    pub(super) bytes_max: i32,
    pub(super) wait_max_ms: i32,
}

/// The request, and the highest version that can say it. `version` is the one that will be spoken
/// at most.
pub(super) fn request(
    wanted: &[Wanted],
    helping: Helping,
    config: &ConsumerConfig,
    metadata: &MetadataCache,
    version: i16,
) -> (FetchRequest, i16) {
    let mut topics: BTreeMap<Arc<str>, Vec<FetchPartition>> = BTreeMap::new();
    let mut version_max = version;
    for partition in wanted {
        let name = &partition.topic_partition.topic;
        if metadata.topic(name).is_none_or(|topic| topic.id.is_zero()) {
            version_max = version_max.min(NAMED_VERSION_MAX);
        }
    }
    for partition in wanted {
        let known = metadata.partition(&partition.topic_partition);
        let leader_epoch = known.map_or(LeaderEpoch::NONE, |known| known.leader_epoch);
        let last_fetched_epoch =
            if version_max >= DIVERGENCE_VERSION_MIN { partition.epoch.0 } else { -1 };
        let row = FetchPartition {
            partition: partition.topic_partition.partition.0,
            current_leader_epoch: leader_epoch.0,
            fetch_offset: partition.offset,
            last_fetched_epoch,
            partition_max_bytes: config.partition_fetch_bytes_max,
            ..Default::default()
        };
        topics.entry(partition.topic_partition.topic.clone()).or_default().push(row);
    }
    let topics = topics.into_iter().map(|(name, partitions)| FetchTopic {
        topic_id: metadata.topic(&name).map_or(TopicId::ZERO, |topic| topic.id).0,
        topic: name.to_string(),
        partitions,
    });
    let request = FetchRequest {
        max_wait_ms: helping.wait_max_ms,
        min_bytes: config.fetch_bytes_min,
        max_bytes: helping.bytes_max,
        isolation_level: config.isolation_level as i8,
        session_epoch: NO_SESSION_EPOCH,
        topics: topics.collect(),
        ..Default::default()
    };
    (request, version_max)
}

/// The row of an answer that is about a partition.
pub(super) fn find<'a>(
    response: &'a FetchResponse,
    topic_partition: &TopicPartition,
    metadata: &MetadataCache,
) -> Option<&'a PartitionData> {
    let id = metadata.topic(&topic_partition.topic).map(|topic| topic.id);
    let topic = response.responses.iter().find(|topic| {
        if topic.topic.is_empty() {
            Some(TopicId(topic.topic_id)) == id
        } else {
            *topic.topic == *topic_partition.topic
        }
    })?;
    topic.partitions.iter().find(|row| row.partition_index == topic_partition.partition.0)
}

/// The leader that a row names, if it names one (KIP-951).
pub(super) fn named_leader(row: &PartitionData) -> Option<(NodeId, LeaderEpoch)> {
    let leader = &row.current_leader;
    (leader.leader_id >= 0).then_some((NodeId(leader.leader_id), LeaderEpoch(leader.leader_epoch)))
}

/// The code of a row.
pub(super) fn code(row: &PartitionData) -> ErrorCode {
    ErrorCode::from_code(row.error_code).unwrap_or(ErrorCode::UnknownServerError)
}

/// What a row brought.
#[derive(Debug)]
pub(super) struct Brought {
    pub(super) run: Run,
    /// The epoch of the last batch.
    pub(super) epoch: LeaderEpoch,
    /// What could not be read, and where.
    pub(super) corrupt: Option<(i64, String)>,
}

/// Sorts out the batches of a row that was fetched from `offset` on, up to `stop_at`.
pub(super) fn read(
    row: &PartitionData,
    wanted: &Wanted,
    stop_at: Option<i64>,
    isolation_level: IsolationLevel,
) -> Brought {
    let bytes = row.records.as_ref().and_then(|records| records.as_bytes()).cloned();
    let bytes = bytes.unwrap_or_else(Bytes::new);
    let aborted = match isolation_level {
        IsolationLevel::ReadUncommitted => &[],
        IsolationLevel::ReadCommitted => row.aborted_transactions.as_deref().unwrap_or_default(),
    };
    let mut filter = AbortedFilter::new(aborted);
    let mut brought = Brought {
        run: Run {
            batches: VecDeque::default(),
            bytes: bytes.clone(),
            start: wanted.offset,
            end: wanted.offset,
            high_watermark: row.high_watermark,
            log_start: row.log_start_offset,
        },
        epoch: wanted.epoch,
        corrupt: None,
    };
    for batch in batches(bytes) {
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) => {
                brought.corrupt = Some((brought.run.end, error.to_string()));
                break;
            }
        };
        let header = batch.header();
        if stop_at.is_some_and(|stop| header.base_offset.0 >= stop) {
            brought.run.end = stop_at.unwrap_or(brought.run.end).max(brought.run.end);
            break;
        }
        let next_offset = header.next_offset().0;
        let admitted = filter.admits(&batch);
        if next_offset <= brought.run.end {
            continue; // what lies before the offset that was asked for
        }
        brought.run.end = next_offset;
        brought.epoch = header.partition_leader_epoch;
        if admitted {
            brought.run.batches.push_back(batch);
        }
    }
    if let Some(stop) = stop_at {
        brought.run.end = brought.run.end.min(stop.max(wanted.offset));
    }
    brought
}
