//! One dynamic configuration value of a topic, a broker, or all brokers.

/// A key has been set, or deleted if the value is null.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigRecord {
    /// Kafka's number for topics (2) and brokers (4).
    pub resource_type: i8,
    /// The topic's name, the broker's number, or nothing for all brokers.
    pub resource_name: String,
    /// The key.
    pub name: String,
    /// The value.
    pub value: Option<String>,
}
