//! Appending, rolling, and what lands in the files.

use super::super::*;
use super::fixture::*;
use crate::disk::{Fault, MemoryDisk};

#[test]
fn offsets_are_dense_and_positions_follow_the_durability() {
    for (durability, flushed) in
        [(Durability::Os, 5), (Durability::Memory, 5), (Durability::Disk, 0)]
    {
        let fixture = Fixture::new().with(|config| config.durability = durability);
        let log = fixture.open();
        let first = log.put(&batch(2));
        let second = log.put(&batch(3));
        assert_eq!((first.base_offset, first.last_offset), (Offset(0), Offset(1)));
        assert_eq!((second.base_offset, second.last_offset), (Offset(2), Offset(4)));
        let offsets = log.offsets();
        assert_eq!((offsets.flushed, offsets.log_end), (Offset(flushed), Offset(5)));
        assert_eq!(*fixture.heard.log_ends.lock(), [2, 5]);
        assert_eq!(fixture.heard.flushed.lock().is_empty(), flushed == 0);
        assert_eq!(log.all_offsets(), [0, 1, 2, 3, 4]);
    }
}

#[test]
fn the_high_watermark_stays_below_flushed_and_never_goes_back() {
    let log = Fixture::new().with(|config| config.durability = Durability::Disk).open();
    log.put(&batch(10));
    assert_eq!(log.set_high_watermark(Offset(5)), Offset(0));
    log.advance_flushed(Offset(7));
    assert_eq!(log.set_high_watermark(Offset(10)), Offset(7));
    assert_eq!(log.set_high_watermark(Offset(3)), Offset(7));
    log.advance_flushed(Offset(5));
    log.advance_flushed(Offset(100));
    assert_eq!(log.offsets().flushed, Offset(10));
    assert_eq!(log.offsets().last_stable, Offset(7));
}

#[test]
fn a_log_has_no_file_before_its_first_record() {
    let fixture = Fixture::new();
    let log = fixture.open();
    log.assign_epoch(LeaderEpoch(3));
    log.sync().unwrap();
    assert!(fixture.names().is_empty() && !log.has_open_files());
    log.put(&batch(1));
    assert_eq!(
        fixture.names(),
        [
            "00000000000000000000.index",
            "00000000000000000000.log",
            "00000000000000000000.timeindex",
            "partition.metadata"
        ]
    );
    log.sync().unwrap();
    assert!(fixture.names().contains(&"leader-epoch-checkpoint".to_owned()));
    assert!(fixture.names().contains(&"00000000000000000001.snapshot".to_owned()));
}

#[test]
fn the_file_holds_the_producers_bytes_behind_a_stamped_header() {
    let fixture = Fixture::new();
    let log = fixture.open();
    let sent = batch(3);
    log.put(&batch(1));
    let appended = log.append(&sent, LeaderEpoch(7), 0).unwrap();
    let file = fixture.content("00000000000000000000.log");
    let written = &file[batch(1).size_in_bytes()..];
    assert_eq!(written[..61], appended.stamped_header.unwrap());
    assert_eq!(written[61..], sent.body());
    assert_eq!(written[..8], 1_i64.to_be_bytes());
    assert_eq!(written[12..16], 7_i32.to_be_bytes());
    assert_eq!(log.epoch_of(Offset(0)), Some(EPOCH));
    assert_eq!(log.epoch_of(Offset(1)), Some(LeaderEpoch(7)));
    assert_eq!(log.latest_epoch(), Some(LeaderEpoch(7)));
    let end = log.end_offset_for_epoch(EPOCH).unwrap();
    assert_eq!((end.leader_epoch, end.end_offset), (EPOCH, Offset(1)));
}

#[test]
fn the_append_time_replaces_the_timestamps_if_the_topic_says_so() {
    let log = Fixture::new().with(|config| config.log_append_time = true).open();
    let appended = log.append(&batch(2), EPOCH, 77).unwrap();
    assert_eq!(appended.log_append_time_ms, Some(77));
    assert_eq!(log.records_from(0).iter().map(|record| record.1).collect::<Vec<_>>(), [77, 77]);
}

#[test]
fn a_segment_is_closed_by_size() {
    let fixture = Fixture::new().small();
    let log = fixture.open();
    let size = batch(1).size_in_bytes();
    let fitting = 1000 / size;
    for _ in 0..fitting {
        log.put(&batch(1));
    }
    assert_eq!(log.segment_count(), 1);
    log.put(&batch(1));
    assert_eq!(log.segment_count(), 2);
    let base = format!("{fitting:020}");
    for extension in ["log", "index", "timeindex", "snapshot"] {
        assert!(fixture.names().contains(&format!("{base}.{extension}")), "{extension}");
    }
    assert_eq!(log.size_bytes(), ((fitting + 1) * size) as u64);
}

#[test]
fn a_segment_is_closed_by_the_time_that_its_records_span() {
    let fixture = Fixture::new().with(|config| config.segment_ms = 100);
    let log = fixture.open();
    for (timestamp, segments) in [(1000, 1), (1100, 1), (1050, 1), (1101, 2), (1201, 2), (1202, 3)]
    {
        log.put(&at(timestamp, b"x"));
        assert_eq!(log.segment_count(), segments, "{timestamp}");
    }
}

