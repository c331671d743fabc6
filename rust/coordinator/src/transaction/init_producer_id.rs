//! InitProducerId with a transactional id: a producer begins, goes on after an error, or takes the
//! place of another, whose transaction it ends and who is fenced.

use base::{ErrorCode, ProducerEpoch, ProducerId};
use wire::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};

use super::decision::TransactionDecision;
use super::draft::{Draft, Fenced, Producer};
use super::end_txn::understood;
use super::expiry::Room;
use super::shard::TransactionShard;
use super::state::TransactionState;
use crate::now::Now;
use crate::request::Client;

/// From here on the answer may be `PRODUCER_FENCED`.
const PRODUCER_FENCED_VERSION: i16 = 4;

impl TransactionShard {
    pub(super) fn init_producer_id(
        &mut self,
        now: Now,
        client: &Client,
        request: &InitProducerIdRequest,
        to: &mut TransactionDecision,
    ) -> InitProducerIdResponse {
        let (error, producer) = match self.initialize(now, request, to) {
            Ok(producer) => (ErrorCode::None, producer),
            Err(error) => (error, Producer::NONE),
        };
        InitProducerIdResponse {
            error_code: understood(error, client.api_version >= PRODUCER_FENCED_VERSION).code(),
            producer_id: producer.id.0,
            producer_epoch: producer.epoch.0,
            ..InitProducerIdResponse::default()
        }
    }

    fn initialize(
        &mut self,
        now: Now,
        request: &InitProducerIdRequest,
        to: &mut TransactionDecision,
    ) -> Result<Producer, ErrorCode> {
        let expected = expected(request)?;
        let id = request.transactional_id.as_deref().filter(|id| !id.is_empty());
        let id = id.ok_or(ErrorCode::InvalidRequest)?;
        if !(1..=self.config.max_timeout_ms).contains(&request.transaction_timeout_ms) {
            return Err(ErrorCode::InvalidTransactionTimeout);
        }
        let mut draft = match self.draft(id) {
            Some(draft) => draft,
            None => Draft::new(id, self.take_producer_id()?),
        };
        if draft.state().is_prepared() {
            return Err(ErrorCode::ConcurrentTransactions);
        }
        if expected.is_some_and(|expected| !draft.may_go_on(expected)) {
            return Err(ErrorCode::ProducerFenced);
        }
        if draft.state() == TransactionState::Ongoing {
            self.fence_and_abort(now, draft, &mut Room::new(&self.config), to)?;
            // Until its partitions know of it. Who comes again gets an epoch of its own.
            return Err(ErrorCode::ConcurrentTransactions);
        }
        let timeout_ms = request.transaction_timeout_ms;
        let is_expected = expected.is_none_or(|expected| expected.epoch == draft.producer().epoch);
        if draft.producer().is_exhausted() && is_expected {
            let fresh = self.take_producer_id()?;
            draft.rotate(fresh, expected.is_some(), timeout_ms, now.unix_ms);
        } else {
            let bumped = draft.bump(expected, timeout_ms, now.unix_ms);
            bumped.map_err(|Fenced| ErrorCode::ProducerFenced)?;
        }
        self.write(&draft, to);
        Ok(draft.producer())
    }

    /// Ends a transaction in place of its producer, who can write no more.
    pub(super) fn fence_and_abort(
        &mut self,
        now: Now,
        mut draft: Draft,
        room: &mut Room,
        to: &mut TransactionDecision,
    ) -> Result<(), ErrorCode> {
        let version = self.cluster_version().of_own_end();
        if !version.bumps_epoch() {
            draft.fence();
        }
        self.end(now, draft, false, version, room, to).map(drop)
    }
}

/// Who the producer says it is (KIP-360); a new one says nothing.
fn expected(request: &InitProducerIdRequest) -> Result<Option<Producer>, ErrorCode> {
    let Producer { id, epoch } = Producer::new(request.producer_id, request.producer_epoch);
    match (id == ProducerId::NONE, epoch == ProducerEpoch::NONE) {
        (true, true) => Ok(None),
        (false, false) => Ok(Some(Producer { id, epoch })),
        _ => Err(ErrorCode::InvalidRequest),
    }
}
