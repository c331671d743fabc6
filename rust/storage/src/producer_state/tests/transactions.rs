//! Transactions of producers: where they begin and end, what may be appended to them, and by whom.

use super::*;

const COMMIT: ControlRecord = ControlRecord::Commit { coordinator_epoch: 5 };
const ABORT: ControlRecord = ControlRecord::Abort { coordinator_epoch: 5 };

fn in_transaction(epoch: i16, sequence: i32, base_offset: i64) -> BatchHeader {
    let attributes = Attributes(0).with_transactional(true);
    BatchHeader { attributes, ..batch(7, epoch, sequence, 10, base_offset) }
}

fn start(epoch: i16, base_sequence: i32, supports_epoch_bump: bool) -> VerificationStart {
    VerificationStart {
        producer_id: ProducerId(7),
        producer_epoch: ProducerEpoch(epoch),
        base_sequence,
        supports_epoch_bump,
    }
}

impl ProducerState {
    fn check_with(
        &self,
        header: &BatchHeader,
        guard: VerificationGuard,
    ) -> Result<ProducerDecision, ProducerError> {
        self.check(header, AppendOrigin::Client, Some(guard))
    }

    fn end(
        &mut self,
        epoch: i16,
        record: &ControlRecord,
        offset: i64,
    ) -> Option<TransactionChange> {
        self.update(&marker(7, epoch, offset), Some(record), 0)
    }
}

#[test]
fn a_transaction_begins_with_its_first_batch_and_ends_with_a_marker() {
    let mut state = ProducerState::default();
    let (producer_id, first_offset) = (ProducerId(7), Offset(100));
    let began = state.add(&in_transaction(0, 0, 100), 0);
    assert_eq!(began, Some(TransactionChange::Began { producer_id, first_offset }));
    assert_eq!(state.add(&in_transaction(0, 10, 110), 0), None);
    assert_eq!(state.open_transactions().collect::<Vec<_>>(), [(Offset(100), producer_id)]);
    let last_offset = Offset(120);
    let ended = EndedTransaction { producer_id, first_offset, last_offset, is_aborted: true };
    assert_eq!(state.end(0, &ABORT, 120), Some(TransactionChange::Ended(ended)));
    assert_eq!(state.entry(producer_id).unwrap().coordinator_epoch, 5);
    assert_eq!(state.end(0, &COMMIT, 121), None, "there was nothing to end");
    assert!(matches!(
        state.add(&in_transaction(0, 20, 122), 0),
        Some(TransactionChange::Began { first_offset: Offset(122), .. })
    ));
    assert_eq!(state.update(&marker(7, 0, 132), None, 0), None, "an emptied marker ends nothing");
    assert_eq!(state.open_transactions().count(), 1);
}

#[test]
fn the_first_batch_of_a_transaction_needs_a_guard_and_those_behind_it_do_not() {
    let mut state = ProducerState::default();
    let first = in_transaction(0, 0, 100);
    let refused = ProducerError::NotInTransaction { producer_id: ProducerId(7) };
    assert_eq!(state.check_client(&first), Err(refused));
    assert_eq!(
        state.check(&first, AppendOrigin::Client, None),
        Ok(ProducerDecision::Append),
        "where nothing is verified"
    );
    let guard = state.begin_verification(&start(0, 0, false), 0).unwrap();
    assert_eq!(state.check_with(&first, guard), Ok(ProducerDecision::Append));
    state.add(&first, 0);
    let second = in_transaction(0, 10, 110);
    assert_eq!(state.check_client(&second), Ok(ProducerDecision::Append));
    let open = state.begin_verification(&start(0, 10, false), 0);
    assert_eq!(open, Ok(VerificationGuard::NONE), "nobody need be asked");
    assert!(matches!(state.check_client(&first), Ok(ProducerDecision::Duplicate(_))));
}

