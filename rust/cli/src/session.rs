//! How a command that talks to a cluster runs: on a runtime of its own, until it is done or a
//! signal asks it to stop.
//!
//! The command itself runs on the calling thread, which standard input and output may block; the
//! clients' tasks run on the worker, so that a member of a group is heard of meanwhile.

use std::future::Future;
use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing::level_filters::LevelFilter;

use crate::failure::Failure;
use crate::logging;

/// Whether somebody wants the command to end.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Returns once it is to end.
    pub(crate) async fn asked(&self) {
        // Without a sender the signals are gone, and so is the session.
        let _ = self.0.clone().wait_for(|asked| *asked).await;
    }
}

/// Runs `work`, which looks at its [`Stop`] itself. Who asks a second time does not wait for it.
pub(crate) fn run(work: impl AsyncFnOnce(Stop) -> Result<(), Failure>) -> ExitCode {
    logging::start(LevelFilter::WARN);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let ended = match runtime {
        Err(error) => Err(Failure::new(format_args!("no thread can be started: {error}"))),
        Ok(runtime) => {
            let ended = runtime.block_on(async {
                let (asked, stop) = watch::channel(false);
                tokio::spawn(heed_signals(asked));
                work(Stop(stop)).await
            });
            // A client that has not closed by now does not hold up the process.
            runtime.shutdown_background();
            ended
        }
    };
    ended.map_or_else(|failure| failure.report(), |()| ExitCode::SUCCESS)
}

/// Runs `work`, which comes to an end: a signal before that is a failure.
pub(crate) fn run_to_end(work: impl AsyncFnOnce() -> Result<(), Failure>) -> ExitCode {
    run(async |stop| unless_stopped(work(), stop, Err(Failure::interrupted())).await)
}

/// Runs `work`, which has no end of its own: a signal is its end.
pub(crate) fn run_until_stopped(work: impl AsyncFnOnce() -> Result<(), Failure>) -> ExitCode {
    run(async |stop| unless_stopped(work(), stop, Ok(())).await)
}

async fn unless_stopped(
    work: impl Future<Output = Result<(), Failure>>,
    stop: Stop,
    stopped: Result<(), Failure>,
) -> Result<(), Failure> {
    tokio::select! {
        ended = work => ended,
        () = stop.asked() => stopped,
    }
}

async fn heed_signals(asked: watch::Sender<bool>) {
    let signals = [SignalKind::interrupt(), SignalKind::terminate()].map(signal);
    let [Ok(mut interrupt), Ok(mut terminate)] = signals else {
        return; // the system's own way to end a process stays in force
    };
    loop {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        if asked.send_replace(true) {
            std::process::exit(130);
        }
    }
}
