//! `ottla groups lag`: a row for each partition that a group reads or has committed.

use std::cell::RefCell;
use std::fmt;
use std::process::ExitCode;

use clap::Args;
use client::{Admin, PartitionLag};
use serde::Serialize;

use super::{GroupConnection, GroupNames, borrowed};
use crate::failure::Failure;
use crate::report::{ReportOptions, WatchOptions};
use crate::table::Table;

#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    groups: GroupNames,
    #[command(flatten)]
    report: ReportOptions,
    #[command(flatten)]
    watch: WatchOptions,
    #[command(flatten)]
    connection: GroupConnection,
}

#[derive(Debug, Default, Serialize)]
#[serde(transparent)]
pub(super) struct Lags(pub(super) Vec<Row>);

#[derive(Debug, Serialize)]
pub(super) struct Row {
    group: String,
    topic: String,
    partition: i32,
    committed_offset: Option<i64>,
    end_offset: Option<i64>,
    lag: Option<i64>,
    member_id: Option<String>,
    group_instance_id: Option<String>,
    host: Option<String>,
    client_id: Option<String>,
    /// Why the end of the log is not known.
    error: Option<String>,
}

pub(crate) fn run(options: &Options) -> ExitCode {
    let failed = RefCell::new(Vec::new());
    options.watch.run(async || {
        let admin = options.connection.admin().await?;
        let look = async || {
            let groups = options.groups.meant(&admin).await?;
            let (lags, refused) = Lags::of(&admin, &groups).await;
            if refused.len() == groups.len() {
                Failure::all(refused)?;
            } else {
                failed.replace(refused);
            }
            Ok(lags)
        };
        options.watch.show(options.report, look).await?;
        Failure::all(failed.take())
    })
}

impl Lags {
    /// Of the groups that there are; the others are failures.
    pub(super) async fn of(admin: &Admin, groups: &[String]) -> (Self, Vec<Failure>) {
        let (mut lags, mut refused) = (Self::default(), Vec::new());
        for (group, result) in admin.group_lags(&borrowed(groups)).await {
            match result {
                Ok(rows) => lags.0.extend(rows.into_iter().map(|row| Row::new(&group, row))),
                Err(error) => refused.push(Failure::of(format_args!("group {group}"), error)),
            }
        }
        (lags, refused)
    }
}

impl Row {
    fn new(group: &str, row: PartitionLag) -> Self {
        let lag = row.lag();
        let (end_offset, error) = match row.end_offset {
            Ok(offset) => (Some(offset), None),
            Err(error) => (None, Some(error.to_string())),
        };
        let owner = row.owner.as_ref();
        Self {
            group: group.to_owned(),
            topic: row.topic_partition.topic.to_string(),
            partition: row.topic_partition.partition.0,
            committed_offset: row.committed.map(|committed| committed.offset),
            end_offset,
            lag,
            member_id: owner.map(|owner| owner.member_id.clone()),
            group_instance_id: owner.and_then(|owner| owner.group_instance_id.clone()),
            host: owner.map(|owner| owner.client_host.clone()),
            client_id: owner.map(|owner| owner.client_id.clone()),
            error,
        }
    }
}

/// The columns of Kafka's own tool.
impl fmt::Display for Lags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new([
            "GROUP",
            "TOPIC",
            "PARTITION#",
            "CURRENT-OFFSET#",
            "LOG-END-OFFSET#",
            "LAG#",
            "CONSUMER-ID",
            "HOST",
            "CLIENT-ID",
        ]);
        let number = |number: Option<i64>| number.map_or(String::new(), |n| n.to_string());
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        for row in &self.0 {
            table.row([
                row.group.clone(),
                row.topic.clone(),
                row.partition.to_string(),
                number(row.committed_offset),
                number(row.end_offset),
                number(row.lag),
                text(&row.member_id),
                text(&row.host),
                text(&row.client_id),
            ]);
        }
        table.fmt(f)?;
        let errors = self.0.iter().filter_map(|row| Some((row, row.error.as_ref()?)));
        for (row, error) in errors {
            writeln!(f, "the end of {}-{} is not known: {error}", row.topic, row.partition)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use base::{ErrorCode, TopicPartition};
    use client::{AdminError, OffsetAndMetadata};

    use super::*;

    #[test]
    fn what_is_not_known_is_a_dash_and_has_its_reason_below() {
        let partition = |number, committed, end_offset| PartitionLag {
            topic_partition: TopicPartition::new("t", number),
            committed,
            end_offset,
            owner: None,
        };
        let gone = AdminError::refused(ErrorCode::LeaderNotAvailable, None);
        let rows =
            [partition(0, Some(OffsetAndMetadata::of(4)), Ok(10)), partition(1, None, Err(gone))];
        let lags = Lags(rows.into_iter().map(|row| Row::new("g", row)).collect()).to_string();
        let lines: Vec<_> = lags.lines().collect();
        let cells = |line: usize| lines[line].split_whitespace().collect::<Vec<_>>();
        assert_eq!(cells(1), ["g", "t", "0", "4", "10", "6", "-", "-", "-"]);
        assert_eq!(cells(2), ["g", "t", "1", "-", "-", "-", "-", "-", "-"]);
        assert_eq!(lines[3], "the end of t-1 is not known: LEADER_NOT_AVAILABLE");
    }
}
