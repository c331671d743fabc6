//! A consumer group's epoch (KIP-848).

use wire_derive::Message;

/// Which group.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[message(data, key = 3, versions = "0")]
pub struct ConsumerGroupMetadataKey {
    #[message(versions = "0")]
    pub group_id: String,
}

/// Its epoch, which grows with every change that asks for a new assignment.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[message(data, key = 3, versions = "0", flexible = "0+")]
pub struct ConsumerGroupMetadataValue {
    #[message(versions = "0+")]
    pub epoch: i32,
    /// Of the subscribed topics, to see that one of them has changed.
    #[message(versions = "0+", tagged = "0+", tag = 0)]
    pub metadata_hash: i64,
}
