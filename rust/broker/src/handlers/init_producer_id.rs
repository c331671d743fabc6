//! `InitProducerId` (key 22), v0-v5: gives a producer its id and epoch (KIP-98).
//!
//! v3 lets a producer keep its id and bump its epoch (KIP-360), v4 knows `PRODUCER_FENCED`
//! (KIP-588). With a transactional id it fences whoever had that before, and ends their
//! transaction.

use base::ErrorCode;
use wire::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};

use crate::coordinator_runtime::InitTransactionalProducer;
use crate::request::RequestContext;

/// Answers an idempotent producer; one with a transactional id the coordinator answers.
pub(crate) async fn handle(
    context: RequestContext,
    request: InitProducerIdRequest,
) -> InitProducerIdResponse {
    init(&context, request).await.unwrap_or_else(failed)
}

/// Draws a new producer id. Without a transactional id Kafka does so too for a producer that names
/// its old one: the epoch of a producer that is only idempotent is bumped by the producer itself.
async fn init(
    context: &RequestContext,
    request: InitProducerIdRequest,
) -> Result<InitProducerIdResponse, ErrorCode> {
    check(&request)?;
    let producer_id = context.broker.producer_ids.next(&context.broker.controller).await?;
    match request.transactional_id.clone() {
        Some(id) => {
            let init = InitTransactionalProducer { request, producer_id };
            context.ask_transaction(&id, init).await
        }
        None => Ok(InitProducerIdResponse {
            producer_id: producer_id.0,
            producer_epoch: 0,
            ..InitProducerIdResponse::default()
        }),
    }
}

fn check(request: &InitProducerIdRequest) -> Result<(), ErrorCode> {
    // A producer names both its id and its epoch, or neither.
    let is_half = (request.producer_id == -1) != (request.producer_epoch == -1);
    if is_half || request.transactional_id.as_deref() == Some("") {
        return Err(ErrorCode::InvalidRequest);
    }
    Ok(())
}

fn failed(code: ErrorCode) -> InitProducerIdResponse {
    InitProducerIdResponse {
        error_code: code.code(),
        producer_id: -1,
        producer_epoch: -1,
        ..InitProducerIdResponse::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(producer_id: i64, producer_epoch: i16) -> InitProducerIdRequest {
        // The protocol's default of the transactional id is the empty one, not none.
        let transactional_id = None;
        InitProducerIdRequest {
            transactional_id,
            producer_id,
            producer_epoch,
            ..Default::default()
        }
    }

    #[test]
    fn a_producer_names_both_its_id_and_its_epoch_or_neither() {
        assert_eq!(check(&request(-1, -1)), Ok(()));
        assert_eq!(check(&request(5, 2)), Ok(()));
        assert_eq!(check(&request(5, -1)), Err(ErrorCode::InvalidRequest));
        assert_eq!(check(&request(-1, 2)), Err(ErrorCode::InvalidRequest));
    }

    #[test]
    fn a_transactional_id_is_not_empty() {
        for (id, expected) in [("t", Ok(())), ("", Err(ErrorCode::InvalidRequest))] {
            let transactional_id = Some(id.to_owned());
            let request = InitProducerIdRequest { transactional_id, ..request(-1, -1) };
            assert_eq!(check(&request), expected);
        }
    }
}
