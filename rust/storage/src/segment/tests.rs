//! The bytes of the indexes, and what a damaged index costs: time, never an answer.

use base::{LeaderEpoch, ProducerEpoch, ProducerId};
use records::Attributes;

use super::*;
use crate::disk::{MemoryDisk, Open};

const LIMITS: SegmentLimits = SegmentLimits {
    segment_bytes: 1 << 30,
    segment_ms: i64::MAX,
    index_bytes: 1 << 20,
    index_interval_bytes: 250,
};

fn disk() -> Arc<dyn Disk> {
    let disk = MemoryDisk::new(1 << 24);
    disk.create_dir_all(Path::new("/d")).unwrap();
    Arc::new(disk)
}

/// Of a batch of 100 bytes with two records.
fn header(base_offset: i64, timestamp: i64) -> BatchHeader {
    BatchHeader {
        base_offset: Offset(base_offset),
        batch_length: 88,
        partition_leader_epoch: LeaderEpoch(0),
        crc: 0,
        attributes: Attributes(0),
        last_offset_delta: 1,
        base_timestamp: timestamp,
        max_timestamp: timestamp,
        producer_id: ProducerId::NONE,
        producer_epoch: ProducerEpoch::NONE,
        base_sequence: -1,
        record_count: 2,
    }
}

/// Such a batch, its checksum right.
fn append(segment: &Segment, timestamp: i64) {
    let bytes = header(segment.next_offset().0, timestamp).encode_over(&[0; 39]);
    let header = BatchHeader::parse(&bytes).unwrap();
    segment.append(&header, &[&bytes, &[0; 39]], &LIMITS).unwrap();
}

fn filled(disk: &Arc<dyn Disk>, batches: i64) -> Segment {
    let segment = Segment::create(disk, Path::new("/d"), Offset(1000), 0).unwrap();
    (0..batches).for_each(|n| append(&segment, 5000 + n));
    segment
}

fn content(disk: &Arc<dyn Disk>, extension: &str) -> Vec<u8> {
    let path = file_name::path(Path::new("/d"), Offset(1000), extension);
    disk.open(&path, Open::Existing).unwrap().read_all(1 << 20).unwrap()
}

fn overwrite(disk: &Arc<dyn Disk>, extension: &str, bytes: &[u8]) {
    let path = file_name::path(Path::new("/d"), Offset(1000), extension);
    disk.open(&path, Open::Truncate).unwrap().write_at(0, &[bytes]).unwrap();
}

/// The segment as a start would find it.
fn found(disk: &Arc<dyn Disk>, next_offset: i64) -> Segment {
    let bytes = |extension| content(disk, extension).len() as u64;
    let found = FoundSegment {
        next_offset: Offset(next_offset),
        size: bytes(file_name::LOG) as u32,
        offset_index_bytes: bytes(file_name::OFFSET_INDEX),
        time_index_bytes: bytes(file_name::TIME_INDEX),
        ..FoundSegment::new(Offset(1000))
    };
    Segment::found(disk, Path::new("/d"), found, 0)
}

#[test]
fn the_indexes_have_kafkas_bytes() {
    let disk = disk();
    let segment = filled(&disk, 8);
    segment.seal().unwrap();
    // Three batches are more than 250 bytes, so every fourth gets an entry: those at 300 and 600.
    #[rustfmt::skip]
    let offsets = [
        0, 0, 0, 7, 0, 0, 1, 44, // offset 1007, the last of the batch at byte 300
        0, 0, 0, 13, 0, 0, 2, 88, // offset 1013, byte 600
    ];
    #[rustfmt::skip]
    let times = [
        0, 0, 0, 0, 0, 0, 0x13, 0x8b, 0, 0, 0, 7, // 5003 up to offset 1007
        0, 0, 0, 0, 0, 0, 0x13, 0x8e, 0, 0, 0, 13,
        0, 0, 0, 0, 0, 0, 0x13, 0x8f, 0, 0, 0, 15, // the last one, when the segment was sealed
    ];
    assert_eq!(content(&disk, file_name::OFFSET_INDEX), offsets);
    assert_eq!(content(&disk, file_name::TIME_INDEX), times);
}

#[test]
fn the_time_index_only_rises() {
    let disk = disk();
    let segment = Segment::create(&disk, Path::new("/d"), Offset(1000), 0).unwrap();
    for timestamp in [9, 5, 4, 3, 2, 1, 1, 10, 1, 1] {
        append(&segment, timestamp);
    }
    segment.seal().unwrap();
    segment.seal().unwrap();
    let times = content(&disk, file_name::TIME_INDEX);
    let entries: Vec<TimeEntry> = times.chunks(12).map(TimeEntry::decode).collect();
    let rows: Vec<(i64, u32)> =
        entries.iter().map(|entry| (entry.timestamp, entry.relative_offset)).collect();
    assert_eq!(rows, [(9, 1), (10, 15)], "the offset is that of the batch with the timestamp");
}

