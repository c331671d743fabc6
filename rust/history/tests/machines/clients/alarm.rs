//! When a client is to be looked at again: something has come for it, or its time has.

use base::Instant;

#[derive(Debug)]
pub(crate) struct Alarm {
    is_called: bool,
    due: Option<Instant>,
}

impl Alarm {
    /// One that rings at once.
    pub(crate) fn ringing() -> Self {
        Self { is_called: true, due: None }
    }

    /// Something has come.
    pub(crate) fn call(&mut self) {
        self.is_called = true;
    }

    pub(crate) fn set(&mut self, due: Option<Instant>) {
        self.due = due;
    }

    pub(crate) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Whether it is time; it is silent then.
    pub(crate) fn rings(&mut self, now: Instant) -> bool {
        std::mem::take(&mut self.is_called) || self.due.is_some_and(|due| due <= now)
    }
}
