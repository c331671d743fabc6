//! A log that keeps its promises shows no anomaly, whatever its clients suffer; each promise that
//! it breaks is noticed, and called by its name. A seed is a whole history.
//!
//! `OTTLA_SEED=n` runs one history of a sound log, `OTTLA_SEEDS=n` as many (50).

#![expect(clippy::unwrap_used, reason = "a failing test is to say so")]

mod broker;
mod consumer;
mod processor;
mod transactor;
mod world;

use std::ops::Range;

use broker::Bug;
use history::{
    AnomalyKind, Answer, History, IsolationLevel, Operation, PolledRecord, Process, check,
};

const SEEDS: u64 = 50;
/// How many seeds a broken promise is looked for under, and how many it has to show under: under
/// some the broker never comes to it.
const BROKEN_SEEDS: u64 = 20;
const NOTICED_MIN: usize = 16;

fn seeds() -> Range<u64> {
    let number = |variable| {
        let text = std::env::var(variable).ok();
        text.map(|text| text.parse::<u64>().expect("a number"))
    };
    match number("OTTLA_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("OTTLA_SEEDS").unwrap_or(SEEDS),
    }
}

#[test]
fn a_log_that_keeps_its_promises_shows_no_anomaly() {
    for seed in seeds() {
        let world = world::run(seed, None);
        let report = check(&world.history).unwrap();
        assert!(report.is_clean(), "seed {seed}: {report}");
        assert_eq!(world.bank.check(&world.history), Ok(vec![]), "seed {seed}");
        assert_eq!(world.lists.check(&world.history), Ok(vec![]), "seed {seed}");
    }
}

#[test]
fn every_broken_promise_is_noticed_and_called_by_its_name() {
    for bug in Bug::ALL {
        let reports =
            (0..BROKEN_SEEDS).map(|seed| check(&world::run(seed, Some(bug)).history).unwrap());
        let noticed = reports.filter(|report| report.kinds().contains_key(&bug.shows_as()));
        let noticed = noticed.count();
        assert!(
            noticed >= NOTICED_MIN,
            "{bug:?} is noticed under {noticed} of {BROKEN_SEEDS} seeds"
        );
    }
}

#[test]
fn money_that_is_lost_in_a_torn_transfer_is_missed() {
    let missed = (0..BROKEN_SEEDS).filter(|seed| {
        let world = world::run(*seed, Some(Bug::Tears));
        !world.bank.check(&world.history).unwrap().is_empty()
    });
    let missed = missed.count();
    assert!(missed >= NOTICED_MIN, "it is missed under {missed} of {BROKEN_SEEDS} seeds");
}

#[test]
fn lists_of_which_an_element_is_left_out_diverge() {
    let divergent = (0..BROKEN_SEEDS).filter(|seed| {
        let world = world::run(*seed, Some(Bug::Skips));
        !world.lists.check(&world.history).unwrap().is_empty()
    });
    let divergent = divergent.count();
    assert!(divergent >= NOTICED_MIN, "it is noticed under {divergent} of {BROKEN_SEEDS} seeds");
}

#[test]
fn a_history_is_the_same_after_it_was_written_and_read() {
    for seed in seeds().take(5) {
        let history = world::run(seed, None).history;
        let mut lines = Vec::new();
        history.write_lines(&mut lines).unwrap();
        assert_eq!(History::read_lines(&lines[..]).unwrap(), history);
    }
}

/// Whatever takes time in the square of the operations would not come to an end here.
#[test]
fn a_history_of_many_operations_is_no_trouble() {
    const TRANSACTIONS: u64 = 50_000;
    let mut history = History::new();
    let done = |history: &mut History, process, operation| {
        let id = history.invoke(0, process, operation);
        history.ok(0, id, Answer::Done);
    };
    let mut last = Vec::new();
    for number in 0..TRANSACTIONS {
        let process = Process((number % 8) as u32);
        done(&mut history, process, Operation::Begin);
        for partition in 0..2 {
            let value = format!("{number}");
            let operation = Operation::Send {
                partition: world::partition(partition),
                value: value.as_str().into(),
            };
            let offset = 2 * number as i64;
            let id = history.invoke(0, process, operation);
            history.ok(0, id, Answer::Sent { offset: Some(offset) });
            let partition = world::partition(partition);
            last.push(PolledRecord { partition, offset, value: value.into() });
        }
        done(&mut history, process, Operation::Commit);
        if last.len() == 100 {
            let isolation = IsolationLevel::ReadCommitted;
            let id = history.invoke(0, Process(100), Operation::Poll { isolation });
            let records = std::mem::take(&mut last);
            history.ok(0, id, Answer::Polled { records, positions: vec![] });
        }
    }
    let report = check(&history).unwrap();
    assert!(report.is_clean(), "{report}");
    // A late transaction that lies at the beginning ties everything in between into one circle.
    let late = Operation::Send { partition: world::partition(0), value: "late".into() };
    done(&mut history, Process(200), Operation::Begin);
    let id = history.invoke(0, Process(200), late);
    history.ok(0, id, Answer::Sent { offset: Some(1) });
    done(&mut history, Process(200), Operation::Commit);
    let report = check(&history).unwrap();
    assert!(report.kinds().contains_key(&AnomalyKind::WriteCycle), "{report}");
}
