//! Producers, partitions and one shard of transactions under virtual time: requests, answers and
//! markers are lost, late and repeated, producers die and are doubled, the coordinator is restarted
//! from what was committed. A seed is a whole history; a failing one prints the command that
//! replays it.
//!
//! `OTTLA_SEED=n` runs one history, `OTTLA_SEEDS=n` as many (50).

#![expect(clippy::unwrap_used, reason = "a failing test is to say so")]

#[path = "../shard/host.rs"]
#[expect(dead_code, reason = "only the metadata of topics is of use here")]
mod group_host;
#[path = "../transactions/host.rs"]
#[expect(dead_code, reason = "the tests of single promises use more of it")]
mod host;
mod outcomes;
mod partition;
mod producer;
#[path = "../transactions/requests.rs"]
#[expect(dead_code, reason = "the tests of single promises use more of it")]
mod requests;
mod weather;
mod world;

use seeds::Suite;

use world::{Protocol, World};

const SUITE: Suite = Suite { package: "coordinator", test: "transaction_ring1" };
const SEEDS: u64 = 50;

fn for_each_seed(name: &str, protocol: Protocol) {
    let (mut committed, mut aborted) = (0, 0);
    let count = SUITE.run(name, 0..SEEDS, |seed| {
        let ends = World::new(seed, protocol).run();
        committed += ends.committed;
        aborted += ends.aborted;
    });
    let enough = count < 20 || committed.min(aborted) as u64 >= 5 * count;
    assert!(enough, "{committed} commits and {aborted} aborts in {count} histories say nothing");
}

#[test]
fn under_version_2_transactions_are_atomic_through_faults_and_end_after_them() {
    for_each_seed("under_version_2", Protocol::V2);
}

#[test]
fn before_version_2_transactions_are_atomic_through_faults_and_end_after_them() {
    for_each_seed("before_version_2", Protocol::V1);
}

#[test]
fn the_same_seed_gives_the_same_history() {
    for (seed, protocol) in [(1, Protocol::V1), (2, Protocol::V2), (3, Protocol::V2)] {
        let log = || World::new(seed, protocol).run().log;
        assert_eq!(log(), log(), "seed {seed}");
    }
}
