//! The simulator: the whole broker and its clients in one thread, over a simulated network, disk
//! and clock, all of it drawn from a seed.
//!
//! ```text
//! sim 7                      runs seed 7 and holds the invariants
//! sim 7 --trace              prints everything that happens, with its virtual time
//! sim 0..50                  runs many seeds, each in a process of its own
//! sim 7 --weakness NAME      with a fault built in, which the invariants have to notice
//! ```

#[cfg(not(tokio_unstable))]
compile_error!(
    "the simulator needs `--cfg tokio_unstable`: run cargo inside rust/sim, whose \
     .cargo/config.toml sets it, and without a RUSTFLAGS variable, which would override that"
);

mod books;
mod clock;
mod command_line;
mod history;
mod hosts;
mod invariants;
mod lying_disk;
mod many_seeds;
mod operator;
mod plan;
mod power_cut;
mod run;
mod scribe;
mod trace;
mod transport;
mod weakness;
mod world;

use std::io::{self, Write};
use std::process::ExitCode;

use command_line::{CommandLine, Seeds};
use plan::Plan;

fn main() -> ExitCode {
    let ended = match CommandLine::parse(std::env::args().skip(1)) {
        Ok(CommandLine { seeds: Seeds::One(seed), weakness, is_traced }) => {
            trace::start(is_traced);
            report(seed, run::run(Plan::draw(seed, weakness)))
        }
        Ok(CommandLine { seeds: Seeds::Many(seeds), weakness, .. }) => {
            many_seeds::run(seeds, weakness)
        }
        Err(error) => Err(io::Error::new(io::ErrorKind::InvalidInput, error)),
    };
    match ended {
        Ok(code) => code,
        Err(error) => {
            // Nowhere is left to complain if this fails as well.
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::from(2)
        }
    }
}

fn report(seed: u64, outcome: run::Outcome) -> io::Result<ExitCode> {
    let mut out = io::stdout().lock();
    let trace::Digest { digest, lines } = trace::digest();
    writeln!(
        out,
        "seed {seed}: {} records acknowledged, {} starts, {:.1} s, trace {digest:016x} of {lines} \
         lines",
        outcome.acknowledged(),
        outcome.starts,
        outcome.elapsed.as_secs_f64(),
    )?;
    let Some(violation) = outcome.violation else { return Ok(ExitCode::SUCCESS) };
    writeln!(out, "seed {seed}: {violation}")?;
    Ok(ExitCode::FAILURE)
}
