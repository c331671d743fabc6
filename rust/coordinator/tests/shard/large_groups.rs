//! Groups of two hundred members: they settle, and in few steps.

use std::collections::BTreeSet;
use std::time::Duration;

use base::ErrorCode;
use coordinator::CoordinatorConfig;

use crate::classic_member::{Member, stable};
use crate::consumer_member::ConsumerMember;
use crate::host::{Host, topics};

const MEMBERS: usize = 200;

fn host() -> Host {
    Host::with_image(CoordinatorConfig::default(), &topics(&[("orders", 1, 400)]), 1)
}

#[test]
fn two_hundred_classic_members_begin_in_one_generation() {
    let mut host = host();
    let members = stable(&mut host, vec![Member::new(); MEMBERS]);
    assert!(members.iter().all(|member| member.generation == 1));
    assert_eq!(host.log.len(), 1, "one record for all of them");
    members[7].leave(&mut host);
    assert_eq!(members[8].heartbeat(&mut host), ErrorCode::RebalanceInProgress);
}

#[test]
fn a_thousand_groups_settle_beside_each_other() {
    const GROUPS: usize = 1_000;
    let mut host = Host::new(CoordinatorConfig::default());
    let mut members: Vec<ConsumerMember> = (0..GROUPS)
        .map(|number| ConsumerMember {
            group: format!("g{number}"),
            ..ConsumerMember::new(&format!("m{number}"))
        })
        .collect();
    for member in &mut members {
        assert_eq!(member.try_beat(&mut host), ErrorCode::None);
    }
    assert!(members.iter().all(|member| member.owned.len() == 4), "each its whole topic");
    assert_eq!(host.rebalances.len(), GROUPS);
    assert!(host.rebalances.iter().all(|rebalance| rebalance.took.is_zero()));
}

#[test]
fn two_hundred_members_of_a_consumer_group_share_a_topic_within_seconds() {
    let mut host = host();
    let mut members: Vec<ConsumerMember> =
        (0..MEMBERS).map(|number| ConsumerMember::new(&format!("m{number}"))).collect();
    for member in &mut members {
        assert_eq!(member.try_beat(&mut host), ErrorCode::None);
    }
    for _ in 0..4 {
        host.advance_ms(1_000);
        for member in &mut members {
            assert_eq!(member.try_beat(&mut host), ErrorCode::None);
        }
    }
    assert!(members.iter().all(|member| member.owned.len() == 2));
    let before: Vec<BTreeSet<_>> = members.iter().map(|member| member.owned.clone()).collect();
    members[0].leave(&mut host, -1);
    for _ in 0..2 {
        host.advance_ms(1_000);
        for member in &mut members[1..] {
            assert_eq!(member.try_beat(&mut host), ErrorCode::None);
        }
    }
    let took = host.rebalances.iter().map(|rebalance| rebalance.took).max().unwrap();
    assert!(took <= Duration::from_secs(3), "a rebalance took {took:?}");
    let held: usize = members[1..].iter().map(|member| member.owned.len()).sum();
    assert_eq!(held, 400);
    for (member, before) in members.iter().zip(&before).skip(1) {
        assert!(member.owned.is_superset(before), "nobody else's partitions have moved");
    }
}
