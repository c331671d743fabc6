//! `ottla groups reset-offsets`: as with Kafka's tool, nothing is done without --execute.

use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use client::{Admin, PlannedOffset, ResetTo};
use serde::Serialize;

use super::reset_plan::{self, ResetPlan};
use super::{GroupConnection, GroupNames, TopicScopes};
use crate::failure::Failure;
use crate::moment::{self, Moment};
use crate::report::ReportOptions;
use crate::session;
use crate::table::Table;

const NOT_YET: &str = "nothing is changed yet: --execute does it";

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of Kafka's own tool")]
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
    /// Print the new offsets as CSV, for --from-file: topic,partition,offset, behind the group
    /// unless it is the only one that is named.
    #[arg(long, conflicts_with = "json")]
    export: bool,
    #[command(flatten)]
    report: ReportOptions,
    #[command(flatten)]
    connection: GroupConnection,
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
    /// At the offsets of a CSV file: lines of topic,partition,offset if one group is named, of
    /// group,topic,partition,offset otherwise. What it does not name stays where it is.
    #[arg(long, value_name = "FILE", conflicts_with = "topics")]
    from_file: Option<PathBuf>,
}

/// What `--export` prints.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Exported(String);

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
        let plan = options.place.plan()?;
        let admin = options.connection.admin().await?;
        let groups = options.groups.meant(&admin).await?;
        let now_ms = moment::now_unix_ms();
        let mut reset = Reset { dry_run: !options.execute, offsets: Vec::new() };
        let mut failed = Vec::new();
        for group in groups {
            match options.reset(&admin, &group, plan.as_ref(), now_ms).await {
                Ok(rows) => reset.offsets.extend(rows),
                Err(failure) => failed.push(failure),
            }
        }
        if !reset.offsets.is_empty() || failed.is_empty() {
            options.print(&reset)?;
        }
        Failure::all(failed)
    })
}

impl Options {
    async fn reset(
        &self,
        admin: &Admin,
        group: &str,
        plan: Option<&ResetPlan>,
        now_ms: i64,
    ) -> Result<Vec<Row>, Failure> {
        let to = match plan.map(|plan| plan.of(group, self.groups.is_one())) {
            Some(Ok(offsets)) => ResetTo::Offsets(offsets.clone()),
            Some(Err(error)) => return Err(Failure::of(format_args!("group {group}"), error)),
            None => self.place.to(now_ms),
        };
        let scope = &self.topics.topics;
        let rows = admin.reset_group_offsets(group, &to, scope, self.execute).await;
        Ok(rows.map_err(Failure::new)?.iter().map(|row| Row::new(group, row)).collect())
    }

    fn print(&self, reset: &Reset) -> Result<(), Failure> {
        if !self.export {
            return self.report.print(reset);
        }
        if !self.execute && !self.dry_run {
            tracing::warn!("{NOT_YET}");
        }
        self.report.print(&reset.exported(self.groups.is_one())?)
    }
}

impl Place {
    /// What the file says, if it is one.
    fn plan(&self) -> Result<Option<ResetPlan>, Failure> {
        let Some(file) = &self.from_file else { return Ok(None) };
        ResetPlan::read(file).map(Some).map_err(|error| Failure::of(file.display(), error))
    }

    /// Where to, unless a file says it.
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

impl Reset {
    fn exported(&self, is_of_one: bool) -> Result<Exported, Failure> {
        let rows = self.offsets.iter().map(|row| {
            let group = Some(row.group.as_str()).filter(|_| !is_of_one);
            (group, row.topic.as_str(), row.partition, row.new_offset)
        });
        Ok(Exported(reset_plan::write(rows)?))
    }
}

impl fmt::Display for Exported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
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
            writeln!(f, "{NOT_YET}")?;
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
    fn a_file_is_a_place_with_topics_of_its_own() {
        let options = parse(&["--from-file", "plan.csv", "--all-topics", "--export"]).unwrap();
        assert_eq!(options.place.from_file, Some(PathBuf::from("plan.csv")));
        assert!(options.export && options.groups.is_one());
        assert!(parse(&["--from-file", "plan.csv", "--topic", "t"]).is_err());
        assert!(parse(&["--from-file", "plan.csv", "--to-latest"]).is_err());
        assert!(parse(&["--to-latest", "--export", "--json"]).is_err());
        let missing = parse(&["--from-file", "/nowhere/at.all"]).unwrap().place.plan().unwrap_err();
        assert!(missing.lines()[0].starts_with("/nowhere/at.all: cannot be read: "), "{missing:?}");
    }

    #[test]
    fn what_is_exported_names_its_group_unless_there_is_one() {
        let row = |group: &str| Row {
            group: group.into(),
            topic: "t".into(),
            partition: 0,
            committed_offset: Some(1),
            new_offset: 7,
            note: Some("the log ends before offset 9".into()),
        };
        let reset = Reset { dry_run: true, offsets: vec![row("g"), row("h,i")] };
        assert_eq!(reset.exported(false).unwrap().to_string(), "g,t,0,7\n\"h,i\",t,0,7\n");
        let reset = Reset { dry_run: true, offsets: vec![row("g")] };
        assert_eq!(reset.exported(true).unwrap().to_string(), "t,0,7\n");
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
