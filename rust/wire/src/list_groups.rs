//! ListGroups: the groups that a broker coordinates.
//!
//! Key 16. Versions 0-5, flexible from 3.
//!
//! - 1: throttle time (KIP-124)
//! - 2: the broker answers before it throttles (KIP-219)
//! - 3: flexible (KIP-482)
//! - 4: states, as a filter and in the answer (KIP-518)
//! - 5: types, likewise (KIP-848)

use wire_derive::Message;

/// Which groups to list.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(request, key = 16, versions = "0-5", flexible = "3+")]
pub struct ListGroupsRequest {
    /// Empty: in whatever state.
    #[message(versions = "4+")]
    pub states_filter: Vec<String>,
    /// Empty: of whatever type.
    #[message(versions = "5+")]
    pub types_filter: Vec<String>,
}

/// The groups.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(response, key = 16, versions = "0-5", flexible = "3+")]
pub struct ListGroupsResponse {
    #[message(versions = "1+", ignorable)]
    pub throttle_time_ms: i32,
    #[message(versions = "0+")]
    pub error_code: i16,
    #[message(versions = "0+")]
    pub groups: Vec<ListedGroup>,
}

/// A group.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct ListedGroup {
    #[message(versions = "0+")]
    pub group_id: String,
    #[message(versions = "0+")]
    pub protocol_type: String,
    #[message(versions = "4+", ignorable)]
    pub group_state: String,
    /// `classic`, `consumer`, or another.
    #[message(versions = "5+", ignorable)]
    pub group_type: String,
}
