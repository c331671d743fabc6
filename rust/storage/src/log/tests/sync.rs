//! What is durable after a sync, and when files are closed.

use super::super::*;
use super::fixture::*;
use crate::disk::{Fault, Survivors};

#[test]
fn a_sync_moves_the_recovery_point_and_flushed() {
    let fixture = Fixture::new().small().with(|config| config.durability = Durability::Disk);
    let log = fixture.open();
    log.put_many(20, &batch(2));
    assert!(log.unchecked_bytes() > 0);
    assert_eq!(log.sync().unwrap(), Offset(40));
    assert_eq!((log.recovery_point(), log.unchecked_bytes()), (Offset(40), 0));
    assert_eq!(log.offsets().flushed, Offset(40));
    assert_eq!(*fixture.heard.flushed.lock(), [40]);
    assert_eq!(log.sync().unwrap(), Offset(40), "nothing to do");
    assert_eq!(*fixture.heard.flushed.lock(), [40]);
}

#[test]
fn records_alone_are_synced_by_one_system_call_once_all_names_are_durable() {
    let (fixture, disk) = Fixture::faulty();
    let log = fixture.with(|config| config.durability = Durability::Disk).open();
    log.put(&batch(2));
    log.sync_records().unwrap();
    assert_eq!(log.recovery_point(), Offset(2), "the first time the names become durable too");
    log.put(&batch(3));
    let operations = disk.operations();
    log.sync_records().unwrap();
    assert_eq!(disk.operations(), operations + 1);
    assert_eq!((log.synced_end(), log.offsets().flushed), (Offset(5), Offset(5)));
    assert_eq!(log.recovery_point(), Offset(2));
    log.sync_records().unwrap();
    assert_eq!(disk.operations(), operations + 1, "nothing to do");
}

#[test]
fn records_that_were_synced_alone_survive_with_their_producers_and_epochs() {
    let (mut fixture, disk) = Fixture::faulty();
    fixture = fixture.small().with(|config| config.durability = Durability::Disk);
    let log = fixture.open();
    let mut recovery_point = Offset(0);
    for n in 0..20 {
        log.append(&sequenced(7, 0, n, 1), LeaderEpoch(n / 5), 0).unwrap();
        log.sync_records().unwrap();
        if n % 8 == 3 {
            recovery_point = log.sync().unwrap();
            log.recovery_point_persisted(recovery_point).unwrap();
        }
        let after = Fixture {
            disk: Arc::new(disk.after_crash(&Survivors::synced(&disk))),
            checkpoints: LogCheckpoints { recovery_point, ..LogCheckpoints::default() },
            ..fixture.clone()
        };
        let recovered = after.open();
        assert_eq!(recovered.offsets().log_end, Offset(i64::from(n) + 1));
        assert_eq!(recovered.epoch_of(Offset(i64::from(n))), Some(LeaderEpoch(n / 5)));
        let again = recovered.append(&sequenced(7, 0, n, 1), LeaderEpoch(n / 5), 0).unwrap();
        assert!(again.duplicate, "its producer is known");
    }
}

#[test]
fn a_log_that_is_deleted_while_the_directory_stops_is_closed_without_touching_its_path() {
    let (fixture, disk) = Fixture::faulty();
    let log = fixture.open();
    log.put_many(3, &batch(2));
    log.retire();
    let operations = disk.operations();
    log.close().unwrap();
    assert_eq!(disk.operations(), operations);
}

#[test]
fn whatever_a_crash_leaves_a_synced_record_is_there() {
    let (mut fixture, disk) = Fixture::faulty();
    fixture = fixture.small();
    let log = fixture.open();
    for _ in 0..6 {
        log.put_many(5, &sequenced(-1, -1, -1, 2));
        let recovery_point = log.sync().unwrap();
        log.recovery_point_persisted(recovery_point).unwrap();
        log.put_many(3, &batch(2));
        let after = Fixture {
            disk: Arc::new(disk.after_crash(&Survivors::synced(&disk))),
            checkpoints: LogCheckpoints { recovery_point, ..LogCheckpoints::default() },
            ..fixture.clone()
        };
        let recovered = after.open();
        assert!(recovered.offsets().log_end >= recovery_point);
        assert_eq!(recovered.all_offsets(), (0..recovered.offsets().log_end.0).collect::<Vec<_>>());
        assert_eq!(recovered.latest_epoch(), Some(EPOCH));
        let id = after.content("partition.metadata");
        assert_eq!(id, b"version: 0\ntopic_id: hU2nZSQLRcy3PiWHyRmVbw\n");
    }
}

