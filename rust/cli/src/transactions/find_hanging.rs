//! `ottla transactions find-hanging`.

use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

use base::NodeId;
use clap::Args;
use client::{HangingScope, OpenTransaction, TopicScope};
use serde::Serialize;

use crate::connection::ConnectionOptions;
use crate::failure::Failure;
use crate::moment;
use crate::report::{ReportOptions, WatchOptions};
use crate::table::Table;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only in partitions that this broker has a replica of.
    #[arg(long, value_name = "ID")]
    broker_id: Option<i32>,
    /// Only in this topic; otherwise in all of them.
    #[arg(long)]
    topic: Option<String>,
    /// Only in this partition of it.
    #[arg(long, requires = "topic", value_parser = clap::value_parser!(i32).range(0..))]
    partition: Option<i32>,
    /// How many minutes a transaction may take: none is looked at whose producer has written since
    /// then.
    #[arg(long, value_name = "MINUTES", default_value_t = 15)]
    max_transaction_timeout: u32,
    #[command(flatten)]
    report: ReportOptions,
    #[command(flatten)]
    watch: WatchOptions,
    #[command(flatten)]
    connection: ConnectionOptions,
}

#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Hanging(Vec<Row>);

#[derive(Debug, Serialize)]
struct Row {
    topic: String,
    partition: i32,
    producer_id: i64,
    producer_epoch: i32,
    coordinator_epoch: Option<i32>,
    start_offset: i64,
    last_timestamp_ms: i64,
    duration_ms: i64,
}

pub(crate) fn run(options: &Options) -> ExitCode {
    options.watch.run(async || {
        let admin = options.connection.admin().await?;
        let scope = options.scope();
        let look = async || {
            let found = admin.find_hanging_transactions(&scope).await;
            let found = found.map_err(|(about, error)| Failure::of(about, error))?;
            let now_ms = moment::now_unix_ms();
            Ok(Hanging(found.iter().map(|open| Row::new(open, now_ms)).collect()))
        };
        options.watch.show(options.report, look).await
    })
}

impl Options {
    fn scope(&self) -> HangingScope {
        let scope = |topic: &String| TopicScope {
            topic: topic.clone(),
            partitions: self.partition.map(|partition| vec![partition]),
        };
        HangingScope {
            topics: self.topic.iter().map(scope).collect(),
            broker: self.broker_id.map(NodeId),
            transaction_timeout_max: Duration::from_mins(self.max_transaction_timeout.into()),
        }
    }
}

impl Row {
    fn new(open: &OpenTransaction, now_ms: i64) -> Self {
        Self {
            topic: open.topic_partition.topic.to_string(),
            partition: open.topic_partition.partition.0,
            producer_id: open.producer.producer_id.0,
            producer_epoch: open.producer.producer_epoch,
            coordinator_epoch: open.producer.coordinator_epoch,
            start_offset: open.start,
            last_timestamp_ms: open.producer.last_timestamp_ms,
            duration_ms: now_ms.saturating_sub(open.producer.last_timestamp_ms),
        }
    }
}

impl fmt::Display for Hanging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MINUTE_MS: i64 = 60_000;
        let mut table = Table::new([
            "TOPIC",
            "PARTITION#",
            "PRODUCER-ID#",
            "PRODUCER-EPOCH#",
            "COORDINATOR-EPOCH#",
            "START-OFFSET#",
            "LAST-TIMESTAMP",
            "DURATION-MIN#",
        ]);
        for row in &self.0 {
            table.row([
                row.topic.clone(),
                row.partition.to_string(),
                row.producer_id.to_string(),
                row.producer_epoch.to_string(),
                row.coordinator_epoch.map(|epoch| epoch.to_string()).unwrap_or_default(),
                row.start_offset.to_string(),
                moment::iso(row.last_timestamp_ms),
                (row.duration_ms / MINUTE_MS).to_string(),
            ]);
        }
        table.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use base::{ProducerId, TopicPartition};
    use clap::Parser;
    use client::ProducerState;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    #[test]
    fn it_looks_everywhere_or_in_a_topic_or_a_partition_or_on_a_broker() {
        let scope = |arguments: &[&str]| {
            let line = Line::try_parse_from(["x"].iter().chain(arguments));
            line.map(|line| line.options.scope())
        };
        let everywhere = HangingScope {
            topics: Vec::new(),
            broker: None,
            transaction_timeout_max: Duration::from_mins(15),
        };
        assert_eq!(scope(&[]).unwrap(), everywhere);
        let arguments =
            ["--topic=t", "--partition=2", "--broker-id=1", "--max-transaction-timeout=1"];
        let somewhere = HangingScope {
            topics: vec![TopicScope { topic: "t".into(), partitions: Some(vec![2]) }],
            broker: Some(NodeId(1)),
            transaction_timeout_max: Duration::from_mins(1),
        };
        assert_eq!(scope(&arguments).unwrap(), somewhere);
        assert!(scope(&["--partition=2"]).is_err());
    }

    #[test]
    fn what_hangs_is_shown_with_what_is_needed_to_abort_it() {
        let producer = ProducerState {
            producer_id: ProducerId(9),
            producer_epoch: 3,
            last_sequence: 7,
            last_timestamp_ms: 1_000,
            coordinator_epoch: None,
            transaction_start: Some(40),
        };
        let topic_partition = TopicPartition::new("t", 2);
        let open = OpenTransaction { topic_partition, producer, start: 40 };
        let text = Hanging(vec![Row::new(&open, 121_500)]).to_string();
        let row: Vec<_> = text.lines().nth(1).unwrap().split_whitespace().collect();
        assert_eq!(row, ["t", "2", "9", "3", "-", "40", "1970-01-01T00:00:01.000Z", "2"]);
    }
}
