//! `ottla topics list`.

use std::fmt;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use crate::connection::ConnectionOptions;
use crate::failure::Failure;
use crate::report::{ReportOptions, WatchOptions};
use crate::table::Table;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Leave out the topics that belong to the brokers, as `__consumer_offsets`.
    #[arg(long)]
    exclude_internal: bool,
    #[command(flatten)]
    report: ReportOptions,
    #[command(flatten)]
    watch: WatchOptions,
    #[command(flatten)]
    connection: ConnectionOptions,
}

#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Topics(Vec<Row>);

#[derive(Debug, Serialize)]
struct Row {
    topic: String,
    id: String,
    partitions: usize,
    is_internal: bool,
}

pub(crate) fn run(options: &Options) -> ExitCode {
    options.watch.run(async || {
        let admin = options.connection.admin().await?;
        let look = async || {
            let listings = admin.list_topics().await.map_err(Failure::new)?;
            let listings = listings
                .into_iter()
                .filter(|topic| !(topic.is_internal && options.exclude_internal));
            let mut rows: Vec<_> = listings
                .map(|topic| Row {
                    topic: topic.name,
                    id: topic.id.to_string(),
                    partitions: topic.partitions,
                    is_internal: topic.is_internal,
                })
                .collect();
            rows.sort_unstable_by(|a, b| a.topic.cmp(&b.topic));
            Ok(Topics(rows))
        };
        options.watch.show(options.report, look).await
    })
}

impl fmt::Display for Topics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(["TOPIC", "PARTITIONS#"]);
        for row in &self.0 {
            table.row([row.topic.clone(), row.partitions.to_string()]);
        }
        table.fmt(f)
    }
}
