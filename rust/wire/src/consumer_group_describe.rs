//! ConsumerGroupDescribe: the members of consumer groups, what they own and what they are to own
//! (KIP-848).
//!
//! Key 69. Versions 0-1, flexible.
//!
//! - 1: whether a member speaks the classic protocol (KIP-1099)

use base::Uuid;
use wire_derive::Message;

/// Which groups to describe.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(request, key = 69, versions = "0-1", flexible = "0+")]
pub struct ConsumerGroupDescribeRequest {
    #[message(versions = "0+")]
    pub group_ids: Vec<String>,
    #[message(versions = "0+")]
    pub include_authorized_operations: bool,
}

/// The groups.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(response, key = 69, versions = "0-1", flexible = "0+")]
pub struct ConsumerGroupDescribeResponse {
    #[message(versions = "0+")]
    pub throttle_time_ms: i32,
    #[message(versions = "0+")]
    pub groups: Vec<DescribedGroup>,
}

/// A group.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct DescribedGroup {
    #[message(versions = "0+")]
    pub error_code: i16,
    #[message(versions = "0+", nullable = "0+", default = "null")]
    pub error_message: Option<String>,
    #[message(versions = "0+")]
    pub group_id: String,
    #[message(versions = "0+")]
    pub group_state: String,
    #[message(versions = "0+")]
    pub group_epoch: i32,
    #[message(versions = "0+")]
    pub assignment_epoch: i32,
    #[message(versions = "0+")]
    pub assignor_name: String,
    #[message(versions = "0+")]
    pub members: Vec<Member>,
    /// A bit for each operation, or `i32::MIN` if they are not told.
    #[message(versions = "0+", default = "-2147483648")]
    pub authorized_operations: i32,
}

/// A member.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct Member {
    #[message(versions = "0+")]
    pub member_id: String,
    #[message(versions = "0+", nullable = "0+", default = "null")]
    pub instance_id: Option<String>,
    #[message(versions = "0+", nullable = "0+", default = "null")]
    pub rack_id: Option<String>,
    #[message(versions = "0+")]
    pub member_epoch: i32,
    #[message(versions = "0+")]
    pub client_id: String,
    #[message(versions = "0+")]
    pub client_host: String,
    #[message(versions = "0+")]
    pub subscribed_topic_names: Vec<String>,
    #[message(versions = "0+", nullable = "0+", default = "null")]
    pub subscribed_topic_regex: Option<String>,
    #[message(versions = "0+")]
    pub assignment: Assignment,
    #[message(versions = "0+")]
    pub target_assignment: Assignment,
    /// 0: speaks the classic protocol; 1: the new one; -1: not known.
    #[message(versions = "1+", default = "-1", ignorable)]
    pub member_type: i8,
}

/// What a member owns or is to own.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct Assignment {
    #[message(versions = "0+")]
    pub topic_partitions: Vec<TopicPartitions>,
}

/// Partitions of a topic.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct TopicPartitions {
    #[message(versions = "0+")]
    pub topic_id: Uuid,
    #[message(versions = "0+")]
    pub topic_name: String,
    #[message(versions = "0+")]
    pub partitions: Vec<i32>,
}
