//! Opening a log that was left in any state.

use super::super::*;
use super::fixture::*;
use crate::disk::{Open, Survivors, Torn};

fn log_file(base: i64) -> String {
    format!("{base:020}.log")
}

fn overwrite(fixture: &Fixture, name: &str, bytes: &[u8]) {
    let file = fixture.disk.open(&fixture.path.join(name), Open::Truncate).unwrap();
    file.write_at(0, &[bytes]).unwrap();
}

#[test]
fn a_torn_tail_is_cut_at_the_last_whole_batch() {
    let fixture = Fixture::new();
    let log = fixture.open();
    log.put_many(3, &batch(2));
    let whole = fixture.content(&log_file(0));
    let size = whole.len() / 3;
    for length in 2 * size..=whole.len() {
        overwrite(&fixture, &log_file(0), &whole[..length]);
        for clean in [false, true] {
            let (log, recovery) = Fixture { clean, ..fixture.clone() }.try_open().unwrap();
            let end = if length == whole.len() { 6 } else { 4 };
            assert_eq!(log.all_offsets(), (0..end).collect::<Vec<_>>(), "{length}");
            if !clean {
                assert_eq!(recovery.cut_bytes as usize, (length - 2 * size) % size);
                assert_eq!(recovery.damage.is_some(), recovery.cut_bytes > 0);
            }
            assert_eq!(recovery.log_end, Offset(end));
            log.put(&batch(2));
            assert_eq!(log.all_offsets(), (0..end + 2).collect::<Vec<_>>());
            overwrite(&fixture, &log_file(0), &whole[..length]);
        }
    }
}

#[test]
fn a_tail_torn_at_every_sector_by_a_crash_is_cut() {
    let (fixture, disk) = Fixture::faulty();
    let log = fixture.open();
    log.put(&at(1, &[7; 3000]));
    log.sync().unwrap();
    log.put(&at(2, &[8; 3000]));
    let write = disk.unsynced().last().unwrap().clone();
    assert!(write.sectors >= 6);
    for sectors in 0..=write.sectors {
        let torn = Some(Torn { operation: write.operation, sectors });
        let after = disk.after_crash(&Survivors { torn, ..Survivors::all() });
        let recovered = Fixture { disk: Arc::new(after), ..fixture.clone() }.open();
        let end = if sectors == write.sectors { 2 } else { 1 };
        assert_eq!(recovered.all_offsets().len(), end, "{sectors}");
    }
}

#[test]
fn any_flipped_bit_behind_the_recovery_point_cuts_the_log_there() {
    let fixture = Fixture::new();
    let log = fixture.open();
    log.put_many(3, &batch(2));
    let whole = fixture.content(&log_file(0));
    let size = whole.len() / 3;
    for bit in (0..size * 8).step_by(3) {
        let mut flipped = whole.clone();
        flipped[size + bit / 8] ^= 1 << (bit % 8);
        // The leader epoch lies outside of the checksum.
        if (12..16).contains(&(bit / 8)) {
            continue;
        }
        overwrite(&fixture, &log_file(0), &flipped);
        let (log, recovery) = fixture.try_open().unwrap();
        assert_eq!(log.all_offsets(), [0, 1], "{bit}");
        assert_eq!(recovery.cut_bytes as usize, 2 * size);
    }
}

#[test]
fn a_flipped_bit_before_the_recovery_point_is_refused_and_never_cut() {
    let mut fixture = Fixture::new();
    let log = fixture.open();
    log.put_many(3, &batch(2));
    let whole = fixture.content(&log_file(0));
    let size = whole.len() / 3;
    fixture.checkpoints.recovery_point = Offset(4);
    for bit in (0..2 * size * 8).step_by(7) {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        // The leader epoch lies outside of the checksum.
        if (12..16).contains(&(bit / 8 % size)) {
            continue;
        }
        overwrite(&fixture, &log_file(0), &flipped);
        for clean in [false, true] {
            let error = Fixture { clean, ..fixture.clone() }.try_open().unwrap_err().to_string();
            let position = bit / 8 / size * size;
            let named = format!("/data/orders-0 is damaged at byte {position}, although it was");
            assert!(error.contains(&named), "{bit}: {error}");
        }
        assert_eq!(fixture.content(&log_file(0)), flipped, "nothing was touched");
    }
    overwrite(&fixture, &log_file(0), &whole);
    assert_eq!(fixture.open().offsets().log_end, Offset(6));
}

