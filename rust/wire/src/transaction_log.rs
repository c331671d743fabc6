//! The records of `__transaction_state`: what a transaction coordinator keeps, in Kafka's own
//! layout, so that a foreign tool can read the topic. The version stands in front of key and value.

use wire_derive::Message;

/// Whose transactions.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[message(data, key = 0, versions = "0")]
pub struct TransactionLogKey {
    #[message(versions = "0")]
    pub transactional_id: String,
}

/// Where the producer and its last transaction stand.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[message(data, key = 0, versions = "0-1", flexible = "1+")]
pub struct TransactionLogValue {
    #[message(versions = "0+")]
    pub producer_id: i64,
    /// The id before the last transaction ended, with which its end may be asked for again.
    #[message(versions = "1+", tagged = "1+", tag = 0, default = "-1")]
    pub previous_producer_id: i64,
    /// The id from the next transaction on, since the epochs of this one are used up.
    #[message(versions = "1+", tagged = "1+", tag = 1, default = "-1")]
    pub next_producer_id: i64,
    #[message(versions = "0+")]
    pub producer_epoch: i16,
    /// The epoch that belongs to the next id; -1: it is 0, or there is no such id.
    #[message(versions = "1+", tagged = "1+", tag = 3, default = "-1")]
    pub next_producer_epoch: i16,
    #[message(versions = "0+")]
    pub transaction_timeout_ms: i32,
    #[message(versions = "0+")]
    pub transaction_status: i8,
    /// Null: none may be.
    #[message(versions = "0+", nullable = "0+")]
    pub transaction_partitions: Option<Vec<PartitionsSchema>>,
    #[message(versions = "0+")]
    pub transaction_last_update_timestamp_ms: i64,
    #[message(versions = "0+")]
    pub transaction_start_timestamp_ms: i64,
    #[message(versions = "1+", tagged = "1+", tag = 2)]
    pub client_transaction_version: i16,
}

/// Partitions of a topic that are in the transaction.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
pub struct PartitionsSchema {
    #[message(versions = "0+")]
    pub topic: String,
    #[message(versions = "0+")]
    pub partition_ids: Vec<i32>,
}
