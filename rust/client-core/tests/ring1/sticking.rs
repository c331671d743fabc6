//! A program that does not come back from a callback is away, as one that does not poll: its member
//! leaves after `max.poll.interval.ms`, and not before, since it beats meanwhile.

use std::time::Duration;

use base::SplitMix64;
use client_core::consumer::Rebalance;

use crate::faults::Faults;
use crate::grouping::{Callback, STEPS_MAX, World};
use crate::invariants::check_settled;

/// Much longer than a session. The coordinator waits for no longer either (it counts from the
/// rebalance, the member from its callback), so it may be the first.
const KEPT_MIN: Duration = Duration::from_secs(12);
/// `max.poll.interval.ms`, and a step.
const KEPT_MAX: Duration = Duration::from_millis(15_500);

pub(crate) fn in_a_callback(seed: u64) {
    for is_new_protocol in [false, true] {
        stick(seed, is_new_protocol);
    }
}

fn stick(seed: u64, is_new_protocol: bool) {
    let mut rng = SplitMix64::new(seed);
    let mut world = World::new(seed, is_new_protocol);
    world.network.faults = Faults::NONE;
    world.members[0].callback = Callback::Sticks;
    let stuck_since = step_until(&mut world, &mut rng, |world| match world.members[0].callback {
        Callback::Stuck(since) => Some(since),
        _ => None,
    });
    let lost_at = step_until(&mut world, &mut rng, |world| {
        let reads_nothing = world.members[0].consumer.assignment().next().is_none();
        reads_nothing.then_some(world.network.now)
    });
    let kept_for = lost_at.since(stuck_since);
    assert!((KEPT_MIN..KEPT_MAX).contains(&kept_for), "it was kept for {kept_for:?}");
    // The others read everything, while it still sticks.
    step_until(&mut world, &mut rng, |world| {
        let sticks_for = world.network.now.since(stuck_since);
        check_settled(world).ok().filter(|()| sticks_for > KEPT_MAX)
    });

    let now = world.network.now;
    let member = &mut world.members[0];
    let error = member.consumer.rebalanced(now).unwrap_err().to_string();
    assert!(error.contains("longer than max.poll.interval.ms (15000 ms)"), "{error}");
    let told = member.consumer.rebalance(now);
    assert!(matches!(told, Some(Rebalance::Lost(_))), "{told:?}");
    member.consumer.rebalanced(now).unwrap();
    member.consumer.end_poll(now);
    member.callback = Callback::Returns;
    member.is_awake = true;
    step_until(&mut world, &mut rng, |world| {
        let reads = world.members.iter().all(|one| one.consumer.assignment().next().is_some());
        check_settled(world).ok().filter(|()| reads)
    });
}

fn step_until<T>(world: &mut World, rng: &mut SplitMix64, look: impl Fn(&World) -> Option<T>) -> T {
    for _ in 0..STEPS_MAX {
        world.step(rng);
        if let Some(found) = look(world) {
            return found;
        }
    }
    panic!("what is waited for does not come");
}
