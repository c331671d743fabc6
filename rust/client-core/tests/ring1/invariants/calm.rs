//! In calm weather nobody loses what it has without having been asked for it, and who leaves is
//! not waited for until the group finds out by itself.

use std::collections::BTreeMap;

use base::SplitMix64;

use crate::grouping::{PARTITIONS, SESSION_TIMEOUT, STEPS_MAX, World};

/// A member comes, and everybody has one partition; it goes again.
pub(crate) fn check_calm(world: &mut World, rng: &mut SplitMix64) {
    let lost = losses(world);
    world.add_member();
    assert_eq!(world.members.len(), PARTITIONS as usize);
    let is_shared = |world: &World| {
        world.members.iter().all(|member| member.consumer.assignment().count() == 1)
    };
    step_until(world, rng, is_shared);
    world.members.last_mut().expect("one was added").leave();
    step_until(world, rng, |world| world.members.last().is_some_and(|m| m.consumer.has_left()));
    world.members.pop();
    let left = world.network.now;
    step_until(world, rng, |world| {
        let read = world.members.iter().map(|member| member.consumer.assignment().count());
        read.sum::<usize>() == PARTITIONS as usize
    });
    let waited = world.network.now.since(left);
    assert!(waited < SESSION_TIMEOUT, "the others waited {waited:?} for who had left");
    assert_eq!(losses(world), lost, "somebody has lost what it had");
}

fn step_until(world: &mut World, rng: &mut SplitMix64, done: impl Fn(&World) -> bool) {
    for _ in 0..STEPS_MAX {
        if done(world) {
            return;
        }
        world.step(rng);
    }
    panic!("the group does not settle in calm weather")
}

/// How often each member has lost everything.
fn losses(world: &World) -> BTreeMap<u64, u64> {
    let members = world.members.iter();
    let lost = members.map(|member| {
        let totals = member.consumer.rebalance_totals().expect("it is in a group");
        (member.number, totals.lost_count)
    });
    lost.collect()
}
