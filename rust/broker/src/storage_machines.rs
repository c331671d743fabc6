//! Runs the machines of the log directory: on threads, or as a task of the runtime where a
//! simulation turns the time.

use std::io;
use std::time::Duration;

use storage::{DirectoryMachines, DirectoryThreads, Progress};
use tokio::task::JoinHandle;

use crate::blocking::Blocking;

/// How often machines that had nothing to do are looked after when no thread waits for them.
const STEP_INTERVAL: Duration = Duration::from_micros(100);

/// The running machines.
#[derive(Debug)]
pub(crate) enum StorageMachines {
    Threads(DirectoryThreads),
    Task(JoinHandle<()>),
}

impl StorageMachines {
    /// Runs `machines` until their directory is closed.
    pub(crate) fn run(machines: DirectoryMachines, blocking: Blocking) -> io::Result<Self> {
        match blocking {
            Blocking::OnThreads => machines.spawn().map(Self::Threads),
            Blocking::InPlace => Ok(Self::Task(tokio::spawn(step_until_stopped(machines)))),
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

async fn step_until_stopped(mut machines: DirectoryMachines) {
    loop {
        let steps =
            [machines.appender.step(), machines.journal_writer.step(), machines.syncer.step()];
        if steps.iter().all(|step| *step == Progress::Stopped) {
            return;
        }
        if steps.contains(&Progress::Busy) {
            tokio::task::yield_now().await;
        } else {
            tokio::time::sleep(STEP_INTERVAL).await;
        }
    }
}
