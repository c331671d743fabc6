//! A block of producer ids handed to a broker.

use wire_derive::Message;

/// All ids below `next_producer_id` are taken.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[message(data, key = 15, versions = "0", flexible = "0+")]
pub struct ProducerIdsRecord {
    /// The broker that has the block.
    #[message(versions = "0+")]
    pub broker_id: i32,
    /// That broker's epoch.
    #[message(versions = "0+")]
    pub broker_epoch: i64,
    /// The first id of the next block.
    #[message(versions = "0+")]
    pub next_producer_id: i64,
}
