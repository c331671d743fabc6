//! What happens at the end of a producer id's epochs.

use base::ErrorCode;
use coordinator::transaction::TransactionConfig;

use crate::host::{FIRST_PRODUCER_ID, Host};
use crate::requests::{ID, NONE, V1, V2, idle_record};

/// The highest epoch that a producer is given.
const LAST: i16 = i16::MAX - 1;

fn host(version: i16, epoch: i16) -> Host {
    Host::with_log(version, &TransactionConfig::default(), vec![idle_record(ID, 5, epoch)])
}

#[test]
fn a_new_producer_gets_a_fresh_id_when_the_epochs_are_used_up() {
    for version in 0..=2 {
        let mut host = host(version, LAST - 1);
        assert_eq!(host.init(), (5, LAST));
        assert_eq!(host.init(), (FIRST_PRODUCER_ID, 0));
        assert_eq!(host.init(), (FIRST_PRODUCER_ID, 1));
    }
}

#[test]
fn a_producer_goes_on_under_a_fresh_id_and_may_ask_again_for_it() {
    for version in 0..=2 {
        let mut host = host(version, LAST);
        assert_eq!(host.try_init(V1, (5, LAST)), Ok((FIRST_PRODUCER_ID, 0)));
        assert_eq!(host.try_init(V1, (5, LAST)), Ok((FIRST_PRODUCER_ID, 0)), "again");
        assert_eq!(host.try_init(V1, (5, LAST - 1)), Err(ErrorCode::ProducerFenced));
    }
}

#[test]
fn the_last_epoch_is_given_again_to_who_did_not_hear_of_it() {
    let mut host = host(2, LAST - 1);
    assert_eq!(host.try_init(V2, (5, LAST - 1)), Ok((5, LAST)));
    assert_eq!(host.try_init(V2, (5, LAST - 1)), Ok((5, LAST)), "again");
    assert_eq!(host.try_init(V2, (5, LAST - 2)), Err(ErrorCode::ProducerFenced));
}

#[test]
fn under_version_2_the_end_of_a_transaction_brings_a_fresh_id() {
    for commit in [true, false] {
        let mut host = host(2, LAST);
        host.add(V2, (5, LAST));
        assert_eq!(host.try_end(V2, (5, LAST), commit), Ok((FIRST_PRODUCER_ID, 0)));
        // Its markers are still those of the old one.
        let markers = host.take_markers();
        let producer = (markers[0].producer_id.0, markers[0].producer_epoch.0);
        assert_eq!(producer, (5, i16::MAX));
        host.restart();
        host.write_markers();
        assert_eq!(host.standing().1, (FIRST_PRODUCER_ID, 0));
        let again = host.try_end(V2, (5, LAST), commit);
        assert_eq!(again, Ok((FIRST_PRODUCER_ID, 0)), "again");
        let otherwise = host.try_end(V2, (5, LAST), !commit);
        assert_eq!(otherwise, Err(ErrorCode::InvalidTxnState));
        host.add(V2, (FIRST_PRODUCER_ID, 0));
    }
}

#[test]
fn under_version_2_an_empty_abort_can_bring_a_fresh_id_too() {
    let mut host = host(2, LAST);
    assert_eq!(host.try_end(V2, (5, LAST), false), Ok((FIRST_PRODUCER_ID, 0)));
    assert_eq!(host.standing(), ("CompleteAbort".into(), (FIRST_PRODUCER_ID, 0)));
}

#[test]
fn before_version_2_a_transaction_ends_with_the_last_epoch() {
    let mut host = host(0, LAST);
    host.add(V1, (5, LAST));
    assert_eq!(host.try_end(V1, (5, LAST), true), Ok(NONE));
    host.write_markers();
    assert_eq!(host.standing(), ("CompleteCommit".into(), (5, LAST)));
}

#[test]
fn who_has_the_last_epoch_can_be_fenced() {
    for version in 0..=2 {
        let mut host = host(version, LAST);
        host.add(V1, (5, LAST));
        assert_eq!(host.try_init(V1, NONE), Err(ErrorCode::ConcurrentTransactions));
        assert_eq!(host.take_markers()[0].producer_epoch.0, i16::MAX);
        host.restart();
        host.write_markers();
        let (id, epoch) = host.try_init(V1, NONE).unwrap();
        assert!(id >= FIRST_PRODUCER_ID && epoch <= 1, "{id} {epoch}");
        assert!(host.try_end(V1, (5, LAST), true).is_err());
    }
}

#[test]
fn without_a_producer_id_to_be_had_a_transaction_that_needs_one_goes_on() {
    let mut host = Host::with_log(2, &TransactionConfig::default(), vec![idle_record(ID, 5, LAST)]);
    host.has_producer_ids = false;
    host.add(V2, (5, LAST));
    let refused = Err(ErrorCode::CoordinatorLoadInProgress);
    assert_eq!(host.try_end(V2, (5, LAST), true), refused);
    assert_eq!(host.try_init(V2, NONE), refused);
    host.advance_ms(120_000);
    assert_eq!(host.state(), "Ongoing", "its time-out waits as well");
    host.has_producer_ids = true;
    host.advance_ms(120_000);
    assert_eq!(host.state(), "PrepareAbort");
}
