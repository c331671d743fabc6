//! EndTxn: commits or aborts a transaction (KIP-98).
//!
//! Key 26. Versions 0-5, flexible from 3.
//!
//! - 1: the broker answers before it throttles (KIP-219)
//! - 2: the answer may be `PRODUCER_FENCED` (KIP-588)
//! - 3: flexible (KIP-482)
//! - 4: the answer may be `TRANSACTION_ABORTABLE` (KIP-890)
//! - 5: the epoch is bumped with every transaction, and the answer tells it (KIP-890)

use wire_derive::Message;

/// Which transaction, and how it ends.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(request, key = 26, versions = "0-5", flexible = "3+")]
pub struct EndTxnRequest {
    #[message(versions = "0+")]
    pub transactional_id: String,
    #[message(versions = "0+")]
    pub producer_id: i64,
    #[message(versions = "0+")]
    pub producer_epoch: i16,
    #[message(versions = "0+")]
    pub committed: bool,
}

/// Whether it has ended, and the id and epoch for the next one.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(response, key = 26, versions = "0-5", flexible = "3+")]
pub struct EndTxnResponse {
    #[message(versions = "0+")]
    pub throttle_time_ms: i32,
    #[message(versions = "0+")]
    pub error_code: i16,
    #[message(versions = "5+", default = "-1", ignorable)]
    pub producer_id: i64,
    #[message(versions = "5+", default = "-1", ignorable)]
    pub producer_epoch: i16,
}