#[test]
fn every_offset_and_every_end_is_found_from_memory_and_from_the_files() {
    let disk = disk();
    let segment = filled(&disk, 1000);
    segment.flush_indexes().unwrap();
    let reopened = found(&disk, 3000);
    for segment in [&segment, &reopened] {
        for offset in (1000..3000).step_by(7) {
            let position = segment.position_of(Offset(offset), Wait::Allowed).unwrap();
            assert_eq!(i64::from(position), (offset - 1000) / 2 * 100, "{offset}");
        }
        assert_eq!(segment.position_of(Offset(3000), Wait::Allowed).unwrap(), 100_000);
        for limit in (0..100_100).step_by(333) {
            let end = segment.end_before(0, limit, false, Wait::Allowed).unwrap();
            assert_eq!(end, (limit / 100 * 100).min(100_000), "{limit}");
        }
        assert_eq!(segment.end_before(500, 599, true, Wait::Allowed).unwrap(), 600);
        assert_eq!(segment.end_before(500, 599, false, Wait::Allowed).unwrap(), 500);
    }
}

/// Trusted up to there, and never compacted.
fn dense(trusted: i64) -> RebuildBounds {
    RebuildBounds { trusted: Offset(trusted), holes_before: Offset(0) }
}

#[test]
fn holes_are_found_across_and_are_no_damage_where_compaction_may_have_left_them() {
    let disk = disk();
    filled(&disk, 20).seal().unwrap();
    let whole = content(&disk, file_name::LOG);
    // Batches of two records from 1000 on: every third one stays.
    let kept: Vec<u8> = whole
        .chunks(100)
        .enumerate()
        .filter(|(n, _)| n % 3 == 1)
        .flat_map(|(_, b)| b)
        .copied()
        .collect();
    overwrite(&disk, file_name::LOG, &kept);
    let size = kept.len() as u32;
    let segment = found(&disk, 1040);
    let bounds = RebuildBounds { trusted: Offset(1000), holes_before: Offset(1026) };
    let damage = segment.rebuild(size, bounds, 250, &mut |_| {}).unwrap().unwrap();
    assert!(damage.reason.to_string().contains("at offset 1032 where 1028"), "{}", damage.reason);
    let bounds = RebuildBounds { holes_before: Offset(1038), ..bounds };
    assert!(segment.rebuild(size, bounds, 250, &mut |_| {}).unwrap().is_none());
    let position =
        |segment: &Segment, offset| segment.position_of(Offset(offset), Wait::Allowed).unwrap();
    let reopened = found(&disk, 1040);
    for segment in [&segment, &reopened] {
        assert_eq!(
            [1000, 1002, 1003, 1004, 1008].map(|offset| position(segment, offset)),
            [0, 0, 0, 100, 100]
        );
        assert_eq!(position(segment, 1039), 600);
    }
}

#[test]
fn a_damaged_index_costs_a_longer_walk_and_no_answer() {
    let disk = disk();
    filled(&disk, 20).seal().unwrap();
    let whole = content(&disk, file_name::OFFSET_INDEX);
    let mut astray = whole.clone();
    astray[7] += 33;
    let mut zeroed = whole.clone();
    zeroed[16..].fill(0);
    for index in [astray, zeroed, whole[..12].to_vec(), Vec::new()] {
        overwrite(&disk, file_name::OFFSET_INDEX, &index);
        let segment = found(&disk, 1040);
        for offset in 1000..1040 {
            let position = segment.position_of(Offset(offset), Wait::Allowed).unwrap();
            assert_eq!(i64::from(position), (offset - 1000) / 2 * 100);
        }
        let mut visited = 0;
        let damage = segment.rebuild(2000, dense(1000), 250, &mut |_| visited += 1).unwrap();
        assert!(damage.is_none() && visited == 20);
        assert_eq!(segment.published(), (2000, Offset(1040)));
        segment.seal().unwrap();
        assert_eq!(content(&disk, file_name::OFFSET_INDEX), whole, "made whole again");
    }
}

#[test]
fn a_rebuild_reads_no_further_back_than_the_last_trusted_entry() {
    let disk = disk();
    filled(&disk, 20).seal().unwrap();
    let times = content(&disk, file_name::TIME_INDEX);
    for (trusted, expected) in [(1000, 20), (1008, 17), (1020, 11), (i64::MAX, 2)] {
        let segment = found(&disk, 1040);
        let mut visited = 0;
        segment.rebuild(2000, dense(trusted), 250, &mut |_| visited += 1).unwrap();
        assert_eq!(visited, expected, "{trusted}");
        segment.seal().unwrap();
        assert_eq!(content(&disk, file_name::TIME_INDEX), times);
    }
}

