//! Opening, closing, deleting, and what is found after a crash.

use std::path::Path;

use base::{Clock, Offset, ProducerEpoch, ProducerId};
use records::ProducerStamp;

use super::super::*;
use super::fixture::{
    DATA, Fixture, PARTITION, answer, answers, config, error, lock, stamped_batch, topic_id,
};
use crate::disk::{Disk, FaultyDisk, Survivors};
use crate::log::Durability;

fn cut(disk: &FaultyDisk) -> FaultyDisk {
    disk.after_crash(&Survivors::synced(disk))
}

#[test]
fn a_second_start_is_refused_with_the_holders_pid() {
    let fixture = Fixture::new();
    let refused = lock(&fixture.disk).expect_err("it is in use").to_string();
    assert!(refused.contains(DATA), "{refused}");
    assert!(refused.contains(&format!("process {}", std::process::id())), "{refused}");
    let disk = fixture.disk.clone();
    drop(fixture);
    lock(&disk).expect("the lock goes with the last handle");
}

#[test]
fn a_new_directory_is_clean_and_a_crash_is_not() {
    let fixture = Fixture::new();
    assert!(fixture.report.clean);
    let disk = cut(&fixture.disk);
    assert!(!fixture.reopened(&disk).report.clean);
}

#[test]
fn a_clean_stop_leaves_its_epoch_and_nothing_to_replay() {
    let mut fixture = Fixture::new();
    let log = fixture.create(1, "orders", Durability::Disk);
    for _ in 0..3 {
        fixture.submit(&log, 100);
    }
    fixture.settle();
    fixture.stop();
    drop(log);
    let disk = cut(&fixture.disk);
    assert_eq!(
        lock(&disk).expect("free").last_shutdown(),
        LastShutdown::Clean { broker_epoch: BrokerEpoch(7) }
    );
    let fixture = fixture.reopened(&disk);
    assert!(fixture.report.clean);
    assert_eq!(fixture.report.logs[0].replayed_entries, 0);
    let log = fixture.directory.log(topic_id(1), PARTITION).expect("it was there");
    assert_eq!((log.offsets().log_end, log.offsets().flushed), (Offset(3), Offset(3)));
}

#[test]
fn what_only_the_journal_held_is_replayed_once() {
    let mut fixture = Fixture::new();
    let log = fixture.create(1, "orders", Durability::Disk);
    for _ in 0..3 {
        fixture.submit(&log, 100);
    }
    fixture.settle();
    let disk = cut(&fixture.disk);
    let fixture = fixture.reopened(&disk);
    assert_eq!(fixture.report.logs[0].replayed_entries, 3);
    let disk = cut(&disk);
    let fixture = fixture.reopened(&disk);
    assert_eq!(fixture.report.logs[0].replayed_entries, 0);
    let log = fixture.directory.log(topic_id(1), PARTITION).expect("it was there");
    assert_eq!(log.offsets().log_end, Offset(3));
}

#[test]
fn a_gap_between_segments_and_journal_is_refused() {
    let mut fixture = Fixture::new();
    let log = fixture.create(1, "orders", Durability::Disk);
    fixture.submit(&log, 100);
    let (flushed, completion) = answers();
    fixture.directory.flush(log.clone(), completion);
    fixture.settle();
    assert_eq!(answer(&flushed), Offset(1));
    fixture.directory.shared.journal.release(fixture.directory.shared.journal.next_sequence());
    fixture.submit(&log, 100);
    fixture.settle();
    let disk = cut(&fixture.disk);
    // Somebody removes the segment.
    for name in ["00000000000000000000.log", "00000000000000000000.index"] {
        disk.remove(&Path::new(DATA).join("orders-0").join(name)).unwrap();
    }
    let Fixture { clock, topics, .. } = fixture;
    let refused = Fixture::open(&disk, clock, topics, config()).expect_err("records are lost");
    let refused = refused.to_string();
    assert!(refused.contains("orders-0 ends at offset 0"), "{refused}");
    assert!(refused.contains("the journal goes on at 1"), "{refused}");
}

