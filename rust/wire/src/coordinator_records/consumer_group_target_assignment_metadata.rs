//! When the target assignment of a consumer group was computed (KIP-848).

use wire_derive::Message;

/// Which group.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[message(data, key = 6, versions = "0")]
pub struct ConsumerGroupTargetAssignmentMetadataKey {
    #[message(versions = "0")]
    pub group_id: String,
}

/// For which epoch of the group, and when.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[message(data, key = 6, versions = "0", flexible = "0+")]
pub struct ConsumerGroupTargetAssignmentMetadataValue {
    #[message(versions = "0+")]
    pub assignment_epoch: i32,
    #[message(versions = "0+", tagged = "0+", tag = 0, ignorable)]
    pub assignment_timestamp: i64,
}
