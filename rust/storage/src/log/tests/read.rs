//! Reading by offset and by timestamp.

use base::{ByteSource as _, Wait};

use super::super::*;
use super::fixture::*;

/// Thirty batches of two records each, over several segments.
fn long_log() -> Log {
    let log = Fixture::new().small().open();
    for n in 0..30 {
        log.put(&batch_of(
            &[1000 + 10 * n, 1005 + 10 * n],
            b"value",
            &records::ProducerStamp::NONE,
        ));
    }
    assert!(log.segment_count() >= 3);
    log
}

fn first_offset(log: &Log, from: i64) -> i64 {
    log.read_batches(from, i64::MAX, 1)[0].header().base_offset.0
}

#[test]
fn a_read_begins_with_the_batch_that_holds_the_offset() {
    let log = long_log();
    for offset in 0..60 {
        assert_eq!(first_offset(&log, offset), offset - offset % 2, "{offset}");
    }
    log.close_idle().unwrap();
    assert!(log.close_idle().unwrap());
    for offset in (0..60).rev() {
        assert_eq!(first_offset(&log, offset), offset - offset % 2, "{offset} from the files");
    }
}

#[test]
fn a_read_ends_before_its_bound_and_within_its_size() {
    let log = long_log();
    let size = batch(2).size_in_bytes();
    for closed in [false, true] {
        for (from, up_to, max_bytes, min_one, batches) in [
            (0, 60, 10_000, true, 1000 / size),
            (0, 4, 10_000, true, 2),
            (0, 5, 10_000, true, 2),
            (1, 4, 10_000, true, 2),
            (0, 60, 3 * size, false, 3),
            (0, 60, 4 * size - 1, false, 3),
            (0, 60, size - 1, true, 1),
            (0, 60, size - 1, false, 0),
            (0, 60, 0, true, 1),
            (0, 60, 0, false, 0),
            (4, 4, 10_000, true, 0),
            (8, 4, 10_000, true, 0),
            (4, 5, 10_000, true, 0),
            (58, 60, 10_000, true, 1),
            (60, 60, 10_000, true, 0),
            (59, i64::MAX, usize::MAX / 2, true, 1),
        ] {
            let bytes = log.read_bytes(from, up_to, max_bytes, min_one);
            assert_eq!(bytes.len(), batches * size, "{from}..{up_to} in {max_bytes} {closed}");
        }
        log.close_idle().unwrap();
        log.close_idle().unwrap();
    }
}

#[test]
fn an_offset_outside_of_the_log_is_refused() {
    let log = long_log();
    log.release();
    log.delete_records(Offset(10)).unwrap();
    for offset in [-1, 0, 9, 61] {
        let range =
            ReadRange { from: Offset(offset), up_to: Offset(60), max_bytes: 1, min_one: true };
        match log.read(&range, Wait::Allowed) {
            Err(ReadError::OffsetOutOfRange { log_start, log_end, .. }) => {
                assert_eq!((log_start, log_end), (Offset(10), Offset(60)));
            }
            other => panic!("{offset}: {other:?}"),
        }
    }
    assert_eq!(first_offset(&log, 11), 10);
}

#[test]
fn a_slice_says_whether_more_of_its_range_is_there() {
    let log = long_log();
    let size = batch(2).size_in_bytes();
    let in_first_segment = 2 * (1000 / size) as i64;
    for (from, up_to, max_bytes, is_cut) in [
        (0, 4, 10_000, false),
        (0, 4, size, true),
        (0, 4, 0, true),
        (0, 5, 2 * size, false),
        (0, in_first_segment, 10_000, false),
        (0, in_first_segment + 1, 10_000, true),
        (58, 60, 10_000, false),
        (58, i64::MAX, 10_000, false),
        (60, 60, 10_000, false),
    ] {
        let range =
            ReadRange { from: Offset(from), up_to: Offset(up_to), max_bytes, min_one: false };
        let slice = log.read(&range, Wait::Allowed).unwrap();
        assert_eq!(slice.is_cut(), is_cut, "{from}..{up_to} in {max_bytes} bytes");
    }
}

