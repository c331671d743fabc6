//! SyncGroup: the leader of a classic group hands in the assignment, and every member gets its
//! part.
//!
//! Key 14. Versions 0-5, flexible from 4.
//!
//! - 1: throttle time (KIP-124)
//! - 2: the broker answers before it throttles (KIP-219)
//! - 3: static members (KIP-345)
//! - 4: flexible (KIP-482)
//! - 5: the protocol that the member believes in, and that the group has (KIP-559)

use bytes::Bytes;
use wire_derive::Message;

/// Who asks for its part; from the leader, all parts.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(request, key = 14, versions = "0-5", flexible = "4+")]
pub struct SyncGroupRequest {
    #[message(versions = "0+")]
    pub group_id: String,
    #[message(versions = "0+")]
    pub generation_id: i32,
    #[message(versions = "0+")]
    pub member_id: String,
    #[message(versions = "3+", nullable = "3+", default = "null")]
    pub group_instance_id: Option<String>,
    #[message(versions = "5+", nullable = "5+", default = "null", ignorable)]
    pub protocol_type: Option<String>,
    #[message(versions = "5+", nullable = "5+", default = "null", ignorable)]
    pub protocol_name: Option<String>,
    /// Empty from all but the leader.
    #[message(versions = "0+")]
    pub assignments: Vec<SyncGroupRequestAssignment>,
}

/// The part of one member.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct SyncGroupRequestAssignment {
    #[message(versions = "0+")]
    pub member_id: String,
    /// For consumers a `ConsumerProtocolAssignment`; the broker does not look into it.
    #[message(versions = "0+")]
    pub assignment: Bytes,
}

/// The member's part.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(response, key = 14, versions = "0-5", flexible = "4+")]
pub struct SyncGroupResponse {
    #[message(versions = "1+", ignorable)]
    pub throttle_time_ms: i32,
    #[message(versions = "0+")]
    pub error_code: i16,
    #[message(versions = "5+", nullable = "5+", default = "null", ignorable)]
    pub protocol_type: Option<String>,
    #[message(versions = "5+", nullable = "5+", default = "null", ignorable)]
    pub protocol_name: Option<String>,
    #[message(versions = "0+")]
    pub assignment: Bytes,
}
