//! Offsets and transactions against a plain reading of the log, whatever comes in what order.

use std::collections::{BTreeMap, BTreeSet};

use base::{Offset, ProducerId};
use proptest::prelude::*;
use wire::coordinator_records::{OffsetCommitKey, OffsetCommitValue};

use super::{Offsets, PendingOffsets};

const GROUPS: [&str; 2] = ["g", "h"];
const PARTITIONS: i32 = 2;
const PRODUCERS: i64 = 3;

#[derive(Clone, Debug)]
enum Entry {
    /// A commit, within a producer's transaction or not.
    Commit(OffsetCommitKey, Option<ProducerId>),
    Tombstone(OffsetCommitKey),
    /// The end of a producer's transaction.
    Marker(ProducerId, bool),
}

fn keys() -> impl Strategy<Value = OffsetCommitKey> {
    (0..GROUPS.len(), 0..PARTITIONS).prop_map(|(group, partition)| key(GROUPS[group], partition))
}

fn entries() -> impl Strategy<Value = Entry> {
    let producers = || (0..PRODUCERS).prop_map(ProducerId);
    prop_oneof![
        4 => (keys(), producers()).prop_map(|(key, producer)| Entry::Commit(key, Some(producer))),
        2 => keys().prop_map(|key| Entry::Commit(key, None)),
        1 => keys().prop_map(Entry::Tombstone),
        2 => (producers(), any::<bool>()).prop_map(|(id, commits)| Entry::Marker(id, commits)),
    ]
}

fn logs() -> impl Strategy<Value = Vec<Entry>> {
    prop::collection::vec(entries(), 0..40)
}

fn key(group: &str, partition: i32) -> OffsetCommitKey {
    OffsetCommitKey { group: group.into(), topic: "t".into(), partition }
}

/// The offset that is committed at a place of the log: every one is another.
fn value(place: usize) -> OffsetCommitValue {
    OffsetCommitValue { offset: 100 + place as i64, ..OffsetCommitValue::default() }
}

fn replay<'a>(log: impl IntoIterator<Item = (usize, &'a Entry)>) -> Offsets {
    let mut offsets = Offsets::default();
    for (place, entry) in log {
        let at = Offset(place as i64);
        match entry {
            Entry::Commit(key, None) => offsets.replay(at, key, Some(&value(place))),
            Entry::Commit(key, Some(id)) => offsets.replay_pending(at, *id, key, &value(place)),
            Entry::Tombstone(key) => offsets.replay(at, key, None),
            Entry::Marker(id, is_committed) => drop(offsets.end_transaction(*id, *is_committed)),
        }
    }
    offsets
}

/// What became of a commit: its transaction was committed, aborted, or has not ended.
fn fate(log: &[Entry], place: usize) -> Option<bool> {
    let Entry::Commit(_, Some(producer)) = &log[place] else { return Some(true) };
    log[place..].iter().find_map(|entry| match entry {
        Entry::Marker(id, is_committed) if id == producer => Some(*is_committed),
        _ => None,
    })
}

/// Where the commits of a partition are that have not been taken away by a tombstone.
fn commits_of(log: &[Entry], key: &OffsetCommitKey) -> Vec<usize> {
    let mut places = Vec::new();
    for (place, entry) in log.iter().enumerate() {
        match entry {
            Entry::Commit(of, _) if of == key => places.push(place),
            Entry::Tombstone(of) if of == key => places.clear(),
            _ => {}
        }
    }
    places
}

/// The log without the records that a later one of their key has overtaken, and without those of
/// aborted transactions, up to the first transaction that has not ended.
fn compacted(log: &[Entry]) -> Vec<(usize, &Entry)> {
    let stable = (0..log.len()).find(|&place| fate(log, place).is_none()).unwrap_or(log.len());
    let mut last: BTreeMap<(&str, i32), usize> = BTreeMap::new();
    for (place, entry) in log[..stable].iter().enumerate() {
        if let Entry::Commit(key, _) | Entry::Tombstone(key) = entry
            && fate(log, place) == Some(true)
        {
            last.insert((&key.group, key.partition), place);
        }
    }
    let last: BTreeSet<usize> = last.into_values().collect();
    let is_kept = |(place, entry): &(usize, &Entry)| {
        *place >= stable || last.contains(place) || matches!(entry, Entry::Marker(..))
    };
    log.iter().enumerate().filter(is_kept).collect()
}

proptest! {
    #[test]
    fn what_is_committed_is_the_last_record_that_counts(log in logs()) {
        let offsets = replay(log.iter().enumerate());
        for group in GROUPS {
            let mut is_any = false;
            for partition in 0..PARTITIONS {
                let places = commits_of(&log, &key(group, partition));
                let committed = places.iter().rev().find(|&&place| fate(&log, place) == Some(true));
                let found = offsets.get(group, "t", partition).map(|value| value.offset);
                prop_assert_eq!(found, committed.map(|&place| value(place).offset));
                let is_pending = places.iter().any(|&place| fate(&log, place).is_none());
                prop_assert_eq!(offsets.is_pending(group, "t", partition), is_pending);
                let is_there = committed.is_some() || is_pending;
                let topic = "t".to_owned();
                let listed = offsets.partitions_of_group(group).contains(&(&topic, partition));
                prop_assert_eq!(listed, is_there);
                is_any |= is_there;
            }
            prop_assert_eq!(offsets.has_group(group), is_any);
            prop_assert_eq!(offsets.groups().contains(&group.to_owned()), is_any);
        }
    }

    #[test]
    fn compaction_changes_nothing(log in logs()) {
        prop_assert_eq!(replay(compacted(&log)), replay(log.iter().enumerate()));
    }

    #[test]
    fn nothing_is_left_of_transactions_that_have_ended(log in logs()) {
        let mut offsets = replay(log.iter().enumerate());
        for producer in 0..PRODUCERS {
            offsets.end_transaction(ProducerId(producer), false);
        }
        prop_assert_eq!(&offsets.pending, &PendingOffsets::default());
    }
}

#[test]
fn a_commit_outside_of_a_transaction_that_was_recorded_later_stays() {
    let transactional = Entry::Commit(key("g", 0), Some(ProducerId(1)));
    let log = [transactional, Entry::Commit(key("g", 0), None), Entry::Marker(ProducerId(1), true)];
    let offsets = replay(log.iter().enumerate());
    assert_eq!(offsets.get("g", "t", 0), Some(&value(1)));
}

#[test]
fn the_end_of_a_transaction_says_which_groups_it_was_about() {
    let of = |group| Entry::Commit(key(group, 0), Some(ProducerId(1)));
    let mut offsets = replay([of("g"), of("h")].iter().enumerate());
    assert_eq!(offsets.end_transaction(ProducerId(2), true), BTreeSet::new());
    let groups: Vec<_> = offsets.end_transaction(ProducerId(1), true).into_iter().collect();
    assert_eq!(groups, ["g", "h"]);
    assert_eq!(offsets.end_transaction(ProducerId(1), false), BTreeSet::new(), "it is repeated");
}
