//! CreatePartitions: adds partitions to topics (KIP-195).
//!
//! Key 37. Versions 0-3, flexible from 2.
//!
//! - 1: the broker answers before it throttles (KIP-219)
//! - 2: flexible (KIP-482)
//! - 3: the answer may be `THROTTLING_QUOTA_EXCEEDED` (KIP-599)

use wire_derive::Message;

/// Topics to enlarge.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(request, key = 37, versions = "0-3", flexible = "2+")]
pub struct CreatePartitionsRequest {
    #[message(versions = "0+")]
    pub topics: Vec<CreatePartitionsTopic>,
    #[message(versions = "0+")]
    pub timeout_ms: i32,
    #[message(versions = "0+")]
    pub validate_only: bool,
}

/// A topic and how many partitions it shall have.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct CreatePartitionsTopic {
    #[message(versions = "0+")]
    pub name: String,
    /// All of them, not only the new ones.
    #[message(versions = "0+")]
    pub count: i32,
    #[message(versions = "0+", nullable = "0+")]
    pub assignments: Option<Vec<CreatePartitionsAssignment>>,
}

/// The brokers of a new partition, chosen by hand.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct CreatePartitionsAssignment {
    #[message(versions = "0+")]
    pub broker_ids: Vec<i32>,
}

/// What has become of each topic.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(response, key = 37, versions = "0-3", flexible = "2+")]
pub struct CreatePartitionsResponse {
    #[message(versions = "0+")]
    pub throttle_time_ms: i32,
    #[message(versions = "0+")]
    pub results: Vec<CreatePartitionsTopicResult>,
}

/// A topic, and why it was not enlarged.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct CreatePartitionsTopicResult {
    #[message(versions = "0+")]
    pub name: String,
    #[message(versions = "0+")]
    pub error_code: i16,
    #[message(versions = "0+", nullable = "0+", default = "null")]
    pub error_message: Option<String>,
}
