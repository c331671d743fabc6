//! `ottla groups remove-members`: what Kafka offers by its admin client alone (KIP-571).

use std::fmt;
use std::process::ExitCode;

use clap::Args;
use client::MemberToRemove;
use serde::Serialize;

use super::GroupConnection;
use super::GroupName;
use crate::failure::Failure;
use crate::report::ReportOptions;
use crate::session;

#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    group: GroupName,
    /// A static member, by its `group.instance.id`; may be given several times.
    #[arg(long, value_name = "ID")]
    group_instance_id: Vec<String>,
    /// A member, by the id that `describe --members` shows; may be given several times.
    #[arg(long, value_name = "ID")]
    member: Vec<String>,
    /// All members.
    #[arg(long, conflicts_with_all = ["group_instance_id", "member"])]
    all_members: bool,
    /// What the coordinator writes into its log.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    report: ReportOptions,
    #[command(flatten)]
    connection: GroupConnection,
}

#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Removed(Vec<Row>);

#[derive(Debug, Serialize)]
struct Row {
    group: String,
    member: String,
}

pub(crate) fn run(options: &Options) -> ExitCode {
    session::run_to_end(async || {
        let group = options.group.given();
        let instances = options.group_instance_id.iter().cloned().map(MemberToRemove::Static);
        let members = options.member.iter().cloned().map(MemberToRemove::Dynamic);
        let members: Vec<_> = instances.chain(members).collect();
        if members.is_empty() && !options.all_members {
            let message = "no member is named: give --group-instance-id, --member or --all-members";
            return Err(Failure::usage(message));
        }
        let admin = options.connection.admin().await?;
        let members = (!options.all_members).then_some(members.as_slice());
        let reason = options.reason.as_deref();
        let results = admin.remove_group_members(group, members, reason).await;
        let results = results.map_err(|error| Failure::of(format_args!("group {group}"), error))?;
        let (mut removed, mut failed) = (Vec::new(), Vec::new());
        for (member, result) in results {
            match result {
                Ok(()) => {
                    let member = member.name().to_owned();
                    removed.push(Row { group: group.to_owned(), member });
                }
                Err(error) => {
                    let about = format!("group {group}, member {}", member.name());
                    failed.push(Failure::of(about, error));
                }
            }
        }
        options.report.print(&Removed(removed))?;
        Failure::all(failed)
    })
}

impl fmt::Display for Removed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|row| writeln!(f, "removed {} from group {}", row.member, row.group))
    }
}
