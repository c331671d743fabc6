//! Transactions in a log: what readers see of them when, and what is left after restarts and cuts.

use base::Wait;
use bytes::Bytes;
use records::ProducerStamp;

use super::super::*;
use super::fixture::*;
use super::reader::*;
use crate::disk::Open;
use crate::producer_state::ProducerError;

const A: Producer = (1, 0);
const B: Producer = (2, 0);

fn last_stable(log: &Log) -> i64 {
    log.offsets().last_stable.0
}

fn plain(log: &Log, key: u64) {
    log.put(&keyed(&[key], &ProducerStamp::NONE));
}

#[test]
fn readers_of_committed_records_stay_below_the_first_open_transaction() {
    let log = Fixture::new().open();
    plain(&log, 1);
    log.put_in_transaction(A, 0, &[2, 3]);
    log.put_in_transaction(B, 0, &[4]);
    plain(&log, 5);
    log.release();
    assert_eq!((last_stable(&log), log.offsets().high_watermark.0), (1, 5));
    assert_eq!(log.committed_from(0), [0]);
    log.end_transaction((1, 1), true);
    assert_eq!(last_stable(&log), 1, "the marker is not replicated");
    log.release();
    assert_eq!(last_stable(&log), 3, "the other transaction is open");
    assert_eq!(log.committed_from(0), [0, 1, 2]);
    log.end_transaction((2, 1), false);
    log.release();
    assert_eq!(last_stable(&log), 7);
    assert_eq!(log.committed_from(0), [0, 1, 2, 4]);
    assert_eq!(log.aborted_in(0, 7), [(2, 3, 6)]);
}

#[test]
fn the_last_stable_offset_follows_the_high_watermark_where_no_transaction_is() {
    let log = Fixture::new().open();
    log.put_many(5, &batch(1));
    assert_eq!(last_stable(&log), 0);
    log.set_high_watermark(Offset(3));
    assert_eq!(last_stable(&log), 3);
    log.put_in_transaction(A, 0, &[1]);
    log.set_high_watermark(Offset(5));
    assert_eq!(last_stable(&log), 5, "it begins above");
    log.release();
    assert_eq!(last_stable(&log), 5);
}

#[test]
fn an_aborted_transaction_is_told_to_who_reads_any_part_of_it_and_to_nobody_else() {
    let log = Fixture::new().small().open();
    for n in 0..6 {
        plain(&log, n);
        log.put_in_transaction((1, n as i16), 0, &[10 + n, 20 + n]);
        for _ in 0..4 {
            plain(&log, 100 + n);
        }
        log.end_transaction((1, n as i16 + 1), n % 2 == 0);
    }
    log.release();
    assert!(log.segment_count() > 3, "its parts lie in different segments");
    let all = [(1, 9, 15), (1, 25, 31), (1, 41, 47)];
    for from in 0..48 {
        for up_to in from + 1..=48 {
            let expected: Vec<_> = all
                .iter()
                .filter(|(_, first, last)| *last >= from && *first < up_to)
                .copied()
                .collect();
            assert_eq!(log.aborted_in(from, up_to), expected, "{from}..{up_to}");
        }
    }
    let read = |from| {
        let range =
            ReadRange { from: Offset(from), up_to: Offset(48), max_bytes: 1, min_one: true };
        log.read_committed(&range, Wait::Allowed).unwrap().aborted.len()
    };
    assert_eq!([read(0), read(9), read(16), read(41)], [0, 1, 0, 1], "no more than what was read");
}

#[test]
fn transactions_survive_a_restart_however_it_came() {
    for is_synced in [false, true] {
        for clean in [false, true] {
            let mut fixture = Fixture::new().small();
            let log = fixture.open();
            log.put_in_transaction(A, 0, &[1, 2]);
            log.put_in_transaction(B, 0, &[3]);
            log.end_transaction((1, 1), false);
            if is_synced {
                log.sync().unwrap();
            }
            log.put_in_transaction((1, 1), 0, &[4]);
            log.put_many(5, &keyed(&[9], &ProducerStamp::NONE));
            log.end_transaction((1, 2), false);
            log.release();
            let aborted = log.aborted_in(0, 100);
            assert_eq!(aborted, [(1, 0, 3), (1, 4, 10)]);
            if clean {
                log.close().unwrap();
            }
            fixture.clean = clean;
            let log = fixture.reopen(&log);
            assert_eq!(log.aborted_in(0, 100), aborted, "{is_synced} {clean}");
            assert_eq!(last_stable(&log), 2, "the transaction of the other is open");
            log.release();
            assert_eq!(last_stable(&log), 2);
            assert!(log.append(&transactional(B, 1, &[5]), EPOCH, 0).is_ok(), "and goes on");
            log.end_transaction((2, 1), true);
            log.release();
            assert_eq!(log.committed_from(0), [2, 5, 6, 7, 8, 9, 11]);
        }
    }
}

