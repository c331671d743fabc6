//! The rules of the assignors, on groups of any shape.

use std::collections::{BTreeMap, BTreeSet};

use base::Uuid;
use proptest::prelude::*;

use super::{Assignor, Reader};
use crate::consumer::Assignment;

type Readers = BTreeMap<String, Reader>;
type Counts = BTreeMap<Uuid, i32>;
type Assigned = BTreeMap<String, Assignment>;

fn topic(number: u8) -> Uuid {
    Uuid([number; 16])
}

/// Some topics, some members, each of which reads some of them and may be static.
fn groups() -> impl Strategy<Value = (Readers, Counts)> {
    let counts = prop::collection::vec(0..12i32, 1..5);
    let members = prop::collection::vec((any::<u8>(), any::<bool>()), 1..9);
    (counts, members).prop_map(|(counts, members)| {
        let counts: Counts = (1u8..).map(topic).zip(counts).collect();
        let readers = members.into_iter().enumerate().map(|(number, (mask, is_static))| {
            let reads = |(index, topic): (usize, &Uuid)| {
                (mask >> index & 1 == 1 || mask < 100).then_some(*topic)
            };
            let reader = Reader {
                instance_id: is_static.then(|| format!("i{number}")),
                topics: counts.keys().enumerate().filter_map(reads).collect(),
                owned: Assignment::default(),
            };
            (format!("m{number}"), reader)
        });
        (readers.collect(), counts)
    })
}

/// The group after this assignment, and without some of its members.
fn after(mut readers: Readers, assigned: &Assigned, gone: u8) -> Readers {
    for (id, reader) in &mut readers {
        reader.owned = assigned[id].clone();
    }
    let mut number = 0;
    readers.retain(|_, _| {
        number += 1;
        gone >> (number - 1) & 1 == 0
    });
    readers
}

fn check_each_is_owned_once(readers: &Readers, counts: &Counts, assigned: &Assigned) {
    let mut owned = BTreeSet::new();
    for (id, assignment) in assigned {
        for (topic, partition) in assignment.partitions() {
            assert!(readers[id].topics.contains(&topic), "{id} does not read {topic}");
            assert!((0..counts[&topic]).contains(&partition));
            assert!(owned.insert((topic, partition)), "{topic}-{partition} has two owners");
        }
    }
    for (&topic, &count) in counts {
        if readers.values().any(|reader| reader.topics.contains(&topic)) {
            for partition in 0..count {
                assert!(owned.contains(&(topic, partition)), "{topic}-{partition} has no owner");
            }
        }
    }
    assert_eq!(assigned.keys().collect::<Vec<_>>(), readers.keys().collect::<Vec<_>>());
}

fn size(assignment: &Assignment) -> usize {
    assignment.partitions().count()
}

/// Nobody has two more than somebody who could take one of them.
fn check_balance(readers: &Readers, assigned: &Assigned) {
    for (id, assignment) in assigned {
        for (topic, _) in assignment.partitions() {
            for (other, reader) in readers {
                if reader.topics.contains(&topic) {
                    let (more, less) = (size(assignment), size(&assigned[other]));
                    assert!(more < less + 2, "{id} has {more}, {other} has {less}");
                }
            }
        }
    }
}

fn all_read_everything(mut readers: Readers, counts: &Counts) -> Readers {
    for reader in readers.values_mut() {
        reader.topics = counts.keys().copied().collect();
    }
    readers
}

proptest! {
    #[test]
    fn every_partition_has_one_owner_who_reads_it((readers, counts) in groups(), gone: u8) {
        for assignor in [Assignor::Uniform, Assignor::Range] {
            let first = assignor.assign(&readers, &counts);
            check_each_is_owned_once(&readers, &counts, &first);
            let left = after(readers.clone(), &first, gone);
            let second = assignor.assign(&left, &counts);
            check_each_is_owned_once(&left, &counts, &second);
        }
    }

    #[test]
    fn uniform_is_balanced_after_any_change((readers, counts) in groups(), gone: u8) {
        let first = Assignor::Uniform.assign(&readers, &counts);
        check_balance(&readers, &first);
        let left = after(readers, &first, gone);
        check_balance(&left, &Assignor::Uniform.assign(&left, &counts));
    }

    #[test]
    fn nothing_moves_while_nothing_changes((readers, counts) in groups()) {
        for assignor in [Assignor::Uniform, Assignor::Range] {
            let first = assignor.assign(&readers, &counts);
            let again = assignor.assign(&after(readers.clone(), &first, 0), &counts);
            prop_assert_eq!(first, again);
        }
    }

    #[test]
    fn uniform_moves_nothing_of_those_who_stay_when_another_leaves(
        (readers, counts) in groups(),
        gone in 0..8u8,
    ) {
        let readers = all_read_everything(readers, &counts);
        let first = Assignor::Uniform.assign(&readers, &counts);
        let left = after(readers, &first, 1 << gone);
        for (id, assignment) in Assignor::Uniform.assign(&left, &counts) {
            let kept = assignment.partitions().collect::<BTreeSet<_>>();
            for (topic, partition) in first[&id].partitions() {
                prop_assert!(kept.contains(&(topic, partition)), "{} lost {}", id, partition);
            }
        }
    }

    #[test]
    fn uniform_gives_a_newcomer_its_share_and_moves_no_more(
        (readers, counts) in groups(),
    ) {
        let readers = all_read_everything(readers, &counts);
        let first = Assignor::Uniform.assign(&readers, &counts);
        let mut more = after(readers, &first, 0);
        let topics = counts.keys().copied().collect();
        more.insert("n".into(), Reader { topics, ..Reader::default() });
        let second = Assignor::Uniform.assign(&more, &counts);
        let moved: usize = first
            .iter()
            .map(|(id, had)| had.partitions().filter(|&(t, p)| !second[id].contains(t, p)).count())
            .sum();
        prop_assert_eq!(moved, size(&second["n"]));
        check_balance(&more, &second);
    }

    #[test]
    fn range_gives_each_reader_one_run_of_each_topic((readers, counts) in groups()) {
        let assigned = Assignor::Range.assign(&readers, &counts);
        for assignment in assigned.values() {
            for (_, run) in assignment.topics() {
                let (first, last) = (run.first().unwrap(), run.last().unwrap());
                prop_assert_eq!((last - first + 1) as usize, run.len());
            }
        }
        for (&topic, &count) in &counts {
            let runs: Vec<usize> = readers
                .iter()
                .filter(|(_, reader)| reader.topics.contains(&topic))
                .map(|(id, _)| assigned[id].partitions().filter(|(of, _)| *of == topic).count())
                .collect();
            if let (Some(most), Some(least)) = (runs.iter().max(), runs.iter().min()) {
                prop_assert!(most - least <= 1, "{:?} of {}", runs, count);
            }
        }
    }
}

#[test]
fn range_puts_static_members_first_whatever_their_ids() {
    let reader = |instance: Option<&str>| Reader {
        instance_id: instance.map(str::to_owned),
        topics: BTreeSet::from([topic(1)]),
        owned: Assignment::default(),
    };
    let readers = Readers::from([
        ("a".into(), reader(None)),
        ("z".into(), reader(Some("i1"))),
        ("y".into(), reader(Some("i2"))),
    ]);
    let assigned = Assignor::Range.assign(&readers, &Counts::from([(topic(1), 4)]));
    let of = |id: &str| assigned[id].partitions().map(|(_, partition)| partition).collect();
    let runs: [Vec<i32>; 3] = [of("z"), of("y"), of("a")];
    assert_eq!(runs, [vec![0, 1], vec![2], vec![3]]);
}
