//! `ConsumerGroupHeartbeat` (key 68), v0-v1: a member of a consumer group joins, stays and leaves,
//! and is told its assignment (KIP-848).

use base::ErrorCode;
use wire::consumer_group_heartbeat::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse,
};

use crate::request::RequestContext;

/// Lets the group's coordinator answer.
pub(crate) async fn handle(
    context: RequestContext,
    request: ConsumerGroupHeartbeatRequest,
) -> ConsumerGroupHeartbeatResponse {
    let failed = |code: ErrorCode| ConsumerGroupHeartbeatResponse {
        error_code: code.code(),
        ..ConsumerGroupHeartbeatResponse::default()
    };
    if !context.broker.config.consumer_protocol_enable {
        return failed(ErrorCode::UnsupportedVersion);
    }
    let group = request.group_id.clone();
    context.ask_group(&group, request).await.unwrap_or_else(failed)
}
