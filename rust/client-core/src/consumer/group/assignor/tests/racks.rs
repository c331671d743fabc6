//! What racks change in an assignment, and what they must not change (KIP-881).

use super::*;
use crate::consumer::group::assignor::racks::Racks;

const RACKS: [&str; 4] = ["a", "b", "c", "d"];

/// Groups whose partitions are in up to four racks, and their members in one of these, in another
/// or in none; with what they owned before.
fn racked_groups() -> impl Strategy<Value = (Vec<Subscriber>, GroupPartitions)> {
    let kept = prop::collection::vec(0..16_u32, 64);
    let stand = prop::collection::vec(0..6_usize, 8);
    let owners = prop::collection::vec(0..8_usize, 64);
    let generations = prop::collection::vec(-1..3_i32, 8);
    (groups(), kept, stand, owners, generations).prop_map(
        |((members, counts), kept, stand, owners, generations)| {
            let mut members = owning(&members, &counts, &owners, &generations);
            for (member, rack) in members.iter_mut().zip(stand) {
                member.rack = ["a", "b", "c", "d", "e"].get(rack).map(ToString::to_string);
            }
            let racks = all(&counts).zip(kept).map(|(partition, mask)| (partition, of_mask(mask)));
            let racks = racks.filter(|(_, racks)| !racks.is_empty()).collect();
            (members, GroupPartitions { counts, racks })
        },
    )
}

fn of_mask(mask: u32) -> BTreeSet<Arc<str>> {
    let chosen = (0..RACKS.len()).filter(|bit| mask >> bit & 1 == 1);
    chosen.map(|bit| Arc::from(RACKS[bit])).collect()
}

/// How many partitions are read in another rack than they are kept in.
fn far(members: &[Subscriber], partitions: &GroupPartitions, assignments: &Assignments) -> usize {
    let is_far = |rack: &str, partition: &TopicPartition| {
        partitions.racks.get(partition).is_none_or(|racks| !racks.contains(rack))
    };
    let of = |member: &Subscriber| {
        let rack = member.rack.as_deref()?;
        let read = assignments[&member.member_id].iter();
        Some(read.filter(|partition| is_far(rack, partition)).count())
    };
    members.iter().filter_map(of).sum()
}

fn sizes(assignments: &Assignments) -> Vec<usize> {
    let mut sizes: Vec<_> = assignments.values().map(Vec::len).collect();
    sizes.sort_unstable();
    sizes
}

fn unevenness(assignments: &Assignments) -> usize {
    sizes(assignments).iter().map(|size| size * size).sum()
}

/// What each reads of a topic, by member id.
fn of_topic(assignments: &Assignments, topic: &str) -> BTreeMap<String, Vec<i32>> {
    let of = |owned: &Vec<TopicPartition>| {
        let read = owned.iter().filter(|partition| *partition.topic == *topic);
        read.map(|partition| partition.partition.0).collect()
    };
    assignments.iter().map(|(member, owned)| (member.clone(), of(owned))).collect()
}

/// The fewest that could be read from afar of one topic that all read, as evenly as can be; found
/// by looking at every assignment.
fn fewest_far(members: &[Subscriber], partitions: &GroupPartitions) -> usize {
    let all: Vec<_> = all(&partitions.counts).collect();
    let size = members.len();
    let most = all.len().div_ceil(size);
    let longer = all.len() - (most.saturating_sub(1)) * size;
    let mut best = usize::MAX;
    for code in 0..size.pow(all.len() as u32) {
        let mut assignments: Assignments =
            members.iter().map(|member| (member.member_id.clone(), Vec::new())).collect();
        let mut code = code;
        for partition in &all {
            let member = &members[code % size].member_id;
            assignments.get_mut(member).unwrap().push(partition.clone());
            code /= size;
        }
        let sizes = sizes(&assignments);
        let is_even = sizes.iter().all(|size| *size <= most)
            && sizes.iter().filter(|size| **size == most).count() == longer;
        if is_even {
            best = best.min(far(members, partitions, &assignments));
        }
    }
    best
}

