//! A clock that the history turns.

use std::sync::atomic::{AtomicI64, Ordering};

use base::{Clock, Instant};

/// Milliseconds since the start of the history, which is long after 1970.
#[derive(Debug, Default)]
pub(crate) struct ScriptedClock {
    ms: AtomicI64,
}

const START_UNIX_MS: i64 = 1_700_000_000_000;

impl ScriptedClock {
    pub(crate) fn at(ms: i64) -> Self {
        Self { ms: AtomicI64::new(ms) }
    }

    pub(crate) fn ms(&self) -> i64 {
        self.ms.load(Ordering::Relaxed)
    }

    pub(crate) fn advance(&self, ms: i64) {
        self.ms.fetch_add(ms, Ordering::Relaxed);
    }
}

impl Clock for ScriptedClock {
    fn now(&self) -> Instant {
        Instant(self.ms() as u64 * 1_000_000)
    }

    fn unix_ms(&self) -> i64 {
        START_UNIX_MS + self.ms()
    }
}
