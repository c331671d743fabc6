//! One case of the crash test, and which cases a run looks at.

use std::fmt;
use std::str::FromStr;

use base::{Rng, SplitMix64};
use storage::FaultyDisk;
use storage::disk::{Fault, Survivors};

use crate::history::{Event, HISTORIES};
use crate::invariants::{self, Observed};
use crate::states::states;
use crate::world::{Outside, World, open};

/// One way in which a history goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Case {
    history: String,
    /// Of the order in which the machines step.
    seed: u64,
    /// The operation at which the power is cut.
    cut: u64,
    /// The state that the disk is left in.
    state: usize,
    /// The operation of the recovery at which the power is cut again, from 1; 0 for none.
    second_cut: u64,
    /// The state that the disk is left in then.
    second_state: usize,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { history, seed, cut, state, second_cut, second_state } = self;
        write!(
            f,
            "OTTLA_CRASH_CASE='{history} {seed} {cut} {state} {second_cut} {second_state}' \
             cargo test -p storage --test crash replay_one_case"
        )
    }
}

impl FromStr for Case {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut words = text.split_whitespace();
        let history = words.next().unwrap_or_default().to_owned();
        let mut number = || words.next().unwrap_or_default().parse::<u64>();
        Ok(Self {
            history,
            seed: number()?,
            cut: number()?,
            state: number()? as usize,
            second_cut: number()?,
            second_state: number()? as usize,
        })
    }
}

/// How many cases a run looks at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    seeds: u64,
    /// States for each cut; none for all.
    states: Option<usize>,
}

/// Recovery has about so many operations.
const SECOND_CUT_MAX: u32 = 32;

/// So many states of a recovery that was cut are in reach.
const SECOND_STATE_MAX: u32 = 1_000;

impl Budget {
    /// A sample, unless the environment asks for all.
    pub(crate) fn from_environment() -> Self {
        match std::env::var("OTTLA_CRASH_STATES").as_deref() {
            Ok("all") => Self { seeds: 8, states: None },
            _ => Self { seeds: 1, states: Some(5) },
        }
    }

    /// Which states to look at: the two plain ones always.
    fn choose(self, states: usize, rng: &mut SplitMix64) -> Vec<usize> {
        match self.states {
            Some(some) if some < states => {
                let others = (2..some).map(|_| rng.below(states as u32) as usize);
                [0, 1].into_iter().chain(others).collect()
            }
            _ => (0..states).collect(),
        }
    }
}

/// Cuts the history at every operation and looks at the states that the budget allows.
pub(crate) fn check_history(history: &str, budget: Budget) {
    let mut cases = 0_usize;
    for seed in 0..budget.seeds {
        let operations = run(history, seed, None).disk.operations();
        assert!(operations > 10, "{history} does nothing");
        for cut in 0..operations {
            let crashed = run(history, seed, Some(cut));
            let mut rng = SplitMix64::new(seed << 32 | cut);
            for state in budget.choose(crashed.states.len(), &mut rng) {
                let once = Case {
                    history: history.to_owned(),
                    seed,
                    cut,
                    state,
                    second_cut: 0,
                    second_state: 0,
                };
                let second_cut = 1 + u64::from(rng.below(SECOND_CUT_MAX));
                let second_state = rng.below(SECOND_STATE_MAX) as usize;
                let twice = Case { second_cut, second_state, ..once.clone() };
                let cases_of_state = match budget.states {
                    None => vec![once, twice],
                    // Every other state is left by a recovery that was cut as well.
                    Some(_) if cases.is_multiple_of(2) => vec![once],
                    Some(_) => vec![twice],
                };
                for case in cases_of_state {
                    if let Err(violation) = crashed.check(&case) {
                        panic!("{violation}\nreplay it: {case}");
                    }
                    cases += 1;
                }
            }
        }
    }
    assert!(cases > 100, "{history}: {cases} cases are no test");
}

/// Looks at one case.
pub(crate) fn check_case(case: &Case) -> Result<(), String> {
    run(&case.history, case.seed, Some(case.cut)).check(case)
}

/// A disk that was cut off, and everything that is not on it.
struct Crashed {
    disk: FaultyDisk,
    outside: Outside,
    states: Vec<Survivors>,
}

/// Plays the history up to the cut.
fn run(history: &str, seed: u64, cut: Option<u64>) -> Crashed {
    let events: &[Event] = HISTORIES
        .iter()
        .find(|(name, _)| *name == history)
        .map(|(_, events)| *events)
        .expect("the history is in the list");
    let disk = FaultyDisk::new();
    if let Some(cut) = cut {
        disk.fail_at(cut, Fault::Crash);
    }
    let outside = Outside::new();
    if let Some(world) = World::open(&disk, &outside, seed) {
        world.play(events, &outside);
    }
    let states = states(&disk);
    Crashed { disk, outside, states }
}

impl Crashed {
    /// What is wrong after the case, if anything is.
    fn check(&self, case: &Case) -> Result<(), String> {
        let outside = self.outside.fork();
        let mut disk = self.disk.after_crash(&self.states[case.state]);
        if case.second_cut > 0 {
            disk.fail_at(case.second_cut - 1, Fault::Crash);
            // Whatever it comes to, the next recovery must do.
            let _ = open(&disk, &outside);
            let states = states(&disk);
            disk = disk.after_crash(&states[case.second_state % states.len()]);
        }
        let world = recover(&disk, &outside)?;
        let first = Observed::of(world.directory())?;
        drop(world);
        invariants::check(&outside.model.lock(), &first)?;
        first.decide(&mut outside.model.lock());

        // What recovery serves is durable, even if the power is cut at once.
        let again = disk.after_crash(&Survivors::synced(&disk));
        let mut world = recover(&again, &outside)?;
        let second = Observed::of(world.directory())?;
        invariants::recovered_records_stay::check(&first, &second)?;

        world.append_everywhere()?;
        drop(world);
        let after = again.after_crash(&Survivors::synced(&again));
        let last = Observed::of(recover(&after, &outside)?.directory())?;
        invariants::check(&outside.model.lock(), &last)
    }
}

fn recover(disk: &FaultyDisk, outside: &Outside) -> Result<World, String> {
    World::try_open(disk, outside, 0).map_err(|error| format!("recovery refuses: {error}"))
}
