//! `FindCoordinator` (key 10), v0-v6: which broker coordinates a group, or transactions.
//!
//! v1 asks for transactions too (KIP-98), v4 for several keys (KIP-699), v6 for share groups
//! (KIP-932). Where Kafka makes the first client of a cluster back off while the coordinator's
//! topic is created, the answer waits for it here.

use base::{ErrorCode, NodeId};
use metadata::internal_topic::{OFFSETS_TOPIC, TRANSACTIONS_TOPIC};
use wire::find_coordinator::{Coordinator, FindCoordinatorRequest, FindCoordinatorResponse};

use crate::coordinator_runtime::state_topic;
use crate::request::RequestContext;

/// The first version that asks for several keys.
const BATCHED_VERSION_MIN: i16 = 4;
/// The first version that knows share groups.
const SHARE_VERSION_MIN: i16 = 6;
const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;
const SHARE: i8 = 2;
const NO_PORT: i32 = -1;

/// Answers each key; they are all of one type.
pub(crate) async fn handle(
    context: RequestContext,
    request: FindCoordinatorRequest,
) -> FindCoordinatorResponse {
    let found = find(&context, request.key_type).await;
    let answer = |key| match &found {
        Ok(coordinator) => Coordinator { key, ..coordinator.clone() },
        Err((code, message)) => unavailable(key, *code, message),
    };
    if context.api_version >= BATCHED_VERSION_MIN {
        let coordinators = request.coordinator_keys.into_iter().map(answer).collect();
        return FindCoordinatorResponse { coordinators, ..FindCoordinatorResponse::default() };
    }
    let Coordinator { node_id, host, port, error_code, error_message, .. } = answer(request.key);
    FindCoordinatorResponse {
        node_id,
        host,
        port,
        error_code,
        error_message,
        ..FindCoordinatorResponse::default()
    }
}

/// The coordinator of all groups and transactions: this broker leads every partition of their
/// topics.
async fn find(
    context: &RequestContext,
    key_type: i8,
) -> Result<Coordinator, (ErrorCode, &'static str)> {
    let not_yet = ErrorCode::CoordinatorNotAvailable;
    let topic = match key_type {
        GROUP => OFFSETS_TOPIC,
        TRANSACTION => TRANSACTIONS_TOPIC,
        SHARE if context.api_version >= SHARE_VERSION_MIN => {
            return Err((not_yet, "this broker coordinates no share groups yet"));
        }
        _ => return Err((ErrorCode::InvalidRequest, "the type of the key is not known")),
    };
    let ensured = state_topic::ensure(&context.broker, topic).await;
    ensured.map_err(|code| (code, "the topic of the coordinator could not be created"))?;
    let image = context.broker.controller.image();
    let end_points = context.broker.end_points(&image, &context.connection);
    let own = end_points.into_iter().find(|broker| broker.node_id == context.broker.node_id);
    let own = own.expect("a broker is among its own end points");
    let (node_id, host, port) = (own.node_id.0, own.host, own.port);
    Ok(Coordinator { node_id, host, port, error_message: None, ..Coordinator::default() })
}

fn unavailable(key: String, code: ErrorCode, message: &str) -> Coordinator {
    Coordinator {
        key,
        node_id: NodeId::NONE.0,
        port: NO_PORT,
        error_code: code.code(),
        error_message: Some(message.to_owned()),
        ..Coordinator::default()
    }
}
