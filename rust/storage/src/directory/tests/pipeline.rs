//! From a submission to the disk.

use std::sync::atomic::Ordering;

use base::Offset;

use super::super::*;
use super::captured_log::said_while;
use super::fixture::{Fixture, PARTITION, answer, answers, config, error, topic_id};
use crate::disk::{Disk as _, Fault, Survivors};
use crate::log::{Durability, LogConfig};

/// How often the journal was written since the fixture was made.
fn groups(fixture: &Fixture) -> u64 {
    fixture.directory.shared.journal.next_sequence() - 1
}

#[test]
fn a_completion_comes_with_the_log_and_flushed_with_the_journal() {
    let mut fixture = Fixture::new();
    let log = fixture.create(1, "orders", Durability::Disk);
    let appended = fixture.submit(&log, 100);
    fixture.machines.appender.step();
    assert_eq!(answer(&appended).base_offset, Offset(0));
    assert_eq!(log.offsets().flushed, Offset(0));
    fixture.machines.journal_writer.step();
    assert_eq!(log.offsets().flushed, Offset(1));
    assert_eq!(*fixture.told.0.lock(), ["end 1", "flushed 1"]);
}

#[test]
fn what_arrives_during_a_sync_of_any_partition_shares_the_next() {
    let mut fixture = Fixture::new();
    let logs: Vec<_> =
        (0..8).map(|n| fixture.create(n, &format!("t{n}"), Durability::Disk)).collect();
    for log in logs.iter().chain(&logs) {
        fixture.submit(log, 100);
    }
    fixture.settle();
    assert!(logs.iter().all(|log| log.offsets().flushed == Offset(2)));
    assert_eq!(groups(&fixture), 1);
}

#[test]
fn a_large_append_syncs_its_segment_and_is_not_journalled() {
    let mut fixture = Fixture::with(DirectoryConfig { segment_sync_bytes_min: 10_000, ..config() });
    let large = fixture.create(1, "large", Durability::Disk);
    let small = fixture.create(2, "small", Durability::Disk);
    fixture.submit(&large, 20_000);
    fixture.submit(&small, 100);
    fixture.settle();
    assert_eq!((large.offsets().flushed, large.recovery_point()), (Offset(1), Offset(1)));
    assert_eq!((small.offsets().flushed, small.recovery_point()), (Offset(1), Offset(0)));
}

#[test]
fn a_batch_larger_than_a_journal_file_is_taken() {
    let mut fixture = Fixture::new();
    let log = fixture.create(1, "large", Durability::Disk);
    fixture.submit(&log, config().journal.file_bytes);
    fixture.settle();
    assert_eq!(log.offsets().flushed, Offset(1));
}

#[test]
fn durability_os_and_memory_make_no_journal() {
    let mut fixture = Fixture::new();
    for (number, durability) in [(1, Durability::Os), (2, Durability::Memory)] {
        let log = fixture.create(number, &format!("t{number}"), durability);
        fixture.submit(&log, 100);
        fixture.settle();
        assert_eq!(log.offsets().flushed, Offset(1));
    }
    assert!(!fixture.names().contains(&"journal".to_owned()));
    assert!(!fixture.names().contains(&"t2-0".to_owned()), "memory touches no file");
}

#[test]
fn a_switch_from_os_to_disk_syncs_what_is_there_before_the_next_append() {
    let mut fixture = Fixture::new();
    let log = fixture.create(1, "orders", Durability::Os);
    fixture.submit(&log, 100);
    let (configured, completion) = answers();
    let to_disk = LogConfig { durability: Durability::Disk, ..LogConfig::default() };
    fixture.directory.configure(log.clone(), to_disk, completion);
    let next = fixture.submit(&log, 100);
    fixture.machines.appender.step();
    assert!(next.lock().is_empty(), "it waits for the sync");
    fixture.settle();
    answer(&configured);
    assert_eq!(answer(&next).base_offset, Offset(1));
    assert_eq!((log.recovery_point(), log.offsets().flushed), (Offset(1), Offset(2)));
    assert_eq!(log.durability(), Durability::Disk);
}

#[test]
fn batches_wait_for_a_truncation_and_follow_it() {
    let mut fixture = Fixture::new();
    let log = fixture.create(1, "orders", Durability::Disk);
    for _ in 0..3 {
        fixture.submit(&log, 100);
    }
    fixture.settle();
    let (truncated, completion) = answers();
    fixture.directory.truncate(log.clone(), Offset(1), completion);
    let next = fixture.submit(&log, 100);
    fixture.settle();
    assert_eq!(answer(&truncated), Offset(1));
    assert_eq!(answer(&next).base_offset, Offset(1));
    assert_eq!(log.offsets().flushed, Offset(2));
}

