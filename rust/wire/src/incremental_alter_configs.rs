//! IncrementalAlterConfigs: changes single keys of the configuration of topics and brokers
//! (KIP-339).
//!
//! Key 44. Versions 0-1, flexible from 1.
//!
//! - 1: flexible (KIP-482)

use wire_derive::Message;

/// What to change.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(request, key = 44, versions = "0-1", flexible = "1+")]
pub struct IncrementalAlterConfigsRequest {
    #[message(versions = "0+")]
    pub resources: Vec<AlterConfigsResource>,
    #[message(versions = "0+")]
    pub validate_only: bool,
}

/// A topic or broker and what changes.
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

/// A key, its value, and what to do with it.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct AlterableConfig {
    #[message(versions = "0+")]
    pub name: String,
    /// 0: set, 1: delete, 2: append to a list, 3: take out of a list.
    #[message(versions = "0+")]
    pub config_operation: i8,
    #[message(versions = "0+", nullable = "0+")]
    pub value: Option<String>,
}

/// What has become of each resource.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(response, key = 44, versions = "0-1", flexible = "1+")]
pub struct IncrementalAlterConfigsResponse {
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
