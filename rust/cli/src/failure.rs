//! Why a command ends without having done what it was told, and how the process says so.
//!
//! | status | meaning |
//! | --: | --- |
//! | 0 | done; also what is endless and was stopped, and output that nobody reads any more |
//! | 1 | failed: standard error has a line for each thing that did |
//! | 2 | the command line cannot be understood |
//! | 130 | interrupted before it was done |

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

const FAILED: u8 = 1;
const USAGE: u8 = 2;
/// As shells count: 128 and the number of SIGINT.
const INTERRUPTED: u8 = 130;

/// The end of a command that has not done everything.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    lines: Vec<String>,
    status: u8,
}

impl Failure {
    /// Something that was asked for is not done.
    pub(crate) fn new(message: impl Display) -> Self {
        Self { lines: vec![one_line(message)], status: FAILED }
    }

    /// The same, of one of several things: `orders: UNKNOWN_TOPIC_OR_PARTITION: ...`.
    pub(crate) fn of(about: impl Display, error: impl Display) -> Self {
        Self::new(format_args!("{about}: {error}"))
    }

    /// The options contradict each other, or ask for what there is not.
    pub(crate) fn usage(message: impl Display) -> Self {
        Self { status: USAGE, ..Self::new(message) }
    }

    /// Somebody wants it to end before it is done.
    pub(crate) fn interrupted() -> Self {
        Self { lines: Vec::new(), status: INTERRUPTED }
    }

    /// Nobody reads the output any more. Whoever closes the pipe has seen enough, as `head` has.
    pub(crate) fn closed_pipe() -> Self {
        Self { lines: Vec::new(), status: 0 }
    }

    /// What to do about it, behind the message.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Display) -> Self {
        if let Some(line) = self.lines.last_mut() {
            line.push_str("; ");
            line.push_str(&one_line(hint));
        }
        self
    }

    /// All of them as one, or nothing if there is none.
    pub(crate) fn all(failures: impl IntoIterator<Item = Self>) -> Result<(), Self> {
        let mut failures = failures.into_iter();
        let Some(mut first) = failures.next() else { return Ok(()) };
        for failure in failures {
            first.lines.extend(failure.lines);
            first.status = first.status.max(failure.status);
        }
        Err(first)
    }

    /// Tells the person, and answers the status to exit with.
    pub(crate) fn report(&self) -> ExitCode {
        for line in &self.lines {
            // Where standard error is closed there is nobody to tell.
            let _ = writeln!(io::stderr(), "error: {line}");
        }
        ExitCode::from(self.status)
    }

    #[cfg(test)]
    pub(crate) fn lines(&self) -> &[String] {
        &self.lines
    }
}

/// Output that cannot be written.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::closed_pipe();
        }
        Self::new(format_args!("the output cannot be written: {error}"))
    }
}

/// A message of several lines would look like several failures.
fn one_line(message: impl Display) -> String {
    let message = message.to_string();
    let lines: Vec<_> = message.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_one_line_with_its_hint() {
        let failure = Failure::of("orders", "it is gone\n  for good\n").hint("make it anew");
        assert_eq!(failure.lines, ["orders: it is gone; for good; make it anew"]);
    }

    #[test]
    fn several_failures_end_as_the_worst_of_them() {
        assert_eq!(Failure::all([]), Ok(()));
        let both = Failure::all([Failure::new("one"), Failure::usage("two")]).unwrap_err();
        assert_eq!((both.lines.len(), both.status), (2, USAGE));
    }

    #[test]
    fn a_closed_pipe_is_no_failure_and_a_full_disk_is_one() {
        let closed = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(closed, Failure { lines: Vec::new(), status: 0 });
        let full = Failure::from(io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!((full.lines.len(), full.status), (1, FAILED));
    }
}