proptest! {
    #[test]
    fn every_partition_has_one_owner_still((members, partitions) in racked_groups()) {
        for assignor in Assignor::ALL {
            if assignor != Assignor::CooperativeSticky {
                let assignments = assignor.assign(&members, &partitions);
                assert_owned_once(&members, &partitions.counts, &assignments)?;
            }
        }
    }

    #[test]
    fn the_order_of_members_does_not_matter_still((members, partitions) in racked_groups()) {
        let mut turned = members.clone();
        turned.reverse();
        for assignor in Assignor::ALL {
            let (one, other) = (&members, &turned);
            prop_assert_eq!(assignor.assign(one, &partitions), assignor.assign(other, &partitions));
        }
    }

    #[test]
    fn where_everything_is_kept_in_the_same_racks_nothing_changes(
        (members, mut partitions) in racked_groups(), mask in 0..16_u32,
    ) {
        partitions.racks =
            all(&partitions.counts).map(|partition| (partition, of_mask(mask))).collect();
        for assignor in Assignor::ALL {
            let without = assign(assignor, &members, &partitions.counts);
            prop_assert_eq!(assignor.assign(&members, &partitions), without);
        }
    }

    #[test]
    fn where_no_member_says_where_it_is_nothing_changes(
        (mut members, partitions) in racked_groups(),
    ) {
        for member in &mut members {
            member.rack = None;
        }
        for assignor in Assignor::ALL {
            let without = assign(assignor, &members, &partitions.counts);
            prop_assert_eq!(assignor.assign(&members, &partitions), without);
        }
    }

    #[test]
    fn range_gives_as_much_of_each_topic_and_reads_no_more_from_afar(
        (members, partitions) in racked_groups(),
    ) {
        for (topic, count) in &partitions.counts {
            let counts = [(topic.clone(), *count)].into();
            let alone = GroupPartitions { counts, racks: partitions.racks.clone() };
            let without = assign(Assignor::Range, &members, &alone.counts);
            let with = Assignor::Range.assign(&members, &alone);
            prop_assert_eq!(sizes(&with), sizes(&without));
            prop_assert!(far(&members, &alone, &with) <= far(&members, &alone, &without));
        }
    }

    #[test]
    fn range_cuts_topics_of_one_shape_alike(
        (members, mut partitions) in racked_groups(), count in 1..9_i32,
    ) {
        let topics: Vec<_> = partitions.counts.keys().cloned().collect();
        for topic in &topics {
            partitions.counts.insert(topic.clone(), count);
        }
        let assignments = Assignor::Range.assign(&members, &partitions);
        let readers = |topic: &str| members.iter().map(|member| member.wants(topic)).collect();
        for one in &topics {
            for other in &topics {
                let (these, those): (Vec<bool>, Vec<bool>) = (readers(one), readers(other));
                if these == those {
                    prop_assert_eq!(of_topic(&assignments, one), of_topic(&assignments, other));
                }
            }
        }
    }

    #[test]
    fn sticky_is_balanced_still_and_reads_no_more_from_afar(
        (members, partitions) in racked_groups(),
    ) {
        let without = assign(Assignor::Sticky, &members, &partitions.counts);
        let with = Assignor::Sticky.assign(&members, &partitions);
        assert_balanced(&members, &with)?;
        let rank = |assignments| (unevenness(assignments), far(&members, &partitions, assignments));
        prop_assert!(rank(&with) <= rank(&without), "{:?} {:?}", rank(&with), rank(&without));
    }

    #[test]
    fn where_all_read_the_same_and_racks_matter_nothing_as_even_reads_less_from_afar(
        count in 1..7_i32,
        stand in prop::collection::vec(0..5_usize, 1..4),
        kept in prop::collection::vec(0..16_u32, 6),
        owners in prop::collection::vec(0..3_usize, 6),
    ) {
        let counts = counts(&[("t", count)]);
        let member = |(index, rack): (usize, &usize)| Subscriber {
            rack: RACKS.get(*rack).map(ToString::to_string),
            ..subscriber(&format!("m{index}"), &["t"])
        };
        let members: Vec<_> = stand.iter().enumerate().map(member).collect();
        let members = owning(&members, &counts, &owners, &[1, 1, 1]);
        let racks = all(&counts).zip(kept).map(|(partition, mask)| (partition, of_mask(mask)));
        let partitions = GroupPartitions { racks: racks.collect(), counts };
        let subscribers: Vec<_> = members.iter().collect();
        let racks = Racks::new(&subscribers, &partitions.racks);
        if !racks.matter(0..members.len(), partitions.racks.values()) {
            return Ok(());
        }
        let assignments = Assignor::Sticky.assign(&members, &partitions);
        prop_assert_eq!(
            far(&members, &partitions, &assignments),
            fewest_far(&members, &partitions)
        );
    }

    #[test]
    fn sticky_moves_nothing_still_in_a_group_that_has_not_changed(
        (members, partitions) in racked_groups(),
    ) {
        let first = Assignor::Sticky.assign(&members, &partitions);
        for assignor in [Assignor::Sticky, Assignor::CooperativeSticky] {
            let again = assignor.assign(&come_again(&members, &first, 3), &partitions);
            prop_assert_eq!(pairs(&first), pairs(&again));
        }
    }

    #[test]
    fn cooperation_is_soon_done_still((members, partitions) in racked_groups()) {
        let reads_the_same = members.iter().all(|member| member.topics == members[0].topics);
        let rounds_max = if reads_the_same { 2 } else { 5 };
        let rounds = rounds(members, &partitions, rounds_max)?;
        prop_assert!(rounds <= rounds_max);
    }
}

