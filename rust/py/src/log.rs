//! What Rust logs, in Python's `logging`: one logger `ottla`, and a thread that hands events over.
//!
//! ```text
//! tracing::warn! ─ Subscriber ─> bounded queue ─ thread ottla-log ─> logging.getLogger("ottla")
//! ```
//! Whoever logs never waits for the interpreter: not for its lock, and not for its handlers. When
//! the queue is full, events are dropped and counted.

use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Once, OnceLock};
use std::thread;
use std::time::Duration;

use pyo3::types::{PyAnyMethods, PyModule};
use pyo3::{PyResult, Python, pyfunction};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::error::Error;
use crate::fork::ProcessBound;

/// How many events may wait to be handed over.
const EVENTS_QUEUED_MAX: usize = 1024;

/// The least important events that are handed over; what is below tells of every connection.
const LEVEL_MIN: Level = Level::WARN;

/// What the clients tell of their groups is handed over from this level on.
const CLIENT_LEVEL_MIN: Level = Level::INFO;

/// How long an interpreter that ends waits for its last events.
const SETTLE_MAX: Duration = Duration::from_secs(1);

/// The way to the thread, for [`settle`].
static QUEUE: OnceLock<ProcessBound<SyncSender<Job>>> = OnceLock::new();

/// Begins to hand events over to Python; once in the life of a process.
#[pyfunction]
pub(crate) fn start_logging() -> Result<(), Error> {
    static STARTED: Once = Once::new();
    let mut result = Ok(());
    STARTED.call_once(|| result = start());
    result
}

fn start() -> Result<(), Error> {
    let (queue, jobs) = sync_channel(EVENTS_QUEUED_MAX);
    thread::Builder::new()
        .name("ottla-log".to_owned())
        .spawn(move || hand_over(&jobs))
        .map_err(Error::Runtime)?;
    let queue = QUEUE.get_or_init(|| ProcessBound::new(queue));
    // Whoever has set another subscriber wants the events there.
    let _ = tracing::subscriber::set_global_default(ToPython { queue, dropped: AtomicU64::new(0) });
    Ok(())
}

/// Waits until Python has the events that were logged before.
pub(crate) fn settle(py: Python<'_>) {
    let Some(Ok(queue)) = QUEUE.get().map(ProcessBound::get) else { return };
    let (done, settled) = sync_channel(1);
    py.detach(move || {
        if queue.try_send(Job::Barrier(done)).is_ok() {
            // Late or never, the interpreter ends.
            let _ = settled.recv_timeout(SETTLE_MAX);
        }
    });
}

/// What the thread is to do.
#[derive(Debug)]
enum Job {
    Log(Line),
    Barrier(SyncSender<()>),
}

/// An event as Python's logging has it.
#[derive(Debug)]
struct Line {
    level: Level,
    text: String,
}

/// The events of this process, on their way to Python.
#[derive(Debug)]
struct ToPython {
    queue: &'static ProcessBound<SyncSender<Job>>,
    dropped: AtomicU64,
}

impl Subscriber for ToPython {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // What matters of the Raft library's life, the quorum says in its own words.
        let is_ours = !metadata.target().starts_with("openraft");
        let is_clients = metadata.target().starts_with("client");
        let level_min = if is_clients { CLIENT_LEVEL_MIN } else { LEVEL_MIN };
        is_ours && metadata.is_event() && *metadata.level() <= level_min
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = Text::default();
        event.record(&mut text);
        let dropped = self.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            text.add("events dropped before", &dropped);
        }
        let line = Line { level: *event.metadata().level(), text: text.joined() };
        match self.queue.get() {
            Ok(queue) => {
                if queue.try_send(Job::Log(line)).is_err() {
                    self.dropped.fetch_add(dropped + 1, Ordering::Relaxed);
                }
            }
            // A forked child has no such thread, and nobody to tell if this fails as well.
            Err(_) => {
                let _ = writeln!(std::io::stderr(), "ottla: {}", line.text);
            }
        }
    }

    // Spans are not handed over.
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// The message of an event, and its fields behind it.
#[derive(Debug, Default)]
struct Text {
    message: String,
    fields: String,
}

impl Text {
    fn add(&mut self, name: &str, value: &dyn fmt::Debug) {
        let written = match name {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, ", {name}: {value:?}"),
        };
        written.expect("a string takes all that is written to it");
    }

    fn joined(self) -> String {
        self.message + &self.fields
    }
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field.name(), value);
    }
}

fn hand_over(jobs: &Receiver<Job>) {
    while let Ok(job) = jobs.recv() {
        let line = match job {
            Job::Log(line) => line,
            Job::Barrier(done) => {
                let _ = done.send(()); // whoever waited may have gone
                continue;
            }
        };
        // An interpreter that ends takes no more lines; one that raises has told so itself.
        let Some(handed) = Python::try_attach(|py| line.log(py)) else { return };
        if let Err(error) = handed {
            Python::try_attach(|py| error.write_unraisable(py, None));
        }
    }
}

impl Line {
    fn log(&self, py: Python<'_>) -> PyResult<()> {
        let logger = PyModule::import(py, "logging")?.call_method1("getLogger", ("ottla",))?;
        let method = match self.level {
            Level::ERROR => "error",
            Level::WARN => "warning",
            _ => "info",
        };
        // The text goes in as an argument: a per cent sign in it is no place for another.
        logger.call_method1(method, ("%s", self.text.as_str())).map(|_| ())
    }
}
