//! The real machines of clients and broker under virtual time, and what their clients saw, judged:
//! a bank, lists that transactions append to, and pipelines that take records over exactly once.
//! Requests and answers are lost, late and repeated, programs die, fence each other off and sleep
//! for too long, the broker is killed and its disk forgets what was not synced. A seed is a whole
//! history; a failing one prints the command that replays it.
//!
//! And it is tested that this would tell: bugs that Kafka's protocol had, and some that it could
//! have, are built in at the seams between the machines, and each is called by its name.
//!
//! `OTTLA_SEED=n` runs one history, `OTTLA_SEEDS=n` as many of each test that looks for none.

#![expect(clippy::unwrap_used, reason = "a failing test is to say so")]

mod broker;
mod clients;
mod network;
mod protocol;
mod surroundings;
mod weakness;
mod weather;
mod world;

use base::SplitMix64;
use history::workload::list_append::ListAppend;
use history::{Answer, Event, Report, check};
use seeds::Suite;

use broker::topics::{LISTS, partitions_of};
use protocol::Protocol;
use weakness::Weakness;
use weather::Weather;
use world::World;

const SUITE: Suite = Suite { package: "history", test: "machines" };
const SEEDS: u64 = 10;
/// Under one of so many seeds a weakness has to show: under others nobody comes to it.
const WEAK_SEEDS: u64 = 30;
/// So many transactions end well in a history, and so many do not, or it says little.
const COMMITTED_MIN: u64 = 10;
const ABORTED_MIN: u64 = 2;

/// Wants nothing to be wrong in any history.
fn for_each_seed(name: &str, protocol: Protocol, weakness: Option<Weakness>) {
    let (mut committed, mut aborted) = (0, 0);
    let count = SUITE.run(name, 0..SEEDS, |seed| {
        let world = World::new(seed, protocol, weakness, weather(seed)).run(seed);
        is_as_promised(&world, seed);
        committed += u64::from(world.ended.0);
        aborted += u64::from(world.ended.1);
    });
    let is_enough = committed >= COMMITTED_MIN * count && aborted >= ABORTED_MIN * count;
    let says_little = "commits and aborts say little";
    assert!(
        count < 10 || is_enough,
        "{committed} and {aborted} {says_little} in {count} histories"
    );
}

fn is_as_promised(world: &World, seed: u64) {
    let report = judge(world);
    assert!(report.is_clean(), "seed {seed}: {report}");
    assert_eq!(world.bank.check(world.history()), Ok(vec![]), "seed {seed}");
    let lists = ListAppend::new(partitions_of(LISTS), seed);
    assert_eq!(lists.check(world.history()), Ok(vec![]), "seed {seed}");
    let last = world.history().entries().last().map(|entry| &entry.event);
    let is_told = matches!(last, Some(Event::Ok(Answer::Fetched { .. })));
    assert!(is_told, "seed {seed}: how far the group has come is not told in the end");
}

fn weather(seed: u64) -> Weather {
    Weather::random(&mut SplitMix64::new(seed))
}

fn judge(world: &World) -> Report {
    check(world.history()).unwrap()
}

#[test]
fn under_version_2_clients_see_what_they_were_promised() {
    for_each_seed("under_version_2_clients", Protocol::V2, None);
}

#[test]
fn before_version_2_clients_see_what_they_were_promised() {
    for_each_seed("before_version_2_clients", Protocol::V1, None);
}

#[test]
fn version_2_bears_markers_that_come_late_and_twice() {
    let name = "version_2_bears_markers";
    for_each_seed(name, Protocol::V2, Some(Weakness::LateMarkers));
}

#[test]
fn the_same_seed_gives_the_same_history() {
    for (seed, protocol) in [(1, Protocol::V1), (2, Protocol::V2)] {
        let run = || World::new(seed, protocol, None, weather(seed)).run(seed);
        assert_eq!(run().history(), run().history(), "seed {seed}");
    }
}

/// Looks for a seed under which the weakness shows by its name, and wants that history to be clean
/// without it.
fn is_noticed(weakness: Weakness) {
    let judged = |seed: u64, weak: Option<Weakness>| {
        let weather = weakness.weather(weather(seed));
        judge(&World::new(seed, weakness.protocol(), weak, weather).run(seed))
    };
    let shows =
        |seed: &u64| judged(*seed, Some(weakness)).kinds().contains_key(&weakness.shows_as());
    let Some(seed) = (0..WEAK_SEEDS).find(shows) else {
        panic!("{weakness:?} is not noticed under {WEAK_SEEDS} seeds")
    };
    let report = judged(seed, None);
    assert!(report.is_clean(), "seed {seed} without {weakness:?}: {report}");
}

macro_rules! weaknesses {
    ($($name:ident: $weakness:ident,)*) => {
        $(#[test]
        fn $name() {
            is_noticed(Weakness::$weakness);
        })*
    };
}

weaknesses! {
    a_late_write_that_nobody_verifies_is_noticed: UnverifiedWrites,
    a_late_end_of_the_older_flow_is_noticed: LateEnds,
    a_late_marker_of_the_older_flow_is_noticed: LateMarkers,
    to_read_beyond_the_last_stable_offset_is_noticed: ReadsBeyondStable,
    aborted_transactions_that_nobody_is_told_of_are_noticed: AbortedAreNotTold,
    producers_that_are_forgotten_at_a_restart_are_noticed: ForgetsProducers,
    offsets_that_zombies_commit_are_noticed: ZombiesCommitOffsets,
    offsets_that_are_told_too_early_are_noticed: UnstableOffsets,
    an_end_that_is_told_before_it_is_durable_is_noticed: TellsTooEarly,
    a_write_that_is_acknowledged_before_it_is_durable_is_noticed: AcknowledgesTooEarly,
}
