//! `JoinGroup` (key 11), v0-v9: a member joins a classic group; the answer leaves when all have.
//!
//! v4 hands out member ids (KIP-394), v5 knows static members (KIP-345), v9 lets a static leader
//! keep the assignment (KIP-814).

use wire::join_group::{JoinGroupRequest, JoinGroupResponse};

use crate::request::RequestContext;

/// Lets the group's coordinator answer.
pub(crate) async fn handle(
    context: RequestContext,
    request: JoinGroupRequest,
) -> JoinGroupResponse {
    let (group, member_id) = (request.group_id.clone(), request.member_id.clone());
    context.ask_group(&group, request).await.unwrap_or_else(|code| JoinGroupResponse {
        error_code: code.code(),
        member_id,
        ..JoinGroupResponse::default()
    })
}
