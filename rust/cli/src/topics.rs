//! `ottla topics`: what Kafka's users know as kafka-topics.sh.

mod alter;
mod create;
mod delete;
mod describe;
mod list;

use std::process::ExitCode;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create topics.
    Create(create::Options),
    /// List all topics.
    List(list::Options),
    /// Describe topics, all if none is named: their partitions, replicas and settings.
    Describe(describe::Options),
    /// Give topics more partitions, or other settings.
    Alter(alter::Options),
    /// Delete topics and their records.
    Delete(delete::Options),
}

/// Runs one of the commands.
pub(crate) fn run(command: &Command) -> ExitCode {
    match command {
        Command::Create(options) => create::run(options),
        Command::List(options) => list::run(options),
        Command::Describe(options) => describe::run(options),
        Command::Alter(options) => alter::run(options),
        Command::Delete(options) => delete::run(options),
    }
}