#[test]
fn a_lost_write_in_the_middle_takes_all_later_segments_along() {
    let fixture = Fixture::new().small();
    let log = fixture.open();
    log.put_many(40, &batch(1));
    let bases: Vec<i64> = log.segments.read().keys().map(|base| base.0).collect();
    assert!(bases.len() > 3);
    let second = fixture.content(&log_file(bases[1]));
    overwrite(&fixture, &log_file(bases[1]), &second[..second.len() - 1]);
    let (log, recovery) = fixture.try_open().unwrap();
    assert_eq!(log.offsets().log_end, Offset(bases[2] - 1));
    assert_eq!(log.all_offsets(), (0..bases[2] - 1).collect::<Vec<_>>());
    assert!(recovery.damage.unwrap().contains("has only"));
    assert!(!fixture.names().contains(&log_file(bases[2])));
    assert!(!fixture.names().contains(&format!("{:020}.index", bases[2])));
}

#[test]
fn a_missing_segment_ends_the_log_before_it() {
    let fixture = Fixture::new().small();
    let log = fixture.open();
    log.put_many(40, &batch(1));
    let bases: Vec<i64> = log.segments.read().keys().map(|base| base.0).collect();
    fixture.disk.remove(&fixture.path.join(log_file(bases[2]))).unwrap();
    let (log, recovery) = fixture.try_open().unwrap();
    assert_eq!(log.offsets().log_end, Offset(bases[2]));
    assert_eq!(recovery.damage, Some(format!("no segment begins at {}", bases[2])));
}

#[test]
fn durable_segments_that_were_taken_away_are_missed() {
    let mut fixture = Fixture::new().small();
    let log = fixture.open();
    log.put_many(40, &batch(1));
    let bases: Vec<i64> = log.segments.read().keys().map(|base| base.0).collect();
    for base in &bases[..3] {
        fixture.disk.remove(&fixture.path.join(log_file(*base))).unwrap();
    }
    fixture.checkpoints.recovery_point = Offset(bases[3] - 1);
    let error = fixture.try_open().unwrap_err().to_string();
    let named = format!(
        "no segment in /data/orders-0 begins below offset {}, although the log was durable up to \
         offset {}",
        bases[3],
        bases[3] - 1
    );
    assert!(error.starts_with(&named), "{error}");
    assert!(fixture.names().contains(&log_file(bases[3])), "nothing was touched");
    // What was deleted on purpose is not missed.
    fixture.checkpoints.log_start = Offset(bases[3]);
    assert_eq!(fixture.open().offsets().log_start, Offset(bases[3]));
}

#[test]
fn after_a_clean_shutdown_only_the_tail_is_looked_at() {
    let mut fixture = Fixture::new().with(|config| config.index_interval_bytes = 150);
    fixture.config.segment_bytes = 20_000;
    let log = fixture.open();
    log.put_many(1000, &batch(1));
    let checkpoints = log.close().unwrap();
    assert_eq!(checkpoints.recovery_point, Offset(1000));
    assert!(!log.has_open_files());
    fixture.checkpoints = checkpoints;
    fixture.clean = true;
    let (log, recovery) = fixture.try_open().unwrap();
    assert!(recovery.checked_bytes < 500, "{recovery:?}");
    assert_eq!(recovery.cut_bytes, 0);
    assert!(log.segments.read().values().rev().skip(1).all(|segment| !segment.is_open()));
    assert_eq!(log.offsets().log_end, Offset(1000));
    assert_eq!(log.all_offsets(), (0..1000).collect::<Vec<_>>());
    assert_eq!(log.find_by_timestamp(1).unwrap().unwrap().offset, Offset(0));
}

#[test]
fn after_an_unclean_stop_only_what_lies_behind_the_recovery_point_is_checked() {
    let mut fixture = Fixture::new().with(|config| config.index_interval_bytes = 150);
    fixture.config.segment_bytes = 20_000;
    let log = fixture.open();
    log.put_many(995, &batch(1));
    log.sync().unwrap();
    log.put_many(5, &batch(1));
    let log = fixture.reopen(&log);
    assert_eq!(log.offsets().log_end, Offset(1000));
    let recovery = fixture.try_open().unwrap().1;
    assert!(recovery.checked_bytes < 1500, "{recovery:?}");
}

#[test]
fn what_was_recovered_is_durable() {
    let (fixture, disk) = Fixture::faulty();
    let log = fixture.open();
    log.put_many(5, &batch(1));
    // Killed, not powered off: the page cache is still there.
    let log = {
        drop(log);
        fixture.open()
    };
    assert_eq!(log.recovery_point(), Offset(5));
    let after = disk.after_crash(&Survivors::synced(&disk));
    let recovered = Fixture { disk: Arc::new(after), ..fixture.clone() }.open();
    assert_eq!(recovered.all_offsets(), [0, 1, 2, 3, 4]);
}

