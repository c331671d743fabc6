//! Runs many seeds, each in a process of its own, and tells the command that replays one that
//! fails.

use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::ops::Range;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::weakness::Weakness;

/// A run that takes longer on the wall's clock than this hangs in one moment of virtual time.
const WALL_TIME_MAX: Duration = Duration::from_mins(5);
const LOOK_INTERVAL: Duration = Duration::from_millis(10);

/// Runs every seed, and fails if one of them does.
pub(crate) fn run(seeds: Range<u64>, weakness: Option<Weakness>) -> io::Result<ExitCode> {
    let next = AtomicU64::new(seeds.start);
    let failed = Mutex::new(Vec::new());
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let began = Instant::now();
    thread::scope(|scope| {
        let work = || -> io::Result<()> {
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= seeds.end {
                    return Ok(());
                }
                let (is_sound, said) = run_one(seed, weakness)?;
                let mut failed = failed.lock().expect("no worker panics");
                io::stdout().write_all(said.as_bytes())?;
                if !is_sound {
                    failed.push(seed);
                }
            }
        };
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("no worker panics"))
    })?;
    let failed = failed.into_inner().expect("no worker panics");
    let seconds = began.elapsed().as_secs();
    let count = seeds.end.saturating_sub(seeds.start);
    writeln!(io::stdout(), "{} of {count} seeds failed, in {seconds} s", failed.len())?;
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Whether the run ended well, and what it said.
fn run_one(seed: u64, weakness: Option<Weakness>) -> io::Result<(bool, String)> {
    let mut arguments = vec![seed.to_string()];
    if let Some(weakness) = weakness {
        arguments.extend(["--weakness".to_owned(), weakness.to_string()]);
    }
    let mut child = Command::new(std::env::current_exe()?)
        .args(&arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let began = Instant::now();
    // It says a few lines, which fit into the pipes.
    let status = loop {
        match child.try_wait()? {
            Some(status) => break status.to_string(),
            None if began.elapsed() > WALL_TIME_MAX => {
                child.kill()?;
                child.wait()?;
                break format!("hangs: killed after {} s", WALL_TIME_MAX.as_secs());
            }
            None => thread::sleep(LOOK_INTERVAL),
        }
    };
    let mut said = String::new();
    child.stdout.take().expect("it is piped").read_to_string(&mut said)?;
    child.stderr.take().expect("it is piped").read_to_string(&mut said)?;
    let is_sound = status == "exit status: 0";
    if !is_sound {
        let arguments = arguments.join(" ");
        writeln!(said, "seed {seed}: {status}; replay: (cd rust/sim && cargo run -- {arguments})")
            .expect("a string takes all that is written");
    }
    Ok((is_sound, said))
}
