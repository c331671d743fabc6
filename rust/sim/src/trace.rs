//! Everything that happens in a run, with its virtual time: two runs of one seed are the same if
//! their traces are.
//!
//! The trace has the events of the history, each segment on the simulated network with its bytes,
//! and every line that the broker and the clients log. Its digest is always taken; its text is
//! printed on demand.

use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::io::Write as _;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::clock;

/// Whose events count. What libraries log besides may name real time, and changes nothing.
const TARGETS: [&str; 8] =
    ["turmoil", "broker", "client", "client_core", "net", "quorum", "storage", "sim"];

/// FNV-1a, 64 bits (Fowler, Noll, Vo): no secret, no state but the sum.
const FNV_OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;

thread_local! {
    /// A run has one thread.
    static TRACE: RefCell<Trace> = const {
        RefCell::new(Trace { digest: FNV_OFFSET_BASIS, lines: 0, is_printed: false })
    };
}

struct Trace {
    digest: u64,
    lines: u64,
    is_printed: bool,
}

/// What a trace is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Digest {
    pub(crate) digest: u64,
    pub(crate) lines: u64,
}

/// Begins the trace of this process.
pub(crate) fn start(is_printed: bool) {
    TRACE.with_borrow_mut(|trace| trace.is_printed = is_printed);
    tracing::subscriber::set_global_default(ToTrace).expect("the process has one trace");
}

/// Adds a line.
pub(crate) fn note(line: fmt::Arguments<'_>) {
    let line = format!("{:>12} us  {line}\n", clock::elapsed().as_micros());
    TRACE.with_borrow_mut(|trace| trace.add(&line));
}

/// The digest of all lines so far.
pub(crate) fn digest() -> Digest {
    TRACE.with_borrow(|trace| Digest { digest: trace.digest, lines: trace.lines })
}

impl Trace {
    fn add(&mut self, line: &str) {
        self.lines += 1;
        for byte in line.bytes() {
            self.digest = (self.digest ^ u64::from(byte)).wrapping_mul(FNV_PRIME);
        }
        if self.is_printed {
            // Whoever reads the trace may stop reading; the run goes on.
            let _ = std::io::stdout().write_all(line.as_bytes());
        }
    }
}

/// Takes what is logged into the trace. Spans say nothing that the events do not.
struct ToTrace;

impl Subscriber for ToTrace {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event()
            && TARGETS.contains(&metadata.target().split("::").next().unwrap_or_default())
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields(String::new());
        event.record(&mut fields);
        note(format_args!("{}:{}", event.metadata().target(), fields.0));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, " {field}={value:?}").expect("a string takes all that is written");
    }
}
