//! JoinGroup: a member of a classic group joins it, or rejoins it for a rebalance.
//!
//! Key 11. Versions 0-9, flexible from 6.
//!
//! - 1: a rebalance time-out of its own (KIP-62)
//! - 2: throttle time (KIP-124)
//! - 3: the broker answers before it throttles (KIP-219)
//! - 4: a member without an id is given one and told to come again, `MEMBER_ID_REQUIRED` (KIP-394)
//! - 5: static members (KIP-345)
//! - 6: flexible (KIP-482)
//! - 7: the protocol's type in the answer (KIP-559)
//! - 8: the reason for joining (KIP-800)
//! - 9: the leader may be told to keep the assignment as it is (KIP-814)

use bytes::Bytes;
use wire_derive::Message;

/// Who joins which group, and what it could speak there.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(request, key = 11, versions = "0-9", flexible = "6+")]
pub struct JoinGroupRequest {
    #[message(versions = "0+")]
    pub group_id: String,
    #[message(versions = "0+")]
    pub session_timeout_ms: i32,
    /// How long a rebalance waits for the member; -1: as long as its session.
    #[message(versions = "1+", default = "-1", ignorable)]
    pub rebalance_timeout_ms: i32,
    /// Empty when the member joins for the first time.
    #[message(versions = "0+")]
    pub member_id: String,
    /// Null: not a static member.
    #[message(versions = "5+", nullable = "5+", default = "null")]
    pub group_instance_id: Option<String>,
    /// `consumer`, `connect`, or any other.
    #[message(versions = "0+")]
    pub protocol_type: String,
    /// What it can speak, the best first.
    #[message(versions = "0+")]
    pub protocols: Vec<JoinGroupRequestProtocol>,
    #[message(versions = "8+", nullable = "8+", default = "null", ignorable)]
    pub reason: Option<String>,
}

/// A protocol of the group: for consumers, an assignor.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct JoinGroupRequestProtocol {
    #[message(versions = "0+")]
    pub name: String,
    /// For consumers a `ConsumerProtocolSubscription`; the broker does not look into it.
    #[message(versions = "0+")]
    pub metadata: Bytes,
}

/// The generation that the member is in; the leader is also told who else is.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(response, key = 11, versions = "0-9", flexible = "6+")]
pub struct JoinGroupResponse {
    #[message(versions = "2+", ignorable)]
    pub throttle_time_ms: i32,
    #[message(versions = "0+")]
    pub error_code: i16,
    #[message(versions = "0+", default = "-1")]
    pub generation_id: i32,
    #[message(versions = "7+", nullable = "7+", default = "null", ignorable)]
    pub protocol_type: Option<String>,
    /// What the group speaks from now on.
    #[message(versions = "0+", nullable = "7+")]
    pub protocol_name: Option<String>,
    /// The leader's member id.
    #[message(versions = "0+")]
    pub leader: String,
    /// Whether the leader, a static member come back, keeps the assignment as it is.
    #[message(versions = "9+")]
    pub skip_assignment: bool,
    #[message(versions = "0+")]
    pub member_id: String,
    /// Everybody, for the leader; empty for the others.
    #[message(versions = "0+")]
    pub members: Vec<JoinGroupResponseMember>,
}

/// A member, as the leader sees it.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct JoinGroupResponseMember {
    #[message(versions = "0+")]
    pub member_id: String,
    #[message(versions = "5+", nullable = "5+", default = "null", ignorable)]
    pub group_instance_id: Option<String>,
    #[message(versions = "0+")]
    pub metadata: Bytes,
}
