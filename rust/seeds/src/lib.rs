//! Tests that run whole histories, each drawn from a seed; a failing one prints the command that
//! replays it.
//!
//! `OTTLA_SEED=n` runs one history, `OTTLA_SEEDS=n` so many of each test.

#![expect(clippy::print_stderr, reason = "a failing test is to say so")]

use std::ops::Range;

/// An integration test whose histories are drawn from seeds.
#[derive(Clone, Copy, Debug)]
pub struct Suite {
    /// The crate whose test it is.
    pub package: &'static str,
    /// The name of the test.
    pub test: &'static str,
}

impl Suite {
    /// Runs `scenario` under these seeds, unless the environment asks for others; returns how many
    /// there were. `filter` is what the test that calls, and no other, has in its name.
    ///
    /// # Panics
    ///
    /// As the scenario does, and if the environment asks for what is no number.
    pub fn run(self, filter: &str, seeds: Range<u64>, mut scenario: impl FnMut(u64)) -> u64 {
        let seeds = chosen(number("OTTLA_SEED"), number("OTTLA_SEEDS"), seeds);
        self.run_all(filter, seeds.clone(), &mut scenario);
        seeds.end - seeds.start
    }

    fn run_all(self, filter: &str, seeds: Range<u64>, scenario: &mut dyn FnMut(u64)) {
        for seed in seeds {
            let replay = Replay { suite: self, filter, seed };
            scenario(seed);
            drop(replay);
        }
    }
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is no number: `{text}`")))
}

fn chosen(one: Option<u64>, count: Option<u64>, usual: Range<u64>) -> Range<u64> {
    match (one, count) {
        (Some(seed), _) => seed..seed + 1,
        (None, Some(count)) => 0..count,
        (None, None) => usual,
    }
}

/// Says how a history is run again, if it is dropped in a panic.
struct Replay<'a> {
    suite: Suite,
    filter: &'a str,
    seed: u64,
}

impl Replay<'_> {
    fn command(&self) -> String {
        let Self { suite: Suite { package, test }, filter, seed } = self;
        format!("OTTLA_SEED={seed} cargo test -p {package} --test {test} {filter}")
    }
}

impl Drop for Replay<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("replay: {}", self.command());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Replay, Suite, chosen};

    const SUITE: Suite = Suite { package: "coordinator", test: "ring1" };

    #[test]
    fn one_seed_goes_before_a_count_and_a_count_before_what_is_usual() {
        assert_eq!(chosen(Some(7), Some(3), 0..10), 7..8);
        assert_eq!(chosen(None, Some(3), 5..10), 0..3);
        assert_eq!(chosen(None, None, 5..10), 5..10);
    }

    #[test]
    fn the_command_runs_the_one_history_again() {
        let replay = Replay { suite: SUITE, filter: "a_group", seed: 12 };
        let command = "OTTLA_SEED=12 cargo test -p coordinator --test ring1 a_group";
        assert_eq!(replay.command(), command);
    }

    #[test]
    #[should_panic(expected = "seed 2 of 0, 1, 2")]
    fn a_history_that_fails_ends_the_test() {
        let mut scenario = |seed| assert!(seed < 2, "seed {seed} of 0, 1, 2");
        SUITE.run_all("a_history_that_fails", 0..3, &mut scenario);
    }
}
