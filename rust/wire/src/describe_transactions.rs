//! DescribeTransactions: what a coordinator knows of transactions (KIP-664).
//!
//! Key 65. Version 0, flexible.

use wire_derive::Message;

/// Which ones.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(request, key = 65, versions = "0", flexible = "0+")]
pub struct DescribeTransactionsRequest {
    #[message(versions = "0+")]
    pub transactional_ids: Vec<String>,
}

/// Them.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(response, key = 65, versions = "0", flexible = "0+")]
pub struct DescribeTransactionsResponse {
    #[message(versions = "0+")]
    pub throttle_time_ms: i32,
    #[message(versions = "0+")]
    pub transaction_states: Vec<TransactionState>,
}

/// A transactional id, with its last transaction.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct TransactionState {
    #[message(versions = "0+")]
    pub error_code: i16,
    #[message(versions = "0+")]
    pub transactional_id: String,
    #[message(versions = "0+")]
    pub transaction_state: String,
    #[message(versions = "0+")]
    pub transaction_timeout_ms: i32,
    /// -1: none is under way.
    #[message(versions = "0+")]
    pub transaction_start_time_ms: i64,
    #[message(versions = "0+")]
    pub producer_id: i64,
    #[message(versions = "0+")]
    pub producer_epoch: i16,
    /// What is in the transaction, or still waits for its marker.
    #[message(versions = "0+")]
    pub topics: Vec<TopicData>,
}

/// Partitions of a topic.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct TopicData {
    #[message(versions = "0+")]
    pub topic: String,
    #[message(versions = "0+")]
    pub partitions: Vec<i32>,
}
