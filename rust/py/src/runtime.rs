//! The one tokio runtime of the process, and how a Python thread waits for something on it.

use std::future::Future;
use std::io;
use std::mem;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use client::{BlockError, Interrupt, Interrupted};
use pyo3::{Python, pyfunction};
use tokio::net::UnixDatagram;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::watch;

use crate::error::Error;
use crate::log;

/// How many threads run the tasks of all brokers and clients of the process.
const WORKERS_MAX: usize = 2;

static PROCESS: ArcSwapOption<Process> = ArcSwapOption::const_empty();

#[derive(Debug)]
struct Process {
    /// Tells this runtime's epoll from those of other libraries: nothing else watches it. Before
    /// the runtime, which must be there when it goes.
    marker: UnixDatagram,
    runtime: Runtime,
    /// How many tasks of [`finish_later`] have not ended.
    unfinished: watch::Sender<usize>,
}

/// Ctrl-C, and any other signal that Python handles: what its handler raised ends the wait.
#[derive(Debug)]
struct Signals(Option<Error>);

impl Interrupt for Signals {
    fn check(&mut self) -> Result<(), Interrupted> {
        check_signals().map_err(|raised| {
            self.0 = Some(raised);
            Interrupted
        })
    }
}

/// The runtime, made when it is first asked for.
pub(crate) fn handle() -> Result<Handle, Error> {
    process().map(|process| process.runtime.handle().clone())
}

/// Runs `future` to its end on the calling thread, which lets other Python threads run meanwhile
/// and answers Ctrl-C. `None` if the time is over before it ends; then the future is dropped.
pub(crate) fn wait<T: Send>(
    py: Python<'_>,
    limit: Option<Duration>,
    future: impl Future<Output = T> + Send,
) -> Result<Option<T>, Error> {
    let handle = handle()?;
    py.detach(|| wait_detached(&handle, limit, future))
}

/// The same on a thread that does not hold the interpreter.
pub(crate) fn wait_detached<T>(
    handle: &Handle,
    limit: Option<Duration>,
    future: impl Future<Output = T>,
) -> Result<Option<T>, Error> {
    let mut signals = Signals(None);
    let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
    match client::block_on(handle, deadline, &mut signals, future) {
        Ok(output) => Ok(Some(output)),
        Err(BlockError::TimedOut) => Ok(None),
        Err(BlockError::Interrupted(_)) => Err(signals.0.unwrap_or(Error::Interrupted)),
    }
}

/// The same for work that occupies its thread for long: it runs on the runtime's own. Ctrl-C aborts
/// it.
pub(crate) fn wait_for_task<T: Send + 'static>(
    py: Python<'_>,
    future: impl Future<Output = T> + Send + 'static,
) -> Result<T, Error> {
    let task = handle()?.spawn(future);
    let abort = task.abort_handle();
    match wait(py, None, task).inspect_err(|_| abort.abort())? {
        Some(Ok(output)) => Ok(output),
        Some(Err(error)) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Some(Err(_)) | None => Err(Error::Interrupted),
    }
}

/// Runs the signal handlers of Python, if this is the thread that they run on.
pub(crate) fn check_signals() -> Result<(), Error> {
    Python::attach(|py| py.check_signals().map_err(Error::Python))
}

/// Runs a task that nobody waits for, unless the interpreter ends: see [`drain`].
pub(crate) fn finish_later(task: impl Future<Output = ()> + Send + 'static) -> Result<(), Error> {
    let process = process()?;
    process.unfinished.send_modify(|unfinished| *unfinished += 1);
    let unfinished = process.unfinished.clone();
    process.runtime.spawn(async move {
        task.await;
        unfinished.send_modify(|unfinished| *unfinished -= 1);
    });
    Ok(())
}

/// Waits until everything that was given up without being closed has ended, and says whether it
/// has.
#[pyfunction]
pub(crate) fn drain(py: Python<'_>, timeout_seconds: f64) -> Result<bool, Error> {
    let Some(process) = PROCESS.load_full() else { return Ok(true) };
    let ended = wait_for_unfinished(py, &process, timeout_seconds);
    log::settle(py);
    ended
}

fn wait_for_unfinished(
    py: Python<'_>,
    process: &Process,
    timeout_seconds: f64,
) -> Result<bool, Error> {
    let mut unfinished = process.unfinished.subscribe();
    let ended = async move { unfinished.wait_for(|unfinished| *unfinished == 0).await.is_ok() };
    let limit = Duration::try_from_secs_f64(timeout_seconds).unwrap_or_default();
    Ok(wait(py, Some(limit), ended)?.unwrap_or(false))
}

/// In a forked child: the threads of the runtime do not exist here, so it can neither be used nor
/// ended. Answers its marker, by which its sockets are found.
pub(crate) fn forget() -> Option<RawFd> {
    let process = PROCESS.swap(None);
    let marker = process.as_ref().map(|process| process.marker.as_raw_fd());
    mem::forget(process);
    marker
}

fn process() -> Result<Arc<Process>, Error> {
    if let Some(process) = PROCESS.load_full() {
        return Ok(process);
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = Builder::new_multi_thread()
        .worker_threads(cores.min(WORKERS_MAX))
        .thread_name("ottla")
        .enable_all()
        .build()
        .map_err(Error::Runtime)?;
    let marker = mark(&runtime).map_err(Error::Runtime)?;
    let made = Arc::new(Process { marker, runtime, unfinished: watch::Sender::new(0) });
    let before = PROCESS.compare_and_swap(&None::<Arc<Process>>, Some(Arc::clone(&made)));
    match &*before {
        None => Ok(made),
        // Another thread was faster; this runtime has no task yet, and ends here.
        Some(process) => Ok(Arc::clone(process)),
    }
}

/// A socket that the runtime's epoll watches, and that nobody talks to.
fn mark(runtime: &Runtime) -> io::Result<UnixDatagram> {
    let _entered = runtime.enter();
    UnixDatagram::unbound()
}
