//! EndTxn: how a transaction ends, and what is a repetition of what was asked before.

use base::{ErrorCode, ProducerEpoch, ProducerId};
use wire::end_txn::{EndTxnRequest, EndTxnResponse};

use super::decision::TransactionDecision;
use super::draft::{Draft, Producer};
use super::expiry::Room;
use super::shard::TransactionShard;
use super::state::TransactionState::{
    CompleteAbort, CompleteCommit, Empty, Ongoing, PrepareAbort, PrepareCommit,
};
use super::version::TransactionVersion;
use crate::now::Now;
use crate::request::Client;

/// From here on the answer may be `PRODUCER_FENCED`.
const PRODUCER_FENCED_VERSION: i16 = 2;

/// What is to be done about a request that is no error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// The transaction is to end.
    End,
    /// It has ended so already: the answer was lost.
    HasEnded,
}

impl TransactionShard {
    pub(super) fn end_txn(
        &mut self,
        now: Now,
        client: &Client,
        request: &EndTxnRequest,
        to: &mut TransactionDecision,
    ) -> EndTxnResponse {
        let (error, producer) = match self.end_transaction(now, client, request, to) {
            Ok(producer) => (ErrorCode::None, producer),
            Err(error) => (error, Producer::NONE),
        };
        EndTxnResponse {
            error_code: understood(error, client.api_version >= PRODUCER_FENCED_VERSION).code(),
            producer_id: producer.id.0,
            producer_epoch: producer.epoch.0,
            ..EndTxnResponse::default()
        }
    }

    /// Answers with who the producer is from then on.
    fn end_transaction(
        &mut self,
        now: Now,
        client: &Client,
        request: &EndTxnRequest,
        to: &mut TransactionDecision,
    ) -> Result<Producer, ErrorCode> {
        let EndTxnRequest { transactional_id, committed, .. } = request;
        if transactional_id.is_empty() {
            return Err(ErrorCode::InvalidRequest);
        }
        let draft = self.draft(transactional_id).ok_or(ErrorCode::InvalidProducerIdMapping)?;
        let producer = Producer::new(request.producer_id, request.producer_epoch);
        let version = TransactionVersion::of_end_txn(client.api_version);
        let verdict = if version.bumps_epoch() {
            judge_with_bumps(&draft, producer, *committed)?
        } else {
            judge_without_bumps(&draft, producer, *committed)?
        };
        let next = match verdict {
            Verdict::HasEnded => draft.producer(),
            Verdict::End => {
                self.check_log_has_place_for(version)?;
                let mut room = Room::new(&self.config);
                self.end(now, draft, *committed, version, &mut room, to)?
            }
        };
        Ok(if version.bumps_epoch() { next } else { Producer::NONE })
    }

    /// Decides how a transaction ends. Answers with who the producer is from then on.
    pub(super) fn end(
        &mut self,
        now: Now,
        mut draft: Draft,
        commit: bool,
        version: TransactionVersion,
        room: &mut Room,
        to: &mut TransactionDecision,
    ) -> Result<Producer, ErrorCode> {
        let next_id = if version.bumps_epoch() && draft.producer().is_exhausted() {
            self.take_producer_id()?
        } else {
            ProducerId::NONE
        };
        draft.prepare(commit, version, next_id, now.unix_ms);
        let producer = draft.after_completion();
        room.takes(&self.record(&draft));
        self.write(&draft, to);
        self.owe_markers(now, draft, room, to);
        Ok(producer)
    }
}

/// Under version 2 of the protocol the epoch tells the end of one transaction from that of the
/// next. A request with the epoch before the present one is a repetition:
///
/// ```text
///                 abort, again   abort     commit, again   commit
/// Empty           fenced         ends      fenced          invalid
/// CompleteAbort   has ended      ends      invalid         invalid
/// CompleteCommit  invalid        ends      has ended       invalid
/// ```
///
/// What a producer aborts may be empty here: it need not know whether anything has been added.
fn judge_with_bumps(draft: &Draft, asks: Producer, commit: bool) -> Result<Verdict, ErrorCode> {
    if draft.state().is_prepared() {
        return Err(ErrorCode::ConcurrentTransactions);
    }
    let known = draft.producer();
    let is_again_after_rotation = draft.metadata.previous_producer_id == asks.id
        && asks.epoch == ProducerEpoch(i16::MAX - 1)
        && known.epoch == ProducerEpoch(0);
    if known.id != asks.id && !is_again_after_rotation {
        return Err(ErrorCode::InvalidProducerIdMapping);
    }
    let is_again =
        is_again_after_rotation || i32::from(known.epoch.0) == i32::from(asks.epoch.0) + 1;
    let may_be_again = matches!(draft.state(), CompleteCommit | CompleteAbort);
    if asks.epoch != known.epoch && !(is_again && may_be_again) {
        return Err(ErrorCode::ProducerFenced);
    }
    match draft.state() {
        Ongoing => Ok(Verdict::End),
        CompleteCommit if is_again && commit => Ok(Verdict::HasEnded),
        CompleteAbort if is_again && !commit => Ok(Verdict::HasEnded),
        CompleteCommit | CompleteAbort | Empty if !is_again && !commit => Ok(Verdict::End),
        CompleteCommit | CompleteAbort | Empty | PrepareCommit | PrepareAbort => {
            Err(ErrorCode::InvalidTxnState)
        }
    }
}