#[test]
fn a_marker_voids_the_guards_from_before_it() {
    let mut state = ProducerState::default();
    let guard = state.begin_verification(&start(0, 0, false), 0).unwrap();
    // Late: the transaction has timed out, and its coordinator has ended it here meanwhile.
    state.end(0, &ABORT, 100);
    let refused = ProducerError::NotInTransaction { producer_id: ProducerId(7) };
    assert_eq!(state.check_with(&in_transaction(0, 0, 101), guard), Err(refused));
    let again = state.begin_verification(&start(0, 0, false), 0).unwrap();
    assert_eq!(state.check_with(&in_transaction(0, 0, 101), guard), Err(refused));
    assert!(state.check_with(&in_transaction(0, 0, 101), again).is_ok());
}

#[test]
fn the_marker_of_one_transaction_does_not_void_the_guard_of_the_next() {
    let mut state = ProducerState::default();
    state.add(&in_transaction(0, 0, 100), 0);
    // The coordinator has promised the commit, and its marker is still under way.
    let guard = state.begin_verification(&start(1, 0, true), 0).unwrap();
    state.end(1, &COMMIT, 110);
    state.end(1, &COMMIT, 111);
    assert!(state.check_with(&in_transaction(1, 0, 112), guard).is_ok());
    // It has timed out: then the next marker is of its own end.
    state.end(2, &ABORT, 112);
    assert!(state.check_with(&in_transaction(1, 0, 113), guard).is_err());
    let again = state.begin_verification(&start(2, 0, true), 0).unwrap();
    assert_ne!(again, guard);
    assert!(state.check_with(&in_transaction(2, 0, 113), again).is_ok());
}

#[test]
fn an_earlier_epoch_is_told_so_whatever_was_verified() {
    let mut state = ProducerState::default();
    state.end(3, &ABORT, 100);
    let fenced = ProducerError::InvalidProducerEpoch {
        producer_id: ProducerId(7),
        epoch: ProducerEpoch(2),
        current: ProducerEpoch(3),
    };
    assert_eq!(state.begin_verification(&start(2, 0, true), 0), Err(fenced));
    assert_eq!(state.check_client(&in_transaction(2, 0, 101)), Err(fenced));
}

#[test]
fn a_batch_may_not_get_ahead_of_one_that_was_verified_before_it() {
    let mut state = ProducerState::default();
    let guard = state.begin_verification(&start(0, 10, false), 0).unwrap();
    assert_eq!(state.begin_verification(&start(0, 0, false), 0), Ok(guard));
    let ahead = state.check_with(&in_transaction(0, 10, 0), guard);
    assert!(matches!(ahead, Err(ProducerError::AheadOfVerification { lowest: 0, .. })));
    assert!(state.check_with(&in_transaction(0, 0, 0), guard).is_ok());
}

#[test]
fn with_version_2_an_unknown_producer_begins_at_zero() {
    for (supports_epoch_bump, may_begin) in [(true, false), (false, true)] {
        let mut state = ProducerState::default();
        let guard = state.begin_verification(&start(0, 10, supports_epoch_bump), 0).unwrap();
        let checked = state.check_with(&in_transaction(0, 10, 0), guard);
        assert_eq!(checked.is_ok(), may_begin, "{checked:?}");
    }
}

#[test]
fn what_is_no_part_of_an_open_transaction_waits_for_its_end() {
    let mut state = ProducerState::default();
    state.add(&in_transaction(0, 0, 100), 0);
    let plain = batch(7, 0, 10, 10, 110);
    let refused = ProducerError::TransactionIsOpen { producer_id: ProducerId(7) };
    assert_eq!(state.check_client(&plain), Err(refused));
    state.end(0, &COMMIT, 110);
    assert_eq!(state.check_client(&plain), Ok(ProducerDecision::Append));
}

