//! AlterConfigs: replaces the whole configuration of topics and brokers (KIP-133).
//!
//! Key 33. Versions 0-2, flexible from 2. What is not named falls back to its default; clients
//! prefer IncrementalAlterConfigs.
//!
//! - 1: the broker answers before it throttles (KIP-219)
//! - 2: flexible (KIP-482)

use wire_derive::Message;

/// What to replace.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(request, key = 33, versions = "0-2", flexible = "2+")]
pub struct AlterConfigsRequest {
    #[message(versions = "0+")]
    pub resources: Vec<AlterConfigsResource>,
    #[message(versions = "0+")]
    pub validate_only: bool,
}

/// A topic or broker and its configuration.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct AlterConfigsResource {
    /// 2: topic, 4: broker, 8: broker logger, 16: client metrics, 32: group.
    #[message(versions = "0+")]
    pub resource_type: i8,
    #[message(versions = "0+")]
    pub resource_name: String,
    #[message(versions = "0+")]
    pub configs: Vec<AlterableConfig>,
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct AlterableConfig {
    #[message(versions = "0+")]
    pub name: String,
    #[message(versions = "0+", nullable = "0+")]
    pub value: Option<String>,
}

/// What has become of each resource.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(response, key = 33, versions = "0-2", flexible = "2+")]
pub struct AlterConfigsResponse {
    #[message(versions = "0+")]
    pub throttle_time_ms: i32,
    #[message(versions = "0+")]
    pub responses: Vec<AlterConfigsResourceResponse>,
}

/// A topic or broker, and why it was not changed.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct AlterConfigsResourceResponse {
    #[message(versions = "0+")]
    pub error_code: i16,
    #[message(versions = "0+", nullable = "0+")]
    pub error_message: Option<String>,
    #[message(versions = "0+")]
    pub resource_type: i8,
    #[message(versions = "0+")]
    pub resource_name: String,
}
