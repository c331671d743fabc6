//! `ottla groups reset-offsets`: as with Kafka's tool, nothing is done without --execute.

use std::fmt;
use std::process::ExitCode;

use clap::Args;
use client::{PlannedOffset, ResetTo};
use serde::Serialize;

use super::{GroupNames, TopicScopes};
use crate::connection::ConnectionOptions;
use crate::failure::Failure;
use crate::moment::{self, Moment};
use crate::report::ReportOptions;
use crate::session;
use crate::table::Table;

#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    groups: GroupNames,
    #[command(flatten)]
    topics: TopicScopes,
    /// Everything that the group has committed; so it is if no topic is named.
    #[arg(long, conflicts_with = "topics")]
    all_topics: bool,
    #[command(flatten)]
    place: Place,
    /// Do it.
    #[arg(long)]
    execute: bool,
    /// Only show what would become of it, which is so without --execute too.
    #[arg(long, conflicts_with = "execute")]
    dry_run: bool,
    #[command(flatten)]
    report: ReportOptions,
    #[command(flatten)]
    connection: ConnectionOptions,
}

/// Where the groups are to go on.
#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = false)]
struct Place {
    /// At the first record there is.
    #[arg(long)]
    to_earliest: bool,
    /// After the last record there is.
    #[arg(long)]
    to_latest: bool,
    /// Where they are; after the last record where they have committed nothing.
    #[arg(long)]
    to_current: bool,
    /// At an offset.
    #[arg(long, value_name = "OFFSET", value_parser = clap::value_parser!(i64).range(0..))]
    to_offset: Option<i64>,
    /// So many offsets on, or back if the number is negative.
    #[arg(long, value_name = "COUNT", allow_negative_numbers = true)]
    shift_by: Option<i64>,
    /// At a time, as 2026-11-21T10:00:00; of UTC unless it says of where.
    #[arg(long, value_name = "TIME")]
    to_datetime: Option<Moment>,
    /// So long ago, as 90s, 10m or 7d, or in ISO 8601, as P7D or PT10M.
    #[arg(long, value_name = "DURATION", value_parser = ago)]
    by_duration: Option<Moment>,
}

#[derive(Debug, Serialize)]
struct Reset {
    dry_run: bool,
    offsets: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    group: String,
    topic: String,
    partition: i32,
    committed_offset: Option<i64>,
    new_offset: i64,
    /// Why that is not what was asked for.
    note: Option<String>,
}

pub(crate) fn run(options: &Options) -> ExitCode {
    session::run_to_end(async || {
        let admin = options.connection.admin().await?;
        let to = options.place.to(moment::now_unix_ms());
        let mut reset = Reset { dry_run: !options.execute, offsets: Vec::new() };
        let mut failed = Vec::new();
        for group in options.groups.meant(&admin).await? {
            let scope = &options.topics.topics;
            match admin.reset_group_offsets(&group, to, scope, options.execute).await {
                Ok(plan) => {
                    reset.offsets.extend(plan.iter().map(|row| Row::new(&group, row)));
                }
                Err(error) => failed.push(Failure::new(error)),
            }
        }
        if !reset.offsets.is_empty() || failed.is_empty() {
            options.report.print(&reset)?;
        }
        Failure::all(failed)
    })
}

impl Place {
    fn to(&self, now_ms: i64) -> ResetTo {
        let time = self.to_datetime.or(self.by_duration);
        match (self.to_offset, self.shift_by, time) {
            (Some(offset), ..) => ResetTo::Offset(offset),
            (_, Some(count), _) => ResetTo::ShiftBy(count),
            (.., Some(moment)) => ResetTo::Timestamp(moment.unix_ms(now_ms)),
            _ if self.to_earliest => ResetTo::Earliest,
            _ if self.to_latest => ResetTo::Latest,
            _ => ResetTo::Current,
        }
    }
}

