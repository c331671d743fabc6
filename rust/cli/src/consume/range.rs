//! Which records are read: from where, of which partitions, and up to where.

use std::collections::BTreeMap;
use std::str::FromStr;

use base::TopicPartition;
use clap::Args;
use client::{Assign, Consumer, OffsetsError, StartAt};

use crate::failure::Failure;
use crate::moment::{self, Moment};

#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Range")]
pub(super) struct RangeOptions {
    /// Begin with the oldest record; with --group, only where that has committed nothing.
    #[arg(long, conflicts_with_all = ["offset", "since"])]
    from_beginning: bool,
    /// Begin with the first record that is not older: 10m, 2h, 7d, or 2026-11-21T10:00:00Z. With
    /// --group, only where that has committed nothing.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, conflicts_with = "offset")]
    since: Option<Moment>,
    /// Begin at earliest, latest (the default) or this offset, for which a partition is named.
    #[arg(long, value_name = "OFFSET", allow_hyphen_values = true)]
    offset: Option<Offset>,
    /// Read only this partition; several by commas.
    #[arg(
        long,
        value_name = "NUMBER",
        value_delimiter = ',',
        value_parser = clap::value_parser!(i32).range(0..)
    )]
    partition: Vec<i32>,
    /// End where the log ends now (latest), or before the first record that is not older than a
    /// time.
    #[arg(long, value_name = "latest|TIME", allow_hyphen_values = true)]
    until: Option<Until>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Offset {
    Earliest,
    Latest,
    At(i64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Until {
    Latest,
    Time(Moment),
}

impl RangeOptions {
    /// Where a group begins that has committed nothing, if the line says so.
    pub(super) fn offset_reset(&self) -> Option<String> {
        if self.from_beginning {
            return Some("earliest".to_owned());
        }
        let now_ms = moment::now_unix_ms();
        let ago_ms = self.since.map(|since| (now_ms - since.unix_ms(now_ms)).max(0));
        ago_ms.map(|ms| format!("by_duration:PT{}.{:03}S", ms / 1000, ms % 1000))
    }

    /// Has all of `topics` read from here on, outside of any group.
    pub(super) async fn assign(&self, consumer: &Consumer, topics: &[&str]) -> Result<(), Failure> {
        if matches!(self.offset, Some(Offset::At(_))) && self.partition.is_empty() {
            let message = "an --offset is one of a partition: name it with --partition";
            return Err(Failure::usage(message));
        }
        let mut partitions = Vec::new();
        for topic in topics {
            let all = consumer.partitions(topic).await.map_err(Failure::new)?;
            partitions.extend(self.choose(topic, all)?);
        }
        let ends = self.ends(consumer, &partitions).await.map_err(Failure::new)?;
        let start = self.start();
        let assign = |topic_partition: TopicPartition| {
            let stop_at = ends.get(&topic_partition).copied();
            Assign { topic_partition, start, stop_at }
        };
        consumer.assign_bounded(partitions.into_iter().map(assign).collect());
        Ok(())
    }

    fn choose(
        &self,
        topic: &str,
        all: Vec<TopicPartition>,
    ) -> Result<Vec<TopicPartition>, Failure> {
        if self.partition.is_empty() {
            return Ok(all);
        }
        let find = |number: &i32| {
            let found = all.iter().find(|partition| partition.partition.0 == *number);
            found.cloned().ok_or_else(|| {
                let count = all.len();
                Failure::new(format_args!("topic `{topic}` has no partition {number}"))
                    .hint(format_args!("it has {count}, which are counted from 0"))
            })
        };
        self.partition.iter().map(find).collect()
    }

    fn start(&self) -> StartAt {
        match (self.from_beginning, self.since, self.offset) {
            (true, ..) | (_, _, Some(Offset::Earliest)) => StartAt::Earliest,
            (_, Some(since), _) => StartAt::Timestamp(since.unix_ms(moment::now_unix_ms())),
            (_, _, Some(Offset::Latest)) => StartAt::Latest,
            (_, _, Some(Offset::At(offset))) => StartAt::Offset(offset),
            (false, None, None) => StartAt::Reset,
        }
    }

    /// The offsets that are not read any more, if there is an end.
    async fn ends(
        &self,
        consumer: &Consumer,
        partitions: &[TopicPartition],
    ) -> Result<BTreeMap<TopicPartition, i64>, OffsetsError> {
        let Some(until) = self.until else { return Ok(BTreeMap::new()) };
        let mut ends = consumer.end_offsets(partitions).await?;
        if let Until::Time(moment) = until {
            let unix_ms = moment.unix_ms(moment::now_unix_ms());
            let times: Vec<_> = partitions.iter().map(|name| (name.clone(), unix_ms)).collect();
            for (partition, found) in consumer.offsets_for_times(&times).await? {
                ends.extend(found.map(|found| (partition, found.offset)));
            }
        }
        Ok(ends)
    }
}

impl FromStr for Offset {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "earliest" => Ok(Self::Earliest),
            "latest" => Ok(Self::Latest),
            number => number
                .parse()
                .ok()
                .filter(|offset| *offset >= 0)
                .map(Self::At)
                .ok_or_else(|| "expected earliest, latest or a number from 0 on".to_owned()),
        }
    }
}

impl FromStr for Until {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "latest" => Ok(Self::Latest),
            time => time.parse().map(Self::Time).map_err(|error| format!("{error}, or latest")),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        range: RangeOptions,
    }

    fn parse(line: &str) -> Result<RangeOptions, String> {
        let line = Line::try_parse_from(format!("x {line}").split_whitespace());
        line.map(|line| line.range).map_err(|error| error.to_string())
    }

    #[test]
    fn a_reading_begins_where_the_line_says() {
        let start = |line| parse(line).unwrap().start();
        assert_eq!(start(""), StartAt::Reset);
        assert_eq!(start("--from-beginning"), StartAt::Earliest);
        assert_eq!(start("--offset EARLIEST --partition 1"), StartAt::Earliest);
        assert_eq!(start("--offset latest"), StartAt::Latest);
        assert_eq!(start("--offset 7 --partition 0"), StartAt::Offset(7));
        assert_eq!(start("--since 1970-01-01T00:00:05Z"), StartAt::Timestamp(5000));
    }

    #[test]
    fn a_line_that_begins_twice_or_nowhere_is_refused() {
        for line in [
            "--from-beginning --offset 7",
            "--since 10m --from-beginning",
            "--since 10m --offset 7",
            "--offset -1",
            "--offset soon",
            "--since later",
            "--until whenever",
            "--partition -1",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn a_group_without_offsets_begins_there_too() {
        let reset = |line| parse(line).unwrap().offset_reset();
        assert_eq!(reset(""), None);
        assert_eq!(reset("--from-beginning").as_deref(), Some("earliest"));
        let since = reset("--since 10m").unwrap();
        assert!(since.starts_with("by_duration:PT600."), "{since}");
    }

    #[test]
    fn only_the_partitions_that_are_named_are_read() {
        let all = || (0..3).map(|number| TopicPartition::new("t", number)).collect::<Vec<_>>();
        let chosen = |line| parse(line).unwrap().choose("t", all());
        assert_eq!(chosen("").unwrap(), all());
        assert_eq!(chosen("--partition 2,0").unwrap(), [all()[2].clone(), all()[0].clone()]);
        let failure = chosen("--partition 3").unwrap_err();
        assert!(failure.lines()[0].contains("topic `t` has no partition 3; it has 3"));
    }
}
