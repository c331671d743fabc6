//! The closed loop: N connections, each sends one Produce of one record with acks=all, waits for
//! its answer, and sends the next. Prints one line of JSON.
//!
//! One thread and one poll for all connections, so that the generator leaves the machine to the
//! broker. The topic must exist: every connection produces to partition `connection % partitions`.

mod connection;
mod exchange;
mod latencies;
mod run;

use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, value_parser};

use crate::run::{Load, run};

/// Brokers refuse batches of more than a megabyte unless they are told otherwise.
const VALUE_MAX: i64 = 1_000_000;

#[derive(Debug, Parser)]
#[command(about = "Produces one record at a time over many connections.")]
struct Options {
    /// The broker, as ADDRESS:PORT.
    broker: SocketAddr,
    /// A topic that exists.
    topic: String,
    /// How many of its partitions to produce to.
    #[arg(long, default_value_t = 1, value_parser = value_parser!(u16).range(1..))]
    partitions: u16,
    /// How many connections, each with one request under way.
    #[arg(long, default_value_t = 64, value_parser = value_parser!(u16).range(1..))]
    connections: u16,
    /// The size of a record's value.
    #[arg(long, default_value_t = 1024, value_parser = value_parser!(u32).range(..=VALUE_MAX))]
    record_bytes: u32,
    /// How long to measure.
    #[arg(long, default_value_t = 10, value_parser = value_parser!(u64).range(1..=3600))]
    seconds: u64,
}

fn main() -> ExitCode {
    match report(&Options::parse()) {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("closed-loop: {error}");
            ExitCode::FAILURE
        }
    }
}

fn report(options: &Options) -> Result<String, Box<dyn Error>> {
    let load = Load {
        broker: options.broker,
        topic: options.topic.clone(),
        partitions: options.partitions,
        connections: options.connections,
        record_bytes: options.record_bytes as usize,
        duration: Duration::from_secs(options.seconds),
    };
    let mut outcome = run(&load)?;
    let acks = outcome.latencies.count();
    let acks_per_s = acks as f64 / outcome.elapsed.as_secs_f64();
    let p50 = outcome.latencies.percentile(50).as_micros();
    let p99 = outcome.latencies.percentile(99).as_micros();
    Ok(format!(
        r#"{{"acks": {acks}, "acks_per_s": {acks_per_s:.1}, "p50_us": {p50}, "p99_us": {p99}}}"#,
    ))
}
