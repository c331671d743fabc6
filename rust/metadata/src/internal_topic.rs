//! The topics that brokers keep for themselves, by Kafka's names.

/// What the coordinator of groups knows.
pub const OFFSETS_TOPIC: &str = "__consumer_offsets";
/// What the coordinator of transactions knows.
pub const TRANSACTIONS_TOPIC: &str = "__transaction_state";
/// What the coordinator of share groups would know.
const SHARE_GROUPS_TOPIC: &str = "__share_group_state";

/// Whether a topic of this name belongs to the brokers.
pub fn is_internal(topic: &str) -> bool {
    [OFFSETS_TOPIC, TRANSACTIONS_TOPIC, SHARE_GROUPS_TOPIC].contains(&topic)
}
