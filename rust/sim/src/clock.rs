//! Virtual time: nothing in a run reads any other clock.

use std::cell::Cell;
use std::time::Duration;

use base::{Clock, Instant};

/// The first millisecond of every run, in Unix time: timestamps look like those of a real day.
pub(crate) const EPOCH_UNIX_MS: i64 = 1_750_000_000_000;

thread_local! {
    /// The time between two steps of the simulation, when no host runs.
    static BETWEEN_STEPS: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// The simulation's clock, the same on every host.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SimClock;

impl Clock for SimClock {
    fn now(&self) -> Instant {
        Instant::default() + elapsed()
    }

    fn unix_ms(&self) -> i64 {
        EPOCH_UNIX_MS + elapsed().as_millis() as i64
    }
}

/// How long the run has lasted.
pub(crate) fn elapsed() -> Duration {
    // A host that is being torn down has no runtime to read the time from.
    if tokio::runtime::Handle::try_current().is_err() {
        return BETWEEN_STEPS.get();
    }
    turmoil::sim_elapsed().unwrap_or_else(|| BETWEEN_STEPS.get())
}

/// Notes the time for what happens until the next step.
pub(crate) fn note_step(elapsed: Duration) {
    BETWEEN_STEPS.set(elapsed);
}
