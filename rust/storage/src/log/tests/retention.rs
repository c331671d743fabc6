//! Deleting from the start.

use super::super::*;
use super::fixture::*;
use crate::disk::Survivors;

/// Segments of one batch of 200 bytes and a bit, with the timestamps 1000, 2000, ...
fn log_of(fixture: &Fixture, segments: i64) -> Log {
    let log = fixture.open();
    for n in 1..=segments {
        log.put(&at(n * 1000, &[0; 200]));
    }
    assert_eq!(log.segment_count(), segments as usize);
    log.release();
    log
}

fn fixture() -> Fixture {
    Fixture::new().with(|config| {
        config.segment_bytes = 300;
        config.retention_ms = None;
        config.file_delete_delay_ms = 60;
    })
}

#[test]
fn segments_go_by_age() {
    let log = log_of(&fixture().with(|config| config.retention_ms = Some(5_000)), 6);
    let start = |now_ms| log.retention_candidate(now_ms).unwrap().map(|offset| offset.0);
    assert_eq!(start(6_000), None);
    assert_eq!(start(6_001), Some(1));
    assert_eq!(start(9_001), Some(4));
    assert_eq!(start(i64::MAX), Some(6), "the last one goes too");
}

#[test]
fn segments_go_by_size_while_enough_stays() {
    let size = at(1, &[0; 200]).size_in_bytes() as u64;
    for (bytes, start) in [(0, Some(6)), (size, Some(5)), (2 * size - 1, Some(4)), (6 * size, None)]
    {
        let log = log_of(&fixture().with(|config| config.retention_bytes = Some(bytes)), 6);
        let found = log.retention_candidate(0).unwrap().map(|offset| offset.0);
        assert_eq!(found, start, "{bytes}");
    }
}

#[test]
fn nothing_goes_above_the_high_watermark_or_against_the_policy() {
    let fixture = fixture().with(|config| config.retention_ms = Some(0));
    let log = fixture.open();
    for n in 1..=6 {
        log.put(&at(n, &[0; 200]));
    }
    assert_eq!(log.retention_candidate(99_999).unwrap(), None);
    log.set_high_watermark(Offset(3));
    assert_eq!(log.retention_candidate(99_999).unwrap(), Some(Offset(3)));
    let mut config = fixture.config.clone();
    config.delete = false;
    log.configure(config).unwrap();
    assert_eq!(log.retention_candidate(99_999).unwrap(), None);
}

#[test]
fn records_without_a_timestamp_count_from_when_they_were_seen() {
    let fixture = fixture().with(|config| config.retention_ms = Some(1000));
    let log = fixture.open();
    log.append(&at(-1, b"x"), EPOCH, 5_000).unwrap();
    log.release();
    assert_eq!(log.retention_candidate(6_000).unwrap(), None);
    assert_eq!(log.retention_candidate(6_001).unwrap(), Some(Offset(1)));
}

#[test]
fn records_are_deleted_up_to_the_high_watermark() {
    let log = log_of(&fixture(), 6);
    assert_eq!(log.delete_records(Offset(3)), Ok(Offset(3)));
    assert_eq!(log.delete_records(Offset(2)), Ok(Offset(3)), "never back");
    assert_eq!(log.all_offsets(), [3, 4, 5]);
    let error = log.delete_records(Offset(7)).unwrap_err();
    assert_eq!(error.to_string(), "records before 7 cannot be deleted: the high watermark is 6");
    assert_eq!(log.end_offset_for_epoch(EPOCH).unwrap().end_offset, Offset(6));
}

#[test]
fn deleted_files_are_renamed_and_go_after_the_delay() {
    let fixture = fixture();
    let log = log_of(&fixture, 6);
    log.delete_records(Offset(3)).unwrap();
    log.delete_segments(Offset(2), 1000).unwrap();
    assert_eq!(log.segment_count(), 4, "only what the checkpoint file knows");
    let deleted = || fixture.names().iter().filter(|name| name.ends_with(".deleted")).count();
    assert_eq!(deleted(), 6);
    assert!(fixture.names().contains(&"00000000000000000001.timeindex.deleted".to_owned()));
    log.delete_segments(Offset(3), 1059).unwrap();
    assert_eq!(deleted(), 9);
    log.delete_segments(Offset(3), 1060).unwrap();
    assert_eq!(deleted(), 3);
    log.delete_segments(Offset(3), 1119).unwrap();
    assert_eq!(deleted(), 0);
    assert_eq!(log.all_offsets(), [3, 4, 5]);
}

#[test]
fn a_start_sweeps_away_what_was_deleted_and_what_lies_below_the_log_start() {
    let mut fixture = fixture();
    let log = log_of(&fixture, 6);
    log.delete_records(Offset(4)).unwrap();
    log.delete_segments(Offset(2), 0).unwrap();
    let log = fixture.reopen(&log);
    assert_eq!(log.segment_count(), 2);
    assert!(!fixture.names().iter().any(|name| name.ends_with(".deleted")));
    assert!(!fixture.names().contains(&"00000000000000000002.log".to_owned()));
    assert_eq!(log.all_offsets(), [4, 5]);
    assert_eq!(log.offsets().log_start, Offset(4));
}

#[test]
fn a_log_that_lost_everything_goes_on_where_it_was() {
    let mut fixture = fixture();
    let log = log_of(&fixture, 6);
    log.delete_records(Offset(6)).unwrap();
    log.delete_segments(Offset(6), 0).unwrap();
    assert_eq!(log.segment_count(), 0);
    assert_eq!(log.offsets(), LogOffsets::empty_at(Offset(6)));
    assert_eq!(log.put(&batch(1)).base_offset, Offset(6));
    let log = fixture.reopen(&log);
    assert_eq!(log.all_offsets(), [6]);
    log.release();
    log.delete_records(Offset(7)).unwrap();
    log.delete_segments(Offset(7), 0).unwrap();
    let log = fixture.reopen(&log);
    assert_eq!(log.offsets(), LogOffsets::empty_at(Offset(7)));
}

#[test]
fn a_crash_between_any_two_steps_of_a_deletion_keeps_the_rest() {
    let (mut faulty, disk) = Fixture::faulty();
    faulty.config = fixture().config;
    let log = log_of(&faulty, 6);
    log.sync().unwrap();
    log.delete_records(Offset(4)).unwrap();
    log.delete_segments(Offset(4), 0).unwrap();
    log.delete_segments(Offset(4), 60).unwrap();
    let pending = disk.unsynced();
    assert!(pending.len() > 12);
    let mut seeds = SplitMix64::new(3);
    for _ in 0..300 {
        let lost = pending.iter().filter(|_| seeds.below(2) == 0).map(|op| op.operation).collect();
        let after = Fixture {
            disk: Arc::new(disk.after_crash(&Survivors { lost, torn: None })),
            checkpoints: LogCheckpoints {
                recovery_point: Offset(6),
                log_start: Offset(4),
                high_watermark: Offset(6),
            },
            ..faulty.clone()
        };
        let recovered = after.open();
        assert_eq!(recovered.all_offsets(), [4, 5]);
        assert_eq!(recovered.segment_count(), 2);
    }
}
