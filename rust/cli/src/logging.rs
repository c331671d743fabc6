//! Where the command's log goes: standard error, one line an event, in colour on a terminal.

use std::io::{self, IsTerminal};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Begins to log events of this level and above. The Raft library tells its inner life at levels
/// that would bury the broker's: what matters of it, the quorum says in its own words. Where the
/// process has a subscriber, as a Python program that has made a broker, events go on to that one.
pub(crate) fn start(level: LevelFilter) {
    let ours_only = Targets::new().with_default(level).with_target("openraft", LevelFilter::OFF);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false);
    let started = tracing_subscriber::registry().with(ours_only).with(lines).try_init();
    if started.is_err() {
        tracing::debug!("the process logs to the subscriber that it has");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logging_that_runs_already_goes_on() {
        start(LevelFilter::ERROR);
        start(LevelFilter::ERROR);
    }
}
