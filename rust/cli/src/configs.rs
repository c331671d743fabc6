//! `ottla configs`: what Kafka's users know as kafka-configs.sh.

mod alter;
mod describe;
mod entity;

use std::process::ExitCode;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Describe settings: those that are not Kafka's defaults, or all.
    Describe(describe::Options),
    /// Change settings while the brokers run.
    Alter(alter::Options),
}

/// Runs one of the commands.
pub(crate) fn run(command: &Command) -> ExitCode {
    match command {
        Command::Describe(options) => describe::run(options),
        Command::Alter(options) => alter::run(options),
    }
}
