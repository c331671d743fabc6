//! `ottla groups list`.

use std::fmt;
use std::process::ExitCode;

use clap::Args;
use client::{GroupFilter, GroupState, GroupType};
use serde::Serialize;

use super::GroupConnection;
use crate::failure::Failure;
use crate::report::{ReportOptions, WatchOptions};
use crate::table::Table;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only groups in these states, as Stable,Empty; without a value, all of them.
    #[arg(long, value_name = "STATE,...", num_args = 0..=1, value_delimiter = ',')]
    state: Vec<GroupState>,
    /// Only groups of these types: classic, consumer, share, streams; without a value, all of them.
    #[arg(long = "type", value_name = "TYPE,...", num_args = 0..=1, value_delimiter = ',')]
    types: Vec<GroupType>,
    #[command(flatten)]
    report: ReportOptions,
    #[command(flatten)]
    watch: WatchOptions,
    #[command(flatten)]
    connection: GroupConnection,
}

#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Groups(Vec<Row>);

#[derive(Debug, Serialize)]
struct Row {
    group: String,
    #[serde(rename = "type")]
    group_type: &'static str,
    state: &'static str,
    protocol_type: String,
}

pub(crate) fn run(options: &Options) -> ExitCode {
    options.watch.run(async || {
        let admin = options.connection.admin().await?;
        let filter = GroupFilter { states: options.state.clone(), types: options.types.clone() };
        let look = async || {
            let listed = admin.list_groups(&filter).await.map_err(Failure::new)?;
            let row = |group: client::GroupListing| Row {
                group: group.group_id,
                group_type: group.group_type.name(),
                state: group.state.name(),
                protocol_type: group.protocol_type,
            };
            Ok(Groups(listed.into_iter().map(row).collect()))
        };
        options.watch.show(options.report, look).await
    })
}

impl fmt::Display for Groups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(["GROUP", "TYPE", "STATE", "PROTOCOL-TYPE"]);
        for row in &self.0 {
            table.row([
                row.group.clone(),
                row.group_type.to_owned(),
                row.state.to_owned(),
                row.protocol_type.clone(),
            ]);
        }
        table.fmt(f)
    }
}
