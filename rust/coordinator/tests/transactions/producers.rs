//! Who may be the producer of a transactional id.

use base::ErrorCode;
use coordinator::transaction::TransactionResponse;

use crate::host::{FIRST_PRODUCER_ID, Host};
use crate::requests::{ID, NONE, OLDEST, V1, V2, error, init_request};

/// The code of an InitProducerId that asks for something that cannot be.
fn refused(host: &mut Host, id: &str, producer: (i64, i16), timeout_ms: i32) -> ErrorCode {
    let TransactionResponse::InitProducerId(response) =
        host.ask(4, &init_request(id, producer, timeout_ms))
    else {
        panic!("another answer")
    };
    assert!(host.log.is_empty());
    error(response.error_code)
}

#[test]
fn a_new_id_begins_with_a_fresh_producer_id_and_epoch_0() {
    for version in 0..=2 {
        let mut host = Host::new(version);
        assert_eq!(host.try_init(V1, NONE), Ok((FIRST_PRODUCER_ID, 0)));
        assert_eq!(host.state(), "Empty");
        assert_eq!(host.try_init(V1, NONE), Ok((FIRST_PRODUCER_ID, 1)));
    }
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_is_looked_up() {
    let mut host = Host::new(2);
    assert_eq!(refused(&mut host, "", NONE, 60_000), ErrorCode::InvalidRequest);
    assert_eq!(refused(&mut host, ID, (5, -1), 60_000), ErrorCode::InvalidRequest);
    assert_eq!(refused(&mut host, ID, (-1, 5), 60_000), ErrorCode::InvalidRequest);
    for timeout_ms in [0, -1, 900_001, i32::MAX] {
        let code = refused(&mut host, ID, NONE, timeout_ms);
        assert_eq!(code, ErrorCode::InvalidTransactionTimeout, "{timeout_ms}");
    }
}

#[test]
fn without_a_producer_id_to_be_had_a_new_id_has_to_come_again() {
    let mut host = Host::new(2);
    host.restart();
    host.has_producer_ids = false;
    assert_eq!(host.try_init(V2, NONE), Err(ErrorCode::CoordinatorLoadInProgress));
    assert!(host.log.is_empty());
    host.has_producer_ids = true;
    let (id, epoch) = host.init();
    host.has_producer_ids = false;
    assert_eq!(host.try_init(V2, NONE), Ok((id, epoch + 1)), "who has an id needs no other");
}

#[test]
fn a_new_producer_aborts_the_transaction_of_another_and_fences_it() {
    // Under version 2 the end of the transaction bumps the epoch, before that the fence does.
    for (version, speaks) in [(0, V1), (1, V1), (2, V1), (2, V2)] {
        let mut host = Host::new(version);
        let (id, epoch) = host.init();
        host.add(speaks, (id, epoch));
        assert_eq!(host.try_init(speaks, NONE), Err(ErrorCode::ConcurrentTransactions));
        assert_eq!(host.standing(), ("PrepareAbort".into(), (id, epoch + 1)));
        assert_eq!(host.try_init(speaks, NONE), Err(ErrorCode::ConcurrentTransactions));
        let markers = host.take_markers();
        assert_eq!(markers.len(), 1, "asked for once");
        assert_eq!((markers[0].commit, markers[0].producer_epoch.0), (false, epoch + 1));
        assert_eq!(markers[0].transaction_version, if version == 2 { 2 } else { 0 });
        host.answer(&markers[0], ErrorCode::None);
        assert_eq!(host.try_init(speaks, NONE), Ok((id, epoch + 2)));
        assert_eq!(host.try_end(speaks, (id, epoch), true), Err(ErrorCode::ProducerFenced));
    }
}

#[test]
fn a_producer_goes_on_after_an_error_with_the_next_epoch() {
    for version in 0..=2 {
        let mut host = Host::new(version);
        let first = host.init();
        let second = host.try_init(V1, first).unwrap();
        assert_eq!(second, (first.0, first.1 + 1));
        assert_eq!(host.try_init(V1, first), Ok(second), "the answer was lost");
        assert_eq!(host.try_init(V1, second), Ok((first.0, first.1 + 2)));
        assert_eq!(host.try_init(V1, first), Err(ErrorCode::ProducerFenced));
        assert_eq!(host.try_init(OLDEST, first), Err(ErrorCode::InvalidProducerEpoch));
        assert_eq!(host.try_init(V1, (77, 0)), Err(ErrorCode::ProducerFenced));
    }
}

#[test]
fn a_producer_whose_place_was_taken_cannot_go_on() {
    let mut host = Host::new(2);
    let first = host.init();
    let other = host.init();
    assert_eq!(host.try_init(V2, first), Err(ErrorCode::ProducerFenced));
    assert_eq!(host.try_init(V2, other), Ok((other.0, other.1 + 1)));
}

#[test]
fn who_comes_with_an_id_that_is_forgotten_is_given_a_fresh_one() {
    let mut host = Host::new(2);
    assert_eq!(host.try_init(V2, (77, 5)), Ok((FIRST_PRODUCER_ID, 0)));
}

#[test]
fn under_version_2_a_producer_that_lost_the_answer_to_its_commit_may_go_on() {
    let mut host = Host::new(2);
    let producer = host.init();
    host.add(V2, producer);
    let next = host.commit(V2, producer);
    host.write_markers();
    assert_eq!(host.try_init(V2, producer), Ok(next));
}
