//! OffsetDelete: a group forgets offsets of topics that it does not read (KIP-496).

use base::ErrorCode;
use wire::offset_delete::{
    OffsetDeleteRequest, OffsetDeleteRequestPartition, OffsetDeleteResponse,
    OffsetDeleteResponsePartition, OffsetDeleteResponseTopic,
};

use super::tombstone;
use crate::decision::Decision;
use crate::shard::Shard;

impl Shard {
    pub(crate) fn delete_offsets(
        &self,
        request: &OffsetDeleteRequest,
        decision: &mut Decision,
    ) -> OffsetDeleteResponse {
        let group = request.group_id.as_str();
        if let Err(error) = self.validate_offset_delete(group) {
            let error_code = error.code();
            return OffsetDeleteResponse { error_code, ..OffsetDeleteResponse::default() };
        }
        let mut topics = Vec::with_capacity(request.topics.len());
        for topic in &request.topics {
            let name = topic.name.as_str();
            let is_subscribed = self.is_subscribed(group, name);
            let mut delete = |partition: &OffsetDeleteRequestPartition| {
                let index = partition.partition_index;
                let mut error = ErrorCode::None;
                if is_subscribed {
                    error = ErrorCode::GroupSubscribedToTopic;
                } else if self.offsets.get(group, name, index).is_some()
                    || self.offsets.is_pending(group, name, index)
                {
                    decision.record(tombstone(group, name, index));
                }
                let error_code = error.code();
                OffsetDeleteResponsePartition { partition_index: index, error_code }
            };
            let partitions = topic.partitions.iter().map(&mut delete).collect();
            topics.push(OffsetDeleteResponseTopic { name: topic.name.clone(), partitions });
        }
        OffsetDeleteResponse { topics, ..OffsetDeleteResponse::default() }
    }

    fn validate_offset_delete(&self, group: &str) -> Result<(), ErrorCode> {
        if self.consumer.contains_key(group) {
            return Ok(());
        }
        self.classic.get(group).ok_or(ErrorCode::GroupIdNotFound)?.validate_offset_delete()
    }

    /// Whether members of the group read this topic, as far as the coordinator can tell.
    pub(super) fn is_subscribed(&self, group: &str, topic: &str) -> bool {
        match self.consumer.get(group) {
            Some(group) => group.is_subscribed_to(topic),
            None => self.classic.get(group).is_some_and(|group| group.is_subscribed_to(topic)),
        }
    }
}
