//! The topics that brokers keep for themselves.

const INTERNAL: [&str; 3] = ["__consumer_offsets", "__transaction_state", "__share_group_state"];

/// Whether a topic of this name belongs to the brokers.
pub(crate) fn is_internal(topic: &str) -> bool {
    INTERNAL.contains(&topic)
}