#[test]
fn missing_indexes_and_epochs_are_made_anew() {
    for clean in [false, true] {
        let mut fixture = Fixture::new().small();
        let log = fixture.open();
        for n in 0..40 {
            log.append(&at(1000 + i64::from(n), b"value"), LeaderEpoch(n / 7), 0).unwrap();
        }
        fixture.checkpoints = log.close().unwrap();
        fixture.clean = clean;
        let before: Vec<(String, Vec<u8>)> = fixture
            .names()
            .into_iter()
            .filter(|name| name.contains("index") || name == "leader-epoch-checkpoint")
            .map(|name| (name.clone(), fixture.content(&name)))
            .collect();
        assert!(before.len() > 8);
        for (name, _) in &before {
            fixture.disk.remove(&fixture.path.join(name)).unwrap();
        }
        let log = fixture.open();
        for n in 0..40 {
            assert_eq!(log.epoch_of(Offset(n)), Some(LeaderEpoch(n as i32 / 7)));
            let found = log.find_by_timestamp(1000 + n).unwrap().unwrap();
            assert_eq!(found.offset, Offset(n));
        }
        log.close().unwrap();
        for (name, content) in before {
            assert_eq!(fixture.content(&name), content, "{name} {clean}");
        }
    }
}

#[test]
fn a_directory_of_another_topic_is_refused() {
    let fixture = Fixture::new();
    fixture.open().put(&batch(1));
    overwrite(&fixture, "partition.metadata", b"version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ\n");
    let error = fixture.try_open().unwrap_err();
    assert!(matches!(error, LogOpenError::TopicId { .. }));
    assert!(error.to_string().contains("/data/orders-0 belongs to topic id"), "{error}");
}

#[test]
fn a_topic_id_that_a_crash_has_cut_is_written_anew() {
    let fixture = Fixture::new();
    fixture.open().put(&batch(1));
    for text in [&b""[..], b"version: 0\ntop"] {
        overwrite(&fixture, "partition.metadata", text);
        fixture.open();
        let written = fixture.content("partition.metadata");
        assert_eq!(written, b"version: 0\ntopic_id: hU2nZSQLRcy3PiWHyRmVbw\n");
    }
    overwrite(&fixture, "partition.metadata", b"");
    let clean = Fixture { clean: true, ..fixture };
    assert!(matches!(clean.try_open(), Err(LogOpenError::Checkpoint(_))));
}

#[test]
fn an_empty_last_segment_as_kafka_leaves_it_says_where_the_log_ends() {
    let mut fixture = Fixture::new();
    fixture.checkpoints.recovery_point = Offset(1000);
    fixture.disk.create_dir_all(&fixture.path).unwrap();
    overwrite(&fixture, &log_file(1000), b"");
    let log = fixture.open();
    assert_eq!(log.offsets(), LogOffsets::empty_at(Offset(1000)));
    assert_eq!(log.put(&batch(1)).base_offset, Offset(1000));
}

#[test]
fn a_log_start_above_what_the_disk_kept_starts_the_log_anew() {
    let mut fixture = Fixture::new();
    fixture.open().put_many(5, &batch(1));
    fixture.checkpoints.log_start = Offset(90);
    let log = fixture.open();
    assert_eq!(log.offsets(), LogOffsets::empty_at(Offset(90)));
    assert_eq!(log.put(&batch(1)).base_offset, Offset(90));
}

#[test]
fn leftovers_and_strangers_do_no_harm() {
    let mut fixture = Fixture::new();
    let log = fixture.open();
    log.put_many(3, &batch(1));
    fixture.checkpoints = log.close().unwrap();
    for name in [
        "00000000000000000000.log.deleted",
        "leader-epoch-checkpoint.tmp",
        "00000000000000000077.index",
        "00000000000000000078.timeindex",
        "notes.txt",
    ] {
        overwrite(&fixture, name, b"?");
    }
    assert_eq!(fixture.open().all_offsets(), [0, 1, 2]);
    let odd: Vec<String> = fixture
        .names()
        .into_iter()
        .filter(|name| {
            name.contains("77")
                || name.contains("78")
                || name.contains("tmp")
                || name.contains(".deleted")
        })
        .collect();
    assert!(odd.is_empty(), "{odd:?}");
    assert!(fixture.names().contains(&"notes.txt".to_owned()));
}