#[test]
fn what_a_coordinator_writes_has_no_sequence_and_is_verified_all_the_same() {
    let mut state = ProducerState::default();
    let offsets =
        |base_offset| BatchHeader { base_sequence: -1, ..in_transaction(0, -1, base_offset) };
    let check = |state: &ProducerState, guard| {
        state.check(&offsets(0), AppendOrigin::Coordinator, Some(guard))
    };
    assert!(check(&state, VerificationGuard::NONE).is_err());
    let guard = state.begin_verification(&start(0, -1, true), 0).unwrap();
    assert_eq!(check(&state, guard), Ok(ProducerDecision::Append));
    state.add(&offsets(0), 0);
    let next = check(&state, VerificationGuard::NONE);
    assert_eq!(next, Ok(ProducerDecision::Append), "no repeat, though they look the same");
}

#[test]
fn a_marker_of_an_earlier_epoch_or_coordinator_is_refused() {
    let mut state = ProducerState::default();
    assert_eq!(state.check_marker(&marker(7, 0, 0), 0, 1), Ok(()), "of a producer nobody knows");
    state.add(&in_transaction(3, 0, 100), 0);
    let (epoch, current) = (ProducerEpoch(2), ProducerEpoch(3));
    let late = ProducerError::LateMarker { producer_id: ProducerId(7), epoch, current };
    for version in 0..=2 {
        assert_eq!(state.check_marker(&marker(7, 2, 110), 5, version), Err(late));
        assert_eq!(state.check_marker(&marker(7, 4, 110), 5, version), Ok(()));
    }
    state.end(3, &COMMIT, 110);
    let fenced = state.check_marker(&marker(7, 3, 111), 4, 1);
    assert!(matches!(fenced, Err(ProducerError::CoordinatorFenced { epoch: 4, current: 5, .. })));
    assert_eq!(state.check_marker(&marker(7, 3, 111), 5, 1), Ok(()), "it comes again");
}

#[test]
fn with_version_2_a_marker_is_one_epoch_above_its_transaction_or_comes_again() {
    let mut state = ProducerState::default();
    state.add(&in_transaction(3, 0, 100), 0);
    assert_eq!(state.check_marker(&marker(7, 3, 110), 5, 1), Ok(()));
    let late = state.check_marker(&marker(7, 3, 110), 5, 2);
    assert!(matches!(late, Err(ProducerError::LateMarker { .. })), "the one before it ended so");
    assert_eq!(state.check_marker(&marker(7, 4, 110), 5, 2), Ok(()));
    state.end(4, &COMMIT, 110);
    assert_eq!(state.check_marker(&marker(7, 4, 111), 5, 2), Ok(()), "its answer was lost");
    state.add(&in_transaction(4, 0, 111), 0);
    assert!(state.check_marker(&marker(7, 4, 121), 5, 2).is_err(), "it would end the next one");
}

#[test]
fn an_epoch_that_a_marker_has_bumped_begins_at_zero() {
    let mut state = ProducerState::default();
    state.add(&in_transaction(3, 0, 100), 0);
    state.end(4, &COMMIT, 110);
    let guard = state.begin_verification(&start(4, 0, true), 0).unwrap();
    assert!(state.check_with(&in_transaction(4, 10, 111), guard).is_err());
    assert!(state.check_with(&in_transaction(4, 0, 111), guard).is_ok());
    assert!(state.check_with(&in_transaction(3, 10, 111), guard).is_err());
}

#[test]
fn what_is_being_verified_survives_a_reading_of_the_log() {
    let mut state = ProducerState::default();
    let guard = state.begin_verification(&start(0, 0, false), 0).unwrap();
    state.replace_producers(ProducerState::from_entries([]));
    assert!(state.check_with(&in_transaction(0, 0, 0), guard).is_ok());
}

#[test]
fn an_open_transaction_and_its_coordinator_survive_a_snapshot() {
    let mut state = ProducerState::default();
    state.end(0, &COMMIT, 90);
    state.add(&in_transaction(0, 0, 100), 0);
    let read = decode(&encode(&state)).unwrap();
    assert_eq!(read, state);
    assert_eq!(read.open_transactions().collect::<Vec<_>>(), [(Offset(100), ProducerId(7))]);
    assert_eq!(read.entry(ProducerId(7)).unwrap().coordinator_epoch, 5);
}
