//! The journal's files over a disk that loses, tears and flips what was not synced.

use std::path::Path;
use std::sync::Arc;

use base::{LeaderEpoch, Offset, PartitionIndex, Rng, SplitMix64, TopicId, Uuid};
use bytes::Bytes;

use super::*;
use crate::disk::{Disk, FaultyDisk, Open, Survivors, Torn};

const DATA: &str = "/data";
const RING: Uuid = Uuid([5; 16]);
const CONFIG: JournalConfig =
    JournalConfig { file_bytes: 8 * BLOCK_BYTES, bytes_max: 24 * BLOCK_BYTES };

fn disk() -> FaultyDisk {
    let disk = FaultyDisk::new();
    disk.create_dir_all(Path::new(DATA)).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    disk
}

fn open(disk: &FaultyDisk) -> (Journal, Recovery) {
    try_open(disk).expect("the journal is whole")
}

fn try_open(disk: &FaultyDisk) -> Result<(Journal, Recovery), JournalError> {
    Journal::open(Arc::new(disk.clone()), Path::new(DATA), RING, CONFIG)
}

/// A group of one append whose first offset is `offset`, `blocks` blocks long.
fn group(journal: &Journal, offset: u64, blocks: usize) -> GroupBuilder {
    let bytes = blocks * BLOCK_BYTES - 1_000;
    let mut group = journal.group();
    let header = EntryHeader {
        kind: EntryKind::Append,
        topic_id: TopicId(Uuid([1; 16])),
        partition: PartitionIndex(0),
        leader_epoch: LeaderEpoch(0),
        first_offset: Offset(offset as i64),
        end_offset: Offset(offset as i64 + 1),
        length: bytes as u32,
    };
    group.push(&header, &[], Bytes::from(vec![offset as u8; bytes]));
    group
}

/// Writes a group whose offset is its sequence; whether there was room.
fn write(journal: &Journal, blocks: usize) -> Result<bool, JournalError> {
    let sequence = journal.next_sequence();
    match journal.write(group(journal, sequence, blocks))? {
        Written::Full(_) => Ok(false),
        // A checkpoint may have taken the sequence.
        Written::Durable(written) => Ok(written >= sequence),
    }
}

/// The offsets that recovery gives back, and nothing torn among them.
fn recovered(recovery: &Recovery) -> Vec<i64> {
    try_recovered(recovery).expect("nothing is missing")
}

fn try_recovered(recovery: &Recovery) -> Result<Vec<i64>, JournalError> {
    let mut offsets = Vec::new();
    recovery.for_each(|entry| {
        let offset = entry.header.first_offset.0;
        assert!(entry.bytes.iter().all(|&byte| byte == offset as u8), "bytes of another group");
        offsets.push(offset);
        Ok::<_, JournalError>(())
    })?;
    Ok(offsets)
}

fn flip(disk: &FaultyDisk, file: u32, block: usize) {
    let path = format!("{DATA}/journal/{file}.journal");
    disk.flip_bit(Path::new(&path), ((block * BLOCK_BYTES + 100) * 8) as u64).unwrap();
}

#[test]
fn an_unused_journal_makes_no_file() {
    let disk = disk();
    let (journal, recovery) = open(&disk);
    assert_eq!(recovered(&recovery), []);
    assert_eq!(journal.usage(), JournalUsage { bytes: 0, needed_bytes: 0 });
    assert!(disk.list(&Path::new(DATA).join("journal")).is_err());
}

#[test]
fn what_was_written_is_read_back_in_order_over_files() {
    let disk = disk();
    let (journal, _) = open(&disk);
    for _ in 0..6 {
        assert!(write(&journal, 3).unwrap());
    }
    assert_eq!(journal.usage().bytes, 3 * CONFIG.file_bytes);
    assert_eq!(recovered(&open(&disk).1), [1, 2, 3, 4, 5, 6]);
}

#[test]
fn a_full_ring_gives_the_group_back_until_segments_are_synced() {
    let disk = disk();
    let (journal, _) = open(&disk);
    for _ in 0..3 {
        assert!(write(&journal, 7).unwrap());
    }
    assert!(!write(&journal, 7).unwrap());
    journal.release(2);
    assert!(write(&journal, 7).unwrap());
    // The fourth sequence moved the replay position.
    assert_eq!(recovered(&open(&disk).1), [2, 3, 4]);
    assert_eq!(journal.next_sequence(), 6);
}

#[test]
fn a_checkpoint_leaves_nothing_to_replay() {
    let disk = disk();
    let (journal, _) = open(&disk);
    write(&journal, 2).unwrap();
    journal.release(journal.next_sequence());
    journal.checkpoint().unwrap();
    assert_eq!(recovered(&open(&disk).1), []);
    let operations = disk.operations();
    journal.checkpoint().unwrap();
    assert_eq!(disk.operations(), operations, "there is nothing to move");
}

#[test]
fn a_reopened_journal_goes_on_where_it_was() {
    let disk = disk();
    for round in 1..=5 {
        let (journal, recovery) = open(&disk);
        assert_eq!(recovered(&recovery), (1..round).collect::<Vec<_>>());
        assert!(write(&journal, 2).unwrap());
    }
}

#[test]
fn the_bytes_of_a_killed_process_are_synced_before_the_next_group() {
    let disk = disk();
    let (journal, _) = open(&disk);
    write(&journal, 2).unwrap();
    let sync = disk.operations() + 1;
    disk.fail_at(sync, crate::disk::Fault::Io);
    write(&journal, 2).expect_err("the sync failed");
    // The cache still has the group, as after a kill.
    let killed = disk.after_crash(&Survivors::all());
    let (_, recovery) = open(&killed);
    assert_eq!(recovered(&recovery), [1, 2]);
    assert_eq!(killed.operations(), 1, "the newest file was synced");
}

