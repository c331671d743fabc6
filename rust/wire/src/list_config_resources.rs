//! ListConfigResources: what has a configuration of its own (KIP-714, KIP-1142).
//!
//! Key 74. Versions 0-1, flexible from 0.
//!
//! - 0: the subscriptions to clients' metrics, under the name `ListClientMetricsResources`
//! - 1: resources of any type, as a filter and in the answer (KIP-1142)

use wire_derive::Message;

/// Which resources to list.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(request, key = 74, versions = "0-1", flexible = "0+")]
pub struct ListConfigResourcesRequest {
    /// Empty: of whatever type.
    #[message(versions = "1+")]
    pub resource_types: Vec<i8>,
}

/// The resources.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(response, key = 74, versions = "0-1", flexible = "0+")]
pub struct ListConfigResourcesResponse {
    #[message(versions = "0+")]
    pub throttle_time_ms: i32,
    #[message(versions = "0+")]
    pub error_code: i16,
    #[message(versions = "0+")]
    pub config_resources: Vec<ConfigResource>,
}

/// A resource.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct ConfigResource {
    #[message(versions = "0+")]
    pub resource_name: String,
    #[message(versions = "1+", ignorable, default = "16")]
    pub resource_type: i8,
}
