//! `ottla produce`: what Kafka's users know as kafka-console-producer.sh.

mod input;
mod line_format;
mod sending;

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use client::{Owners, Producer, ProducerConfig};
use tokio::runtime::Handle;

use crate::connection::{self, ConnectionOptions, key_value};
use crate::failure::Failure;
use crate::record_format::RecordFormat;
use crate::session;
use line_format::LineOptions;
use sending::Sending;

/// What a producer is given beyond `delivery.timeout.ms`, within which every record has its result.
const CLOSE_GRACE: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The topic. With --format json it may be left out: then each line names its own.
    #[arg(value_name = "TOPIC", conflicts_with = "topic")]
    name: Option<String>,
    /// The same, as Kafka's tools take it.
    #[arg(long, value_name = "TOPIC")]
    topic: Option<String>,
    /// The partition of all records; by the key, or any, otherwise.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i32).range(0..))]
    partition: Option<i32>,
    /// With --format json: choose partitions anew instead of those that the lines name.
    #[arg(long, conflicts_with = "partition")]
    repartition: bool,
    /// Compress the batches: none, gzip (if nothing is named), snappy, lz4 or zstd.
    #[arg(
        long,
        value_name = "CODEC",
        num_args = 0..=1,
        default_missing_value = "gzip",
        alias = "compression-codec"
    )]
    compression: Option<String>,
    /// Whose answer counts: all (the in-sync replicas), 1 (the leader) or 0 (nobody).
    #[arg(long, value_name = "ACKS", allow_hyphen_values = true, alias = "request-required-acks")]
    acks: Option<String>,
    /// One more key of the producer, as `linger.ms=50`; may be given several times.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    config: Vec<(String, String)>,
    #[command(flatten)]
    line: LineOptions,
    #[command(flatten)]
    connection: ConnectionOptions,
}

pub(crate) fn run(options: &Options) -> ExitCode {
    session::run(async |stop| {
        let config = options.check()?;
        let format = options.line.format()?;
        let runtime = Handle::current();
        let connected = tokio::select! {
            connected = Producer::connect(config, &runtime) => connected,
            () = stop.asked() => return Err(Failure::interrupted()),
        };
        let producer = connected.map_err(connection::unreachable)?;
        let mut sending = Sending::new(options, &producer, format);
        let read = sending.send_all(&stop).await;
        // Whatever ended the reading: what was read is on its way, and is waited for.
        let report = producer.close(producer.config().delivery_timeout + CLOSE_GRACE).await;
        sending.end(read, &report)
    })
}

impl Options {
    /// What the producer is told, if the line can be understood.
    fn check(&self) -> Result<ProducerConfig, Failure> {
        if self.topic().is_none() && self.line.record_format() != RecordFormat::Json {
            let message = "no topic is named: give its name, or --topic and its name";
            return Err(Failure::usage(message));
        }
        let mut pairs = self.connection.pairs(Owners::PRODUCER)?;
        let named = [("compression.type", &self.compression), ("acks", &self.acks)];
        for (key, value) in named {
            pairs.extend(value.clone().map(|value| (key.to_owned(), value)));
        }
        pairs.extend(self.config.iter().cloned());
        let (config, warnings) = ProducerConfig::from_pairs(pairs).map_err(Failure::usage)?;
        connection::warn(&warnings);
        Ok(config)
    }

    fn topic(&self) -> Option<&str> {
        self.name.as_deref().or(self.topic.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use client::Acks;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn options(line: &str) -> Options {
        let line = format!("x --bootstrap-server h:1 {line}");
        Line::try_parse_from(line.split_whitespace()).unwrap().options
    }

    #[test]
    fn what_the_line_says_is_what_the_producer_is_told() {
        let config = |line| options(line).check().unwrap();
        assert_eq!(config("t").acks, Acks::All);
        assert_eq!(config("t --acks 1").acks, Acks::Leader);
        assert_eq!(config("t --request-required-acks -1").acks, Acks::All);
        let codec = |line| config(line).compression.codec.name();
        assert_eq!(codec("t"), "none");
        assert_eq!(codec("t --compression-codec"), "gzip");
        assert_eq!(codec("t --compression zstd"), "zstd");
        assert_eq!(config("t --config linger.ms=7").linger, Duration::from_millis(7));
        assert!(options("t --compression brotli").check().is_err());
    }

    #[test]
    fn only_lines_of_json_may_name_their_topic() {
        assert!(options("").check().is_err());
        assert!(options("--format hex").check().is_err());
        assert!(options("--format json").check().is_ok());
        assert_eq!(options("--topic t").topic(), Some("t"));
        assert_eq!(options("t").topic(), Some("t"));
    }
}
