//! InitProducerId: gives an idempotent producer its id and epoch (KIP-98).
//!
//! Key 22. Versions 0-5, flexible from 2. Version 6 (two-phase commit, KIP-939) is unstable in
//! Kafka 4.3 and left out.
//!
//! - 1: the broker answers before it throttles (KIP-219)
//! - 2: flexible (KIP-482)
//! - 3: a producer may hand in its id and epoch to have the epoch bumped (KIP-360)
//! - 4: the answer may be `PRODUCER_FENCED` (KIP-588)
//! - 5: the answer may be `TRANSACTION_ABORTABLE` (KIP-890)

use wire_derive::Message;

/// Who wants an id.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(request, key = 22, versions = "0-5", flexible = "2+")]
pub struct InitProducerIdRequest {
    /// Null: idempotent only.
    #[message(versions = "0+", nullable = "0+")]
    pub transactional_id: Option<String>,
    #[message(versions = "0+")]
    pub transaction_timeout_ms: i32,
    #[message(versions = "3+", default = "-1")]
    pub producer_id: i64,
    #[message(versions = "3+", default = "-1")]
    pub producer_epoch: i16,
}

/// The id and epoch.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(response, key = 22, versions = "0-5", flexible = "2+")]
pub struct InitProducerIdResponse {
    #[message(versions = "0+", ignorable)]
    pub throttle_time_ms: i32,
    #[message(versions = "0+")]
    pub error_code: i16,
    #[message(versions = "0+", default = "-1")]
    pub producer_id: i64,
    #[message(versions = "0+")]
    pub producer_epoch: i16,
}
