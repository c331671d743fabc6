//! One dynamic configuration value of a topic, a group, a broker, or all brokers.

use wire_derive::Message;

/// A key has been set, or deleted if the value is null.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[message(data, key = 4, versions = "0", flexible = "0+")]
pub struct ConfigRecord {
    /// Kafka's number for topics (2), brokers (4) and groups (32).
    #[message(versions = "0+")]
    pub resource_type: i8,
    /// The topic's name, the group's id, the broker's number, or nothing for all brokers.
    #[message(versions = "0+")]
    pub resource_name: String,
    /// The key.
    #[message(versions = "0+")]
    pub name: String,
    /// The value.
    #[message(versions = "0+", nullable = "0+", default = "null")]
    pub value: Option<String>,
}