impl Row {
    fn new(group: &str, row: &PlannedOffset) -> Self {
        Self {
            group: group.to_owned(),
            topic: row.topic_partition.topic.to_string(),
            partition: row.topic_partition.partition.0,
            committed_offset: row.before,
            new_offset: row.after,
            note: row.moved.map(|moved| moved.to_string()),
        }
    }
}

impl fmt::Display for Reset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = ["GROUP", "TOPIC", "PARTITION#", "CURRENT-OFFSET#", "NEW-OFFSET#", "NOTE"];
        let mut table = Table::new(columns);
        for row in &self.offsets {
            table.row([
                row.group.clone(),
                row.topic.clone(),
                row.partition.to_string(),
                row.committed_offset.map_or(String::new(), |offset| offset.to_string()),
                row.new_offset.to_string(),
                row.note.clone().unwrap_or_default(),
            ]);
        }
        table.fmt(f)?;
        if self.dry_run {
            writeln!(f, "nothing is changed yet: --execute does it")?;
        }
        Ok(())
    }
}

fn ago(text: &str) -> Result<Moment, String> {
    let duration = moment::duration(text).or_else(|| moment::iso_duration(text));
    let expected = || "expected how long ago, as 90s, 10m, 7d, P7D or PT10M".to_owned();
    duration.map(Moment::Ago).ok_or_else(expected)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    const NOW_MS: i64 = 1_800_000_000_000;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn parse(arguments: &[&str]) -> Result<Options, clap::Error> {
        let line = Line::try_parse_from(["x", "--group", "g"].iter().chain(arguments));
        line.map(|line| line.options)
    }

    fn to(arguments: &[&str]) -> Option<ResetTo> {
        parse(arguments).ok().map(|options| options.place.to(NOW_MS))
    }

    #[test]
    fn every_scenario_of_kafkas_tool_is_understood() {
        assert_eq!(to(&["--to-earliest"]), Some(ResetTo::Earliest));
        assert_eq!(to(&["--to-latest"]), Some(ResetTo::Latest));
        assert_eq!(to(&["--to-current"]), Some(ResetTo::Current));
        assert_eq!(to(&["--to-offset", "5"]), Some(ResetTo::Offset(5)));
        assert_eq!(to(&["--shift-by", "-5"]), Some(ResetTo::ShiftBy(-5)));
        let day_ago = Some(ResetTo::Timestamp(NOW_MS - 86_400_000));
        assert_eq!(to(&["--by-duration", "P1D"]), day_ago);
        assert_eq!(to(&["--by-duration", "24h"]), day_ago);
        let time = Some(ResetTo::Timestamp(1_795_255_200_000));
        assert_eq!(to(&["--to-datetime", "2026-11-21T10:00:00.000"]), time);
    }

    #[test]
    fn one_place_is_given_and_nothing_is_done_without_being_told() {
        assert_eq!(to(&[]), None);
        assert_eq!(to(&["--to-earliest", "--to-latest"]), None);
        assert_eq!(to(&["--to-offset", "-1"]), None);
        assert_eq!(to(&["--by-duration", "yesterday"]), None);
        assert!(!parse(&["--to-latest"]).unwrap().execute);
        assert!(parse(&["--to-latest", "--dry-run", "--execute"]).is_err());
        assert!(parse(&["--to-latest", "--all-topics", "--topic", "t"]).is_err());
    }

    #[test]
    fn a_plan_says_that_nothing_is_changed_yet() {
        let row = Row {
            group: "g".into(),
            topic: "t".into(),
            partition: 0,
            committed_offset: None,
            new_offset: 7,
            note: None,
        };
        let plan = Reset { dry_run: true, offsets: vec![row] };
        let text = plan.to_string();
        let cells: Vec<_> = text.lines().nth(1).unwrap().split_whitespace().collect();
        assert_eq!(cells, ["g", "t", "0", "-", "7", "-"]);
        assert!(text.ends_with("nothing is changed yet: --execute does it\n"));
        let done = Reset { dry_run: false, ..plan };
        assert!(!done.to_string().contains("--execute"));
    }
}