#[test]
fn records_above_the_high_watermark_are_not_deleted() {
    let mut fixture = Fixture::new();
    let log = fixture.create(1, "orders", Durability::Disk);
    fixture.submit(&log, 100);
    fixture.settle();
    let written = groups(&fixture);
    let (refused, completion) = answers();
    fixture.directory.delete_records(log.clone(), Offset(1), completion);
    fixture.settle();
    assert!(error(&refused).contains("the high watermark is 0"));
    assert_eq!(groups(&fixture), written, "what is refused is not journalled");
    log.set_high_watermark(Offset(1));
    let (deleted, completion) = answers();
    fixture.directory.delete_records(log.clone(), Offset(1), completion);
    fixture.settle();
    assert_eq!(answer(&deleted), Offset(1));
}

#[test]
fn too_much_at_once_is_given_back() {
    let limits = QueueLimits { items_max: 2, bytes_max: 1 << 20 };
    let mut fixture = Fixture::with(DirectoryConfig { submissions: limits, ..config() });
    let log = fixture.create(1, "orders", Durability::Disk);
    fixture.submit(&log, 100);
    fixture.submit(&log, 100);
    assert!(matches!(fixture.try_submit(&log, 100), Err(RefusedReason::Full)));
    fixture.settle();
    fixture.submit(&log, 100);
}

#[test]
fn the_log_speaks_of_a_full_queue_now_and_then_naming_directory_and_limit() {
    let limits = QueueLimits { items_max: 1, bytes_max: 1 << 20 };
    let mut fixture = Fixture::with(DirectoryConfig { submissions: limits, ..config() });
    let log = fixture.create(1, "orders", Durability::Disk);
    fixture.submit(&log, 100);
    let said = said_while(|| {
        for _ in 0..100 {
            assert!(fixture.try_submit(&log, 100).is_err());
        }
        fixture.clock.0.fetch_add(10_000, Ordering::Relaxed);
        assert!(fixture.try_submit(&log, 100).is_err());
    });
    let lines: Vec<&str> = said.lines().collect();
    let [first, second] = lines[..] else { panic!("{said}") };
    assert!(first.contains("directory=/data refused=1 items_max=1 bytes_max=1048576"), "{first}");
    assert!(second.contains("refused=100 "), "{second}");
    fixture.settle();
}

#[test]
fn the_appender_waits_while_the_journal_writer_has_enough() {
    let limits = QueueLimits { items_max: 1, bytes_max: 1 << 20 };
    let mut fixture = Fixture::with(DirectoryConfig { journal_entries: limits, ..config() });
    let log = fixture.create(1, "orders", Durability::Disk);
    let (first, second) = (fixture.submit(&log, 100), fixture.submit(&log, 100));
    fixture.machines.appender.step();
    fixture.machines.appender.step();
    assert_eq!((first.lock().len(), second.lock().len()), (1, 0));
    fixture.settle();
    assert_eq!(log.offsets().flushed, Offset(2));
}

#[test]
fn a_full_ring_is_released_by_syncing_segments() {
    let mut fixture = Fixture::new();
    let log = fixture.create(1, "orders", Durability::Disk);
    for n in 1..=40 {
        fixture.submit(&log, 5_000);
        fixture.settle();
        assert_eq!(log.offsets().flushed, Offset(n));
    }
    let usage = fixture.directory.shared.journal.usage();
    assert!(usage.bytes <= config().journal.bytes_max, "{usage:?}");
    assert!(log.synced_end() > Offset(20));
}

/// What a start has to check if the process is killed now.
fn checked_after_a_kill(fixture: Fixture) -> u64 {
    let killed = fixture.disk.after_crash(&Survivors::all());
    let reopened = fixture.reopened(&killed);
    reopened.report.logs.iter().map(|log| log.recovery.checked_bytes).sum()
}

#[test]
fn what_a_start_after_a_kill_checks_is_bounded_for_one_log() {
    for segment_sync_bytes_min in [10_000, 1_000] {
        let unchecked_bytes_max = 20_000;
        let config = DirectoryConfig { segment_sync_bytes_min, unchecked_bytes_max, ..config() };
        let mut fixture = Fixture::with(config);
        let log = fixture.create(1, "orders", Durability::Disk);
        for n in 1..=60 {
            fixture.submit(&log, 2_000);
            fixture.settle();
            assert_eq!(log.offsets().flushed, Offset(n));
        }
        let snapshots = fixture.disk.list(Path::new("/data/orders-0")).unwrap();
        let snapshots = snapshots.iter().filter(|entry| entry.name.ends_with(".snapshot")).count();
        assert_eq!(snapshots, 1, "the older ones are not needed");
        assert!(checked_after_a_kill(fixture) <= unchecked_bytes_max + 2 * 4_096);
    }
}

