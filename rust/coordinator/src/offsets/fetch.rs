//! OffsetFetch: how far has a group come.

use base::{ErrorCode, TopicId, Uuid};
use wire::coordinator_records::OffsetCommitValue;
use wire::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics, OffsetFetchResponse,
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
    OffsetFetchResponseTopic, OffsetFetchResponseTopics,
};

use super::CommittedOffset;
use crate::request::Client;
use crate::shard::Shard;

/// From here on a request names groups in the plural (KIP-709).
const GROUPS_VERSION: i16 = 8;
/// From here on topics are named by their ids (KIP-848).
const TOPIC_ID_VERSION: i16 = 10;

impl Shard {
    /// With `require_stable` (KIP-447) an offset is not told that a transaction which has not ended
    /// may replace: whoever asks is to come again.
    pub(crate) fn fetch_offsets(
        &self,
        client: &Client,
        request: &OffsetFetchRequest,
    ) -> OffsetFetchResponse {
        let version = client.api_version;
        let stable = request.require_stable;
        if version >= GROUPS_VERSION {
            let groups = request.groups.iter();
            let groups = groups.map(|group| self.fetch_group(version, stable, group)).collect();
            return OffsetFetchResponse { groups, ..OffsetFetchResponse::default() };
        }
        let topics = request.topics.as_ref().map(|topics| {
            let plural = topics.iter().map(|topic| OffsetFetchRequestTopics {
                name: topic.name.clone(),
                topic_id: Uuid::ZERO,
                partition_indexes: topic.partition_indexes.clone(),
            });
            plural.collect()
        });
        let group_id = request.group_id.clone();
        let group = OffsetFetchRequestGroup { group_id, topics, member_id: None, member_epoch: -1 };
        singular(self.fetch_group(version, stable, &group))
    }

    fn fetch_group(
        &self,
        version: i16,
        stable: bool,
        request: &OffsetFetchRequestGroup,
    ) -> OffsetFetchResponseGroup {
        let mut response = OffsetFetchResponseGroup {
            group_id: request.group_id.clone(),
            ..OffsetFetchResponseGroup::default()
        };
        if let Some(group) = self.consumer.get(&request.group_id)
            && let Err(error) = group.validate_fetch(request)
        {
            response.error_code = error.code();
            return response;
        }
        response.topics = match &request.topics {
            Some(topics) => {
                let fetch = |topic| self.fetch_topic(version, stable, &request.group_id, topic);
                topics.iter().map(fetch).collect()
            }
            None => self.fetch_all_topics(version, stable, &request.group_id),
        };
        response
    }

    fn fetch_topic(
        &self,
        version: i16,
        stable: bool,
        group: &str,
        topic: &OffsetFetchRequestTopics,
    ) -> OffsetFetchResponseTopics {
        let by_id = version >= TOPIC_ID_VERSION;
        let image = if by_id {
            self.image.topic(TopicId(topic.topic_id))
        } else {
            self.image.topic_by_name(&topic.name)
        };
        let name = if by_id { image.map_or("", |image| &image.name) } else { &topic.name };
        let topic_id = image.map_or(Uuid::ZERO, |image| image.id.0);
        let unknown = by_id && image.is_none();
        let fetch = |&index: &i32| {
            if unknown {
                return absent(index, ErrorCode::UnknownTopicId);
            }
            if stable && self.offsets.is_pending(group, name, index) {
                return absent(index, ErrorCode::UnstableOffsetCommit);
            }
            match self.offsets.get(group, name, index) {
                Some(value) if is_of(value, topic_id) => present(index, value),
                _ => absent(index, ErrorCode::None),
            }
        };
        OffsetFetchResponseTopics {
            name: topic.name.clone(),
            topic_id: topic.topic_id,
            partitions: topic.partition_indexes.iter().map(fetch).collect(),
        }
    }

    fn fetch_all_topics(
        &self,
        version: i16,
        stable: bool,
        group: &str,
    ) -> Vec<OffsetFetchResponseTopics> {
        let mut topics = Vec::new();
        for (name, partitions) in self.offsets.of_group(group) {
            let topic_id = self.image.topic_by_name(name).map_or(Uuid::ZERO, |topic| topic.id.0);
            // A topic that is gone has no id to be named by.
            if version >= TOPIC_ID_VERSION && topic_id == Uuid::ZERO {
                continue;
            }
            let of_topic = partitions.iter().filter(|(_, offset)| is_of(&offset.value, topic_id));
            let fetch = |(&index, offset): (&i32, &CommittedOffset)| {
                if stable && self.offsets.is_pending(group, name, index) {
                    return absent(index, ErrorCode::UnstableOffsetCommit);
                }
                present(index, &offset.value)
            };
            let partitions: Vec<_> = of_topic.map(fetch).collect();
            if partitions.is_empty() {
                continue;
            }
            topics.push(OffsetFetchResponseTopics {
                name: if version >= TOPIC_ID_VERSION { String::new() } else { name.clone() },
                topic_id: if version >= TOPIC_ID_VERSION { topic_id } else { Uuid::ZERO },
                partitions,
            });
        }
        topics
    }
}

/// Whether the offset was committed for this topic, and not for one that had its name before.
fn is_of(value: &OffsetCommitValue, topic_id: Uuid) -> bool {
    topic_id == Uuid::ZERO || value.topic_id == Uuid::ZERO || value.topic_id == topic_id
}

fn present(partition_index: i32, value: &OffsetCommitValue) -> OffsetFetchResponsePartitions {
    OffsetFetchResponsePartitions {
        partition_index,
        committed_offset: value.offset,
        committed_leader_epoch: value.leader_epoch,
        metadata: Some(value.metadata.clone()),
        error_code: ErrorCode::None.code(),
    }
}

fn absent(partition_index: i32, error: ErrorCode) -> OffsetFetchResponsePartitions {
    OffsetFetchResponsePartitions {
        partition_index,
        committed_offset: -1,
        committed_leader_epoch: -1,
        metadata: Some(String::new()),
        error_code: error.code(),
    }
}

/// One group's answer as it was laid out before there could be several.
fn singular(group: OffsetFetchResponseGroup) -> OffsetFetchResponse {
    let partition = |partition: OffsetFetchResponsePartitions| OffsetFetchResponsePartition {
        partition_index: partition.partition_index,
        committed_offset: partition.committed_offset,
        committed_leader_epoch: partition.committed_leader_epoch,
        metadata: partition.metadata,
        error_code: partition.error_code,
    };
    let topic = |topic: OffsetFetchResponseTopics| OffsetFetchResponseTopic {
        name: topic.name,
        partitions: topic.partitions.into_iter().map(partition).collect(),
    };
    OffsetFetchResponse {
        topics: group.topics.into_iter().map(topic).collect(),
        error_code: group.error_code,
        ..OffsetFetchResponse::default()
    }
}
