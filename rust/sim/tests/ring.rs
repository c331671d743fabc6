//! The third ring: many seeds hold, a seed is always the same run, and the invariants notice what
//! was broken on purpose.

use std::process::{Command, Output};

/// How many seeds every test run looks at.
const SEEDS: &str = "0..50";
/// Whose runs are compared: a trace may have a hundred megabytes.
const SAME_SEEDS: [u32; 10] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
/// How many runs with a weakness are looked at: some of them must be noticed.
const WEAK_SEEDS: &str = "0..24";

fn sim(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sim")).args(arguments).output().expect("the simulator starts")
}

fn said(output: &Output) -> String {
    let (out, error) = (&output.stdout, &output.stderr);
    format!("{}{}", String::from_utf8_lossy(out), String::from_utf8_lossy(error))
}

#[test]
fn the_invariants_hold_for_fifty_seeds() {
    let output = sim(&[SEEDS]);
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn a_seed_gives_the_same_run_twice_to_the_last_byte_and_microsecond() {
    for seed in SAME_SEEDS.map(|seed| seed.to_string()) {
        let [first, second] = [(); 2].map(|()| sim(&[seed.as_str(), "--trace"]));
        assert!(first.status.success(), "{}", said(&first));
        assert!(first.stdout.len() > 100_000, "the trace tells next to nothing");
        let traces = [&first, &second].map(|output| String::from_utf8_lossy(&output.stdout));
        let differs = traces[0].lines().zip(traces[1].lines()).find(|(one, other)| one != other);
        assert_eq!(differs, None, "seed {seed}");
        assert_eq!(first.stdout, second.stdout, "seed {seed}");
    }
}

#[test]
fn two_seeds_give_two_runs() {
    assert_ne!(sim(&["1"]).stdout, sim(&["2"]).stdout);
}

/// Runs seeds with a weakness, and holds that they fail for one of these reasons.
fn is_noticed(weakness: &str, reasons: &[&str]) {
    let output = sim(&[WEAK_SEEDS, "--weakness", weakness]);
    let said = said(&output);
    assert!(!output.status.success(), "nobody has noticed: {said}");
    assert!(reasons.iter().any(|reason| said.contains(reason)), "noticed otherwise: {said}");
    assert!(said.contains(&format!("--weakness {weakness})")), "no command to replay it: {said}");
}

#[test]
fn a_disk_that_lies_about_its_syncs_is_noticed() {
    is_noticed("lying-disk", &["acknowledged records are present", "does not start"]);
}

#[test]
fn acknowledging_from_the_page_cache_is_noticed() {
    // A reader may stand behind the end of what is left.
    let reasons =
        ["acknowledged records are present", "consumed records stay", "is out of the range"];
    is_noticed("page-cache", &reasons);
}

#[test]
fn a_producer_without_sequence_numbers_is_noticed() {
    is_noticed("plain-producer", &["no record is repeated", "producers keep their order"]);
}

#[test]
fn showing_what_is_not_committed_is_noticed() {
    is_noticed("dirty-reads", &["transactions are atomic"]);
}

#[test]
fn a_command_line_that_means_nothing_is_refused() {
    let output = sim(&["seven"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).starts_with("usage: sim SEED"));
}
