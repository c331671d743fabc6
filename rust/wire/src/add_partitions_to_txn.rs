//! AddPartitionsToTxn: makes partitions part of a transaction, or asks whether they are (KIP-98).
//!
//! Key 24. Versions 0-5, flexible from 3.
//!
//! - 1: the broker answers before it throttles (KIP-219)
//! - 2: the answer may be `PRODUCER_FENCED` (KIP-588)
//! - 3: flexible (KIP-482)
//! - 4: several transactions, and questions only, from brokers (KIP-890)
//! - 5: the answer may be `TRANSACTION_ABORTABLE` (KIP-890)
//!
//! Clients send 3 and below, brokers 4 and above.

use wire_derive::Message;

/// What belongs to which transaction.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(request, key = 24, versions = "0-5", flexible = "3+")]
pub struct AddPartitionsToTxnRequest {
    #[message(versions = "4+")]
    pub transactions: Vec<AddPartitionsToTxnTransaction>,
    #[message(versions = "0-3")]
    pub v3_and_below_transactional_id: String,
    #[message(versions = "0-3")]
    pub v3_and_below_producer_id: i64,
    #[message(versions = "0-3")]
    pub v3_and_below_producer_epoch: i16,
    #[message(versions = "0-3")]
    pub v3_and_below_topics: Vec<AddPartitionsToTxnTopic>,
}

/// A transaction.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct AddPartitionsToTxnTransaction {
    #[message(versions = "4+")]
    pub transactional_id: String,
    #[message(versions = "4+")]
    pub producer_id: i64,
    #[message(versions = "4+")]
    pub producer_epoch: i16,
    /// Nothing is added: whether the partitions are in the transaction is the question.
    #[message(versions = "4+")]
    pub verify_only: bool,
    #[message(versions = "4+")]
    pub topics: Vec<AddPartitionsToTxnTopic>,
}

/// Partitions of a topic.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct AddPartitionsToTxnTopic {
    #[message(versions = "0+")]
    pub name: String,
    #[message(versions = "0+")]
    pub partitions: Vec<i32>,
}

/// What became of each partition.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(response, key = 24, versions = "0-5", flexible = "3+")]
pub struct AddPartitionsToTxnResponse {
    #[message(versions = "0+")]
    pub throttle_time_ms: i32,
    #[message(versions = "4+", ignorable)]
    pub error_code: i16,
    #[message(versions = "4+")]
    pub results_by_transaction: Vec<AddPartitionsToTxnResult>,
    #[message(versions = "0-3")]
    pub results_by_topic_v3_and_below: Vec<AddPartitionsToTxnTopicResult>,
}

/// A transaction.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct AddPartitionsToTxnResult {
    #[message(versions = "4+")]
    pub transactional_id: String,
    #[message(versions = "4+")]
    pub topic_results: Vec<AddPartitionsToTxnTopicResult>,
}

/// A topic.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct AddPartitionsToTxnTopicResult {
    #[message(versions = "0+")]
    pub name: String,
    #[message(versions = "0+")]
    pub results_by_partition: Vec<AddPartitionsToTxnPartitionResult>,
}

/// A partition.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct AddPartitionsToTxnPartitionResult {
    #[message(versions = "0+")]
    pub partition_index: i32,
    #[message(versions = "0+")]
    pub partition_error_code: i16,
}
