//! What a machine says after a step.

use base::Instant;

/// What a machine did, and when it wants its next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Something: there may be more.
    Busy,
    /// Nothing: it waits for another machine or a caller.
    Idle,
    /// Nothing: it waits for them, or for this time.
    Until(Instant),
    /// It is done for good.
    Stopped,
}
