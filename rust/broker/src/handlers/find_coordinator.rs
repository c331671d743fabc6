//! `FindCoordinator` (key 10), v0-v6: there is no coordinator yet, and this says so.
//!
//! It is served all the same, because librdkafka takes the API for the sign of a broker that knows
//! LZ4, and sends plain batches to one without it. A consumer that assigns itself partitions goes
//! on without an answer; one that joins a group waits, as it does while Kafka's coordinator is
//! away.

use base::{ErrorCode, NodeId};
use wire::find_coordinator::{Coordinator, FindCoordinatorRequest, FindCoordinatorResponse};

use crate::request::RequestContext;

/// The first version that asks for several keys.
const BATCHED_VERSION_MIN: i16 = 4;
const MESSAGE: &str = "this broker coordinates no groups and no transactions yet";
const NO_PORT: i32 = -1;

/// Answers every key with `COORDINATOR_NOT_AVAILABLE`.
pub(crate) fn handle(
    context: &RequestContext,
    request: FindCoordinatorRequest,
) -> FindCoordinatorResponse {
    if context.api_version >= BATCHED_VERSION_MIN {
        let coordinators = request.coordinator_keys.into_iter().map(unavailable).collect();
        return FindCoordinatorResponse { coordinators, ..FindCoordinatorResponse::default() };
    }
    let Coordinator { node_id, host, port, error_code, error_message, .. } =
        unavailable(request.key);
    FindCoordinatorResponse {
        node_id,
        host,
        port,
        error_code,
        error_message,
        ..FindCoordinatorResponse::default()
    }
}

fn unavailable(key: String) -> Coordinator {
    Coordinator {
        key,
        node_id: NodeId::NONE.0,
        port: NO_PORT,
        error_code: ErrorCode::CoordinatorNotAvailable.code(),
        error_message: Some(MESSAGE.to_owned()),
        ..Coordinator::default()
    }
}
