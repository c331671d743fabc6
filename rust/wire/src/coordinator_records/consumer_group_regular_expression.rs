//! The topics that a regular expression of a consumer group matches (KIP-848).

use wire_derive::Message;

/// Which expression of which group.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[message(data, key = 16, versions = "0")]
pub struct ConsumerGroupRegularExpressionKey {
    #[message(versions = "0")]
    pub group_id: String,
    #[message(versions = "0")]
    pub regular_expression: String,
}

/// The topics that it matches.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[message(data, key = 16, versions = "0", flexible = "0+")]
pub struct ConsumerGroupRegularExpressionValue {
    #[message(versions = "0+")]
    pub topics: Vec<String>,
    /// The version of the metadata in which they were looked for.
    #[message(versions = "0+")]
    pub version: i64,
    #[message(versions = "0+")]
    pub timestamp: i64,
}
