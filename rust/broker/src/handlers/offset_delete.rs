//! `OffsetDelete` (key 47), v0: forgets how far a group has come with some topics (KIP-496).

use base::ErrorCode;
use wire::offset_delete::{OffsetDeleteRequest, OffsetDeleteResponse};

use crate::request::RequestContext;

/// Lets the group's coordinator answer.
pub(crate) async fn handle(
    context: RequestContext,
    request: OffsetDeleteRequest,
) -> OffsetDeleteResponse {
    let group = request.group_id.clone();
    let failed = |code: ErrorCode| OffsetDeleteResponse {
        error_code: code.code(),
        ..OffsetDeleteResponse::default()
    };
    if group.is_empty() {
        return failed(ErrorCode::InvalidGroupId);
    }
    context.ask_group(&group, request).await.unwrap_or_else(failed)
}
