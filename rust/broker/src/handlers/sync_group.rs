//! `SyncGroup` (key 14), v0-v5: the leader hands in the assignment, and every member gets its part.
//!
//! v3 knows static members (KIP-345), v5 says which protocol the member believes in (KIP-559).

use wire::sync_group::{SyncGroupRequest, SyncGroupResponse};

use crate::request::RequestContext;

/// Lets the group's coordinator answer.
pub(crate) async fn handle(
    context: RequestContext,
    request: SyncGroupRequest,
) -> SyncGroupResponse {
    let group = request.group_id.clone();
    context.ask_group(&group, request).await.unwrap_or_else(|code| SyncGroupResponse {
        error_code: code.code(),
        ..SyncGroupResponse::default()
    })
}
