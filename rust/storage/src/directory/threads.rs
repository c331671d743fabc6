//! The machines on threads of their own: each steps as long as it makes progress, and parks
//! otherwise.
//!
//! An idle directory costs no CPU but for the syncer's sweeps; a wake is a futex call.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use super::DirectoryMachines;
use super::progress::Progress;
use super::shared::Shared;
use super::wake::Wake;

/// The threads of a log directory.
#[derive(Debug)]
pub struct DirectoryThreads {
    handles: Vec<JoinHandle<()>>,
}

impl DirectoryMachines {
    /// Runs the machines on threads until the directory is [closed](super::LogDirectory::close).
    pub fn spawn(self) -> io::Result<DirectoryThreads> {
        let Self { mut appender, mut journal_writer, mut syncer, cleaners } = self;
        let shared = appender.shared.clone();
        let wakes = shared.wakes.clone();
        let mut handles = Vec::with_capacity(3 + cleaners.len());
        handles.push(run("log-appender", &shared, wakes.appender, move || appender.step())?);
        let step = move || journal_writer.step();
        handles.push(run("journal-writer", &shared, wakes.journal_writer, step)?);
        handles.push(run("log-syncer", &shared, wakes.syncer, move || syncer.step())?);
        for (mut cleaner, wake) in cleaners.into_iter().zip(wakes.cleaners) {
            handles.push(run("log-cleaner", &shared, wake, move || cleaner.step())?);
        }
        Ok(DirectoryThreads { handles })
    }
}

impl DirectoryThreads {
    /// Waits until the machines have stopped.
    pub fn join(self) {
        for handle in self.handles {
            // A machine's panic was caught on its thread, and has stopped the directory.
            handle.join().expect("the thread's function catches panics");
        }
    }
}

fn run(
    name: &str,
    shared: &Arc<Shared>,
    wake: Arc<Wake>,
    mut step: impl FnMut() -> Progress + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    let shared = shared.clone();
    let machine = name.to_owned();
    thread::Builder::new().name(name.to_owned()).spawn(move || {
        wake.bind();
        // The machine is not used again, and the directory is poisoned, so no half-changed state is
        // seen.
        let outcome = catch_unwind(AssertUnwindSafe(|| run_until_stopped(&shared, &mut step)));
        if let Err(panic) = outcome {
            shared.fail(&format!("the {machine} has panicked: {}", message(&*panic)));
            shared.abandon();
        }
    })
}

fn run_until_stopped(shared: &Shared, step: &mut impl FnMut() -> Progress) {
    loop {
        match step() {
            Progress::Busy => {}
            // Another machine is gone; this one has just answered what it held.
            Progress::Idle | Progress::Until(_) if shared.is_abandoned() => return,
            Progress::Idle => thread::park(),
            Progress::Until(time) => thread::park_timeout(time.since(shared.clock.now())),
            Progress::Stopped => return,
        }
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message")
}