#[test]
fn the_index_is_made_anew_where_a_part_of_an_entry_is_all_that_is_left() {
    let mut fixture = Fixture::new().small();
    let log = fixture.open();
    for n in 0..8_i16 {
        log.put_in_transaction((1, n), 0, &[n as u64, 1]);
        log.put_many(2, &keyed(&[9], &ProducerStamp::NONE));
        log.end_transaction((1, n + 1), n % 2 == 1);
    }
    log.release();
    let (aborted, committed) = (log.aborted_in(0, 100), log.committed_from(0));
    assert_eq!(aborted.len(), 4);
    log.close().unwrap();
    fixture.clean = true;
    let names = fixture.names();
    let indexes: Vec<&String> = names.iter().filter(|name| name.ends_with("txnindex")).collect();
    assert!(indexes.len() >= 2, "{names:?}");
    for name in indexes {
        let whole = fixture.content(name);
        let file = fixture.disk.open(&fixture.path.join(name), Open::Existing).unwrap();
        file.truncate(whole.len() as u64 - 1).unwrap();
        let log = fixture.reopen(&log);
        assert_eq!(log.aborted_in(0, 100), aborted, "{name}");
        assert_eq!(log.committed_from(0), committed);
        log.close().unwrap();
        assert_eq!(fixture.content(name), whole);
    }
}

#[test]
fn a_cut_takes_transactions_back_to_what_they_were() {
    let mut fixture = Fixture::new().small();
    let log = fixture.open();
    log.put_in_transaction(A, 0, &[1, 2]);
    log.put_many(8, &keyed(&[9], &ProducerStamp::NONE));
    log.end_transaction((1, 1), false);
    log.put_in_transaction(B, 0, &[3]);
    log.put_many(8, &keyed(&[9], &ProducerStamp::NONE));
    log.end_transaction((2, 1), false);
    log.sync().unwrap();
    assert_eq!(log.aborted_in(0, 100).len(), 2);
    log.truncate_to(Offset(15), 0).unwrap();
    assert_eq!(log.aborted_in(0, 100), [(1, 0, 10)]);
    log.release();
    assert_eq!(last_stable(&log), 11, "the second one is open again");
    log.truncate_to(Offset(5), 0).unwrap();
    assert_eq!(log.aborted_in(0, 100), []);
    assert_eq!(last_stable(&log), 0, "and the first one, too");
    log.end_transaction((1, 1), true);
    log.release();
    let log = fixture.reopen(&log);
    assert_eq!(log.committed_from(0), [0, 1, 2, 3, 4]);
    log.truncate_fully_and_start_at(Offset(70)).unwrap();
    log.put_in_transaction(A, 0, &[1]);
    assert_eq!(log.offsets().last_stable, Offset(70));
}

#[test]
fn the_log_start_may_pass_an_open_transaction() {
    let mut fixture = Fixture::new().small();
    let log = fixture.open();
    log.put_in_transaction(A, 0, &[1]);
    log.put_many(20, &keyed(&[9], &ProducerStamp::NONE));
    log.release();
    assert_eq!(last_stable(&log), 0);
    log.delete_records(Offset(15)).unwrap();
    log.delete_segments(Offset(15), 0).unwrap();
    assert_eq!(last_stable(&log), 15);
    let log = fixture.reopen(&log);
    assert_eq!(last_stable(&log), 15);
    log.end_transaction((1, 1), false);
    log.release();
    assert_eq!(last_stable(&log), 22);
    assert_eq!(log.committed_from(15), [15, 16, 17, 18, 19, 20]);
}

#[test]
fn the_index_goes_with_its_segment() {
    let fixture = Fixture::new().small().with(|config| config.file_delete_delay_ms = 0);
    let log = fixture.open();
    for n in 0..10 {
        log.put_in_transaction((1, n), 0, &[1, 2, 3]);
        log.end_transaction((1, n + 1), false);
    }
    log.sync().unwrap();
    log.release();
    let indexes = || fixture.names().iter().filter(|name| name.contains("txnindex")).count();
    let before = indexes();
    let first_left = *log.segments.read().keys().nth(2).unwrap();
    log.delete_records(first_left).unwrap();
    log.delete_segments(first_left, 0).unwrap();
    log.delete_segments(first_left, 1).unwrap();
    assert_eq!(indexes(), before - 2);
    assert!(log.aborted_in(0, 100).iter().all(|(_, _, last)| *last >= first_left.0));
    log.truncate_fully_and_start_at(Offset(0)).unwrap();
    assert_eq!((indexes(), log.aborted_in(0, 100)), (0, vec![]));
}

#[test]
fn nothing_is_cleaned_on_the_word_of_a_marker_that_may_be_cut_off() {
    let mut fixture = Fixture::new().small().with(|config| {
        config.compact = true;
        config.min_cleanable_dirty_ratio = 0.0;
    });
    let log = fixture.open();
    log.put_in_transaction(A, 0, &[1]);
    log.put_many(20, &keyed(&[9], &ProducerStamp::NONE));
    log.release();
    log.end_transaction((1, 1), false);
    assert_eq!(log.dirt(None, 0).unwrap(), None, "the transaction is not stable");
    log.sync().unwrap();
    let log = fixture.reopen(&log);
    assert_eq!(log.dirt(None, 0).unwrap(), None, "its marker is in the log, and no more is known");
    log.release();
    assert!(log.dirt(None, 0).unwrap().is_some());
}

