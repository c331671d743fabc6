//! Produce requests as they are put together, and the answers as they are taken apart.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::{ErrorCode, LeaderEpoch, NodeId, TopicId, TopicPartition};
use bytes::Bytes;
use wire::Records;
use wire::produce::{
    PartitionProduceData, PartitionProduceResponse, ProduceRequest, ProduceResponse,
    TopicProduceData,
};

use super::batch::BatchKey;
use super::outcome::RecordRefusal;
use crate::metadata_cache::MetadataCache;

/// The last version in which topics go by name: without an id there is no going further.
const NAMED_VERSION_MAX: i16 = 12;
/// What a request takes beside its batches, for each of them: an upper bound.
pub(super) const PARTITION_OVERHEAD_BYTES: usize = 32;

/// A request while batches are put into it.
#[derive(Debug, Default)]
pub(super) struct Draft {
    topics: BTreeMap<Arc<str>, Vec<(i32, Bytes)>>,
    /// The batches in it.
    pub(super) batches: Vec<(TopicPartition, BatchKey)>,
    pub(super) size_bytes: usize,
}

impl Draft {
    pub(super) fn push(&mut self, partition: &TopicPartition, key: BatchKey, bytes: Bytes) {
        self.size_bytes += bytes.len() + PARTITION_OVERHEAD_BYTES;
        self.batches.push((partition.clone(), key));
        let topic = self.topics.entry(partition.topic.clone()).or_default();
        topic.push((partition.partition.0, bytes));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// The request, and the highest version that can name its topics and says what is meant:
    /// `transaction` is a transactional id and the highest version of its flow.
    pub(super) fn into_request(
        self,
        metadata: &MetadataCache,
        acks: i16,
        timeout_ms: i32,
        transaction: Option<(String, i16)>,
    ) -> (ProduceRequest, i16) {
        let (transactional_id, mut version_max) = match transaction {
            Some((id, version_max)) => (Some(id), version_max),
            None => (None, i16::MAX),
        };
        let topic_data = self.topics.into_iter().map(|(name, partitions)| {
            let id = metadata.topic(&name).map_or(TopicId::ZERO, |topic| topic.id);
            if id.is_zero() {
                version_max = version_max.min(NAMED_VERSION_MAX);
            }
            let partition_data = partitions.into_iter().map(|(index, bytes)| {
                PartitionProduceData { index, records: Some(Records::Bytes(bytes)) }
            });
            TopicProduceData {
                name: name.to_string(),
                topic_id: id.0,
                partition_data: partition_data.collect(),
            }
        });
        let topic_data = topic_data.collect();
        (ProduceRequest { transactional_id, acks, timeout_ms, topic_data }, version_max)
    }
}

/// What a broker said about one batch.
#[derive(Clone, Debug)]
pub(super) struct Verdict {
    pub(super) code: ErrorCode,
    pub(super) message: Option<String>,
    pub(super) base_offset: Option<i64>,
    pub(super) log_append_time_ms: Option<i64>,
    pub(super) records: Vec<RecordRefusal>,
    pub(super) leader: Option<(NodeId, LeaderEpoch)>,
}

/// What `response` says about each of `batches`; `None` where it says nothing.
pub(super) fn verdicts(
    response: &ProduceResponse,
    batches: Vec<(TopicPartition, BatchKey)>,
    metadata: &MetadataCache,
) -> Vec<(TopicPartition, BatchKey, Option<Verdict>)> {
    let find = |partition: &TopicPartition| {
        let id = metadata.topic(&partition.topic).map(|topic| topic.id);
        let is_topic = |name: &str, topic_id: TopicId| {
            if name.is_empty() { Some(topic_id) == id } else { name == &*partition.topic }
        };
        response
            .responses
            .iter()
            .find(|topic| is_topic(&topic.name, TopicId(topic.topic_id)))?
            .partition_responses
            .iter()
            .find(|row| row.index == partition.partition.0)
    };
    let judged = batches.into_iter().map(|(partition, key)| {
        let verdict = find(&partition).map(Verdict::of);
        (partition, key, verdict)
    });
    judged.collect()
}

impl Verdict {
    fn of(row: &PartitionProduceResponse) -> Self {
        let records = row.record_errors.iter().filter_map(|record| {
            let index = u32::try_from(record.batch_index).ok()?;
            Some(RecordRefusal { index, message: record.batch_index_error_message.clone() })
        });
        let leader = &row.current_leader;
        Self {
            code: ErrorCode::from_code(row.error_code).unwrap_or(ErrorCode::UnknownServerError),
            message: row.error_message.clone(),
            base_offset: (row.base_offset >= 0).then_some(row.base_offset),
            log_append_time_ms: (row.log_append_time_ms >= 0).then_some(row.log_append_time_ms),
            records: records.collect(),
            leader: (leader.leader_id >= 0)
                .then_some((NodeId(leader.leader_id), LeaderEpoch(leader.leader_epoch))),
        }
    }
}