#[test]
fn a_directory_that_nobody_knows_is_set_aside_and_kept() {
    let mut fixture = Fixture::new();
    let log = fixture.create(1, "orders", Durability::Disk);
    fixture.submit(&log, 100);
    fixture.settle();
    fixture.stop();
    drop(log);
    fixture.topics.0.clear();
    let disk = cut(&fixture.disk);
    let fixture = fixture.reopened(&disk);
    let stray = Path::new(DATA).join("orders-0.01010101010101010101010101010101-stray");
    assert_eq!(fixture.report.strays, std::slice::from_ref(&stray));
    let kept = fixture.disk.list(&stray).unwrap();
    assert!(kept.iter().any(|entry| entry.name == "00000000000000000000.log"));
    assert_eq!(fixture.reopened(&cut(&disk)).report.strays, [] as [std::path::PathBuf; 0]);
}

#[test]
fn entries_of_unknown_topics_are_skipped_and_counted() {
    let mut fixture = Fixture::new();
    let log = fixture.create(1, "orders", Durability::Disk);
    fixture.submit(&log, 100);
    fixture.settle();
    fixture.topics.0.clear();
    let disk = cut(&fixture.disk);
    let fixture = fixture.reopened(&disk);
    assert_eq!(fixture.report.skipped_entries, 1);
    assert!(fixture.directory.logs().is_empty());
}

#[test]
fn a_deleted_log_makes_room_for_another_of_its_name_at_once() {
    let mut fixture = Fixture::new();
    let old = fixture.create(1, "orders", Durability::Disk);
    for _ in 0..2 {
        fixture.submit(&old, 100);
    }
    fixture.settle();
    fixture.topics.0.clear();
    let (deleted, completion) = answers();
    fixture.directory.delete_log(topic_id(1), PARTITION, completion);
    let new = fixture.create(2, "orders", Durability::Disk);
    let late = fixture.submit(&old, 100);
    let first = fixture.submit(&new, 100);
    fixture.settle();
    answer(&deleted);
    assert!(error(&late).contains("deleted"), "{}", error(&late));
    assert_eq!(answer(&first).base_offset, Offset(0));
    assert!(fixture.names().iter().any(|name| name.ends_with("-delete")));
    fixture.advance(61_000);
    fixture.settle();
    assert!(!fixture.names().iter().any(|name| name.ends_with("-delete")));
    assert_eq!(new.offsets().flushed, Offset(1));
}

#[test]
fn a_topic_of_a_deleted_ones_name_does_not_start_after_a_crash_where_that_one_did() {
    let mut fixture = Fixture::new();
    let old = fixture.create(1, "orders", Durability::Disk);
    for _ in 0..5 {
        fixture.submit(&old, 100);
    }
    fixture.settle();
    old.set_high_watermark(Offset(5));
    let (started, completion) = answers();
    fixture.directory.delete_records(old.clone(), Offset(3), completion);
    fixture.settle();
    assert_eq!(answer(&started), Offset(3));
    // Retention writes the checkpoints.
    fixture.advance(300_001);
    fixture.settle();
    fixture.topics.0.clear();
    fixture.directory.delete_log(topic_id(1), PARTITION, answers().1);
    let new = fixture.create(2, "orders", Durability::Disk);
    fixture.submit(&new, 100);
    fixture.settle();
    assert_eq!(new.offsets().flushed, Offset(1), "the record is acknowledged");
    let disk = cut(&fixture.disk);
    let fixture = fixture.reopened(&disk);
    let log = fixture.directory.log(topic_id(2), PARTITION).expect("it was there");
    assert_eq!((log.offsets().log_start, log.offsets().log_end), (Offset(0), Offset(1)));
}

#[test]
fn a_log_that_cannot_be_made_fails_the_directory_and_says_why() {
    let mut fixture = Fixture::new();
    let log = fixture.create(1, "orders", Durability::Disk);
    fixture.submit(&log, 100);
    fixture.settle();
    // Another topic's directory has the name of one that is about to be made.
    let (from, to) = (Path::new(DATA).join("orders-0"), Path::new(DATA).join("bills-0"));
    fixture.disk.rename(&from, &to).unwrap();
    let known = fixture.known("bills", Durability::Disk);
    let refused = fixture.directory.log_or_create(topic_id(2), PARTITION, known);
    let refused = refused.expect_err("it is another's").to_string();
    assert!(refused.contains("cannot make a log in /data/bills-0"), "{refused}");
    assert!(log.check_available().is_err(), "the other logs have heard of it");
}

