//! `ottla consume`: what Kafka's users know as kafka-console-consumer.sh.

mod closed_output;
mod printer;
mod range;

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use base::TopicPartition;
use clap::{Args, ValueEnum};
use client::{
    ConsumeError, Consumer, ConsumerConfig, Fetched, Given, GroupError, Owners, Subscription,
};
use tokio::runtime::Handle;

use crate::connection::{self, ConnectionOptions, key_value};
use crate::failure::Failure;
use crate::moment;
use crate::progress::Progress;
use crate::session::{self, Stop};
use crate::topic_names::TopicNames;
use closed_output::ClosedOutput;
use printer::{PrintOptions, Printer};
use range::RangeOptions;

/// How many records are printed between two looks at whether to stop.
const POLL_RECORDS_MAX: usize = 500;
/// How long the last commit may take, and then the leaving of the group.
const LEAVE_MAX: Duration = Duration::from_secs(5);

#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    topics: TopicNames,
    /// Read every topic whose whole name matches, in a group; new ones too.
    #[arg(long, value_name = "REGEX", conflicts_with_all = ["names", "options", "partition"])]
    include: Option<String>,
    /// Read as a member of this group, from where it has come, and commit.
    #[arg(long, value_name = "GROUP", conflicts_with_all = ["partition", "offset", "until"])]
    group: Option<String>,
    /// End after so many records.
    #[arg(long, value_name = "COUNT")]
    max_messages: Option<u64>,
    /// End when no record has come for so long.
    #[arg(long, value_name = "MILLISECONDS")]
    timeout_ms: Option<u64>,
    /// Whether records of transactions are printed before these are committed.
    #[arg(long, value_name = "LEVEL")]
    isolation_level: Option<IsolationLevel>,
    /// One more key of the consumer, as `fetch.min.bytes=100000`; may be given several times.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    config: Vec<(String, String)>,
    #[command(flatten)]
    range: RangeOptions,
    #[command(flatten)]
    print: PrintOptions,
    #[command(flatten)]
    connection: ConnectionOptions,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
enum IsolationLevel {
    ReadUncommitted,
    ReadCommitted,
}

pub(crate) fn run(options: &Options) -> ExitCode {
    session::run(async |stop| {
        let config = options.check()?;
        let printer = options.print.printer()?;
        let runtime = Handle::current();
        let connected = tokio::select! {
            connected = Consumer::connect(config, &runtime) => connected,
            () = stop.asked() => return Ok(()),
        };
        let consumer = connected.map_err(connection::unreachable)?;
        let mut reading = Reading {
            options,
            consumer: &consumer,
            printer,
            printed: 0,
            given: BTreeMap::new(),
            progress: Progress::new("printed", !io::stdout().is_terminal()),
        };
        let ended = reading.read(&stop).await;
        reading.leave().await;
        consumer.close().await;
        let printed = reading.printed;
        drop(reading);
        if ended.is_ok() {
            // As Kafka's tool says it, beside what it has printed.
            let _ = writeln!(io::stderr(), "Processed a total of {printed} messages");
        }
        ended
    })
}

impl Options {
    /// What the consumer is told, if the line can be understood.
    fn check(&self) -> Result<ConsumerConfig, Failure> {
        if self.include.is_none() {
            self.topics.required()?;
        }
        let mut pairs = self.connection.pairs(Owners::CONSUMER)?;
        // A console is no cluster of consumers: nobody waits for it, and it asks for nothing twice.
        let mut set = |key: &str, value: &str| pairs.push((key.to_owned(), value.to_owned()));
        set("allow.auto.create.topics", "false");
        match (&self.group, &self.include) {
            (Some(group), _) => set("group.id", group),
            // Nobody will ever come back for what such a group has committed.
            (None, Some(_)) => {
                let now_ms = moment::now_unix_ms();
                set("group.id", &format!("ottla-consume-{}-{now_ms}", std::process::id()));
                set("enable.auto.commit", "false");
            }
            (None, None) => {}
        }
        if let Some(reset) = self.range.offset_reset() {
            set("auto.offset.reset", &reset);
        }
        if let Some(level) = self.isolation_level.and_then(|level| level.to_possible_value()) {
            set("isolation.level", level.get_name());
        }
        pairs.extend(self.config.iter().cloned());
        let (mut config, warnings) = ConsumerConfig::from_pairs(pairs).map_err(Failure::usage)?;
        connection::warn(&warnings);
        if self.group.is_none() && self.include.is_none() {
            config.group = None; // a file's `group.id` is for others
        }
        Ok(config)
    }
}

/// A consumer whose records are printed.
struct Reading<'a> {
    options: &'a Options,
    consumer: &'a Consumer,
    printer: Printer,
    printed: u64,
    /// What has left the process since the last poll: only that is done with.
    given: BTreeMap<TopicPartition, i64>,
    progress: Progress,
}