/// How often a group rebalances until nothing has to move any more.
fn rounds(
    mut members: Vec<Subscriber>,
    partitions: &GroupPartitions,
    rounds_max: i32,
) -> Result<i32, TestCaseError> {
    for member in &mut members {
        member.generation = 0;
    }
    for round in 1..=rounds_max {
        let target = Assignor::Sticky.assign(&members, partitions);
        let given = Assignor::CooperativeSticky.assign(&members, partitions);
        for (member, partition) in pairs(&given) {
            let holder = members.iter().find(|other| other.owned.contains(&partition));
            prop_assert!(holder.is_none_or(|holder| holder.member_id == member), "{partition}");
        }
        if given == target {
            assert_owned_once(&members, &partitions.counts, &given)?;
            assert_balanced(&members, &given)?;
            return Ok(round);
        }
        members = come_again(&members, &given, round);
    }
    Ok(rounds_max + 1)
}

/// A group of Kafka's tests: brokers in turn keep the replicas of one partition after the other,
/// through all topics; member `n` is in the `n`th rack given, if it is not empty.
fn kafkas(
    topics: &[(&str, i32)],
    replication_factor: usize,
    brokers: &[&str],
    members: &[(&str, &[&str])],
) -> (Vec<Subscriber>, GroupPartitions) {
    let counts = counts(topics);
    let keeping = |first: usize| -> BTreeSet<Arc<str>> {
        let next = |step| Arc::from(brokers[(first + step) % brokers.len()]);
        (0..replication_factor).map(next).collect()
    };
    let racks = all(&counts).enumerate().map(|(index, partition)| (partition, keeping(index)));
    let member = |(index, (rack, topics)): (usize, &(&str, &[&str]))| Subscriber {
        rack: Some((*rack).to_owned()),
        ..subscriber(&format!("consumer{index}"), topics)
    };
    let members = members.iter().enumerate().map(member).collect();
    (members, GroupPartitions { racks: racks.collect(), counts })
}

