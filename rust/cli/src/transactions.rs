//! `ottla transactions`: what Kafka's users know as kafka-transactions.sh.

mod abort;
mod describe;
mod describe_producers;
mod find_hanging;
mod list;

use std::process::ExitCode;

use base::TopicPartition;
use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List transactional ids, and what the last transaction of each is doing.
    List(list::Options),
    /// Describe transactional ids: the producer, and the transaction that is under way.
    Describe(describe::Options),
    /// Show the producers that a partition knows, and which of them have a transaction open there.
    DescribeProducers(describe_producers::Options),
    /// Abort a transaction that hangs in a partition. One that is still under way must not be: it
    /// would be committed without this part.
    Abort(abort::Options),
    /// Find transactions that partitions wait for the end of, and no coordinator knows any more.
    FindHanging(find_hanging::Options),
}

/// Runs one of the commands.
pub(crate) fn run(command: &Command) -> ExitCode {
    match command {
        Command::List(options) => list::run(options),
        Command::Describe(options) => describe::run(options),
        Command::DescribeProducers(options) => describe_producers::run(options),
        Command::Abort(options) => abort::run(options),
        Command::FindHanging(options) => find_hanging::run(options),
    }
}

/// One partition.
#[derive(Clone, Debug, Args)]
pub(crate) struct Place {
    /// The topic.
    #[arg(long)]
    topic: String,
    /// The partition of it.
    #[arg(long, value_parser = clap::value_parser!(i32).range(0..))]
    partition: i32,
}

impl Place {
    fn named(&self) -> TopicPartition {
        TopicPartition::new(self.topic.as_str(), self.partition)
    }
}
