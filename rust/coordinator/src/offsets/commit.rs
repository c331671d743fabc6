//! OffsetCommit: a group has read so far.

use std::sync::Arc;

use base::{ErrorCode, PartitionIndex, TopicId};
use metadata::image::TopicImage;
use wire::coordinator_records::{OffsetCommitKey, OffsetCommitValue};
use wire::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
    OffsetCommitResponse, OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};

use crate::decision::Decision;
use crate::now::Now;
use crate::record::{CoordinatorRecord, fit_into};
use crate::request::Client;
use crate::shard::Shard;

/// From here on topics are named by their ids (KIP-848).
const TOPIC_ID_VERSION: i16 = 10;
/// From here on the answer may be `GROUP_ID_NOT_FOUND` and `STALE_MEMBER_EPOCH`.
const NEW_ERRORS_VERSION: i16 = 9;
/// More than a record takes besides names and metadata, and more than a batch does besides records.
const COMMIT_BYTES_MAX: usize = 128;
/// No retention of the commit's own.
const DEFAULT_RETENTION_TIME: i64 = -1;

impl Shard {
    pub(crate) fn commit_offsets(
        &mut self,
        now: Now,
        client: &Client,
        request: &OffsetCommitRequest,
        decision: &mut Decision,
    ) -> OffsetCommitResponse {
        if let Err(error) = self.validate_commit(client.api_version, request) {
            return self.refuse_commit(client.api_version, request, error);
        }
        self.hear_of_committer(now, request, decision);
        self.commit_topics(now, client.api_version, request, decision)
    }

    /// What a commit of somebody who may make it comes to.
    pub(super) fn commit_topics(
        &self,
        now: Now,
        version: i16,
        request: &OffsetCommitRequest,
        decision: &mut Decision,
    ) -> OffsetCommitResponse {
        let topics = request
            .topics
            .iter()
            .map(|topic| self.commit_topic(now, version, request, topic, decision))
            .collect();
        if !self.is_small(&decision.records)
            && !fit_into(self.config.append_bytes_max, &decision.records)
        {
            // All of them or none, and a batch cannot be cut.
            decision.records.clear();
            return self.refuse_commit(version, request, ErrorCode::UnknownServerError);
        }
        OffsetCommitResponse { topics, ..OffsetCommitResponse::default() }
    }

    /// Whether the records of a commit fit into a batch beyond doubt, which costs less to say than
    /// to encode them.
    fn is_small(&self, records: &[CoordinatorRecord]) -> bool {
        let bytes = |record: &CoordinatorRecord| match record {
            CoordinatorRecord::OffsetCommit(key, Some(value)) => {
                COMMIT_BYTES_MAX + key.group.len() + key.topic.len() + value.metadata.len()
            }
            _ => self.config.append_bytes_max,
        };
        let all: usize = records.iter().map(bytes).sum();
        COMMIT_BYTES_MAX + all <= self.config.append_bytes_max
    }

    fn validate_commit(
        &self,
        version: i16,
        request: &OffsetCommitRequest,
    ) -> Result<(), ErrorCode> {
        if let Some(group) = self.consumer.get(&request.group_id) {
            return group.validate_commit(
                version,
                request,
                self.known_partitions(version, request),
            );
        }
        if let Some(group) = self.classic.get(&request.group_id) {
            return group.validate_commit(request);
        }
        match request.generation_id_or_member_epoch {
            // A consumer that assigns itself its partitions needs no group.
            ..0 => Ok(()),
            _ if version >= NEW_ERRORS_VERSION => Err(ErrorCode::GroupIdNotFound),
            _ => Err(ErrorCode::IllegalGeneration),
        }
    }

    /// The topic that is meant, by its name or by its id.
    fn topic_of_commit(
        &self,
        version: i16,
        topic: &OffsetCommitRequestTopic,
    ) -> Result<&Arc<TopicImage>, ErrorCode> {
        if version >= TOPIC_ID_VERSION {
            self.image.topic(TopicId(topic.topic_id)).ok_or(ErrorCode::UnknownTopicId)
        } else {
            self.image.topic_by_name(&topic.name).ok_or(ErrorCode::UnknownTopicOrPartition)
        }
    }

