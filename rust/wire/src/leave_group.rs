//! LeaveGroup: members leave a classic group without waiting for their sessions to end.
//!
//! Key 13. Versions 0-5, flexible from 4.
//!
//! - 1: throttle time (KIP-124)
//! - 2: the broker answers before it throttles (KIP-219)
//! - 3: several members at once, static ones too (KIP-345)
//! - 4: flexible (KIP-482)
//! - 5: the reason for leaving (KIP-800)

use wire_derive::Message;

/// Who leaves.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(request, key = 13, versions = "0-5", flexible = "4+")]
pub struct LeaveGroupRequest {
    #[message(versions = "0+")]
    pub group_id: String,
    #[message(versions = "0-2")]
    pub member_id: String,
    #[message(versions = "3+")]
    pub members: Vec<MemberIdentity>,
}

/// A member.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct MemberIdentity {
    /// Empty if the member is named by its instance id, as a tool does that removes it.
    #[message(versions = "3+")]
    pub member_id: String,
    #[message(versions = "3+", nullable = "3+", default = "null")]
    pub group_instance_id: Option<String>,
    #[message(versions = "5+", nullable = "5+", default = "null", ignorable)]
    pub reason: Option<String>,
}

/// Who has left.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(response, key = 13, versions = "0-5", flexible = "4+")]
pub struct LeaveGroupResponse {
    #[message(versions = "1+", ignorable)]
    pub throttle_time_ms: i32,
    #[message(versions = "0+")]
    pub error_code: i16,
    #[message(versions = "3+")]
    pub members: Vec<MemberResponse>,
}

/// What became of one member.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct MemberResponse {
    #[message(versions = "3+")]
    pub member_id: String,
    #[message(versions = "3+", nullable = "3+")]
    pub group_instance_id: Option<String>,
    #[message(versions = "3+")]
    pub error_code: i16,
}
