//! `ottla transactions list`.

use std::fmt;
use std::process::ExitCode;

use base::ProducerId;
use clap::Args;
use client::{TransactionFilter, TransactionState};
use serde::Serialize;

use crate::connection::ConnectionOptions;
use crate::failure::Failure;
use crate::report::{ReportOptions, WatchOptions};
use crate::table::Table;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only those whose transaction is in one of these states, as Ongoing,PrepareCommit.
    #[arg(long, value_name = "STATE,...", value_delimiter = ',')]
    state: Vec<TransactionState>,
    /// Only those of these producers.
    #[arg(long, value_name = "ID,...", value_delimiter = ',')]
    producer_id: Vec<i64>,
    /// Only those whose transaction has been open for more than so many milliseconds; below 0, all
    /// of them.
    #[arg(long, value_name = "MILLISECONDS", allow_negative_numbers = true)]
    duration_filter: Option<i64>,
    /// Only those whose names this regular expression matches as a whole.
    #[arg(long, value_name = "PATTERN")]
    transactional_id_pattern: Option<String>,
    #[command(flatten)]
    report: ReportOptions,
    #[command(flatten)]
    watch: WatchOptions,
    #[command(flatten)]
    connection: ConnectionOptions,
}

#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Transactions(Vec<Row>);

#[derive(Debug, Serialize)]
struct Row {
    transactional_id: String,
    coordinator: i32,
    producer_id: i64,
    state: &'static str,
}

pub(crate) fn run(options: &Options) -> ExitCode {
    options.watch.run(async || {
        let admin = options.connection.admin().await?;
        let filter = options.filter();
        let look = async || {
            let listed = admin.list_transactions(&filter).await.map_err(Failure::new)?;
            let row = |listing: client::TransactionListing| Row {
                transactional_id: listing.transactional_id,
                coordinator: listing.coordinator.0,
                producer_id: listing.producer_id.0,
                state: listing.state.name(),
            };
            Ok(Transactions(listed.into_iter().map(row).collect()))
        };
        options.watch.show(options.report, look).await
    })
}

impl Options {
    fn filter(&self) -> TransactionFilter {
        TransactionFilter {
            states: self.state.clone(),
            producer_ids: self.producer_id.iter().copied().map(ProducerId).collect(),
            duration_ms: self.duration_filter.filter(|duration| *duration >= 0),
            pattern: self.transactional_id_pattern.clone(),
        }
    }
}

impl fmt::Display for Transactions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table =
            Table::new(["TRANSACTIONAL-ID", "COORDINATOR#", "PRODUCER-ID#", "TRANSACTION-STATE"]);
        for row in &self.0 {
            table.row([
                row.transactional_id.clone(),
                row.coordinator.to_string(),
                row.producer_id.to_string(),
                row.state.to_owned(),
            ]);
        }
        table.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn filter(arguments: &[&str]) -> Option<TransactionFilter> {
        let line = Line::try_parse_from(["x"].iter().chain(arguments)).ok()?;
        Some(line.options.filter())
    }

    #[test]
    fn what_is_listed_can_be_narrowed_down_as_kafkas_tool_does_and_by_more() {
        assert_eq!(filter(&[]), Some(TransactionFilter::default()));
        assert_eq!(filter(&["--duration-filter", "-1"]), Some(TransactionFilter::default()));
        let expected = TransactionFilter {
            states: vec![TransactionState::Ongoing, TransactionState::PrepareCommit],
            producer_ids: vec![ProducerId(1), ProducerId(2)],
            duration_ms: Some(0),
            pattern: Some("a.*".into()),
        };
        let arguments = [
            "--state",
            "ongoing,PrepareCommit",
            "--producer-id=1,2",
            "--duration-filter=0",
            "--transactional-id-pattern=a.*",
        ];
        assert_eq!(filter(&arguments), Some(expected));
        assert_eq!(filter(&["--state", "busy"]), None);
    }
}
