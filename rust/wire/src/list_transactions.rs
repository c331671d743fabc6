//! ListTransactions: the transactional ids of a coordinator (KIP-664).
//!
//! Key 66. Versions 0-2, flexible from 0.
//!
//! - 1: those that have been under way for long (KIP-994)
//! - 2: those whose id matches a pattern (KIP-1152)

use wire_derive::Message;

/// Which of them; empty lists are all.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(request, key = 66, versions = "0-2", flexible = "0+")]
pub struct ListTransactionsRequest {
    #[message(versions = "0+")]
    pub state_filters: Vec<String>,
    #[message(versions = "0+")]
    pub producer_id_filters: Vec<i64>,
    /// Under way for longer than this many milliseconds; negative: however long.
    #[message(versions = "1+", default = "-1")]
    pub duration_filter: i64,
    #[message(versions = "2+", nullable = "2+", default = "null")]
    pub transactional_id_pattern: Option<String>,
}

/// Them.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(response, key = 66, versions = "0-2", flexible = "0+")]
pub struct ListTransactionsResponse {
    #[message(versions = "0+")]
    pub throttle_time_ms: i32,
    #[message(versions = "0+")]
    pub error_code: i16,
    /// States that the coordinator does not know.
    #[message(versions = "0+")]
    pub unknown_state_filters: Vec<String>,
    #[message(versions = "0+")]
    pub transaction_states: Vec<TransactionState>,
}

/// A transactional id.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct TransactionState {
    #[message(versions = "0+")]
    pub transactional_id: String,
    #[message(versions = "0+")]
    pub producer_id: i64,
    #[message(versions = "0+")]
    pub transaction_state: String,
}
