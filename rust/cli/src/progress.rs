//! A count that grows on the terminal while a command has nothing else to show there.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// Nobody wonders before so much time has passed, or needs the count more often.
const SHOWN_EVERY: Duration = Duration::from_secs(1);
/// The first column, and everything from there on wiped.
const WIPE_LINE: &str = "\r\x1b[K";

/// Records so far, on standard error.
#[derive(Debug)]
pub(crate) struct Progress {
    verb: &'static str,
    is_visible: bool,
    is_shown: bool,
    next_at: Instant,
}

impl Progress {
    /// Of records that are `verb`, if standard error is a terminal and `is_alone` there.
    pub(crate) fn new(verb: &'static str, is_alone: bool) -> Self {
        let is_visible = is_alone && io::stderr().is_terminal();
        Self { verb, is_visible, is_shown: false, next_at: Instant::now() + SHOWN_EVERY }
    }

    /// So many by now.
    pub(crate) fn count(&mut self, records: u64) {
        let now = Instant::now();
        if self.is_visible && now >= self.next_at {
            self.next_at = now + SHOWN_EVERY;
            self.is_shown = true;
            // A terminal that is gone needs no count.
            let _ = write!(io::stderr(), "{WIPE_LINE}{records} records {}", self.verb);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.is_shown {
            let _ = write!(io::stderr(), "{WIPE_LINE}");
        }
    }
}
