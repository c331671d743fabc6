//! `InitProducerId` (key 22), v0-v5: gives an idempotent producer its id (KIP-98).
//!
//! v3 lets a producer keep its id and bump its epoch (KIP-360). Transactional ids are refused until
//! transactions exist.

use base::ErrorCode;
use wire::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};

use crate::request::RequestContext;

/// Draws a new producer id with epoch 0. Without a transactional id Kafka does so too for a
/// producer that names its old one: the epoch of a producer that is only idempotent is bumped by
/// the producer itself.
pub(crate) async fn handle(
    context: RequestContext,
    request: InitProducerIdRequest,
) -> InitProducerIdResponse {
    match check(&request) {
        Err(code) => failed(code),
        Ok(()) => match context.broker.producer_ids.next(&context.broker.controller).await {
            Err(code) => failed(code),
            Ok(producer_id) => InitProducerIdResponse {
                producer_id: producer_id.0,
                producer_epoch: 0,
                ..InitProducerIdResponse::default()
            },
        },
    }
}

fn check(request: &InitProducerIdRequest) -> Result<(), ErrorCode> {
    // A producer names both its id and its epoch, or neither.
    if (request.producer_id == -1) != (request.producer_epoch == -1) {
        return Err(ErrorCode::InvalidRequest);
    }
    match &request.transactional_id {
        None => Ok(()),
        Some(id) if id.is_empty() => Err(ErrorCode::InvalidRequest),
        Some(_) => Err(ErrorCode::TransactionalIdAuthorizationFailed),
    }
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
    fn a_transactional_id_is_refused() {
        let transactional_id = Some("t".to_owned());
        let request = InitProducerIdRequest { transactional_id, ..request(-1, -1) };
        assert_eq!(check(&request), Err(ErrorCode::TransactionalIdAuthorizationFailed));
    }
}