#[test]
fn a_failed_sync_fails_the_log_and_moves_nothing() {
    let (fixture, disk) = Fixture::faulty();
    let log = fixture.with(|config| config.durability = Durability::Disk).open();
    log.put(&batch(1));
    disk.fail_at(disk.operations() + 1, Fault::Io);
    log.sync().unwrap_err();
    assert_eq!((log.recovery_point(), log.offsets().flushed), (Offset(0), Offset(0)));
    assert!(matches!(log.check_available(), Err(Unavailable::Failed(_))));
}

#[test]
fn every_step_of_a_sync_that_fails_is_told() {
    for step in 0.. {
        let (fixture, disk) = Fixture::faulty();
        let log = fixture.small().open();
        log.put_many(20, &batch(2));
        disk.fail_at(disk.operations() + step, Fault::Io);
        if log.sync().is_ok() {
            assert!(step > 8, "a sync of three segments has many steps, not {step}");
            break;
        }
        assert_eq!(log.recovery_point(), Offset(0), "{step}");
        assert!(log.check_available().is_err());
    }
}

#[test]
fn the_append_that_reaches_flush_messages_waits_for_the_sync() {
    let fixture = Fixture::new().with(|config| config.flush_messages = Some(5));
    let log = fixture.open();
    assert!(!log.put(&batch(4)).sync_due);
    assert_eq!(log.offsets().flushed, Offset(4));
    assert!(log.put(&batch(1)).sync_due);
    assert!(log.put(&batch(1)).sync_due, "not before the sync");
    assert_eq!(log.offsets().flushed, Offset(4));
    assert!(log.flush_due(0));
    log.sync().unwrap();
    assert!(!log.flush_due(0));
    assert_eq!(log.offsets().flushed, Offset(6));
    assert!(!log.put(&batch(1)).sync_due);
    assert_eq!(log.offsets().flushed, Offset(7));
}

#[test]
fn flush_ms_counts_from_the_first_unsynced_record() {
    let log = Fixture::new().with(|config| config.flush_ms = Some(100)).open();
    assert!(!log.flush_due(i64::MAX));
    log.append(&batch(1), EPOCH, 1000).unwrap();
    log.append(&batch(1), EPOCH, 1090).unwrap();
    assert!(!log.flush_due(1099) && log.flush_due(1100));
    log.sync().unwrap();
    assert!(!log.flush_due(i64::MAX));
}

#[test]
fn an_idle_log_is_synced_before_its_files_are_closed() {
    let fixture = Fixture::new().small();
    let log = fixture.open();
    assert!(!log.close_idle().unwrap());
    log.put_many(20, &batch(2));
    assert!(!log.close_idle().unwrap(), "it was used since the last sweep");
    assert!(log.has_open_files());
    assert!(log.close_idle().unwrap());
    assert!(!log.has_open_files());
    assert_eq!(log.recovery_point(), Offset(40));
    assert!(!log.close_idle().unwrap(), "there is nothing to close");
    log.put(&batch(2));
    assert_eq!(log.all_offsets(), (0..42).collect::<Vec<_>>());
    assert!(log.has_open_files());
}

#[test]
fn a_log_in_memory_syncs_nothing() {
    let fixture = Fixture::new().with(|config| config.durability = Durability::Memory);
    let log = fixture.open();
    log.put(&batch(1));
    assert_eq!(log.sync().unwrap(), Offset(1));
    assert!(!fixture.names().iter().any(|name| name.ends_with("snapshot")));
}

#[test]
fn old_snapshots_go_when_the_recovery_point_is_durable() {
    let fixture = Fixture::new().small();
    let log = fixture.open();
    let snapshots = || {
        let names = fixture.names();
        let bases = names.iter().filter_map(|name| name.strip_suffix(".snapshot")?.parse().ok());
        bases.collect::<Vec<i64>>()
    };
    let mut recovery_point = Offset(0);
    for _ in 0..10 {
        log.put_many(2, &batch(2));
        recovery_point = log.sync().unwrap();
    }
    assert!(snapshots().len() >= 10);
    log.recovery_point_persisted(recovery_point).unwrap();
    let kept = snapshots();
    assert_eq!(kept.len(), log.segment_count(), "{kept:?}");
    assert!(kept.contains(&40));
    for base in &kept[..kept.len() - 1] {
        assert!(fixture.names().contains(&format!("{base:020}.log")));
    }
}
