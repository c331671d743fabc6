//! FindCoordinator: the broker that coordinates a group, a transaction or a share group.
//!
//! Key 10. Versions 0-6, flexible from 3.
//!
//! - 1: transactions too, by the key's type (KIP-98); the answer has a message
//! - 2: the broker answers before it throttles (KIP-219)
//! - 3: flexible (KIP-482)
//! - 4: several keys in one request (KIP-699)
//! - 5: the answer may be `TRANSACTION_ABORTABLE` (KIP-890)
//! - 6: share groups (KIP-932)

use wire_derive::Message;

/// Whose coordinators are looked for.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(request, key = 10, versions = "0-6", flexible = "3+")]
pub struct FindCoordinatorRequest {
    #[message(versions = "0-3")]
    pub key: String,
    /// 0 for a group, 1 for a transactional id, 2 for a share group.
    #[message(versions = "1+")]
    pub key_type: i8,
    #[message(versions = "4+")]
    pub coordinator_keys: Vec<String>,
}

/// Where they are.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(response, key = 10, versions = "0-6", flexible = "3+")]
pub struct FindCoordinatorResponse {
    #[message(versions = "1+", ignorable)]
    pub throttle_time_ms: i32,
    #[message(versions = "0-3")]
    pub error_code: i16,
    #[message(versions = "1-3", nullable = "1-3", ignorable)]
    pub error_message: Option<String>,
    #[message(versions = "0-3")]
    pub node_id: i32,
    #[message(versions = "0-3")]
    pub host: String,
    #[message(versions = "0-3")]
    pub port: i32,
    #[message(versions = "4+")]
    pub coordinators: Vec<Coordinator>,
}

/// The coordinator of one key.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct Coordinator {
    #[message(versions = "4+")]
    pub key: String,
    #[message(versions = "4+")]
    pub node_id: i32,
    #[message(versions = "4+")]
    pub host: String,
    #[message(versions = "4+")]
    pub port: i32,
    #[message(versions = "4+")]
    pub error_code: i16,
    #[message(versions = "4+", nullable = "4+", ignorable)]
    pub error_message: Option<String>,
}
