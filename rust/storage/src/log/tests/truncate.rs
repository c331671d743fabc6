//! Cutting the end off.

use super::super::*;
use super::fixture::*;
use crate::disk::{Fault, Survivors};

fn log_of_60(fixture: &Fixture) -> Log {
    let log = fixture.open();
    for n in 0..30 {
        log.append(&batch(2), LeaderEpoch(n / 10), 0).unwrap();
    }
    assert!(log.segment_count() >= 3);
    log
}

#[test]
fn a_log_is_cut_at_a_batch_anywhere() {
    for offset in 0..=60 {
        let mut fixture = Fixture::new().small();
        let log = log_of_60(&fixture);
        log.set_high_watermark(Offset(50));
        let end = offset - offset % 2;
        assert_eq!(log.truncate_to(Offset(offset), 0).unwrap(), Offset(end));
        assert_eq!(log.all_offsets(), (0..end).collect::<Vec<_>>());
        let offsets = log.offsets();
        assert_eq!((offsets.log_end, offsets.flushed), (Offset(end), Offset(end)));
        assert_eq!(offsets.high_watermark, Offset(end.min(50)));
        let epoch = (end > 0).then(|| LeaderEpoch(((end - 1) / 20) as i32));
        assert_eq!(log.latest_epoch(), epoch, "{offset}");
        log.append(&batch(3), LeaderEpoch(9), 0).unwrap();
        assert_eq!(log.all_offsets(), (0..end + 3).collect::<Vec<_>>());
        let log = fixture.reopen(&log);
        assert_eq!(log.all_offsets(), (0..end + 3).collect::<Vec<_>>());
        assert_eq!(log.epoch_of(Offset(end)), Some(LeaderEpoch(9)));
    }
}

#[test]
fn a_cut_takes_producers_back_to_what_they_were() {
    let log = Fixture::new().small().open();
    for n in 0..12 {
        log.put(&sequenced(7, 0, n * 10, 10));
    }
    log.truncate_to(Offset(65), 0).unwrap();
    assert!(log.append(&sequenced(7, 0, 70, 10), EPOCH, 0).is_err());
    assert!(log.put(&sequenced(7, 0, 50, 10)).duplicate);
    assert!(log.put(&sequenced(7, 0, 20, 10)).duplicate);
    assert_eq!(log.put(&sequenced(7, 0, 60, 10)).base_offset, Offset(60));
}

#[test]
fn a_log_may_start_anew_at_another_offset() {
    let mut fixture = Fixture::new().small();
    let log = log_of_60(&fixture);
    log.truncate_fully_and_start_at(Offset(1000)).unwrap();
    assert_eq!(log.offsets(), LogOffsets::empty_at(Offset(1000)));
    assert_eq!((log.size_bytes(), log.latest_epoch()), (0, None));
    assert_eq!(log.segment_count(), 0);
    log.put(&batch(2));
    assert_eq!(log.all_offsets(), [1000, 1001]);
    assert_eq!(fixture.reopen(&log).all_offsets(), [1000, 1001]);
}

#[test]
fn a_cut_below_the_start_leaves_nothing() {
    let log = log_of_60(&Fixture::new().small());
    log.release();
    log.delete_records(Offset(30)).unwrap();
    assert_eq!(log.truncate_to(Offset(20), 0).unwrap(), Offset(20));
    assert_eq!(log.offsets(), LogOffsets::empty_at(Offset(20)));
}

#[test]
fn a_crash_while_cutting_leaves_a_log_without_a_hole() {
    for step in 0.. {
        let (mut fixture, disk) = Fixture::faulty();
        fixture = fixture.small();
        let log = log_of_60(&fixture);
        log.sync().unwrap();
        disk.fail_at(disk.operations() + step, Fault::Crash);
        let done = log.truncate_to(Offset(12), 0).is_ok();
        disk.crash();
        for survivors in [Survivors::all(), Survivors::synced(&disk)] {
            // The checkpoint file still names the recovery point from before.
            for recovery_point in [60, 12] {
                let after = Fixture {
                    disk: Arc::new(disk.after_crash(&survivors)),
                    checkpoints: LogCheckpoints {
                        recovery_point: Offset(recovery_point),
                        ..LogCheckpoints::default()
                    },
                    ..fixture.clone()
                };
                let recovered = after.open();
                let end = recovered.offsets().log_end.0;
                assert_eq!(recovered.all_offsets(), (0..end).collect::<Vec<_>>());
                assert!(end >= 12 && (!done || end == 12), "{step}: {end}");
            }
        }
        if done {
            break;
        }
    }
}
