//! DescribeGroups: the members of classic groups and what they were assigned.
//!
//! Key 15. Versions 0-6, flexible from 5.
//!
//! - 1: throttle time (KIP-124)
//! - 2: the broker answers before it throttles (KIP-219)
//! - 3: authorized operations (KIP-430)
//! - 4: static members (KIP-345)
//! - 5: flexible (KIP-482)
//! - 6: an unknown group is `GROUP_ID_NOT_FOUND`, with a message (KIP-1043)

use bytes::Bytes;
use wire_derive::Message;

/// Which groups to describe.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(request, key = 15, versions = "0-6", flexible = "5+")]
pub struct DescribeGroupsRequest {
    #[message(versions = "0+")]
    pub groups: Vec<String>,
    #[message(versions = "3+")]
    pub include_authorized_operations: bool,
}

/// The groups.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(response, key = 15, versions = "0-6", flexible = "5+")]
pub struct DescribeGroupsResponse {
    #[message(versions = "1+", ignorable)]
    pub throttle_time_ms: i32,
    #[message(versions = "0+")]
    pub groups: Vec<DescribedGroup>,
}

/// A group.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct DescribedGroup {
    #[message(versions = "0+")]
    pub error_code: i16,
    #[message(versions = "6+", nullable = "6+", default = "null")]
    pub error_message: Option<String>,
    #[message(versions = "0+")]
    pub group_id: String,
    #[message(versions = "0+")]
    pub group_state: String,
    #[message(versions = "0+")]
    pub protocol_type: String,
    /// What the group speaks: for consumers, the name of an assignor.
    #[message(versions = "0+")]
    pub protocol_data: String,
    #[message(versions = "0+")]
    pub members: Vec<DescribedGroupMember>,
    /// A bit for each operation, or `i32::MIN` if they are not told.
    #[message(versions = "3+", default = "-2147483648")]
    pub authorized_operations: i32,
}

/// A member.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct DescribedGroupMember {
    #[message(versions = "0+")]
    pub member_id: String,
    #[message(versions = "4+", nullable = "4+", default = "null", ignorable)]
    pub group_instance_id: Option<String>,
    #[message(versions = "0+")]
    pub client_id: String,
    #[message(versions = "0+")]
    pub client_host: String,
    #[message(versions = "0+")]
    pub member_metadata: Bytes,
    #[message(versions = "0+")]
    pub member_assignment: Bytes,
}