#[test]
fn a_damaged_group_in_the_middle_is_refused() {
    for (file, block, missing) in [(0, 0, 1), (0, 3, 2), (1, 0, 3), (1, 3, 4), (2, 0, 5)] {
        let disk = disk();
        let (journal, _) = open(&disk);
        for _ in 0..6 {
            write(&journal, 3).unwrap();
        }
        flip(&disk, file, block);
        let found = try_open(&disk).and_then(|(_, recovery)| try_recovered(&recovery));
        let Err(JournalError::Missing { sequence, .. }) = found else {
            panic!("file {file} block {block}: {found:?}")
        };
        assert_eq!(sequence, missing, "file {file} block {block}");
    }
}

#[test]
fn a_lost_file_is_refused() {
    for file in 0..2 {
        let disk = disk();
        let (journal, _) = open(&disk);
        for _ in 0..3 {
            write(&journal, 7).unwrap();
        }
        disk.remove(&Path::new(DATA).join(format!("journal/{file}.journal"))).unwrap();
        let found = try_open(&disk).and_then(|(_, recovery)| try_recovered(&recovery));
        assert!(matches!(found, Err(JournalError::Missing { .. })), "{found:?}");
    }
}

#[test]
fn another_directorys_file_is_refused_by_its_id() {
    let disk = disk();
    let (journal, _) = open(&disk);
    write(&journal, 1).unwrap();
    let other = Uuid([6; 16]);
    let error = Journal::open(Arc::new(disk), Path::new(DATA), other, CONFIG).expect_err("foreign");
    assert!(error.to_string().contains(&RING.to_string()), "{error}");
}

#[test]
fn a_file_that_no_journal_makes_is_not_read() {
    let disk = disk();
    let directory = Path::new(DATA).join("journal");
    disk.create_dir_all(&directory).unwrap();
    let file = disk.open(&directory.join("0.journal"), Open::OrCreate).unwrap();
    file.truncate(FILE_BYTES_MAX + 1).unwrap();
    assert!(matches!(try_open(&disk), Err(JournalError::TooLarge { .. })));
    file.truncate(100).unwrap();
    for name in ["x.journal", "1.log", "4294967295.journal"] {
        disk.open(&directory.join(name), Open::OrCreate).unwrap();
    }
    let (journal, recovery) = open(&disk);
    assert_eq!(recovered(&recovery), []);
    assert!(write(&journal, 7).unwrap(), "what was not finished is made anew");
}

/// What a run has made durable.
#[derive(Default)]
struct Run {
    /// The sequence and the offset of each group.
    durable: Vec<(u64, i64)>,
    /// What lies below this sequence the segments hold.
    released: u64,
}

/// Writes and releases until the disk crashes.
fn run(disk: &FaultyDisk, seed: u64) -> Run {
    let mut rng = SplitMix64::new(seed);
    let mut run = Run { released: 1, ..Run::default() };
    let Ok((journal, _)) = try_open(disk) else { return run };
    for _ in 0..16 {
        if rng.below(3) == 0 {
            run.released +=
                u64::from(rng.below((journal.next_sequence() + 1 - run.released) as u32));
            journal.release(run.released);
        }
        let offset = journal.next_sequence();
        match journal.write(group(&journal, offset, 1 + rng.below(7) as usize)) {
            Ok(Written::Durable(sequence)) => run.durable.push((sequence, offset as i64)),
            Ok(Written::Full(_)) => {}
            Err(_) => break,
        }
    }
    run
}

#[test]
fn a_crash_at_any_operation_loses_no_durable_group() {
    for seed in 0..4 {
        let operations = {
            let disk = disk();
            run(&disk, seed);
            disk.operations()
        };
        for crash_at in disk().operations()..operations {
            let disk = disk();
            disk.fail_at(crash_at, crate::disk::Fault::Crash);
            let run = run(&disk, seed);
            let needed = run.durable.iter().filter(|(sequence, _)| *sequence >= run.released);
            let needed: Vec<i64> = needed.map(|(_, offset)| *offset).collect();
            for survivors in survivors(&disk) {
                let (journal, recovery) = open(&disk.after_crash(&survivors));
                let found = recovered(&recovery);
                // Before them may come what was released in memory only, and after them the write
                // that was cut off.
                let ends_with_needed = found.ends_with(&needed)
                    || found.split_last().is_some_and(|(_, before)| before.ends_with(&needed));
                assert!(
                    ends_with_needed,
                    "seed {seed}, crash at {crash_at}, {survivors:?}: {needed:?} in {found:?}"
                );
                assert!(write(&journal, 1).is_ok(), "the recovered ring takes groups");
            }
        }
    }
}

/// All subsets of few pending operations lost, and the last write torn at each sector.
fn survivors(disk: &FaultyDisk) -> Vec<Survivors> {
    let unsynced = disk.unsynced();
    let mut all: Vec<Survivors> = (0_u32..1 << unsynced.len().min(6))
        .map(|mask| {
            let lost = unsynced.iter().enumerate().filter(|(index, _)| mask & (1 << index) != 0);
            Survivors { lost: lost.map(|(_, unsynced)| unsynced.operation).collect(), torn: None }
        })
        .collect();
    if let Some(last) = unsynced.last() {
        all.extend((0..last.sectors).map(|sectors| Survivors {
            lost: std::collections::BTreeSet::new(),
            torn: Some(Torn { operation: last.operation, sectors }),
        }));
    }
    all
}