impl Reading<'_> {
    /// Prints until there is an end: the line's, the reader's or the person's.
    async fn read(&mut self, stop: &Stop) -> Result<(), Failure> {
        let mut closed = ClosedOutput::watch();
        tokio::select! {
            begun = self.begin() => begun?,
            () = stop.asked() => return Ok(()),
        }
        while !self.is_enough() {
            let fetched = tokio::select! {
                biased;
                () = stop.asked() => return Ok(()),
                () = closed.noticed() => return Err(Failure::closed_pipe()),
                fetched = self.poll() => fetched?,
            };
            let Some(fetched) = fetched else { return Ok(()) };
            self.print(&fetched)?;
        }
        Ok(())
    }

    async fn begin(&self) -> Result<(), Failure> {
        let options = self.options;
        let unreadable = |error: client::OffsetsError| Failure::new(error);
        if let Some(pattern) = &options.include {
            let subscription = Subscription::pattern(pattern).map_err(Failure::usage)?;
            return self.consumer.subscribe(subscription).map_err(Failure::new);
        }
        let topics = options.topics.given();
        if options.group.is_none() {
            return options.range.assign(self.consumer, &topics).await;
        }
        for topic in &topics {
            // A group waits for topics that there are not yet. Somebody who has mistyped a name
            // would wait with it.
            self.consumer.partitions(topic).await.map_err(unreadable)?;
        }
        self.consumer.subscribe(Subscription::topics(topics)).map_err(Failure::new)
    }

    /// The next records, maybe none; `None` if there are to be no more.
    async fn poll(&mut self) -> Result<Option<Vec<Fetched>>, Failure> {
        let given: Vec<Given> = std::mem::take(&mut self.given).into_iter().collect();
        let polling = match self.consumer.begin_poll(&given) {
            Err(ConsumeError::Group(error @ GroupError::PollIntervalExceeded { .. })) => {
                // Whoever reads the output was away, with it this member, and now it is back.
                tracing::warn!("{error}");
                self.consumer.begin_poll(&[])
            }
            polling => polling,
        };
        let _polling = polling.map_err(Failure::new)?;
        while self.consumer.rebalance().is_some() {
            self.consumer.rebalanced().map_err(Failure::new)?;
        }
        let left = self.options.max_messages.map_or(u64::MAX, |max| max - self.printed);
        let rows = usize::try_from(left).unwrap_or(usize::MAX).min(POLL_RECORDS_MAX);
        let polled = match self.options.timeout_ms.map(Duration::from_millis) {
            None => self.consumer.poll(rows).await,
            Some(quiet) => match tokio::time::timeout(quiet, self.consumer.poll(rows)).await {
                Ok(polled) => polled,
                Err(_) => return Ok(None),
            },
        };
        polled.map_err(Failure::new)
    }

    fn print(&mut self, fetched: &[Fetched]) -> Result<(), Failure> {
        let mut out = Vec::new();
        let mut rows = 0;
        for run in fetched {
            rows += self
                .printer
                .print(run, &mut out)
                .map_err(|error| Failure::of(&run.topic_partition, error))?;
        }
        let mut stdout = io::stdout().lock();
        stdout.write_all(&out)?;
        stdout.flush()?;
        self.printed += rows;
        self.given.extend(fetched.iter().map(|run| (run.topic_partition.clone(), run.end)));
        self.progress.count(self.printed);
        Ok(())
    }

    fn is_enough(&self) -> bool {
        self.options.max_messages.is_some_and(|max| self.printed >= max)
    }

    /// Commits what was printed, if that is done without being asked for, and leaves the group.
    async fn leave(&mut self) {
        if !self.consumer.is_subscribed() {
            return;
        }
        let given: Vec<Given> = std::mem::take(&mut self.given).into_iter().collect();
        self.consumer.store(&given);
        if !self.consumer.flush(LEAVE_MAX).await {
            tracing::warn!("the last offsets are not committed: their records will come again");
        }
        if !self.consumer.unsubscribe(LEAVE_MAX).await {
            tracing::warn!("the group was not told: it finds out after session.timeout.ms");
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use client::IsolationLevel as Level;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn checked(line: &str) -> Result<ConsumerConfig, Failure> {
        let line = format!("x --bootstrap-server h:1 {line}");
        Line::try_parse_from(line.split_whitespace()).unwrap().options.check()
    }

    #[test]
    fn only_a_group_that_is_named_is_joined_and_committed_for() {
        let group = |line| checked(line).unwrap().group;
        assert_eq!(group("t --command-property group.id=other"), None);
        let named = group("t --group g").unwrap();
        assert_eq!((named.group_id.as_str(), named.auto_commit), ("g", true));
        let passing = group("--include t.*").unwrap();
        assert!(passing.group_id.starts_with("ottla-consume-"), "{}", passing.group_id);
        assert!(!passing.auto_commit);
        assert!(!group("t --group g --config enable.auto.commit=false").unwrap().auto_commit);
    }

    #[test]
    fn what_the_line_says_is_what_the_consumer_is_told() {
        assert_eq!(checked("t").unwrap().isolation_level, Level::ReadUncommitted);
        let config = checked("t --isolation-level read_committed --from-beginning").unwrap();
        assert_eq!(config.isolation_level, Level::ReadCommitted);
        assert_eq!(config.auto_offset_reset, client::OffsetReset::Earliest);
        assert!(!config.allow_auto_create_topics);
        let failure = checked("t --config isolation.level=chaos").unwrap_err();
        assert!(failure.lines()[0].contains("isolation.level=chaos"), "{failure:?}");
        assert!(checked("").is_err());
    }
}
