//! `ottla topics`: what Kafka's users know as kafka-topics.sh.

mod alter;
mod create;
mod delete;
mod describe;
mod list;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::failure::Failure;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create topics.
    Create(create::Options),
    /// List all topics.
    List(list::Options),
    /// Describe topics: their partitions, replicas and settings.
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

/// Topics, named in either way.
#[derive(Clone, Debug, Args)]
pub(crate) struct TopicNames {
    /// The topics.
    #[arg(value_name = "TOPIC")]
    names: Vec<String>,
    /// The same, as Kafka's tools take it.
    #[arg(long = "topic", value_name = "TOPIC", value_delimiter = ',')]
    options: Vec<String>,
}

impl TopicNames {
    /// Those that were given, each once, in the order of the line.
    pub(crate) fn given(&self) -> Vec<&str> {
        let mut given = Vec::new();
        for name in self.names.iter().chain(&self.options) {
            if !given.contains(&name.as_str()) {
                given.push(name.as_str());
            }
        }
        given
    }

    /// The same; none is an error.
    pub(crate) fn required(&self) -> Result<Vec<&str>, Failure> {
        let given = self.given();
        if given.is_empty() {
            return Err(Failure::usage(
                "no topic is named: give one, as `ottla topics ... orders`",
            ));
        }
        Ok(given)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        topics: TopicNames,
    }

    #[test]
    fn topics_are_named_in_either_way_and_count_once() {
        let line = Line::parse_from(["x", "a", "--topic", "b,c", "b", "--topic", "a"]);
        assert_eq!(line.topics.given(), ["a", "b", "c"]);
        assert!(Line::parse_from(["x"]).topics.required().is_err());
    }
}
