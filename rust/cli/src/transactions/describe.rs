//! `ottla transactions describe`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::process::ExitCode;

use clap::Args;
use client::TransactionDescription;
use serde::Serialize;

use crate::connection::ConnectionOptions;
use crate::failure::Failure;
use crate::moment;
use crate::report::{ReportOptions, WatchOptions};
use crate::table::Table;

#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    ids: TransactionalIds,
    #[command(flatten)]
    report: ReportOptions,
    #[command(flatten)]
    watch: WatchOptions,
    #[command(flatten)]
    connection: ConnectionOptions,
}

/// Transactional ids, named in either way.
#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = true)]
struct TransactionalIds {
    /// The transactional ids.
    #[arg(value_name = "TRANSACTIONAL-ID")]
    names: Vec<String>,
    /// The same, as Kafka's tool takes it.
    #[arg(long = "transactional-id", value_name = "TRANSACTIONAL-ID")]
    options: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Transactions(Vec<Row>);

#[derive(Debug, Serialize)]
struct Row {
    transactional_id: String,
    coordinator: i32,
    producer_id: i64,
    producer_epoch: i16,
    state: &'static str,
    timeout_ms: i32,
    started_ms: Option<i64>,
    duration_ms: Option<i64>,
    partitions: BTreeMap<String, Vec<i32>>,
}

pub(crate) fn run(options: &Options) -> ExitCode {
    let failed = RefCell::new(Vec::new());
    options.watch.run(async || {
        let admin = options.connection.admin().await?;
        let ids: Vec<_> = options.ids.names.iter().chain(&options.ids.options).collect();
        let ids: Vec<_> = ids.into_iter().map(String::as_str).collect();
        let look = async || {
            let now_ms = moment::now_unix_ms();
            let (mut described, mut refused) = (Vec::new(), Vec::new());
            for (id, result) in admin.describe_transactions(&ids).await {
                match result {
                    Ok(description) => described.push(Row::new(description, now_ms)),
                    Err(error) => {
                        refused.push(Failure::of(format_args!("transactional id {id}"), error));
                    }
                }
            }
            if described.is_empty() {
                Failure::all(refused)?;
            } else {
                failed.replace(refused);
            }
            Ok(Transactions(described))
        };
        options.watch.show(options.report, look).await?;
        Failure::all(failed.take())
    })
}

impl Row {
    fn new(description: TransactionDescription, now_ms: i64) -> Self {
        let mut partitions: BTreeMap<String, Vec<i32>> = BTreeMap::new();
        for name in description.partitions {
            partitions.entry(name.topic.to_string()).or_default().push(name.partition.0);
        }
        Self {
            transactional_id: description.transactional_id,
            coordinator: description.coordinator.0,
            producer_id: description.producer_id.0,
            producer_epoch: description.producer_epoch.0,
            state: description.state.name(),
            timeout_ms: description.timeout_ms,
            started_ms: description.started_ms,
            duration_ms: description.started_ms.map(|started| now_ms.saturating_sub(started)),
            partitions,
        }
    }

    fn partitions(&self) -> String {
        let of = |(topic, partitions): (&String, &Vec<i32>)| {
            let names = partitions.iter().map(|partition| format!("{topic}-{partition}"));
            names.collect::<Vec<_>>().join(",")
        };
        self.partitions.iter().map(of).collect::<Vec<_>>().join(",")
    }
}

impl fmt::Display for Transactions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new([
            "TRANSACTIONAL-ID",
            "COORDINATOR#",
            "PRODUCER-ID#",
            "PRODUCER-EPOCH#",
            "TRANSACTION-STATE",
            "TIMEOUT-MS#",
            "START-TIME",
            "DURATION-MS#",
            "TOPIC-PARTITIONS",
        ]);
        for row in &self.0 {
            table.row([
                row.transactional_id.clone(),
                row.coordinator.to_string(),
                row.producer_id.to_string(),
                row.producer_epoch.to_string(),
                row.state.to_owned(),
                row.timeout_ms.to_string(),
                row.started_ms.map(moment::iso).unwrap_or_default(),
                row.duration_ms.map(|ms| ms.to_string()).unwrap_or_default(),
                row.partitions(),
            ]);
        }
        table.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use base::{NodeId, ProducerEpoch, ProducerId, TopicPartition};
    use clap::Parser;

    use super::*;

    fn description(started_ms: Option<i64>) -> TransactionDescription {
        let places = [("a", 0), ("a", 2), ("b", 1)];
        TransactionDescription {
            transactional_id: "t".into(),
            coordinator: NodeId(1),
            state: client::TransactionState::Ongoing,
            producer_id: ProducerId(9),
            producer_epoch: ProducerEpoch(3),
            timeout_ms: 60_000,
            started_ms,
            partitions: places.map(|(name, index)| TopicPartition::new(name, index)).into(),
        }
    }

    #[test]
    fn a_transaction_says_since_when_it_is_open_and_what_it_is_about() {
        let rows = [Some(1_000), None].map(|started| Row::new(description(started), 61_000));
        let text = Transactions(rows.into()).to_string();
        let lines: Vec<Vec<_>> =
            text.lines().map(|line| line.split_whitespace().collect()).collect();
        let begin = ["t", "1", "9", "3", "Ongoing", "60000"];
        let open = [&begin[..], &["1970-01-01T00:00:01.000Z", "60000", "a-0,a-2,b-1"]].concat();
        assert_eq!(lines[1], open);
        assert_eq!(lines[2], [&begin[..], &["-", "-", "a-0,a-2,b-1"]].concat());
    }

    #[test]
    fn one_id_is_named_or_several_in_either_way() {
        #[derive(Parser)]
        struct Line {
            #[command(flatten)]
            ids: TransactionalIds,
        }
        let line = Line::parse_from(["x", "a", "--transactional-id", "b"]);
        assert_eq!(
            (&line.ids.names[..], &line.ids.options[..]),
            (&["a".into()][..], &["b".into()][..])
        );
        assert!(Line::try_parse_from(["x"]).is_err());
    }
}
