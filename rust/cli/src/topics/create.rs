//! `ottla topics create`.

use std::collections::BTreeMap;
use std::fmt;
use std::process::ExitCode;

use base::{ErrorCode, NodeId};
use clap::Args;
use client::{AdminError, CreatedTopic, NewTopic};
use serde::Serialize;

use crate::connection::{ConnectionOptions, key_value};
use crate::failure::Failure;
use crate::report::ReportOptions;
use crate::session;
use crate::topic_names::TopicNames;

#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    topics: TopicNames,
    /// How many partitions each has; the broker's `num.partitions` otherwise.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(i32).range(1..))]
    partitions: Option<i32>,
    /// How many replicas each partition has; the broker's `default.replication.factor` otherwise.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(i16).range(1..))]
    replication_factor: Option<i16>,
    /// Which brokers have the replicas, the preferred leader first: partitions by commas, brokers
    /// by colons.
    #[arg(
        long,
        value_name = "BROKER:BROKER,...",
        conflicts_with_all = ["partitions", "replication_factor"],
        value_parser = assignments
    )]
    replica_assignment: Option<Assignments>,
    /// A setting of the topics; may be given several times.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    config: Vec<(String, String)>,
    /// Leave topics alone that exist.
    #[arg(long)]
    if_not_exists: bool,
    /// Only check whether it could be done.
    #[arg(long, alias = "validate-only")]
    dry_run: bool,
    #[command(flatten)]
    report: ReportOptions,
    #[command(flatten)]
    connection: ConnectionOptions,
}

type Assignments = BTreeMap<i32, Vec<NodeId>>;

/// What was created.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Created(Vec<Row>);

#[derive(Debug, Serialize)]
struct Row {
    topic: String,
    id: String,
    partitions: Option<i32>,
    replication_factor: Option<i16>,
    dry_run: bool,
}

pub(crate) fn run(options: &Options) -> ExitCode {
    session::run_to_end(async || {
        let new = |name: &&str| NewTopic {
            name: (*name).to_owned(),
            partitions: options.partitions,
            replication_factor: options.replication_factor,
            assignments: options.replica_assignment.clone().unwrap_or_default(),
            configs: options.config.iter().map(|(k, v)| (k.clone(), Some(v.clone()))).collect(),
        };
        let topics: Vec<_> = options.topics.required()?.iter().map(new).collect();
        let admin = options.connection.admin().await?;
        let results = admin.create_topics(&topics, options.dry_run).await;
        let (created, failed) = options.read(results.map_err(Failure::new)?);
        options.report.print(&created)?;
        Failure::all(failed)
    })
}

impl Options {
    fn read(
        &self,
        results: Vec<(String, Result<CreatedTopic, AdminError>)>,
    ) -> (Created, Vec<Failure>) {
        let (mut created, mut failed) = (Vec::new(), Vec::new());
        for (topic, result) in results {
            match result {
                Ok(topic_created) => created.push(Row {
                    topic,
                    id: topic_created.id.to_string(),
                    partitions: topic_created.partitions,
                    replication_factor: topic_created.replication_factor,
                    dry_run: self.dry_run,
                }),
                Err(error) if error.code() == Some(ErrorCode::TopicAlreadyExists) => {
                    if !self.if_not_exists {
                        let hint = "--if-not-exists leaves it alone";
                        failed.push(Failure::of(topic, error).hint(hint));
                    }
                }
                Err(error) => failed.push(Failure::of(topic, error)),
            }
        }
        (Created(created), failed)
    }
}

impl fmt::Display for Created {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in &self.0 {
            let verb = if row.dry_run { "would create" } else { "created" };
            write!(f, "{verb} topic {}", row.topic)?;
            // Brokers older than Kafka 2.4 do not say.
            if let (Some(partitions), Some(replicas)) = (row.partitions, row.replication_factor) {
                write!(f, " (partitions: {partitions}, replication factor: {replicas})")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

fn assignments(text: &str) -> Result<Assignments, String> {
    let brokers = |partition: &str| {
        let brokers = partition.split(':').map(|broker| broker.trim().parse().map(NodeId));
        brokers.collect::<Result<Vec<_>, _>>()
    };
    let partitions = text.split(',').map(brokers).collect::<Result<Vec<_>, _>>();
    let partitions = partitions.map_err(|_| "expected numbers of brokers, as 1:2,2:1")?;
    Ok((0..).zip(partitions).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assignment_has_a_list_of_brokers_for_each_partition() {
        let read = assignments("1:2,2:1").unwrap();
        let nodes = |ids: &[i32]| ids.iter().copied().map(NodeId).collect::<Vec<_>>();
        assert_eq!(read, [(0, nodes(&[1, 2])), (1, nodes(&[2, 1]))].into());
        assert!(assignments("1:,2").is_err() && assignments("").is_err());
    }
}
