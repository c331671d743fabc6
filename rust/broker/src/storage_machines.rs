//! Runs the machines of the log directory: on threads, or as a task of the runtime where a
//! simulation turns the time.

use std::io;
use std::time::Duration;

use base::{Rng, SplitMix64};
use storage::{DirectoryMachines, DirectoryThreads, Progress};
use tokio::task::JoinHandle;

use crate::blocking::Blocking;

/// How often machines that had nothing to do are looked after when no thread waits for them.
const STEP_INTERVAL: Duration = Duration::from_micros(100);
/// The longest that a simulated disk keeps a machine busy with one step.
const STEP_MS_MAX: u32 = 4;

/// The running machines.
#[derive(Debug)]
pub(crate) enum StorageMachines {
    Threads(DirectoryThreads),
    Task(JoinHandle<()>),
}

impl StorageMachines {
    /// Runs `machines` until their directory is closed. In place, `rng` decides in which order they
    /// step and how long the disk takes; threads decide that for themselves.
    pub(crate) fn run(
        machines: DirectoryMachines,
        blocking: Blocking,
        rng: &mut dyn Rng,
    ) -> io::Result<Self> {
        match blocking {
            Blocking::OnThreads => machines.spawn().map(Self::Threads),
            Blocking::InPlace => {
                let order = SplitMix64::new(rng.next_u64());
                Ok(Self::Task(tokio::spawn(step_until_stopped(machines, order))))
            }
        }
    }

    /// Waits until they have stopped.
    pub(crate) async fn join(self) {
        match self {
            Self::Threads(threads) => Blocking::OnThreads.run(move || threads.join()).await,
            Self::Task(task) => {
                if let Err(error) = task.await
                    && error.is_panic()
                {
                    std::panic::resume_unwind(error.into_panic());
                }
            }
        }
    }
}

async fn step_until_stopped(mut machines: DirectoryMachines, mut order: SplitMix64) {
    let count = 3 + machines.cleaners.len() as u32;
    loop {
        let first = order.below(count);
        let (mut is_busy, mut stopped) = (false, 0);
        for turn in 0..count {
            let progress = match (first + turn) % count {
                0 => machines.appender.step(),
                1 => machines.journal_writer.step(),
                2 => machines.syncer.step(),
                cleaner => machines.cleaners[cleaner as usize - 3].step(),
            };
            match progress {
                Progress::Busy => {
                    is_busy = true;
                    let ms = u64::from(order.below(STEP_MS_MAX + 1));
                    tokio::time::sleep(Duration::from_millis(ms)).await;
                }
                Progress::Stopped => stopped += 1,
                Progress::Idle | Progress::Until(_) => {}
            }
        }
        if stopped == count {
            return;
        }
        if !is_busy {
            tokio::time::sleep(STEP_INTERVAL).await;
        }
    }
}
