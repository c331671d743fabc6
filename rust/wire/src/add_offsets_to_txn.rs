//! AddOffsetsToTxn: makes a group's offsets part of a transaction (KIP-98).
//!
//! Key 25. Versions 0-4, flexible from 3.
//!
//! - 1: the broker answers before it throttles (KIP-219)
//! - 2: the answer may be `PRODUCER_FENCED` (KIP-588)
//! - 3: flexible (KIP-482)
//! - 4: the answer may be `TRANSACTION_ABORTABLE` (KIP-890)

use wire_derive::Message;

/// Whose offsets.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(request, key = 25, versions = "0-4", flexible = "3+")]
pub struct AddOffsetsToTxnRequest {
    #[message(versions = "0+")]
    pub transactional_id: String,
    #[message(versions = "0+")]
    pub producer_id: i64,
    #[message(versions = "0+")]
    pub producer_epoch: i16,
    #[message(versions = "0+")]
    pub group_id: String,
}

/// Whether they are.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(response, key = 25, versions = "0-4", flexible = "3+")]
pub struct AddOffsetsToTxnResponse {
    #[message(versions = "0+")]
    pub throttle_time_ms: i32,
    #[message(versions = "0+")]
    pub error_code: i16,
}