/// What each has, in order.
fn told(assignments: &Assignments) -> Vec<String> {
    let of = |owned: &Vec<TopicPartition>| {
        owned.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    assignments.values().map(of).collect()
}

fn assert_range(
    group: &(Vec<Subscriber>, GroupPartitions),
    expected_far: usize,
    expected: &[&str],
) {
    let (members, partitions) = group;
    let assignments = Assignor::Range.assign(members, partitions);
    assert_eq!(told(&assignments), expected);
    assert_eq!(far(members, partitions, &assignments), expected_far, "{expected:?}");
}

const SIZES: &[(&str, i32)] = &[("t1", 6), ("t2", 7), ("t3", 2)];
const ALIKE: &[(&str, i32)] = &[("t1", 5), ("t2", 5), ("t3", 5)];
const ALL: &[&str] = &["t1", "t2", "t3"];
const SOME: &[&str] = &["t1", "t3"];
const ABC: &[&str] = &["a", "b", "c"];

/// The cases of `RangeAssignorTest`, with how many are read from afar.
#[test]
fn range_gives_what_kafkas_own_tests_expect() {
    let same: &[(&str, &[&str])] = &[("a", ALL), ("b", ALL), ("c", ALL)];
    let mixed: &[(&str, &[&str])] = &[("a", ALL), ("b", ALL), ("c", SOME)];
    let plain =
        ["t1-0 t1-1 t2-0 t2-1 t3-0 t3-1", "t1-2 t1-3 t2-2 t2-3 t3-2 t3-3", "t1-4 t2-4 t3-4"];
    assert_range(
        &kafkas(SIZES, 1, ABC, same),
        0,
        &["t1-0 t1-3 t2-0 t2-3 t2-6", "t1-1 t1-4 t2-1 t2-4 t3-0", "t1-2 t1-5 t2-2 t2-5 t3-1"],
    );
    assert_range(
        &kafkas(SIZES, 2, ABC, same),
        1,
        &["t1-0 t1-2 t2-0 t2-2 t2-3 t3-1", "t1-1 t1-3 t2-1 t2-4 t3-0", "t1-4 t1-5 t2-5 t2-6"],
    );
    assert_range(
        &kafkas(SIZES, 3, &ABC[..2], same),
        4,
        &["t1-0 t1-1 t2-0 t2-1 t2-2 t3-0", "t1-2 t1-3 t2-3 t2-4 t3-1", "t1-4 t1-5 t2-5 t2-6"],
    );
    assert_range(
        &kafkas(SIZES, 1, ABC, mixed),
        2,
        &["t1-0 t1-3 t2-0 t2-2 t2-3 t2-6", "t1-1 t1-4 t2-1 t2-4 t2-5 t3-0", "t1-2 t1-5 t3-1"],
    );
    assert_range(
        &kafkas(SIZES, 2, ABC, mixed),
        0,
        &["t1-0 t1-2 t2-0 t2-2 t2-3 t2-5 t3-1", "t1-1 t1-3 t2-1 t2-4 t2-6 t3-0", "t1-4 t1-5"],
    );
    assert_range(&kafkas(ALIKE, 1, ABC, same), 10, &plain);
    assert_range(&kafkas(ALIKE, 2, ABC, same), 5, &plain);
    assert_range(
        &kafkas(ALIKE, 1, ABC, mixed),
        9,
        &["t1-0 t1-1 t2-0 t2-1 t2-4 t3-0 t3-1", "t1-2 t1-3 t2-2 t2-3 t3-2 t3-3", "t1-4 t3-4"],
    );
    assert_range(
        &kafkas(ALIKE, 2, ABC, mixed),
        0,
        &["t1-2 t2-0 t2-1 t2-3 t3-2", "t1-0 t1-3 t2-2 t2-4 t3-0 t3-3", "t1-1 t1-4 t3-1 t3-4"],
    );
}

#[test]
fn range_gives_topics_of_one_shape_together_as_kafkas_own_tests_expect() {
    let topics = &[("t1", 6), ("t2", 6), ("t3", 2), ("t4", 2)];
    let (ones, others): (&[&str], &[&str]) = (&["t1", "t2"], &["t3", "t4"]);
    let all: &[&str] = &["t1", "t2", "t3", "t4"];
    let two: &[(&str, &[&str])] = &[("a", ones), ("b", ones), ("b", others), ("a", others)];
    let four: &[(&str, &[&str])] = &[("a", all), ("b", all), ("b", all), ("a", all)];
    assert_range(
        &kafkas(topics, 1, &ABC[..2], two),
        0,
        &[
            "t1-0 t1-2 t1-4 t2-0 t2-2 t2-4",
            "t1-1 t1-3 t1-5 t2-1 t2-3 t2-5",
            "t3-1 t4-1",
            "t3-0 t4-0",
        ],
    );
    assert_range(
        &kafkas(topics, 1, &ABC[..2], four),
        0,
        &[
            "t1-0 t1-2 t2-0 t2-2 t3-0 t4-0",
            "t1-1 t1-3 t2-1 t2-3 t3-1 t4-1",
            "t1-5 t2-5",
            "t1-4 t2-4",
        ],
    );
    assert_range(
        &kafkas(topics, 1, ABC, four),
        6,
        &[
            "t1-0 t1-3 t2-0 t2-3 t3-0 t4-0",
            "t1-1 t1-4 t2-1 t2-4 t3-1 t4-1",
            "t1-2 t2-2",
            "t1-5 t2-5",
        ],
    );
}

/// The cases of `AbstractStickyAssignorTest`: as even, and no more from afar.
#[test]
fn sticky_is_as_near_as_kafkas_own_tests_expect() {
    let same: &[(&str, &[&str])] = &[("a", ALL), ("b", ALL), ("c", ALL)];
    let mixed: &[(&str, &[&str])] = &[("a", ALL), ("b", ALL), ("c", SOME)];
    for (replication_factor, brokers, members, expected_far) in [
        (1, ABC, same, 0),
        (2, ABC, same, 0),
        (3, &ABC[..2], same, 5),
        (1, ABC, mixed, 4),
        (2, ABC, mixed, 0),
        (3, &ABC[..2], mixed, 5),
    ] {
        let (members, partitions) = kafkas(SIZES, replication_factor, brokers, members);
        let assignments = Assignor::Sticky.assign(&members, &partitions);
        assert_eq!(sizes(&assignments), [5, 5, 5]);
        assert_eq!(far(&members, &partitions, &assignments), expected_far, "{assignments:?}");
    }
}

#[test]
fn sticky_takes_away_what_is_owned_in_another_rack() {
    let (mut members, partitions) = kafkas(SIZES, 1, ABC, &[("a", ALL), ("b", ALL), ("c", ALL)]);
    let all: Vec<_> = all(&partitions.counts).collect();
    for (member, owned) in members.iter_mut().zip(all.chunks(5)) {
        member.owned = owned.to_vec();
    }
    let assignments = Assignor::Sticky.assign(&members, &partitions);
    let expected =
        ["t1-0 t1-3 t2-0 t2-3 t2-6", "t1-1 t1-4 t2-1 t2-4 t3-0", "t1-2 t1-5 t2-2 t2-5 t3-1"];
    assert_eq!(told(&assignments), expected);
    let kept = Assignor::CooperativeSticky.assign(&members, &partitions);
    assert_eq!(told(&kept), ["t1-0 t1-3", "t2-1", "t2-5 t3-1"]);
}
