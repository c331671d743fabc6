//! `ottla groups delete-offsets`.

use std::fmt;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::{GroupConnection, GroupName, TopicScopes};
use crate::failure::Failure;
use crate::report::ReportOptions;
use crate::session;

#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    group: GroupName,
    #[command(flatten)]
    topics: TopicScopes,
    #[command(flatten)]
    report: ReportOptions,
    #[command(flatten)]
    connection: GroupConnection,
}

#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Deleted(Vec<Row>);

#[derive(Debug, Serialize)]
struct Row {
    group: String,
    topic: String,
    partition: i32,
}

pub(crate) fn run(options: &Options) -> ExitCode {
    session::run_to_end(async || {
        let group = options.group.given();
        let scope = &options.topics.topics;
        if scope.is_empty() {
            return Err(Failure::usage("no topic is named: give --topic, once or several times"));
        }
        let admin = options.connection.admin().await?;
        let named = admin.expand(scope).await;
        let named = named.map_err(|(about, error)| Failure::of(about, error))?;
        let named: Vec<_> = named.into_iter().collect();
        let results = admin.delete_group_offsets(group, &named).await;
        let results = results.map_err(|error| Failure::of(format_args!("group {group}"), error))?;
        let (mut deleted, mut failed) = (Vec::new(), Vec::new());
        for (name, result) in results {
            match result {
                Ok(()) => deleted.push(Row {
                    group: group.to_owned(),
                    topic: name.topic.to_string(),
                    partition: name.partition.0,
                }),
                Err(error) => {
                    failed.push(Failure::of(format_args!("group {group}, {name}"), error));
                }
            }
        }
        options.report.print(&Deleted(deleted))?;
        Failure::all(failed)
    })
}

impl fmt::Display for Deleted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|row| {
            writeln!(f, "group {} has no offset of {}-{}", row.group, row.topic, row.partition)
        })
    }
}