#[test]
fn what_a_deletion_left_is_removed_at_the_next_start() {
    let mut fixture = Fixture::new();
    let log = fixture.create(1, "orders", Durability::Disk);
    fixture.submit(&log, 100);
    fixture.settle();
    fixture.topics.0.clear();
    let (deleted, completion) = answers();
    fixture.directory.delete_log(topic_id(1), PARTITION, completion);
    fixture.settle();
    answer(&deleted);
    let disk = cut(&fixture.disk);
    let mut fixture = fixture.reopened(&disk);
    fixture.settle();
    assert!(!fixture.names().iter().any(|name| name.contains("orders")), "{:?}", fixture.names());
}

#[test]
fn a_topic_in_memory_starts_at_zero_again() {
    let mut fixture = Fixture::new();
    let log = fixture.create(1, "fast", Durability::Memory);
    fixture.submit(&log, 100);
    fixture.settle();
    fixture.stop();
    drop(log);
    let disk = cut(&fixture.disk);
    let mut fixture = fixture.reopened(&disk);
    assert!(fixture.directory.logs().is_empty());
    let log = fixture.create(1, "fast", Durability::Memory);
    assert_eq!(log.offsets().log_end, Offset(0));
}

#[test]
fn a_topic_on_disk_that_is_configured_for_memory_keeps_its_records() {
    for is_journalled in [false, true] {
        let mut fixture = Fixture::new();
        let log = fixture.create(1, "orders", Durability::Disk);
        fixture.submit(&log, 100);
        fixture.settle();
        if !is_journalled {
            fixture.stop();
        }
        drop(log);
        let in_memory = fixture.known("orders", Durability::Memory);
        fixture.topics.0.insert(topic_id(1), in_memory);
        let disk = cut(&fixture.disk);
        let fixture = fixture.reopened(&disk);
        let log = fixture.directory.log(topic_id(1), PARTITION).expect("it is on the disk");
        assert_eq!((log.offsets().log_end, log.durability()), (Offset(1), Durability::Disk));
    }
}

#[test]
fn closing_answers_what_was_taken_and_takes_no_more() {
    let mut fixture = Fixture::new();
    let log = fixture.create(1, "orders", Durability::Disk);
    let taken = fixture.submit(&log, 100);
    fixture.directory.close(BrokerEpoch(1));
    let Err(RefusedReason::Stopped(refused)) = fixture.try_submit(&log, 100) else {
        panic!("it is closing")
    };
    assert_eq!(refused.to_string(), "the log directory is closing");
    fixture.stop();
    assert_eq!(answer(&taken).base_offset, Offset(0));
    assert_eq!(log.offsets().flushed, Offset(1));
}

#[test]
fn a_log_that_nobody_uses_has_no_open_file_and_nothing_unsynced() {
    let mut fixture = Fixture::new();
    let log = fixture.create(1, "orders", Durability::Os);
    fixture.submit(&log, 100);
    fixture.settle();
    for _ in 0..3 {
        fixture.advance(30_001);
        fixture.settle();
    }
    assert!(!log.has_open_files());
    assert_eq!(log.recovery_point(), Offset(1));
}

#[test]
fn a_producer_that_was_silent_for_long_is_forgotten() {
    let mut fixture = Fixture::new();
    let log = fixture.create(1, "orders", Durability::Disk);
    let from = |base_sequence| ProducerStamp {
        producer_id: ProducerId(7),
        producer_epoch: ProducerEpoch(0),
        base_sequence,
        ..ProducerStamp::NONE
    };
    let append = |fixture: &mut Fixture, base_sequence| {
        let batch = stamped_batch(100, fixture.clock.unix_ms(), &from(base_sequence));
        let answers = fixture.try_submit_batch(&log, batch).expect("there is room");
        fixture.settle();
        answers
    };
    answer(&append(&mut fixture, 0));
    let gap = append(&mut fixture, 77);
    assert!(error(&gap).contains("a batch before it is missing"), "{}", error(&gap));
    fixture.advance(log.config().producer_id_expiration_ms + 300_000);
    fixture.settle();
    answer(&append(&mut fixture, 77));
}

#[test]
fn kafkas_metadata_log_is_left_alone() {
    let fixture = Fixture::new();
    let metadata = Path::new(DATA).join("__cluster_metadata-0");
    fixture.disk.create_dir_all(&metadata).unwrap();
    fixture.disk.sync_dir(Path::new(DATA)).unwrap();
    let disk = cut(&fixture.disk);
    let fixture = fixture.reopened(&disk);
    assert!(fixture.names().contains(&"__cluster_metadata-0".to_owned()));
    assert!(fixture.report.strays.is_empty());
}