#[test]
fn damage_ends_a_rebuild_and_is_named() {
    let disk = disk();
    filled(&disk, 20).seal().unwrap();
    let whole = content(&disk, file_name::LOG);
    let rebuilt = |bytes: &[u8]| {
        overwrite(&disk, file_name::LOG, bytes);
        let segment = found(&disk, 1040);
        let damage = segment
            .rebuild(bytes.len() as u32, dense(1000), 250, &mut |_| {})
            .unwrap()
            .expect("there is damage");
        assert_eq!(segment.size(), damage.position);
        (damage.position, damage.reason.to_string())
    };
    let changed = |position: usize, byte: u8| {
        let mut bytes = whole.clone();
        bytes[position] = byte;
        rebuilt(&bytes)
    };
    assert!(changed(1070, 1).1.contains("corrupt"));
    assert_eq!(changed(1070, 1).0, 1000);
    assert_eq!(
        changed(407, 0),
        (400, "a batch begins at offset 768 where 1008 was expected".into())
    );
    assert!(changed(516, 1).1.contains("format 1"));
    assert!(rebuilt(&whole[..1999]).1.contains("has only 99"));
    assert!(rebuilt(&whole[..1910]).1.contains("has 10"));
    assert!(rebuilt(&[&whole[..], &[0; 512]].concat()).1.contains("format 0"));
    let huge = [&whole[..8], &i32::MAX.to_be_bytes(), &whole[12..]].concat();
    assert!(rebuilt(&huge).1.contains("of 2147483659 bytes has only 2000"));
}

#[test]
fn blocks_are_set_aside_in_steps_and_given_back() {
    #[derive(Debug)]
    struct Preallocating {
        calls: Mutex<Vec<(u64, u64)>>,
    }
    impl DiskFile for Preallocating {
        fn read_at(&self, _: u64, _: &mut [u8], _: Wait) -> io::Result<usize> {
            Ok(0)
        }
        fn write_at(&self, _: u64, _: &[&[u8]]) -> io::Result<()> {
            Ok(())
        }
        fn len(&self) -> io::Result<u64> {
            Ok(0)
        }
        fn truncate(&self, _: u64) -> io::Result<()> {
            Ok(())
        }
        fn sync_data(&self) -> io::Result<()> {
            Ok(())
        }
        fn preallocate(&self, position: u64, bytes: u64) -> io::Result<()> {
            self.calls.lock().push((position, bytes));
            Ok(())
        }
    }
    const MIB: u64 = 1 << 20;
    let file = Preallocating { calls: Mutex::default() };
    let segment = filled(&disk(), 0);
    let limits = SegmentLimits { segment_bytes: 10 * MIB, ..LIMITS };
    for position in [0, MIB / 2, MIB - 100, 2 * MIB, 7 * MIB, 9 * MIB] {
        segment.preallocate(&file, position as u32, 100, &limits).unwrap();
    }
    let ends: Vec<u64> = file.calls.lock().iter().map(|(at, bytes)| at + bytes).collect();
    assert_eq!(ends, [2 * MIB, 4 * MIB + 200, 10 * MIB]);
}

#[test]
fn a_batch_that_fills_the_segment_to_the_last_byte_is_appended() {
    let segment = filled(&disk(), 0);
    let limits = SegmentLimits { segment_bytes: PREALLOCATE_BYTES_MIN, ..LIMITS };
    let body = vec![0; PREALLOCATE_BYTES_MIN as usize];
    let header = BatchHeader { batch_length: (body.len() - 12) as i32, ..header(1000, 5000) };
    assert_eq!(header.size_in_bytes(), body.len());
    segment.append(&header, &[&body], &limits).expect("there is room");
    assert_eq!(u64::from(segment.size()), PREALLOCATE_BYTES_MIN);
}

#[test]
fn an_offset_beyond_31_bits_asks_for_another_segment() {
    let segment = filled(&disk(), 1);
    let header = |base_offset| header(base_offset, 5000);
    let last = 1000 + i64::from(i32::MAX) - 1;
    assert!(!segment.should_roll(&header(last), &LIMITS, 0));
    assert!(segment.should_roll(&header(last + 1), &LIMITS, 0));
    let huge = BatchHeader { batch_length: i32::MAX - 12, ..header(1002) };
    let wide = SegmentLimits { segment_bytes: u64::MAX, ..LIMITS };
    assert!(segment.should_roll(&huge, &wide, 0), "positions have 31 bits too");
}
