//! `LeaveGroup` (key 13), v0-v5: members leave a classic group.
//!
//! v3 names several members, static ones too (KIP-345), v5 has their reasons (KIP-800).

use wire::leave_group::{LeaveGroupRequest, LeaveGroupResponse};

use crate::request::RequestContext;

/// Lets the group's coordinator answer.
pub(crate) async fn handle(
    context: RequestContext,
    request: LeaveGroupRequest,
) -> LeaveGroupResponse {
    let group = request.group_id.clone();
    context.ask_group(&group, request).await.unwrap_or_else(|code| LeaveGroupResponse {
        error_code: code.code(),
        ..LeaveGroupResponse::default()
    })
}
