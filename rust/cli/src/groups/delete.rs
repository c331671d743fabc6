//! `ottla groups delete`.

use std::fmt;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::{GroupConnection, GroupNames, borrowed};
use crate::failure::Failure;
use crate::report::ReportOptions;
use crate::session;

#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    groups: GroupNames,
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
}

pub(crate) fn run(options: &Options) -> ExitCode {
    session::run_to_end(async || {
        let admin = options.connection.admin().await?;
        let groups = options.groups.meant(&admin).await?;
        let (mut deleted, mut failed) = (Vec::new(), Vec::new());
        for (group, result) in admin.delete_groups(&borrowed(&groups)).await {
            match result {
                Ok(()) => deleted.push(Row { group }),
                Err(error) => failed.push(Failure::of(format_args!("group {group}"), error)),
            }
        }
        options.report.print(&Deleted(deleted))?;
        Failure::all(failed)
    })
}

impl fmt::Display for Deleted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|row| writeln!(f, "deleted group {}", row.group))
    }
}
