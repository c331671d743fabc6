//! The assignors' rules, on groups that nobody has thought of, and Kafka's own examples.

mod racks;

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// Where nobody knows where anything is.
fn assign(assignor: Assignor, members: &[Subscriber], counts: &PartitionCounts) -> Assignments {
    assignor.assign(members, &counts.clone().into())
}

pub(super) fn anybody() -> Subscriber {
    subscriber("anybody", &[])
}

fn subscriber(member_id: &str, topics: &[&str]) -> Subscriber {
    Subscriber {
        member_id: member_id.to_owned(),
        instance_id: None,
        topics: topics.iter().map(|topic| (*topic).into()).collect(),
        owned: Vec::new(),
        generation: -1,
        user_data: None,
        rack: None,
    }
}

fn counts(topics: &[(&str, i32)]) -> PartitionCounts {
    topics.iter().map(|(topic, count)| ((*topic).into(), *count)).collect()
}

fn rows(assignments: &Assignments) -> Vec<(String, Vec<String>)> {
    let names = |partitions: &Vec<TopicPartition>| {
        partitions.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assignments.iter().map(|(member, owned)| (member.clone(), names(owned))).collect()
}

fn row(member: &str, partitions: &[&str]) -> (String, Vec<String>) {
    (member.to_owned(), partitions.iter().map(|name| (*name).to_owned()).collect())
}

fn pairs(assignments: &Assignments) -> BTreeSet<(String, TopicPartition)> {
    let of = |(member, owned): (&String, &Vec<TopicPartition>)| {
        let member = member.clone();
        owned.clone().into_iter().map(move |partition| (member.clone(), partition))
    };
    assignments.iter().flat_map(of).collect()
}

/// Groups of up to seven members over up to five topics, each member with some of them.
fn groups() -> impl Strategy<Value = (Vec<Subscriber>, PartitionCounts)> {
    let topics = prop::collection::vec(0..9_i32, 1..6);
    let members = prop::collection::vec(1..32_u32, 1..8);
    (topics, members).prop_map(|(topics, members)| {
        let name = |index: usize| -> Arc<str> { format!("t{index}").into() };
        let counts = topics.iter().enumerate().map(|(index, count)| (name(index), *count));
        let member = |(index, mask): (usize, u32)| Subscriber {
            topics: (0..5).filter(|topic| mask >> topic & 1 == 1).map(name).collect(),
            ..subscriber(&format!("m{index}"), &[])
        };
        (members.into_iter().enumerate().map(member).collect(), counts.collect())
    })
}

/// The members as they come to the next rebalance: with what they were assigned.
fn come_again(
    members: &[Subscriber],
    assignments: &Assignments,
    generation: i32,
) -> Vec<Subscriber> {
    let again = |member: &Subscriber| Subscriber {
        owned: assignments[&member.member_id].clone(),
        generation,
        ..member.clone()
    };
    members.iter().map(again).collect()
}

/// The members with what they say they own: each partition is owned by one of `owners`.
fn owning(
    members: &[Subscriber],
    counts: &PartitionCounts,
    owners: &[usize],
    generations: &[i32],
) -> Vec<Subscriber> {
    let mut before = members.to_vec();
    let size = before.len();
    for (partition, owner) in all(counts).zip(owners) {
        before[owner % size].owned.push(partition);
    }
    for (member, generation) in before.iter_mut().zip(generations) {
        member.generation = *generation;
    }
    before
}

fn all(counts: &PartitionCounts) -> impl Iterator<Item = TopicPartition> {
    let of = |(topic, count): (&Arc<str>, &i32)| {
        let topic = topic.clone();
        (0..*count).map(move |partition| TopicPartition::new(topic.clone(), partition))
    };
    counts.iter().flat_map(of)
}

/// Every partition that somebody subscribes to has one owner, a subscriber.
fn assert_owned_once(
    members: &[Subscriber],
    counts: &PartitionCounts,
    assignments: &Assignments,
) -> Result<(), TestCaseError> {
    let mut owned = BTreeSet::new();
    for member in members {
        for partition in &assignments[&member.member_id] {
            prop_assert!(member.wants(&partition.topic), "{partition} is not subscribed to");
            prop_assert!(owned.insert(partition.clone()), "{partition} has two owners");
        }
    }
    for partition in all(counts) {
        if members.iter().any(|member| member.wants(&partition.topic)) {
            prop_assert!(owned.remove(&partition), "{partition} has no owner");
        }
    }
    prop_assert!(owned.is_empty(), "{owned:?} do not exist");
    Ok(())
}

/// Nobody has two more than somebody who could take one of them over.
fn assert_balanced(members: &[Subscriber], assignments: &Assignments) -> Result<(), TestCaseError> {
    for rich in members {
        for poor in members {
            let (has, other) = (&assignments[&rich.member_id], &assignments[&poor.member_id]);
            let could = has.iter().any(|partition| poor.wants(&partition.topic));
            prop_assert!(!could || has.len() < other.len() + 2, "{has:?} beside {other:?}");
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn every_partition_has_one_owner_and_he_subscribes_to_it((members, counts) in groups()) {
        for assignor in Assignor::ALL {
            let assignments = assign(assignor, &members, &counts);
            assert_owned_once(&members, &counts, &assignments)?;
        }
    }

    #[test]
    fn the_order_in_which_members_are_named_does_not_matter((members, counts) in groups()) {
        let mut turned = members.clone();
        turned.reverse();
        for assignor in Assignor::ALL {
            let turned = assign(assignor, &turned, &counts);
            prop_assert_eq!(assign(assignor, &members, &counts), turned);
        }
    }

    #[test]
    fn sticky_is_balanced_whatever_was_owned_before(
        (members, counts) in groups(),
        owners in prop::collection::vec(0..8_usize, 64),
        generations in prop::collection::vec(-1..3_i32, 8),
    ) {
        let before = owning(&members, &counts, &owners, &generations);
        let assignments = assign(Assignor::Sticky, &before, &counts);
        assert_owned_once(&before, &counts, &assignments)?;
        assert_balanced(&before, &assignments)?;
    }

    #[test]
    fn sticky_moves_nothing_in_a_group_that_has_not_changed((members, counts) in groups()) {
        for assignor in [Assignor::Sticky, Assignor::CooperativeSticky] {
            let first = assign(assignor, &members, &counts);
            let again = assign(assignor, &come_again(&members, &first, 1), &counts);
            prop_assert_eq!(pairs(&first), pairs(&again));
        }
    }

    #[test]
    fn who_stays_keeps_all_when_somebody_leaves_a_group_of_one_subscription(
        count in 0..60_i32, size in 2..8_usize, leaver in 0..8_usize,
    ) {
        let counts = counts(&[("t", count)]);
        let members: Vec<_> =
            (0..size).map(|index| subscriber(&format!("m{index}"), &["t"])).collect();
        let first = assign(Assignor::Sticky, &members, &counts);
        let mut left = come_again(&members, &first, 1);
        left.remove(leaver % size);
        let second = assign(Assignor::Sticky, &left, &counts);
        for member in &left {
            for partition in &member.owned {
                prop_assert!(second[&member.member_id].contains(partition), "{partition} moved");
            }
        }
    }

    #[test]
    fn who_joins_a_group_of_one_subscription_takes_no_more_than_his_share(
        count in 0..60_i32, size in 1..8_usize,
    ) {
        let counts = counts(&[("t", count)]);
        let member = |index| subscriber(&format!("m{index}"), &["t"]);
        let members: Vec<_> = (0..size).map(member).collect();
        let first = assign(Assignor::Sticky, &members, &counts);
        let mut more = come_again(&members, &first, 1);
        more.push(subscriber("new", &["t"]));
        let second = assign(Assignor::Sticky, &more, &counts);
        let stayed: usize = more
            .iter()
            .map(|member| {
                let kept = &second[&member.member_id];
                member.owned.iter().filter(|partition| kept.contains(partition)).count()
            })
            .sum();
        prop_assert_eq!(stayed + second["new"].len(), usize::try_from(count).unwrap());
    }

    #[test]
    fn cooperation_gives_away_nothing_that_is_held_and_is_done_after_the_second_round(
        (members, counts) in groups(), newcomers in 1..4_usize,
    ) {
        let assignor = Assignor::CooperativeSticky;
        let first = assign(assignor, &members, &counts);
        let mut members = come_again(&members, &first, 1);
        for index in 0..newcomers {
            members.push(Subscriber {
                topics: counts.keys().cloned().collect(),
                ..subscriber(&format!("new{index}"), &[])
            });
        }
        let second = assign(assignor, &members, &counts);
        for member in &members {
            for partition in &second[&member.member_id] {
                let held = members.iter().find(|other| other.owned.contains(partition));
                prop_assert!(held.is_none_or(|holder| holder.member_id == member.member_id));
            }
        }
        // Each gives up what it was not assigned again, and says so.
        let mut members = come_again(&members, &second, 2);
        for member in &mut members {
            member.owned.retain(|partition| second[&member.member_id].contains(partition));
        }
        let third = assign(assignor, &members, &counts);
        assert_owned_once(&members, &counts, &third)?;
        assert_balanced(&members, &third)?;
    }
}

#[test]
fn range_cuts_each_topic_by_itself() {
    let members = [subscriber("b", &["t", "u"]), subscriber("a", &["t", "u"])];
    let assignments = assign(Assignor::Range, &members, &counts(&[("t", 3), ("u", 3)]));
    let expected = [row("a", &["t-0", "t-1", "u-0", "u-1"]), row("b", &["t-2", "u-2"])];
    assert_eq!(rows(&assignments), expected);
}

#[test]
fn round_robin_deals_out_across_topics_and_passes_over_who_does_not_subscribe() {
    let members = [
        subscriber("a", &["t0"]),
        subscriber("b", &["t0", "t1"]),
        subscriber("c", &["t2", "t1", "t0"]),
    ];
    let assignments =
        assign(Assignor::RoundRobin, &members, &counts(&[("t0", 1), ("t1", 2), ("t2", 3)]));
    let expected =
        [row("a", &["t0-0"]), row("b", &["t1-0"]), row("c", &["t1-1", "t2-0", "t2-1", "t2-2"])];
    assert_eq!(rows(&assignments), expected);
}

#[test]
fn static_members_keep_their_place_whatever_id_they_are_given() {
    let named = |member_id: &str, instance: &str| Subscriber {
        instance_id: Some(instance.to_owned()),
        ..subscriber(member_id, &["t"])
    };
    let counts = counts(&[("t", 2)]);
    let before = assign(Assignor::Range, &[named("x", "one"), named("a", "two")], &counts);
    assert_eq!(rows(&before), [row("a", &["t-1"]), row("x", &["t-0"])]);
    let after = assign(Assignor::Range, &[named("0", "one"), named("a", "two")], &counts);
    assert_eq!(rows(&after), [row("0", &["t-0"]), row("a", &["t-1"])]);
}

#[test]
fn a_topic_that_does_not_exist_is_assigned_to_nobody() {
    for assignor in Assignor::ALL {
        let assignments = assign(assignor, &[subscriber("a", &["gone"])], &PartitionCounts::new());
        assert_eq!(rows(&assignments), [row("a", &[])]);
        assert!(assign(assignor, &[], &counts(&[("t", 3)])).is_empty());
    }
}

#[test]
fn a_claim_of_a_later_generation_counts_and_of_two_equal_ones_neither() {
    let claiming = |member_id: &str, generation| Subscriber {
        owned: vec![TopicPartition::new("t", 0)],
        generation,
        ..subscriber(member_id, &["t"])
    };
    let counts = counts(&[("t", 1)]);
    let assigned = assign(Assignor::Sticky, &[claiming("a", 1), claiming("b", 2)], &counts);
    assert_eq!(rows(&assigned), [row("a", &[]), row("b", &["t-0"])]);
    let both = [claiming("a", 2), claiming("b", 2)];
    assert_eq!(
        rows(&assign(Assignor::Sticky, &both, &counts)),
        [row("a", &["t-0"]), row("b", &[])]
    );
    // Both may be reading it: nobody is to, until one has heard.
    let none = assign(Assignor::CooperativeSticky, &both, &counts);
    assert_eq!(rows(&none), [row("a", &[]), row("b", &[])]);
}

#[test]
fn an_assignor_has_a_name_and_a_class() {
    for assignor in Assignor::ALL {
        assert_eq!(Assignor::by_name(assignor.name()), Some(assignor));
    }
    let class = " class org.apache.kafka.clients.consumer.StickyAssignor";
    assert_eq!(Assignor::by_name(class), Some(Assignor::Sticky));
    assert_eq!(Assignor::by_name("uniform"), None);
}
