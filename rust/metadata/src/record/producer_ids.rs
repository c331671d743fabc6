//! A block of producer ids handed to a broker.

/// All ids below `next_producer_id` are taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProducerIdsRecord {
    /// The broker that has the block.
    pub broker_id: i32,
    /// That broker's epoch.
    pub broker_epoch: i64,
    /// The first id of the next block.
    pub next_producer_id: i64,
}