#[test]
fn what_a_start_after_a_kill_checks_is_bounded_for_all_logs_together() {
    let config = DirectoryConfig { unchecked_bytes_total_max: 20_000, ..config() };
    let mut fixture = Fixture::with(config);
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let logs: Vec<_> = (1..)
        .zip(names)
        .map(|(number, name)| fixture.create(number, name, Durability::Disk))
        .collect();
    for _ in 0..8 {
        for log in &logs {
            fixture.submit(log, 2_000);
        }
        fixture.settle();
    }
    assert!(logs.iter().all(|log| log.offsets().flushed == Offset(8)));
    // The limit is looked at when the syncer runs: at the latest when the ring is half full.
    let between = fixture.directory.shared.config.journal.bytes_max as u64 / 2;
    assert!(checked_after_a_kill(fixture) <= 20_000 + between + 8 * 4_096);
}

#[test]
fn a_failed_sync_of_the_journal_stops_the_directory() {
    let mut fixture = Fixture::new();
    let log = fixture.create(1, "orders", Durability::Disk);
    fixture.submit(&log, 100);
    fixture.settle();
    fixture.submit(&log, 100);
    fixture.machines.appender.step();
    fixture.disk.fail_at(fixture.disk.operations() + 1, Fault::Io);
    fixture.settle();
    assert_eq!(log.offsets().flushed, Offset(1), "nothing unsynced is acknowledged");
    let failure = fixture.directory.failure().expect("it has failed").to_string();
    assert!(failure.starts_with("log directory /data has failed: cannot sync"), "{failure}");
    let Err(RefusedReason::Stopped(refused)) = fixture.try_submit(&log, 100) else {
        panic!("it takes no more")
    };
    assert_eq!(refused.to_string(), failure);
    assert!(fixture.told.0.lock().iter().any(|told| told.starts_with("failed log directory")));
    let (deleted, completion) = answers();
    fixture.directory.delete_records(log, Offset(1), completion);
    assert_eq!(error(&deleted), failure);
}

#[test]
fn what_waits_when_the_directory_fails_is_answered() {
    let mut fixture = Fixture::new();
    let log = fixture.create(1, "orders", Durability::Disk);
    fixture.submit(&log, 100);
    fixture.settle();
    let (truncated, completion) = answers();
    fixture.directory.truncate(log.clone(), Offset(0), completion);
    let behind = fixture.submit(&log, 100);
    fixture.disk.fail_at(fixture.disk.operations(), Fault::Io);
    fixture.settle();
    assert!(error(&truncated).contains("has failed"));
    assert!(error(&behind).contains("has failed"));
    fixture.stop();
    assert!(!fixture.names().contains(&".kafka_cleanshutdown".to_owned()));
}

#[test]
fn a_full_disk_refuses_the_batch_and_nothing_else() {
    let mut fixture = Fixture::new();
    let log = fixture.create(1, "orders", Durability::Disk);
    fixture.submit(&log, 100);
    fixture.settle();
    fixture.disk.set_capacity_bytes(Some(0));
    let refused = fixture.submit(&log, 100);
    fixture.settle();
    assert!(error(&refused).starts_with("no room for the batch"), "{}", error(&refused));
    assert!(fixture.directory.failure().is_none());
    fixture.disk.set_capacity_bytes(None);
    let appended = fixture.submit(&log, 100);
    fixture.settle();
    assert_eq!(answer(&appended).base_offset, Offset(1));
    assert_eq!(log.offsets().flushed, Offset(2));
}

#[test]
fn topics_in_memory_share_a_limit_and_give_it_back() {
    let mut fixture = Fixture::new();
    let log = fixture.create(1, "fast", Durability::Memory);
    let taken = fixture.submit(&log, 6_000);
    let refused = fixture.submit(&log, 6_000);
    fixture.settle();
    answer(&taken);
    assert!(error(&refused).starts_with("no room for the batch"), "{}", error(&refused));
    assert!(fixture.directory.failure().is_none(), "the directory on disk is sound");
    let (deleted, completion) = answers();
    fixture.directory.delete_log(topic_id(1), PARTITION, completion);
    fixture.settle();
    answer(&deleted);
    drop(log);
    assert_eq!(fixture.directory.shared.memory.used_bytes(), 0);
}
