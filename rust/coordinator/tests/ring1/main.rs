//! Members and one shard under virtual time: requests and answers are lost, late, repeated and out
//! of order, members die and come back, the coordinator is restarted from what was committed. A
//! seed is a whole history; a failing one prints the command that replays it.
//!
//! `OTTLA_SEED=n` runs one history, `OTTLA_SEEDS=n` as many (200).

#![expect(clippy::unwrap_used, reason = "a failing test is to say so")]

mod classic;
mod consumer;
mod faults;
#[expect(dead_code, reason = "the tests of single promises use more of it")]
#[path = "../shard/host.rs"]
mod host;
mod invariants;
mod member;
mod network;
mod positions;
mod scenario;
mod transactions;

use seeds::Suite;

const SUITE: Suite = Suite { package: "coordinator", test: "ring1" };
const SEEDS: u64 = 200;

/// Runs `scenario` for each seed. It says how often a partition went from one owner to another.
fn for_each_seed(name: &str, scenario: fn(u64) -> usize) {
    let mut handovers = 0;
    let count = SUITE.run(name, 0..SEEDS, |seed| handovers += scenario(seed));
    let enough = count < 20 || handovers as u64 >= 5 * count;
    assert!(enough, "{handovers} in {count} histories: this says nothing of them");
}

#[test]
fn a_classic_group_keeps_its_promises_through_faults_and_settles_after_them() {
    for_each_seed("a_classic_group_keeps_its_promises", scenario::classic);
}

#[test]
fn a_consumer_group_keeps_its_promises_through_faults_and_settles_after_them() {
    for_each_seed("a_consumer_group_keeps_its_promises", scenario::consumer);
}

#[test]
fn a_group_that_changes_its_protocol_keeps_its_promises_and_settles() {
    for_each_seed("a_group_that_changes_its_protocol", scenario::mixed);
}

#[test]
fn a_group_that_commits_in_transactions_keeps_its_promises_and_settles() {
    for_each_seed("a_group_that_commits_in_transactions", scenario::transactional);
}

#[test]
fn the_same_seed_gives_the_same_history() {
    for seed in 0..5 {
        assert_eq!(scenario::history(seed), scenario::history(seed), "seed {seed}");
    }
}
