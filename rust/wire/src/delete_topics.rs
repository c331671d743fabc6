//! DeleteTopics: removes topics.
//!
//! Key 20. Versions 1-6, flexible from 4.
//!
//! - 1: throttle time (KIP-124)
//! - 2: the broker answers before it throttles (KIP-219)
//! - 3: the answer may be `TOPIC_DELETION_DISABLED` (KIP-322)
//! - 4: flexible (KIP-482)
//! - 5: error messages; the answer may be `THROTTLING_QUOTA_EXCEEDED` (KIP-599)
//! - 6: topics by name or by id (KIP-516)

use base::Uuid;
use wire_derive::Message;

/// Topics to remove.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(request, key = 20, versions = "1-6", flexible = "4+")]
pub struct DeleteTopicsRequest {
    #[message(versions = "6+")]
    pub topics: Vec<DeleteTopicState>,
    #[message(versions = "0-5", ignorable)]
    pub topic_names: Vec<String>,
    #[message(versions = "0+")]
    pub timeout_ms: i32,
}

/// A topic, by name or by id.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct DeleteTopicState {
    #[message(versions = "6+", nullable = "6+", default = "null")]
    pub name: Option<String>,
    #[message(versions = "6+")]
    pub topic_id: Uuid,
}

/// What has become of each topic.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(response, key = 20, versions = "1-6", flexible = "4+")]
pub struct DeleteTopicsResponse {
    #[message(versions = "1+", ignorable)]
    pub throttle_time_ms: i32,
    #[message(versions = "0+")]
    pub responses: Vec<DeletableTopicResult>,
}

/// The topic that was removed, or why it was not.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct DeletableTopicResult {
    #[message(versions = "0+", nullable = "6+")]
    pub name: Option<String>,
    #[message(versions = "6+", ignorable)]
    pub topic_id: Uuid,
    #[message(versions = "0+")]
    pub error_code: i16,
    #[message(versions = "5+", nullable = "5+", default = "null", ignorable)]
    pub error_message: Option<String>,
}