#[test]
fn a_slice_stays_readable_when_its_segment_is_closed_and_deleted() {
    let fixture = Fixture::new().small().with(|config| config.file_delete_delay_ms = 0);
    let log = fixture.open();
    log.put_many(30, &batch(2));
    log.release();
    let range = ReadRange { from: Offset(0), up_to: Offset(60), max_bytes: 400, min_one: true };
    let slice = log.read(&range, Wait::Never).unwrap();
    let before = slice.read_all().unwrap();
    log.delete_records(Offset(60)).unwrap();
    log.delete_segments(Offset(60), 0).unwrap();
    assert_eq!(log.segment_count(), 0);
    assert_eq!(slice.read_all().unwrap(), before);
    assert!(slice.len() == before.len() && slice.from() == Offset(0) && !slice.is_empty());
    let mut byte = [0; 1];
    assert_eq!(slice.read_at(slice.len(), &mut byte, Wait::Never).unwrap(), 0);
    assert_eq!(slice.read_at(usize::MAX, &mut byte, Wait::Never).unwrap(), 0);
    assert_eq!(slice.read_at(slice.len() - 1, &mut byte, Wait::Never).unwrap(), 1);
}

#[test]
fn a_reader_that_must_not_wait_is_told_to_come_back() {
    let (fixture, disk) = Fixture::faulty();
    let log = fixture.open();
    log.put_many(100, &batch(1));
    disk.set_cold(true);
    let read = |from| {
        let range =
            ReadRange { from: Offset(from), up_to: Offset(100), max_bytes: 99_999, min_one: true };
        log.read(&range, Wait::Never)
    };
    assert!(read(99).is_ok(), "the last batches are found from memory");
    assert!(read(40).is_ok());
    assert!(matches!(read(10), Err(ReadError::WouldBlock)));
    disk.set_cold(false);
    assert!(read(10).is_ok());
}

#[test]
fn the_first_record_of_a_time_is_found() {
    let log = long_log();
    for closed in [false, true] {
        for timestamp in 990..1300 {
            // Record n has the timestamp 1000 + 5n.
            let expected = ((timestamp - 1000).max(0) + 4) / 5;
            let found = log.find_by_timestamp(timestamp).unwrap();
            let offset = found.map(|found| found.offset.0);
            assert_eq!(offset, (expected < 60).then_some(expected), "{timestamp}, {closed}");
            assert!(found.is_none_or(|found| found.timestamp == 1000 + 5 * expected));
        }
        log.close_idle().unwrap();
        log.close_idle().unwrap();
    }
    log.release();
    log.delete_records(Offset(31)).unwrap();
    assert_eq!(log.find_by_timestamp(0).unwrap().unwrap().offset, Offset(31));
    assert_eq!(log.find_by_timestamp(0).unwrap().unwrap().leader_epoch, EPOCH);
}

#[test]
fn times_out_of_order_are_found_as_kafka_finds_them() {
    let log = Fixture::new().small().open();
    for timestamp in [5, 9, 3, 9, 7, 12, 1] {
        log.put(&at(timestamp, &[0; 100]));
    }
    let found = |timestamp| log.find_by_timestamp(timestamp).unwrap().map(|found| found.offset.0);
    assert_eq!([1, 6, 9, 10, 12].map(found), [Some(0), Some(1), Some(1), Some(5), Some(5)]);
    assert_eq!(found(13), None);
}

#[test]
fn the_highest_timestamp_is_found_with_its_first_record() {
    let log = Fixture::new().small().open();
    assert_eq!(log.max_timestamp().unwrap(), None);
    for timestamps in [[5, 9], [9, 7], [3, 4], [20, 20], [20, 1]] {
        log.put(&batch_of(&timestamps, &[0; 120], &records::ProducerStamp::NONE));
    }
    for closed in [false, true] {
        let found = log.max_timestamp().unwrap().unwrap();
        assert_eq!((found.offset, found.timestamp), (Offset(6), 20), "{closed}");
        log.close_idle().unwrap();
        log.close_idle().unwrap();
    }
}

#[test]
fn readers_go_on_while_the_writer_appends() {
    let log = Fixture::new().small().open();
    log.put(&batch(1));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while log.offsets().log_end < Offset(300) {
                    let end = log.offsets().log_end.0;
                    let read = log.read_batches((end - 20).max(0), end, 1 << 20);
                    assert!(read.last().unwrap().header().next_offset().0 <= end);
                }
            });
        }
        log.put_many(299, &batch(1));
    });
    assert_eq!(log.all_offsets(), (0..300).collect::<Vec<_>>());
}
