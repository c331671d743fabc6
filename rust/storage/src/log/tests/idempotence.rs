//! Idempotent producers: across appends, restarts and crashes.

use super::super::*;
use super::fixture::*;
use crate::producer_state::ProducerError;

/// Appends batches of ten records with the sequences from `first` on.
fn produce(log: &Log, first: i32, batches: i32) {
    for n in first..first + batches {
        assert!(!log.put(&sequenced(7, 0, n * 10, 10)).duplicate);
    }
}

fn base_of_duplicate(log: &Log, batch: i32) -> Option<i64> {
    let appended = log.append(&sequenced(7, 0, batch * 10, 10), EPOCH, 0).ok()?;
    assert_eq!(appended.last_offset, appended.base_offset + 9);
    appended.duplicate.then_some(appended.base_offset.0)
}

#[test]
fn a_repeated_batch_gets_its_first_offset_and_is_not_written() {
    let log = Fixture::new().open();
    produce(&log, 0, 6);
    let bytes = log.size_bytes();
    for n in 1..6 {
        assert_eq!(base_of_duplicate(&log, n), Some(i64::from(n) * 10));
    }
    assert_eq!(log.size_bytes(), bytes);
    assert_eq!(log.offsets().log_end, Offset(60));
}

#[test]
fn older_batches_gaps_and_old_epochs_are_refused() {
    let log = Fixture::new().open();
    produce(&log, 0, 6);
    let refused = |batch| match log.append(&batch, EPOCH, 0) {
        Err(AppendError::Producer(error)) => error,
        other => panic!("{other:?}"),
    };
    assert!(matches!(refused(sequenced(7, 0, 0, 10)), ProducerError::OutOfOrderSequence { .. }));
    assert!(matches!(refused(sequenced(7, 0, 70, 10)), ProducerError::OutOfOrderSequence { .. }));
    log.put(&sequenced(7, 1, 0, 10));
    assert!(matches!(refused(sequenced(7, 0, 60, 10)), ProducerError::InvalidProducerEpoch { .. }));
    log.put(&sequenced(8, 0, 4711, 1));
    assert_eq!(log.offsets().log_end, Offset(71));
}

#[test]
fn a_duplicate_repeats_the_append_time() {
    let log = Fixture::new().with(|config| config.log_append_time = true).open();
    log.append(&sequenced(7, 0, 0, 10), EPOCH, 500).unwrap();
    let again = log.append(&sequenced(7, 0, 0, 10), EPOCH, 900).unwrap();
    assert!(again.duplicate && again.stamped_header.is_none());
    assert_eq!(again.log_append_time_ms, Some(500));
}

#[test]
fn all_five_batches_are_known_after_a_clean_and_after_an_unclean_stop() {
    for (clean, synced_at) in [(true, 8), (false, 0), (false, 3), (false, 6), (false, 8)] {
        let mut fixture = Fixture::new().small();
        let log = fixture.open();
        produce(&log, 0, synced_at);
        log.sync().unwrap();
        produce(&log, synced_at, 8 - synced_at);
        if clean {
            log.close().unwrap();
        }
        fixture.clean = clean;
        let log = fixture.reopen(&log);
        for n in 3..8 {
            assert_eq!(base_of_duplicate(&log, n), Some(i64::from(n) * 10), "{clean} {synced_at}");
        }
        produce(&log, 8, 1);
        assert_eq!(log.offsets().log_end, Offset(90));
    }
}

#[test]
fn a_spoilt_snapshot_is_made_good_from_the_log() {
    let mut fixture = Fixture::new().small();
    let log = fixture.open();
    produce(&log, 0, 8);
    log.close().unwrap();
    for name in fixture.names().iter().filter(|name| name.ends_with(".snapshot")) {
        let file =
            fixture.disk.open(&fixture.path.join(name), crate::disk::Open::Existing).unwrap();
        file.write_at(8, &[&[0xff; 4]]).unwrap();
    }
    fixture.clean = true;
    let log = fixture.reopen(&log);
    assert_eq!(base_of_duplicate(&log, 3), Some(30));
    produce(&log, 8, 1);
}

#[test]
fn a_silent_producer_expires() {
    let log = Fixture::new().with(|config| config.producer_id_expiration_ms = 1000).open();
    log.append(&sequenced(7, 0, 0, 10), EPOCH, 5_000).unwrap();
    log.expire_producers(5_999);
    assert!(log.append(&sequenced(7, 0, 50, 10), EPOCH, 5_999).is_err());
    log.expire_producers(6_000);
    assert!(!log.append(&sequenced(7, 0, 50, 10), EPOCH, 6_000).unwrap().duplicate);
}

#[test]
fn state_survives_when_retention_has_deleted_every_record() {
    let mut fixture = Fixture::new().small().with(|config| config.file_delete_delay_ms = 0);
    let log = fixture.open();
    produce(&log, 0, 8);
    log.sync().unwrap();
    log.release();
    log.delete_records(Offset(80)).unwrap();
    log.delete_segments(Offset(80), 0).unwrap();
    assert_eq!(log.size_bytes(), 0);
    let log = fixture.reopen(&log);
    assert_eq!(log.offsets(), LogOffsets::empty_at(Offset(80)));
    assert!(log.append(&sequenced(7, 0, 110, 10), EPOCH, 0).is_err(), "a gap is still seen");
    produce(&log, 8, 1);
}
