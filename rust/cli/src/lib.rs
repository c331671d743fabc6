//! The `ottla` command as a library: the wheel's console script and the Rust binary run the same
//! code.

mod broker;
mod configs;
mod connection;
mod consume;
mod failure;
mod groups;
mod logging;
mod moment;
mod offsets;
mod produce;
mod progress;
mod record_format;
mod record_json;
#[cfg(test)]
mod reference;
mod removed_options;
mod report;
mod separator;
mod session;
mod table;
mod topic_names;
mod topics;
mod transactions;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

/// Ottla, the streaming log you install with pip: a broker that speaks Kafka's protocol, clients,
/// and Arrow batches.
#[derive(Debug, Parser)]
#[command(name = "ottla", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a broker until it is told to stop (SIGTERM or Ctrl-C).
    Broker(broker::Options),
    /// Stream a real data set through a broker, and prove that it came back.
    // The Python package runs it; here it stands in the one list of commands.
    Demo,
    /// Create, list, describe, alter and delete topics.
    #[command(subcommand)]
    Topics(topics::Command),
    /// Describe and alter the settings of topics, brokers and groups.
    #[command(subcommand)]
    Configs(configs::Command),
    /// Send records that standard input holds, one a line.
    Produce(produce::Options),
    /// Print the records of topics as they come.
    Consume(consume::Options),
    /// List, describe, reset and delete groups of consumers.
    #[command(subcommand)]
    Groups(groups::Command),
    /// List and describe transactions, and find and abort those that hang.
    #[command(subcommand)]
    Transactions(transactions::Command),
    /// Show where partitions start and end, and what lies at a time.
    Offsets(offsets::Options),
}

/// Runs the command line `arguments`, the program's name first, and says how the process should
/// end.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<_> = arguments.into_iter().collect();
    if let Err(failure) = removed_options::check(&Cli::command(), &arguments) {
        return failure.report();
    }
    match Cli::try_parse_from(arguments) {
        Err(error) => {
            // Help and version are "errors" that belong on standard output; clap knows which.
            let _ = error.print();
            ExitCode::from(error.exit_code() as u8)
        }
        Ok(cli) => cli.command.run(),
    }
}

impl Command {
    fn run(&self) -> ExitCode {
        match self {
            Self::Broker(options) => broker::run(options),
            Self::Topics(command) => topics::run(command),
            Self::Configs(command) => configs::run(command),
            Self::Produce(options) => produce::run(options),
            Self::Consume(options) => consume::run(options),
            Self::Groups(command) => groups::run(command),
            Self::Transactions(command) => transactions::run(command),
            Self::Offsets(options) => offsets::run(options),
            Self::Demo => {
                // Where standard error is closed there is nobody to tell.
                let hint = "ottla demo: this is in the Python package: pip install 'ottla[demo]'";
                let _ = writeln!(io::stderr(), "{hint}");
                ExitCode::FAILURE
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_and_their_options_do_not_contradict_each_other() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_help_says_what_ottla_is_and_lists_every_command() {
        let help = Cli::command().render_help().to_string();
        assert!(help.starts_with("Ottla, the streaming log you install with pip"), "{help}");
        assert!(help.contains("\n  broker ") && help.contains("\n  demo "), "{help}");
    }
}
