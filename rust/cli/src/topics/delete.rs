//! `ottla topics delete`.

use std::fmt;
use std::process::ExitCode;

use base::ErrorCode;
use clap::Args;
use serde::Serialize;

use crate::connection::ConnectionOptions;
use crate::failure::Failure;
use crate::report::ReportOptions;
use crate::session;
use crate::topic_names::TopicNames;

#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    topics: TopicNames,
    /// Do not complain of topics that there are not.
    #[arg(long)]
    if_exists: bool,
    #[command(flatten)]
    report: ReportOptions,
    #[command(flatten)]
    connection: ConnectionOptions,
}

#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Deleted(Vec<Row>);

#[derive(Debug, Serialize)]
struct Row {
    topic: String,
}

pub(crate) fn run(options: &Options) -> ExitCode {
    session::run_to_end(async || {
        let names = options.topics.required()?;
        let admin = options.connection.admin().await?;
        let results = admin.delete_topics(&names).await.map_err(Failure::new)?;
        let (mut deleted, mut failed) = (Vec::new(), Vec::new());
        for (topic, result) in results {
            let unknown = Some(ErrorCode::UnknownTopicOrPartition);
            match result {
                Ok(()) => deleted.push(Row { topic }),
                Err(error) if error.code() == unknown && options.if_exists => {}
                Err(error) => failed.push(Failure::of(topic, error)),
            }
        }
        options.report.print(&Deleted(deleted))?;
        Failure::all(failed)
    })
}

impl fmt::Display for Deleted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|row| writeln!(f, "deleted topic {}", row.topic))
    }
}
