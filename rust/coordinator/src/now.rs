//! The two times that a decision is given: one to measure with, one to write down.

use std::time::Duration;

use base::Instant;

/// The time of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Monotonic, for time-outs.
    pub instant: Instant,
    /// Milliseconds since 1970, for records and retention.
    pub unix_ms: i64,
}

impl Now {
    /// The moment in `ms` milliseconds; a negative number is none.
    pub(crate) fn in_ms(self, ms: i32) -> Instant {
        self.instant + Duration::from_millis(u64::try_from(ms).unwrap_or(0))
    }
}
