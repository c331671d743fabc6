//! Loads that no client library can make: closed loops, many offsets, groups of many members.
//! Each prints one line of JSON. Topics must exist.

mod classic_member;
mod client;
mod closed_loop;
mod commit;
mod connection;
mod consumer_member;
mod exchange;
mod latencies;
mod member;
mod produce;
mod rebalance;
mod roster;
mod stored_offsets;

use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, value_parser};

use crate::exchange::Exchange;
use crate::rebalance::{Protocol, Rebalances};
use crate::stored_offsets::StoredOffsets;

/// Brokers refuse batches of more than a megabyte unless they are told otherwise.
const VALUE_MAX: i64 = 1_000_000;

#[derive(Debug, Parser)]
#[command(about = "Loads a broker in ways that no client library can.")]
struct Options {
    #[command(subcommand)]
    load: Load,
}

#[derive(Debug, Subcommand)]
enum Load {
    /// A closed loop of Produce: one record with acks=all at a time on each connection.
    Produce(ProduceLoop),
    /// A closed loop of OffsetCommit: one offset at a time on each connection, a group for each.
    Commit(CommitLoop),
    /// Commits many groups' offsets again and again.
    FillOffsets(OffsetsOptions),
    /// Waits until a broker that starts answers for each of these groups.
    AwaitOffsets(OffsetsOptions),
    /// Runs a group of many members, of which one leaves and comes back.
    Rebalance(RebalanceOptions),
}

#[derive(Debug, Args)]
struct Target {
    /// The broker, as ADDRESS:PORT.
    broker: SocketAddr,
    /// A topic that exists.
    topic: String,
    /// How many of its partitions to use.
    #[arg(long, default_value_t = 1, value_parser = value_parser!(u16).range(1..))]
    partitions: u16,
}

#[derive(Debug, Args)]
struct Loop {
    /// How many connections, each with one request under way.
    #[arg(long, default_value_t = 64, value_parser = value_parser!(u16).range(1..))]
    connections: u16,
    /// How long to measure.
    #[arg(long, default_value_t = 10, value_parser = value_parser!(u64).range(1..=3600))]
    seconds: u64,
}

#[derive(Debug, Args)]
struct ProduceLoop {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    each: Loop,
    /// The size of a record's value.
    #[arg(long, default_value_t = 1024, value_parser = value_parser!(u32).range(..=VALUE_MAX))]
    record_bytes: u32,
}

#[derive(Debug, Args)]
struct CommitLoop {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    each: Loop,
}

#[derive(Debug, Args)]
struct OffsetsOptions {
    #[command(flatten)]
    target: Target,
    /// How many groups, each with an offset for each partition.
    #[arg(long, default_value_t = 1000, value_parser = value_parser!(u32).range(1..))]
    groups: u32,
    /// How often each offset is committed.
    #[arg(long, default_value_t = 1, value_parser = value_parser!(u32).range(1..))]
    rounds: u32,
}

#[derive(Debug, Args)]
struct RebalanceOptions {
    #[command(flatten)]
    target: Target,
    /// Which protocol the members speak.
    #[arg(long, value_enum)]
    protocol: Protocol,
    /// How many members.
    #[arg(long, default_value_t = 100, value_parser = value_parser!(u16).range(2..))]
    members: u16,
    /// How often one leaves and another comes.
    #[arg(long, default_value_t = 5, value_parser = value_parser!(u16).range(1..))]
    leaves: u16,
}

fn main() -> ExitCode {
    match Options::parse().load.report() {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("load-generator: {error}");
            ExitCode::FAILURE
        }
    }
}

impl Load {
    fn report(self) -> Result<String, Box<dyn Error>> {
        match self {
            Self::Produce(ProduceLoop { target, each, record_bytes }) => {
                let Target { broker, topic, partitions } = target;
                each.run(broker, |number| {
                    produce::exchange(&topic, (number % partitions).into(), record_bytes as usize)
                })
            }
            Self::Commit(CommitLoop { target, each }) => {
                let Target { broker, topic, partitions } = target;
                let group = |number| format!("commit-{number}");
                client::Client::connect(broker)?.await_coordinator(&group(0))?;
                each.run(broker, |number| {
                    commit::exchange(&group(number), &topic, (number % partitions).into())
                })
            }
            Self::FillOffsets(options) => {
                let (broker, stored) = options.stored();
                stored.fill(broker)
            }
            Self::AwaitOffsets(options) => {
                let (broker, stored) = options.stored();
                stored.wait_for(broker)
            }
            Self::Rebalance(RebalanceOptions { target, protocol, members, leaves }) => {
                let Target { broker, topic, partitions } = target;
                Rebalances { protocol, topic, partitions, members, leaves }.run(broker)
            }
        }
    }
}

impl Loop {
    fn run(
        &self,
        broker: SocketAddr,
        exchange: impl FnMut(u16) -> Result<Exchange, Box<dyn Error>>,
    ) -> Result<String, Box<dyn Error>> {
        let exchanges = (0..self.connections).map(exchange).collect::<Result<_, _>>()?;
        let outcome = closed_loop::run(broker, exchanges, Duration::from_secs(self.seconds))?;
        Ok(outcome.report())
    }
}

impl OffsetsOptions {
    fn stored(self) -> (SocketAddr, StoredOffsets) {
        let Self { target: Target { broker, topic, partitions }, groups, rounds } = self;
        (broker, StoredOffsets { topic, groups, partitions, rounds })
    }
}
