//! DescribeConfigs: reads the configuration of topics and brokers (KIP-133).
//!
//! Key 32. Versions 1-4, flexible from 4.
//!
//! - 1: sources and synonyms (KIP-226)
//! - 2: the broker answers before it throttles (KIP-219)
//! - 3: types and documentation (KIP-569)
//! - 4: flexible (KIP-482)

use wire_derive::Message;

/// What to describe.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(request, key = 32, versions = "1-4", flexible = "4+")]
pub struct DescribeConfigsRequest {
    #[message(versions = "0+")]
    pub resources: Vec<DescribeConfigsResource>,
    #[message(versions = "1+")]
    pub include_synonyms: bool,
    #[message(versions = "3+")]
    pub include_documentation: bool,
}

/// A topic or broker, and which of its keys.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct DescribeConfigsResource {
    /// 2: topic, 4: broker, 8: broker logger, 16: client metrics, 32: group.
    #[message(versions = "0+")]
    pub resource_type: i8,
    #[message(versions = "0+")]
    pub resource_name: String,
    /// Null: all of them.
    #[message(versions = "0+", nullable = "0+")]
    pub configuration_keys: Option<Vec<String>>,
}

/// The configurations.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(response, key = 32, versions = "1-4", flexible = "4+")]
pub struct DescribeConfigsResponse {
    #[message(versions = "0+")]
    pub throttle_time_ms: i32,
    #[message(versions = "0+")]
    pub results: Vec<DescribeConfigsResult>,
}

/// The configuration of a topic or broker.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct DescribeConfigsResult {
    #[message(versions = "0+")]
    pub error_code: i16,
    #[message(versions = "0+", nullable = "0+")]
    pub error_message: Option<String>,
    #[message(versions = "0+")]
    pub resource_type: i8,
    #[message(versions = "0+")]
    pub resource_name: String,
    #[message(versions = "0+")]
    pub configs: Vec<DescribeConfigsResourceResult>,
}

/// A key, its value, and where the value comes from.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct DescribeConfigsResourceResult {
    #[message(versions = "0+")]
    pub name: String,
    #[message(versions = "0+", nullable = "0+")]
    pub value: Option<String>,
    #[message(versions = "0+")]
    pub read_only: bool,
    /// 1: topic, 2: this broker, 3: all brokers, 4: the file, 5: default, 6: broker logger, 7:
    /// client metrics, 8: group.
    #[message(versions = "1+", default = "-1", ignorable)]
    pub config_source: i8,
    #[message(versions = "0+")]
    pub is_sensitive: bool,
    #[message(versions = "1+", ignorable)]
    pub synonyms: Vec<DescribeConfigsSynonym>,
    /// 1: boolean, 2: string, 3: int, 4: short, 5: long, 6: double, 7: list, 8: class, 9: password.
    #[message(versions = "3+", ignorable)]
    pub config_type: i8,
    #[message(versions = "3+", nullable = "0+", ignorable)]
    pub documentation: Option<String>,
}

/// One of the places that the value could come from, the strongest first.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct DescribeConfigsSynonym {
    #[message(versions = "1+")]
    pub name: String,
    #[message(versions = "1+", nullable = "0+")]
    pub value: Option<String>,
    #[message(versions = "1+")]
    pub source: i8,
}
