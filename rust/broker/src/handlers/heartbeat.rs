//! `Heartbeat` (key 12), v0-v4: a member of a classic group says that it lives.
//!
//! v3 knows static members (KIP-345).

use base::ErrorCode;
use wire::heartbeat::{HeartbeatRequest, HeartbeatResponse};

use crate::request::RequestContext;

/// Lets the group's coordinator answer. While it loads, every member is taken to be alive, as Kafka
/// takes it: to make it join again would be a rebalance for nothing.
pub(crate) async fn handle(
    context: RequestContext,
    request: HeartbeatRequest,
) -> HeartbeatResponse {
    let group = request.group_id.clone();
    context.ask_group(&group, request).await.unwrap_or_else(|code| HeartbeatResponse {
        error_code: match code {
            ErrorCode::CoordinatorLoadInProgress => ErrorCode::None,
            code => code,
        }
        .code(),
        ..HeartbeatResponse::default()
    })
}
