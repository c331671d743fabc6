//! DeleteGroups: deletes empty groups with their offsets.
//!
//! Key 42. Versions 0-2, flexible from 2.
//!
//! - 1: the broker answers before it throttles (KIP-219)
//! - 2: flexible (KIP-482)

use wire_derive::Message;

/// Which groups to delete.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(request, key = 42, versions = "0-2", flexible = "2+")]
pub struct DeleteGroupsRequest {
    #[message(versions = "0+")]
    pub groups_names: Vec<String>,
}

/// Which are gone.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(response, key = 42, versions = "0-2", flexible = "2+")]
pub struct DeleteGroupsResponse {
    #[message(versions = "0+")]
    pub throttle_time_ms: i32,
    #[message(versions = "0+")]
    pub results: Vec<DeletableGroupResult>,
}

/// What became of a group.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct DeletableGroupResult {
    #[message(versions = "0+")]
    pub group_id: String,
    #[message(versions = "0+")]
    pub error_code: i16,
}