/// Before that a transaction that has ended so may end so once more, and an empty one cannot end.
fn judge_without_bumps(draft: &Draft, asks: Producer, commit: bool) -> Result<Verdict, ErrorCode> {
    let known = draft.producer();
    if known.id != asks.id {
        return Err(ErrorCode::InvalidProducerIdMapping);
    }
    if known.epoch != asks.epoch {
        return Err(ErrorCode::ProducerFenced);
    }
    match draft.state() {
        PrepareCommit | PrepareAbort => Err(ErrorCode::ConcurrentTransactions),
        Ongoing => Ok(Verdict::End),
        CompleteCommit if commit => Ok(Verdict::HasEnded),
        CompleteAbort if !commit => Ok(Verdict::HasEnded),
        CompleteCommit | CompleteAbort | Empty => Err(ErrorCode::InvalidTxnState),
    }
}

/// The code as a client of this version understands it: `PRODUCER_FENCED` came with KIP-588.
pub(super) fn understood(error: ErrorCode, knows_fenced: bool) -> ErrorCode {
    match error {
        ErrorCode::ProducerFenced if !knows_fenced => ErrorCode::InvalidProducerEpoch,
        error => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transaction::state::TransactionState;

    const ENDS: Result<Verdict, ErrorCode> = Ok(Verdict::End);
    const HAS_ENDED: Result<Verdict, ErrorCode> = Ok(Verdict::HasEnded);
    const FENCED: Result<Verdict, ErrorCode> = Err(ErrorCode::ProducerFenced);
    const INVALID: Result<Verdict, ErrorCode> = Err(ErrorCode::InvalidTxnState);
    const CONCURRENT: Result<Verdict, ErrorCode> = Err(ErrorCode::ConcurrentTransactions);
    const MAPPING: Result<Verdict, ErrorCode> = Err(ErrorCode::InvalidProducerIdMapping);

    fn draft(state: TransactionState) -> Draft {
        let mut draft = Draft::new("x", ProducerId(7));
        draft.metadata.producer_epoch = ProducerEpoch(5);
        draft.metadata.state = state;
        draft
    }

    #[test]
    fn with_bumps_the_epoch_tells_a_repetition_from_the_next_end() {
        let table = [
            (Empty, [FENCED, ENDS, FENCED, INVALID]),
            (CompleteAbort, [HAS_ENDED, ENDS, INVALID, INVALID]),
            (CompleteCommit, [INVALID, ENDS, HAS_ENDED, INVALID]),
            (Ongoing, [FENCED, ENDS, FENCED, ENDS]),
            (PrepareCommit, [CONCURRENT; 4]),
            (PrepareAbort, [CONCURRENT; 4]),
        ];
        for (state, expected) in table {
            let judge =
                |epoch, commit| judge_with_bumps(&draft(state), Producer::new(7, epoch), commit);
            let judged = [judge(4, false), judge(5, false), judge(4, true), judge(5, true)];
            assert_eq!(judged, expected, "{state:?}");
            if !state.is_prepared() {
                assert_eq!([judge(6, true), judge(3, true)], [FENCED; 2], "{state:?}");
            }
        }
    }

    #[test]
    fn without_bumps_a_transaction_that_has_ended_ends_so_once_more() {
        let table = [
            (Empty, [INVALID, INVALID]),
            (CompleteAbort, [HAS_ENDED, INVALID]),
            (CompleteCommit, [INVALID, HAS_ENDED]),
            (Ongoing, [ENDS, ENDS]),
            (PrepareCommit, [CONCURRENT; 2]),
            (PrepareAbort, [CONCURRENT; 2]),
        ];
        for (state, expected) in table {
            let judge =
                |epoch, commit| judge_without_bumps(&draft(state), Producer::new(7, epoch), commit);
            assert_eq!([judge(5, false), judge(5, true)], expected, "{state:?}");
            assert_eq!([judge(4, true), judge(6, true)], [FENCED; 2], "{state:?}");
        }
    }

    #[test]
    fn another_producer_is_told_so_unless_its_id_was_rotated_away() {
        let mut rotated = draft(CompleteCommit);
        rotated.metadata.previous_producer_id = ProducerId(6);
        rotated.metadata.producer_epoch = ProducerEpoch(0);
        let last = Producer::new(6, i16::MAX - 1);
        assert_eq!(judge_with_bumps(&rotated, last, true), HAS_ENDED);
        assert_eq!(judge_with_bumps(&rotated, last, false), INVALID);
        assert_eq!(judge_with_bumps(&rotated, Producer::new(6, 0), true), MAPPING);
        assert_eq!(judge_with_bumps(&rotated, Producer::new(5, i16::MAX - 1), true), MAPPING);
        assert_eq!(judge_without_bumps(&rotated, last, true), MAPPING);
        // The transaction after it has begun: then it is too late to ask again.
        rotated.metadata.state = Ongoing;
        assert_eq!(judge_with_bumps(&rotated, last, true), FENCED);
    }

    #[test]
    fn a_client_of_before_kip_588_is_told_of_an_invalid_epoch() {
        let understood = |knows| understood(ErrorCode::ProducerFenced, knows);
        assert_eq!(understood(false), ErrorCode::InvalidProducerEpoch);
        assert_eq!(understood(true), ErrorCode::ProducerFenced);
    }
}
