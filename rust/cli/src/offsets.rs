//! `ottla offsets`: where partitions start and end, and what lies at a time; what Kafka's users
//! know as kafka-get-offsets.sh.

mod selection;

use std::fmt;
use std::process::ExitCode;
use std::str::FromStr;

use clap::Args;
use client::{Admin, Found, IsolationLevel, OffsetSpec};
use serde::Serialize;

use crate::connection::ConnectionOptions;
use crate::failure::Failure;
use crate::moment::{self, Moment};
use crate::report::{ReportOptions, WatchOptions};
use crate::table::Table;
use selection::Selection;

#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    selection: Selection,
    /// Which offset: latest (-1), earliest (-2), max-timestamp (-3), or the first at or after a
    /// time, as 2026-11-21T10:00:00, 10m, or milliseconds since 1970.
    #[arg(long, value_name = "PLACE", default_value = "latest", allow_hyphen_values = true)]
    time: Place,
    #[command(flatten)]
    report: ReportOptions,
    #[command(flatten)]
    watch: WatchOptions,
    #[command(flatten)]
    connection: ConnectionOptions,
}

/// A place in each log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Spec(OffsetSpec),
    At(Moment),
}

#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Offsets(Vec<Row>);

#[derive(Debug, Serialize)]
struct Row {
    topic: String,
    partition: i32,
    /// None: no record is that young.
    offset: Option<i64>,
    /// Of the record there, if one was looked for by time.
    timestamp_ms: Option<i64>,
}

pub(crate) fn run(options: &Options) -> ExitCode {
    options.watch.run(async || {
        let admin = options.connection.admin().await?;
        options.watch.show(options.report, async || options.look(&admin).await).await
    })
}

impl Options {
    async fn look(&self, admin: &Admin) -> Result<Offsets, Failure> {
        let spec = self.time.spec(moment::now_unix_ms());
        let found = self.selection.find(admin).await?.into_iter();
        let wanted: Vec<_> = found.map(|name| (name, spec)).collect();
        let (mut rows, mut failed) = (Vec::new(), Vec::new());
        for (name, result) in admin.list_offsets(&wanted, IsolationLevel::ReadUncommitted).await {
            match result {
                Ok(Found { offset, timestamp_ms, .. }) => rows.push(Row {
                    topic: name.topic.to_string(),
                    partition: name.partition.0,
                    offset,
                    timestamp_ms,
                }),
                Err(error) => failed.push(Failure::of(name, error)),
            }
        }
        Failure::all(failed)?;
        Ok(Offsets(rows))
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let spec = match text {
            "latest" | "-1" => OffsetSpec::Latest,
            "earliest" | "-2" => OffsetSpec::Earliest,
            "max-timestamp" | "-3" => OffsetSpec::MaxTimestamp,
            _ => match (text.parse(), text.parse()) {
                (Ok(timestamp_ms @ 0..), _) => OffsetSpec::Timestamp(timestamp_ms),
                (_, Ok(moment)) => return Ok(Self::At(moment)),
                _ => {
                    return Err("expected latest, earliest, max-timestamp, or a time, as \
                                2026-11-21T10:00:00, 10m, or milliseconds since 1970"
                        .to_owned());
                }
            },
        };
        Ok(Self::Spec(spec))
    }
}

impl Place {
    fn spec(self, now_ms: i64) -> OffsetSpec {
        match self {
            Self::Spec(spec) => spec,
            Self::At(moment) => OffsetSpec::Timestamp(moment.unix_ms(now_ms)),
        }
    }
}

impl fmt::Display for Offsets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(["TOPIC", "PARTITION#", "OFFSET#", "TIMESTAMP"]);
        for row in &self.0 {
            table.row([
                row.topic.clone(),
                row.partition.to_string(),
                row.offset.map_or(String::new(), |offset| offset.to_string()),
                row.timestamp_ms.map_or(String::new(), moment::iso),
            ]);
        }
        table.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_800_000_000_000;

    fn spec(text: &str) -> Option<OffsetSpec> {
        text.parse().ok().map(|place: Place| place.spec(NOW_MS))
    }

    #[test]
    fn a_place_is_an_end_of_the_log_or_a_time_and_kafkas_numbers_stand_for_them() {
        for (texts, expected) in [
            (["latest", "-1"], OffsetSpec::Latest),
            (["earliest", "-2"], OffsetSpec::Earliest),
            (["max-timestamp", "-3"], OffsetSpec::MaxTimestamp),
            (["2026-11-21T10:00:00Z", "1795255200000"], OffsetSpec::Timestamp(1_795_255_200_000)),
            (["10m", "-10m"], OffsetSpec::Timestamp(NOW_MS - 600_000)),
        ] {
            assert_eq!(texts.map(spec), [Some(expected); 2], "{texts:?}");
        }
        assert_eq!([spec("-4"), spec("soon"), spec("")], [None; 3]);
    }
}
