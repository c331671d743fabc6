//! What a member of a consumer group owns (KIP-848).

use base::Uuid;
use wire_derive::Message;

/// Which member.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[message(data, key = 8, versions = "0")]
pub struct ConsumerGroupCurrentMemberAssignmentKey {
    #[message(versions = "0")]
    pub group_id: String,
    #[message(versions = "0")]
    pub member_id: String,
}

/// What it owns and what it still has to give up.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[message(data, key = 8, versions = "0", flexible = "0+")]
pub struct ConsumerGroupCurrentMemberAssignmentValue {
    #[message(versions = "0+")]
    pub member_epoch: i32,
    #[message(versions = "0+")]
    pub previous_member_epoch: i32,
    /// 0: stable; 1: has partitions to give up; 2: waits for partitions of others.
    /// 127: a state of a later release.
    #[message(versions = "0+")]
    pub state: i8,
    #[message(versions = "0+")]
    pub assigned_partitions: Vec<TopicPartitions>,
    #[message(versions = "0+")]
    pub partitions_pending_revocation: Vec<TopicPartitions>,
}

/// Partitions of a topic.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
pub struct TopicPartitions {
    #[message(versions = "0+")]
    pub topic_id: Uuid,
    #[message(versions = "0+")]
    pub partitions: Vec<i32>,
    /// The epoch in which the member was given each partition; null: not known.
    #[message(versions = "0+", tagged = "0+", tag = 0, nullable = "0+")]
    pub assignment_epochs: Option<Vec<i32>>,
}
