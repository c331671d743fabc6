//! What a member of a consumer group is to own (KIP-848).

use base::Uuid;
use wire_derive::Message;

/// Which member.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[message(data, key = 7, versions = "0")]
pub struct ConsumerGroupTargetAssignmentMemberKey {
    #[message(versions = "0")]
    pub group_id: String,
    #[message(versions = "0")]
    pub member_id: String,
}

/// What it is to own.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[message(data, key = 7, versions = "0", flexible = "0+")]
pub struct ConsumerGroupTargetAssignmentMemberValue {
    #[message(versions = "0+")]
    pub topic_partitions: Vec<TopicPartition>,
}

/// Partitions of a topic.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
pub struct TopicPartition {
    #[message(versions = "0+")]
    pub topic_id: Uuid,
    #[message(versions = "0+")]
    pub partitions: Vec<i32>,
}