#[test]
fn jitter_closes_segments_early_and_differs() {
    let fixture = Fixture::new().with(|config| {
        config.segment_ms = 1_000_000;
        config.segment_jitter_ms = 900_000;
    });
    let log = fixture.open();
    let mut spans = Vec::new();
    let (mut start, mut timestamp) = (0, 0);
    while spans.len() < 4 {
        let before = log.segment_count();
        log.put(&at(timestamp, b"x"));
        if log.segment_count() > before && before > 0 {
            spans.push(timestamp - start);
            start = timestamp;
        }
        timestamp += 20_000;
    }
    assert!(spans.iter().all(|&span| (80_000..=1_020_000).contains(&span)), "{spans:?}");
    assert!(spans.iter().any(|span| *span != spans[0]), "{spans:?}");
}

#[test]
fn a_segment_is_closed_when_an_index_is_full() {
    let fixture = Fixture::new().with(|config| {
        config.segment_index_bytes = 48;
        config.index_interval_bytes = 0;
    });
    let log = fixture.open();
    for n in 0..20 {
        log.put(&at(1000 + n, b"x"));
    }
    assert!(log.segment_count() > 3, "{}", log.segment_count());
    assert_eq!(log.all_offsets(), (0..20).collect::<Vec<_>>());
}

#[test]
fn a_follower_takes_stamped_batches_where_its_log_ends() {
    let leader = Fixture::new().small().open();
    for _ in 0..30 {
        leader.append(&batch(2), LeaderEpoch(4), 0).unwrap();
    }
    let follower = Fixture::new().small().open();
    let mut next = 0;
    while next < 60 {
        let bytes = leader.read_bytes(next, i64::MAX, 700, true);
        next = follower.append_as_follower(&bytes.into(), 0).unwrap().0;
    }
    assert_eq!(follower.records_from(0), leader.records_from(0));
    assert_eq!(follower.latest_epoch(), Some(LeaderEpoch(4)));

    let again = leader.read_bytes(0, i64::MAX, 1, true);
    let error = follower.append_as_follower(&again.into(), 0).unwrap_err();
    assert!(matches!(error, AppendError::NotAtLogEnd { log_end: Offset(60), found: Offset(0) }));
}

#[test]
fn a_damaged_stamped_batch_is_refused_and_those_before_it_stay() {
    let leader = Fixture::new().open();
    leader.put_many(3, &batch(1));
    let mut bytes = leader.read_bytes(0, i64::MAX, 10_000, true);
    let size = bytes.len() / 3;
    bytes[2 * size - 1] ^= 1;
    let follower = Fixture::new().open();
    let error = follower.append_as_follower(&bytes.clone().into(), 0).unwrap_err();
    assert!(matches!(error, AppendError::Batch(_)), "{error}");
    assert_eq!(follower.offsets().log_end, Offset(1));
    bytes.truncate(size + 70);
    let error = Fixture::new().open().append_as_follower(&bytes.into(), 0).unwrap_err();
    assert!(matches!(error, AppendError::Batch(_)), "{error}");
}

#[test]
fn a_full_disk_refuses_the_batch_and_leaves_the_log_as_it_was() {
    let disk = Arc::new(MemoryDisk::new(1500));
    let log = Fixture::on(disk).open();
    let mut appended = 0;
    let error = loop {
        match log.append(&batch(5), EPOCH, 0) {
            Ok(_) => appended += 5,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, AppendError::StorageFull(_)), "{error}");
    assert_eq!(log.offsets().log_end, Offset(appended));
    assert_eq!(log.all_offsets(), (0..appended).collect::<Vec<_>>());
    log.check_available().unwrap();
}

#[test]
fn a_failed_write_fails_the_log_for_good() {
    let (fixture, disk) = Fixture::faulty();
    let log = fixture.open();
    log.put(&batch(1));
    disk.fail_at(disk.operations(), Fault::Io);
    let error = log.append(&batch(1), EPOCH, 0).unwrap_err();
    assert!(matches!(error, AppendError::Unavailable(Unavailable::Failed(_))), "{error}");
    let error = log.append(&batch(1), EPOCH, 0).unwrap_err();
    assert!(error.to_string().contains("/data/orders-0"), "{error}");
    assert_eq!(fixture.heard.failures.lock().len(), 1, "told once");
    assert!(log.delete_records(Offset(0)).is_err());
}

#[test]
fn a_retired_log_refuses_everything() {
    let log = Fixture::new().open();
    log.put(&batch(1));
    log.retire();
    let refused = Unavailable::Retired;
    assert_eq!(log.check_available(), Err(refused.clone()));
    assert!(matches!(
        log.append(&batch(1), EPOCH, 0),
        Err(AppendError::Unavailable(Unavailable::Retired))
    ));
    assert_eq!(log.delete_records(Offset(0)), Err(DeleteRecordsError::Unavailable(refused)));
    assert!(log.max_timestamp().is_err() && log.find_by_timestamp(0).is_err());
}

#[test]
fn a_change_of_configuration_is_acted_on() {
    let log = Fixture::new().open();
    log.put_many(3, &batch(1));
    let mut config = (*log.config()).clone();
    config.segment_bytes = 1;
    log.configure(config.clone()).unwrap();
    log.put(&batch(1));
    assert_eq!(log.segment_count(), 2);
    config.durability = Durability::Disk;
    log.configure(config.clone()).unwrap();
    assert_eq!(log.recovery_point(), Offset(4), "what was in the cache is synced first");
    log.put(&batch(1));
    assert_eq!(log.offsets().flushed, Offset(4));
    config.durability = Durability::Os;
    log.configure(config.clone()).unwrap();
    assert_eq!(log.offsets().flushed, Offset(5));
    config.durability = Durability::Memory;
    let error = log.configure(config).unwrap_err();
    assert!(matches!(error, ConfigureError::Durability { from: Durability::Os, .. }), "{error}");
}
