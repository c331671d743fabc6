//! The `ottla` command as a library: the wheel's console script and the Rust binary run the same
//! code.

mod broker;
mod logging;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The streaming log you install with pip.
#[derive(Debug, Parser)]
#[command(name = "ottla", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a broker until it is told to stop (SIGTERM or Ctrl-C).
    Broker(broker::Options),
}

/// Runs the command line `arguments`, the program's name first, and says how the process should
/// end.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    match Cli::try_parse_from(arguments) {
        Err(error) => {
            // Help and version are "errors" that belong on standard output; clap knows which.
            let _ = error.print();
            ExitCode::from(error.exit_code() as u8)
        }
        Ok(Cli { command: Command::Broker(options) }) => broker::run(&options),
    }
}
