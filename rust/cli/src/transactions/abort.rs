//! `ottla transactions abort`.

use std::fmt;
use std::process::ExitCode;

use base::{ProducerEpoch, ProducerId};
use clap::Args;
use client::{Admin, TransactionToAbort};
use serde::Serialize;

use super::Place;
use crate::connection::ConnectionOptions;
use crate::failure::Failure;
use crate::report::ReportOptions;
use crate::session;

#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    place: Place,
    /// Where the transaction begins in the partition, as find-hanging and describe-producers show
    /// it.
    #[arg(long, value_name = "OFFSET", required_unless_present = "producer_id")]
    start_offset: Option<i64>,
    /// The producer, where brokers are older than Kafka 3.0 and cannot be asked for it.
    #[arg(
        long,
        value_name = "ID",
        conflicts_with = "start_offset",
        requires_all = ["producer_epoch", "coordinator_epoch"]
    )]
    producer_id: Option<i64>,
    /// Its epoch.
    #[arg(long, value_name = "EPOCH", requires = "producer_id")]
    producer_epoch: Option<i16>,
    /// The epoch of the coordinator that the partition has heard of last; -1 if of none.
    #[arg(long, value_name = "EPOCH", requires = "producer_id", allow_negative_numbers = true)]
    coordinator_epoch: Option<i32>,
    #[command(flatten)]
    report: ReportOptions,
    #[command(flatten)]
    connection: ConnectionOptions,
}

#[derive(Debug, Serialize)]
struct Aborted {
    topic: String,
    partition: i32,
    producer_id: i64,
    producer_epoch: i16,
}

pub(crate) fn run(options: &Options) -> ExitCode {
    session::run_to_end(async || {
        let admin = options.connection.admin().await?;
        let transaction = options.transaction(&admin).await?;
        let ended = admin.abort_transaction(&transaction).await;
        ended.map_err(|error| Failure::of(&transaction.topic_partition, error))?;
        options.report.print(&Aborted {
            topic: transaction.topic_partition.topic.to_string(),
            partition: transaction.topic_partition.partition.0,
            producer_id: transaction.producer_id.0,
            producer_epoch: transaction.producer_epoch.0,
        })
    })
}

impl Options {
    async fn transaction(&self, admin: &Admin) -> Result<TransactionToAbort, Failure> {
        let place = self.place.named();
        let Some(start) = self.start_offset else { return self.told() };
        let described = admin.describe_producers(std::slice::from_ref(&place), None).await;
        let mut producers = Vec::new();
        for (name, result) in described {
            producers.extend(result.map_err(|error| Failure::of(name, error))?);
        }
        TransactionToAbort::starting_at(start, &place, &producers).ok_or_else(|| {
            let reason = format_args!("no transaction is open that begins at offset {start}");
            Failure::of(&place, reason).hint("see `ottla transactions describe-producers`")
        })
    }

    fn told(&self) -> Result<TransactionToAbort, Failure> {
        let told = (self.producer_id, self.producer_epoch, self.coordinator_epoch);
        let (Some(id), Some(epoch), Some(coordinator_epoch)) = told else {
            return Err(Failure::usage("give --start-offset"));
        };
        Ok(TransactionToAbort {
            topic_partition: self.place.named(),
            producer_id: ProducerId(id),
            producer_epoch: ProducerEpoch(epoch),
            // No later than any that there may be.
            coordinator_epoch: coordinator_epoch.max(0),
        })
    }
}

impl fmt::Display for Aborted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { topic, partition, producer_id, .. } = self;
        writeln!(f, "{topic}-{partition}: the transaction of producer {producer_id} is aborted")
    }
}

#[cfg(test)]
mod tests {
    use base::TopicPartition;
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn parse(arguments: &[&str]) -> Result<Options, clap::Error> {
        let place = ["x", "--topic", "t", "--partition", "2"];
        Line::try_parse_from(place.iter().chain(arguments)).map(|line| line.options)
    }

    #[test]
    fn a_transaction_is_named_by_its_start_or_by_all_that_old_brokers_want() {
        assert_eq!(parse(&["--start-offset", "40"]).unwrap().start_offset, Some(40));
        let all = ["--producer-id=9", "--producer-epoch=3", "--coordinator-epoch=-1"];
        let expected = TransactionToAbort {
            topic_partition: TopicPartition::new("t", 2),
            producer_id: ProducerId(9),
            producer_epoch: ProducerEpoch(3),
            coordinator_epoch: 0,
        };
        assert_eq!(parse(&all).unwrap().told(), Ok(expected));
        let wrong: [&[&str]; 4] = [
            &[],
            &all[..1],
            &["--producer-epoch=3"],
            &[all[0], all[1], all[2], "--start-offset=1"],
        ];
        for arguments in wrong {
            assert!(parse(arguments).is_err(), "{arguments:?}");
        }
    }
}
