//! What this thread's log says meanwhile.

use std::fmt::{Debug, Write as _};
use std::sync::Arc;

use parking_lot::Mutex;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Takes down every event as a line of its fields.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<String>>);

impl Subscriber for Captured {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(self.0.lock().clone());
        event.record(&mut line);
        *self.0.lock() = line.0 + "\n";
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, "{field}={value:?} ").expect("a string takes all that is written");
    }
}

/// The lines that the log gets while `work` is done.
pub(super) fn said_while(work: impl FnOnce()) -> String {
    let captured = Captured::default();
    tracing::subscriber::with_default(captured.clone(), work);
    captured.0.lock().clone()
}
