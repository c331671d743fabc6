//! Heartbeat: a member of a classic group says that it lives, and hears whether the group
//! rebalances.
//!
//! Key 12. Versions 0-4, flexible from 4.
//!
//! - 1: throttle time (KIP-124)
//! - 2: the broker answers before it throttles (KIP-219)
//! - 3: static members (KIP-345)
//! - 4: flexible (KIP-482)

use wire_derive::Message;

/// Who lives.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(request, key = 12, versions = "0-4", flexible = "4+")]
pub struct HeartbeatRequest {
    #[message(versions = "0+")]
    pub group_id: String,
    #[message(versions = "0+")]
    pub generation_id: i32,
    #[message(versions = "0+")]
    pub member_id: String,
    #[message(versions = "3+", nullable = "3+", default = "null")]
    pub group_instance_id: Option<String>,
}

/// Whether it may go on: `REBALANCE_IN_PROGRESS` asks it to join again.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(response, key = 12, versions = "0-4", flexible = "4+")]
pub struct HeartbeatResponse {
    #[message(versions = "1+", ignorable)]
    pub throttle_time_ms: i32,
    #[message(versions = "0+")]
    pub error_code: i16,
}