#[test]
fn a_marker_comes_late_or_again() {
    let log = Fixture::new().open();
    log.put_in_transaction((1, 3), 0, &[1]);
    let refused = |producer| match log.try_end_transaction(producer, false) {
        Err(AppendError::Producer(error)) => error,
        other => panic!("{other:?}"),
    };
    assert!(matches!(refused((1, 3)), ProducerError::LateMarker { .. }), "of the one before");
    log.end_transaction((1, 4), false);
    log.end_transaction((1, 4), false);
    assert!(matches!(refused((1, 3)), ProducerError::LateMarker { .. }));
    log.release();
    assert_eq!(log.aborted_in(0, 10), [(1, 0, 1)], "once");
    assert_eq!(last_stable(&log), 3);
}

#[test]
fn only_what_was_verified_begins_a_transaction() {
    let log = Fixture::new().open();
    let first = transactional(A, 0, &[1]);
    let refused = log.append(&first, EPOCH, 0);
    assert!(matches!(refused, Err(AppendError::Producer(ProducerError::NotInTransaction { .. }))));
    let log = Fixture::new().with(|config| config.verifies_transactions = false).open();
    log.append(&first, EPOCH, 0).unwrap();
    assert_eq!(log.oldest_transaction_seen_ms(), Some(1_000));
    let producers = log.producers();
    assert_eq!(producers.len(), 1);
    assert_eq!(producers[0].1.transaction_first_offset, Some(Offset(0)));
    log.end_transaction((1, 1), true);
    assert_eq!(log.oldest_transaction_seen_ms(), None);
}

#[test]
fn a_marker_from_a_leader_ends_a_transaction_on_a_follower() {
    let leader = Fixture::new().open();
    leader.put_in_transaction(A, 0, &[1, 2]);
    leader.end_transaction((1, 1), false);
    let bytes = leader.read_bytes(0, 10, 1 << 20, true);
    let follower = Fixture::new().open();
    follower.append_as_follower(&Bytes::from(bytes), 0).unwrap();
    follower.release();
    assert_eq!(follower.aborted_in(0, 10), [(1, 0, 2)]);
    assert_eq!(last_stable(&follower), 3);
}

/// What Apache Kafka 4.3.1 has written: `tests/golden/transactions` says of what.
const KAFKAS_SEGMENT: &[u8] =
    include_bytes!("../../../../../tests/golden/transactions/00000000000000000000.log");
const KAFKAS_INDEX: &[u8] =
    include_bytes!("../../../../../tests/golden/transactions/00000000000000000000.txnindex");
const KAFKAS_ABORTED: [(i64, i64, i64); 4] =
    [(1002, 2, 4), (1001, 0, 5), (1003, 3, 7), (1004, 8, 10)];
const INDEX_NAME: &str = "00000000000000000000.txnindex";

#[test]
fn of_kafkas_batches_the_same_index_is_made_as_by_kafka() {
    let fixture = Fixture::new().with(|config| config.segment_ms = i64::MAX);
    let log = fixture.open();
    log.append_as_follower(&Bytes::from_static(KAFKAS_SEGMENT), 0).unwrap();
    log.release();
    assert_eq!(log.aborted_in(0, 11), KAFKAS_ABORTED);
    assert_eq!((last_stable(&log), log.committed_from(0)), (11, vec![6]));
    log.close().unwrap();
    assert_eq!(fixture.content(INDEX_NAME), KAFKAS_INDEX);
}

#[test]
fn an_index_that_kafka_has_written_is_read_and_made_anew_where_it_is_missing() {
    for is_there in [true, false] {
        let mut fixture = Fixture::new();
        fixture.disk.create_dir_all(&fixture.path).unwrap();
        let files = [("00000000000000000000.log", KAFKAS_SEGMENT), (INDEX_NAME, KAFKAS_INDEX)];
        for (name, bytes) in files.into_iter().take(if is_there { 2 } else { 1 }) {
            let file = fixture.disk.open(&fixture.path.join(name), Open::OrCreate).unwrap();
            file.write_at(0, &[bytes]).unwrap();
        }
        // What was below the recovery point when Kafka stopped is believed.
        fixture.clean = is_there;
        if is_there {
            fixture.checkpoints.recovery_point = Offset(11);
        }
        let log = fixture.open();
        log.release();
        assert_eq!(log.aborted_in(0, 11), KAFKAS_ABORTED, "{is_there}");
        assert_eq!(log.committed_from(0), [6]);
        log.close().unwrap();
        assert_eq!(fixture.content(INDEX_NAME), KAFKAS_INDEX);
    }
}
