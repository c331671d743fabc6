//! `ottla transactions describe-producers`.

use std::fmt;
use std::process::ExitCode;

use base::NodeId;
use clap::Args;
use client::ProducerState;
use serde::Serialize;

use super::Place;
use crate::connection::ConnectionOptions;
use crate::failure::Failure;
use crate::moment;
use crate::report::{ReportOptions, WatchOptions};
use crate::table::Table;

#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    place: Place,
    /// The broker whose replica is asked; the leader otherwise.
    #[arg(long, value_name = "ID")]
    broker_id: Option<i32>,
    #[command(flatten)]
    report: ReportOptions,
    #[command(flatten)]
    watch: WatchOptions,
    #[command(flatten)]
    connection: ConnectionOptions,
}

#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Producers(Vec<Row>);

#[derive(Debug, Serialize)]
struct Row {
    producer_id: i64,
    producer_epoch: i32,
    coordinator_epoch: Option<i32>,
    last_sequence: i32,
    last_timestamp_ms: i64,
    transaction_start_offset: Option<i64>,
}

pub(crate) fn run(options: &Options) -> ExitCode {
    options.watch.run(async || {
        let admin = options.connection.admin().await?;
        let place = options.place.named();
        let look = async || {
            let asked = std::slice::from_ref(&place);
            let described = admin.describe_producers(asked, options.broker_id.map(NodeId)).await;
            let mut rows = Vec::new();
            for (name, result) in described {
                let producers = result.map_err(|error| Failure::of(name, error))?;
                rows.extend(producers.iter().map(Row::new));
            }
            Ok(Producers(rows))
        };
        options.watch.show(options.report, look).await
    })
}

impl Row {
    fn new(producer: &ProducerState) -> Self {
        Self {
            producer_id: producer.producer_id.0,
            producer_epoch: producer.producer_epoch,
            coordinator_epoch: producer.coordinator_epoch,
            last_sequence: producer.last_sequence,
            last_timestamp_ms: producer.last_timestamp_ms,
            transaction_start_offset: producer.transaction_start,
        }
    }
}

impl fmt::Display for Producers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new([
            "PRODUCER-ID#",
            "PRODUCER-EPOCH#",
            "COORDINATOR-EPOCH#",
            "LAST-SEQUENCE#",
            "LAST-TIMESTAMP",
            "TRANSACTION-START-OFFSET#",
        ]);
        for row in &self.0 {
            table.row([
                row.producer_id.to_string(),
                row.producer_epoch.to_string(),
                row.coordinator_epoch.map(|epoch| epoch.to_string()).unwrap_or_default(),
                row.last_sequence.to_string(),
                moment::iso(row.last_timestamp_ms),
                row.transaction_start_offset.map(|offset| offset.to_string()).unwrap_or_default(),
            ]);
        }
        table.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use base::ProducerId;

    use super::*;

    #[test]
    fn a_producer_without_a_transaction_and_of_whom_no_coordinator_spoke_has_dashes_there() {
        let producer = |coordinator_epoch, transaction_start| ProducerState {
            producer_id: ProducerId(9),
            producer_epoch: 3,
            last_sequence: 7,
            last_timestamp_ms: 1_000,
            coordinator_epoch,
            transaction_start,
        };
        let rows = [producer(Some(2), Some(40)), producer(None, None)];
        let rows: Vec<_> = rows.iter().map(Row::new).collect();
        let text = Producers(rows).to_string();
        let lines: Vec<Vec<_>> =
            text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[1], ["9", "3", "2", "7", "1970-01-01T00:00:01.000Z", "40"]);
        assert_eq!(lines[2], ["9", "3", "-", "7", "1970-01-01T00:00:01.000Z", "-"]);
    }
}