    /// Those partitions that exist: the others have an error of their own, whoever the member is.
    pub(super) fn known_partitions<'a>(
        &'a self,
        version: i16,
        request: &'a OffsetCommitRequest,
    ) -> impl Iterator<Item = (TopicId, i32)> + 'a {
        request.topics.iter().flat_map(move |topic| {
            let image = self.topic_of_commit(version, topic).ok();
            topic.partitions.iter().filter_map(move |partition| {
                let index = partition.partition_index;
                let image = image?;
                image.partition(PartitionIndex(index)).map(|_| (image.id, index))
            })
        })
    }

    /// A commit is a sign of life of a classic member, as good as a heartbeat.
    fn hear_of_committer(&mut self, now: Now, request: &OffsetCommitRequest, to: &mut Decision) {
        if !self.consumer.contains_key(&request.group_id)
            && let Some(group) = self.classic.get_mut(&request.group_id)
        {
            group.hear_of_committer(now, &request.member_id, to);
        }
    }

    fn commit_topic(
        &self,
        now: Now,
        version: i16,
        request: &OffsetCommitRequest,
        topic: &OffsetCommitRequestTopic,
        decision: &mut Decision,
    ) -> OffsetCommitResponseTopic {
        let image = self.topic_of_commit(version, topic);
        let commit = |partition: &OffsetCommitRequestPartition| {
            let image = image?;
            if image.partition(PartitionIndex(partition.partition_index)).is_none() {
                return Err(ErrorCode::UnknownTopicOrPartition);
            }
            let value = self.committed_value(now, request, partition, image.id)?;
            let key = OffsetCommitKey {
                group: request.group_id.clone(),
                topic: image.name.to_string(),
                partition: partition.partition_index,
            };
            Ok((key, Some(value)))
        };
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for partition in &topic.partitions {
            let error = match commit(partition) {
                Ok(record) => {
                    decision.record(record);
                    ErrorCode::None
                }
                Err(error) => error,
            };
            partitions.push(answer(partition, error));
        }
        OffsetCommitResponseTopic { name: topic.name.clone(), topic_id: topic.topic_id, partitions }
    }

    fn committed_value(
        &self,
        now: Now,
        request: &OffsetCommitRequest,
        partition: &OffsetCommitRequestPartition,
        topic_id: TopicId,
    ) -> Result<OffsetCommitValue, ErrorCode> {
        let metadata = partition.committed_metadata.clone().unwrap_or_default();
        if is_longer(&metadata, self.config.offset_metadata_max_bytes) {
            return Err(ErrorCode::OffsetMetadataTooLarge);
        }
        let expire_timestamp = match request.retention_time_ms {
            DEFAULT_RETENTION_TIME => -1,
            retention_ms => now.unix_ms.saturating_add(retention_ms),
        };
        Ok(OffsetCommitValue {
            offset: partition.committed_offset,
            leader_epoch: partition.committed_leader_epoch,
            metadata,
            commit_timestamp: now.unix_ms,
            expire_timestamp,
            topic_id: topic_id.0,
        })
    }

    /// The same error for each partition: the request has no place of its own for one. A topic that
    /// is not known is told as such all the same.
    pub(super) fn refuse_commit(
        &self,
        version: i16,
        request: &OffsetCommitRequest,
        error: ErrorCode,
    ) -> OffsetCommitResponse {
        let refused = |topic: &OffsetCommitRequestTopic| {
            let error = self.topic_of_commit(version, topic).err().unwrap_or(error);
            let partitions = topic.partitions.iter();
            OffsetCommitResponseTopic {
                name: topic.name.clone(),
                topic_id: topic.topic_id,
                partitions: partitions.map(|partition| answer(partition, error)).collect(),
            }
        };
        let topics = request.topics.iter().map(refused).collect();
        OffsetCommitResponse { topics, ..OffsetCommitResponse::default() }
    }
}

/// Despite the key's name (`offset.metadata.max.bytes`) Kafka counts as Java does: UTF-16 units.
fn is_longer(metadata: &str, units_max: i32) -> bool {
    let units_max = usize::try_from(units_max).unwrap_or(0);
    metadata.len() > units_max && metadata.encode_utf16().count() > units_max
}

fn answer(
    partition: &OffsetCommitRequestPartition,
    error: ErrorCode,
) -> OffsetCommitResponsePartition {
    OffsetCommitResponsePartition {
        partition_index: partition.partition_index,
        error_code: error.code(),
    }
}
