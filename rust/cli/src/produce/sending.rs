//! What `ottla produce` has read goes to the brokers, and what became of it is counted.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use base::TopicPartition;
use client::{DeliveryError, FlushReport, Producer, Record, TrySendError};
use tokio::time::timeout;

use super::Options;
use super::input::{self, Lines};
use super::line_format::LineFormat;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::session::Stop;

/// How long a broker may take to know a topic, which it may have to create first.
const TOPIC_MAX: Duration = Duration::from_secs(5);
/// How often failures are looked for while no line comes.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Lines on their way to the brokers.
pub(super) struct Sending<'a> {
    options: &'a Options,
    producer: &'a Producer,
    format: LineFormat,
    /// The topics that the brokers know.
    known: BTreeSet<String>,
    line_number: u64,
    results: Results,
    is_prompted: bool,
    progress: Progress,
}

/// What became of the records.
#[derive(Debug, Default)]
struct Results {
    delivered: u64,
    /// How many records of a partition are not in the log, as far as anybody knows, and why the
    /// first of them is not.
    failed: BTreeMap<TopicPartition, (u64, Option<DeliveryError>)>,
}

impl<'a> Sending<'a> {
    pub(super) fn new(options: &'a Options, producer: &'a Producer, format: LineFormat) -> Self {
        let is_typed = io::stdin().is_terminal();
        Self {
            options,
            producer,
            format,
            known: BTreeSet::new(),
            line_number: 0,
            results: Results::default(),
            is_prompted: is_typed && io::stderr().is_terminal(),
            progress: Progress::new("sent", !is_typed),
        }
    }

    /// Sends every line of standard input, up to its end, the first failure, or a signal.
    pub(super) async fn send_all(&mut self, stop: &Stop) -> Result<(), Failure> {
        tokio::select! {
            sent = self.send_lines() => sent,
            () = stop.asked() => Err(Failure::interrupted()),
        }
    }

    /// What is to be told in the end, `last` being the report of what was still on its way.
    pub(super) fn end(
        mut self,
        read: Result<(), Failure>,
        last: &FlushReport,
    ) -> Result<(), Failure> {
        self.results.add(last);
        let delivered = self.results.delivered;
        let read = read.map_err(|failure| {
            failure.hint(format_args!("records delivered before that: {delivered}"))
        });
        Failure::all(read.err().into_iter().chain(self.results.failure()))
    }

    async fn send_lines(&mut self) -> Result<(), Failure> {
        if let Some(topic) = self.options.topic() {
            self.await_topic(topic).await?;
        }
        let mut input = input::lines(io::stdin());
        self.prompt();
        while !self.has_failed() {
            let lines = match timeout(LOOK_EVERY, input.recv()).await {
                Err(_) => continue,
                Ok(None) => break,
                Ok(Some(lines)) => lines,
            };
            let unreadable = |error| Failure::of("standard input cannot be read", error);
            self.send(&lines.map_err(unreadable)?).await?;
            self.progress.count(self.line_number);
            self.prompt();
        }
        Ok(())
    }

    async fn send(&mut self, lines: &Lines) -> Result<(), Failure> {
        for line in lines.iter() {
            self.line_number += 1;
            let number = self.line_number;
            let refuse = |error: &dyn std::fmt::Display| {
                Failure::of(format_args!("line {number} of standard input"), error)
            };
            let read = self.format.read(line).map_err(|error| refuse(&error))?;
            let topic = self.options.topic().or(read.topic.as_deref());
            let topic =
                topic.ok_or_else(|| refuse(&"it names no topic, and no --topic is given"))?;
            if !self.known.contains(topic) {
                self.await_topic(topic).await?;
            }
            let headers = read.headers();
            let record = Record {
                topic,
                partition: self
                    .options
                    .partition
                    .or(read.partition.filter(|_| !self.options.repartition)),
                key: read.key.as_deref(),
                value: read.value.as_deref(),
                headers: &headers,
                timestamp_ms: read.timestamp_ms,
            };
            let sent = match self.producer.try_send(&record) {
                Ok(_) => Ok(()),
                Err(TrySendError::Refused(error)) => Err(error),
                Err(TrySendError::Busy(_)) => self.producer.send(&record).await.map(|_| ()),
            };
            sent.map_err(|error| refuse(&error))?;
        }
        Ok(())
    }

    /// Waits until `topic` can be written to; not for as long as a record may, since whoever has
    /// mistyped a name would wait with it.
    async fn await_topic(&mut self, topic: &str) -> Result<(), Failure> {
        match timeout(TOPIC_MAX, self.producer.partitions(topic)).await {
            Ok(Ok(_)) => {
                self.known.insert(topic.to_owned());
                Ok(())
            }
            Ok(Err(error)) => Err(Failure::new(error)),
            Err(_) => {
                let waited = TOPIC_MAX.as_secs();
                Err(Failure::new(format_args!("topic `{topic}` is not known after {waited} s"))
                    .hint(format_args!("create it with `ottla topics create {topic}`")))
            }
        }
    }

    fn has_failed(&mut self) -> bool {
        self.results.add(&self.producer.report());
        !self.results.failed.is_empty()
    }

    fn prompt(&self) {
        if self.is_prompted {
            // A terminal that is gone needs no prompt.
            let _ = write!(io::stderr(), ">");
        }
    }
}

impl Results {
    fn add(&mut self, report: &FlushReport) {
        self.delivered += report.delivered();
        for row in &report.partitions {
            if row.failed > 0 {
                let (failed, first) = self.failed.entry(row.topic_partition.clone()).or_default();
                *failed += row.failed;
                if first.is_none() {
                    first.clone_from(&row.first_error);
                }
            }
        }
    }

    fn failure(&self) -> Option<Failure> {
        if self.failed.is_empty() {
            return None;
        }
        let failed: u64 = self.failed.values().map(|(failed, _)| failed).sum();
        let all = failed + self.delivered;
        let reasons = self.failed.iter().map(|(partition, (failed, first))| {
            let reason = first.as_ref().map_or_else(String::new, |error| format!(" ({error})"));
            format!("{failed} of {partition}{reason}")
        });
        let reasons: Vec<_> = reasons.collect();
        let reasons = reasons.join("; ");
        Some(Failure::new(format_args!("{failed} of {all} records are not delivered: {reasons}")))
    }
}

#[cfg(test)]
mod tests {
    use client::PartitionReport;

    use super::*;

    fn report(partition: i32, delivered: u64, failed: u64, reason: Option<&str>) -> FlushReport {
        let error = |reason: &str| DeliveryError::Fatal { reason: reason.into() };
        FlushReport {
            partitions: vec![PartitionReport {
                topic_partition: TopicPartition::new("t", partition),
                delivered,
                failed,
                pending: 0,
                first_error: reason.map(error),
            }],
        }
    }

    #[test]
    fn what_failed_is_told_by_partition_with_counts_and_the_first_reason() {
        let mut results = Results::default();
        results.add(&report(0, 5, 0, None));
        assert_eq!(results.failure(), None);
        results.add(&report(1, 0, 2, Some("first")));
        results.add(&report(1, 0, 1, Some("second")));
        let failure = results.failure().unwrap();
        let line = &failure.lines()[0];
        assert!(line.starts_with("3 of 8 records are not delivered: 3 of t-1 ("), "{line}");
        assert!(line.contains("first") && !line.contains("second"), "{line}");
    }
}
