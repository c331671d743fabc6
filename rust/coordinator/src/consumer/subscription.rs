//! What classic members say to each other inside of the classic protocol: here the coordinator
//! reads it, and writes it, in the assignor's place.

use base::codec::DecodeError;
use bytes::Bytes;
use metadata::MetadataImage;
use wire::consumer_group_heartbeat::TopicPartitions;
use wire::consumer_protocol::assignment::TopicPartition as AssignedPartitions;
use wire::consumer_protocol::{
    self, ConsumerProtocolAssignment, ConsumerProtocolSubscription, subscription,
};

use super::Assignment;

/// The last version that is known; a later one begins like it.
const VERSION_MAX: i16 = 3;

/// What a member reads and holds, and in which version it says so.
pub(crate) fn decode_subscription(
    bytes: &Bytes,
) -> Result<(i16, ConsumerProtocolSubscription), DecodeError> {
    let subscription = consumer_protocol::decode(bytes)?;
    let version = bytes.first_chunk().map_or(0, |version| i16::from_be_bytes(*version));
    Ok((version.clamp(0, VERSION_MAX), subscription))
}

/// What the leader assigned to a member, of the topics that exist; nothing is nothing.
pub(crate) fn decode_assignment(
    bytes: &Bytes,
    image: &MetadataImage,
) -> Result<Assignment, DecodeError> {
    if bytes.is_empty() {
        return Ok(Assignment::default());
    }
    let told: ConsumerProtocolAssignment = consumer_protocol::decode(bytes)?;
    let mut assignment = Assignment::default();
    for topic in told.assigned_partitions {
        let Some(image) = image.topic_by_name(&topic.topic) else { continue };
        for partition in topic.partitions {
            assignment.insert(image.id.0, partition);
        }
    }
    Ok(assignment)
}

/// A member's assignment as a leader would have told it.
pub(crate) fn encode_assignment(
    version: i16,
    assignment: &Assignment,
    image: &MetadataImage,
) -> Bytes {
    let named = assignment.topics().filter_map(|(topic_id, partitions)| {
        let topic = image.topic(base::TopicId(topic_id))?;
        let partitions = partitions.iter().copied().collect();
        Some(AssignedPartitions { topic: topic.name.to_string(), partitions })
    });
    let message = ConsumerProtocolAssignment {
        assigned_partitions: named.collect(),
        ..ConsumerProtocolAssignment::default()
    };
    consumer_protocol::encode(&message, version).expect("every field is in every version")
}

/// What a member says that it holds, of the topics that exist.
pub(crate) fn by_id(
    topics: &[subscription::TopicPartition],
    image: &MetadataImage,
) -> Vec<TopicPartitions> {
    let by_id = |topic: &subscription::TopicPartition| {
        let topic_id = image.topic_by_name(&topic.topic)?.id.0;
        Some(TopicPartitions { topic_id, partitions: topic.partitions.clone() })
    };
    topics.iter().filter_map(by_id).collect()
}
