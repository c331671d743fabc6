//! `ottla topics describe`: Kafka's header line for each topic, and a table of its partitions.

use std::collections::BTreeMap;
use std::fmt;
use std::process::ExitCode;

use clap::Args;
use client::{Admin, ConfigResource, ConfigSource, PartitionDescription, TopicDescription};
use serde::Serialize;

use crate::connection::ConnectionOptions;
use crate::failure::Failure;
use crate::report::{ReportOptions, WatchOptions};
use crate::table::{Table, list};
use crate::topic_names::TopicNames;

#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    topics: TopicNames,
    #[command(flatten)]
    only: Only,
    /// Leave out the topics that belong to the brokers, as `__consumer_offsets`.
    #[arg(long)]
    exclude_internal: bool,
    /// Do not complain of topics that there are not.
    #[arg(long)]
    if_exists: bool,
    #[command(flatten)]
    report: ReportOptions,
    #[command(flatten)]
    watch: WatchOptions,
    #[command(flatten)]
    connection: ConnectionOptions,
}

/// Which partitions are of interest; all that any of these asks for, or all if none is given.
#[derive(Clone, Copy, Debug, Default, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of Kafka's own tool")]
struct Only {
    /// Only partitions that lack a replica in sync.
    #[arg(long)]
    under_replicated_partitions: bool,
    /// Only partitions without a leader.
    #[arg(long)]
    unavailable_partitions: bool,
    /// Only partitions with fewer replicas in sync than `min.insync.replicas`.
    #[arg(long)]
    under_min_isr_partitions: bool,
    /// Only partitions with just as many replicas in sync as `min.insync.replicas`.
    #[arg(long)]
    at_min_isr_partitions: bool,
    /// Only topics with settings of their own.
    #[arg(long)]
    topics_with_overrides: bool,
}

#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Descriptions(Vec<DescribedTopic>);

#[derive(Debug, Serialize)]
struct DescribedTopic {
    topic: String,
    id: String,
    is_internal: bool,
    partition_count: usize,
    replication_factor: usize,
    /// What was set on the topic itself.
    configs: BTreeMap<String, Option<String>>,
    #[serde(skip)]
    min_in_sync_replicas: usize,
    partitions: Vec<DescribedPartition>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct DescribedPartition {
    partition: i32,
    leader: Option<i32>,
    leader_epoch: i32,
    replicas: Vec<i32>,
    in_sync_replicas: Vec<i32>,
    offline_replicas: Vec<i32>,
}

pub(crate) fn run(options: &Options) -> ExitCode {
    options.watch.run(async || {
        let admin = options.connection.admin().await?;
        options.watch.show(options.report, async || options.look(&admin).await).await
    })
}

impl Options {
    async fn look(&self, admin: &Admin) -> Result<Descriptions, Failure> {
        let names = match self.topics.given() {
            named if !named.is_empty() => named.into_iter().map(str::to_owned).collect(),
            _ => {
                let mut all = admin.list_topics().await.map_err(Failure::new)?;
                all.retain(|topic| !(topic.is_internal && self.exclude_internal));
                all.sort_unstable_by(|a, b| a.name.cmp(&b.name));
                all.into_iter().map(|topic| topic.name).collect::<Vec<_>>()
            }
        };
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let described = admin.describe_topics(&names).await.map_err(Failure::new)?;
        let (mut topics, mut failed) = (Vec::new(), Vec::new());
        for (name, result) in described {
            let unknown = Some(base::ErrorCode::UnknownTopicOrPartition);
            match result {
                Ok(description) => {
                    let mut topic = DescribedTopic::new(description);
                    topic.add_configs(admin).await?;
                    topics.extend(self.only.narrow(topic));
                }
                Err(error) if error.code() == unknown && self.if_exists => {}
                Err(error) => failed.push(Failure::of(name, error)),
            }
        }
        Failure::all(failed)?;
        Ok(Descriptions(topics))
    }
}

impl DescribedTopic {
    fn new(description: TopicDescription) -> Self {
        let replicas = description.partitions.first().map_or(0, |row| row.replicas.len());
        Self {
            topic: description.name,
            id: description.id.to_string(),
            is_internal: description.is_internal,
            partition_count: description.partitions.len(),
            replication_factor: replicas,
            configs: BTreeMap::new(),
            min_in_sync_replicas: 1,
            partitions: description.partitions.iter().map(DescribedPartition::new).collect(),
        }
    }

    async fn add_configs(&mut self, admin: &Admin) -> Result<(), Failure> {
        let resource = ConfigResource::topic(&self.topic);
        let described = admin.describe_configs(&[resource]).await.map_err(Failure::new)?;
        for (_, entries) in described {
            for entry in entries.map_err(|error| Failure::of(&self.topic, error))? {
                if entry.name == "min.insync.replicas" {
                    let count = entry.value.as_deref().and_then(|value| value.parse().ok());
                    self.min_in_sync_replicas = count.unwrap_or(1);
                }
                if entry.source == ConfigSource::Topic {
                    self.configs.insert(entry.name, entry.value);
                }
            }
        }
        Ok(())
    }
}

impl DescribedPartition {
    fn new(row: &PartitionDescription) -> Self {
        let numbers = |nodes: &[base::NodeId]| nodes.iter().map(|node| node.0).collect();
        Self {
            partition: row.partition,
            leader: row.leader.map(|node| node.0),
            leader_epoch: row.leader_epoch.0,
            replicas: numbers(&row.replicas),
            in_sync_replicas: numbers(&row.in_sync_replicas),
            offline_replicas: numbers(&row.offline_replicas),
        }
    }
}

impl Only {
    /// The topic with the partitions that are asked for, if it has any.
    fn narrow(self, mut topic: DescribedTopic) -> Option<DescribedTopic> {
        if self.topics_with_overrides && topic.configs.is_empty() {
            return None;
        }
        let asks_for_partitions = self.under_replicated_partitions
            || self.unavailable_partitions
            || self.under_min_isr_partitions
            || self.at_min_isr_partitions;
        if asks_for_partitions {
            let min = topic.min_in_sync_replicas;
            topic.partitions.retain(|partition| self.has(partition, min));
            return (!topic.partitions.is_empty()).then_some(topic);
        }
        Some(topic)
    }

    fn has(self, partition: &DescribedPartition, min_in_sync: usize) -> bool {
        let in_sync = partition.in_sync_replicas.len();
        self.under_replicated_partitions && in_sync < partition.replicas.len()
            || self.unavailable_partitions && partition.leader.is_none()
            || self.under_min_isr_partitions && in_sync < min_in_sync
            || self.at_min_isr_partitions && in_sync == min_in_sync
    }
}

impl fmt::Display for Descriptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, topic) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            let (name, id) = (&topic.topic, &topic.id);
            let (partitions, replicas) = (topic.partition_count, topic.replication_factor);
            write!(f, "Topic: {name}  TopicId: {id}  PartitionCount: {partitions}")?;
            write!(f, "  ReplicationFactor: {replicas}  Configs: ")?;
            let configs = topic.configs.iter();
            let configs =
                list(configs.map(|(key, value)| {
                    format!("{key}={}", value.as_deref().unwrap_or("(secret)"))
                }));
            writeln!(f, "{}", if configs.is_empty() { "-" } else { &configs })?;
            write!(f, "{}", partition_table(&topic.partitions))?;
        }
        Ok(())
    }
}

fn partition_table(partitions: &[DescribedPartition]) -> Table {
    let columns = ["PARTITION#", "LEADER#", "EPOCH#", "REPLICAS", "ISR", "OFFLINE"];
    let mut table = Table::new(columns);
    for row in partitions {
        table.row([
            row.partition.to_string(),
            row.leader.map_or_else(|| "none".to_owned(), |leader| leader.to_string()),
            row.leader_epoch.to_string(),
            list(&row.replicas),
            list(&row.in_sync_replicas),
            list(&row.offline_replicas),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic() -> DescribedTopic {
        let partition = |partition, leader, in_sync: &[i32]| DescribedPartition {
            partition,
            leader,
            leader_epoch: 7,
            replicas: vec![1, 2, 3],
            in_sync_replicas: in_sync.to_vec(),
            offline_replicas: Vec::new(),
        };
        let partitions = [(0, Some(1), &[1, 2, 3][..]), (1, Some(1), &[1, 2]), (2, None, &[1])];
        DescribedTopic {
            topic: "t".into(),
            id: "i".into(),
            is_internal: false,
            partition_count: 3,
            replication_factor: 3,
            configs: [("retention.ms".to_owned(), Some("5".to_owned()))].into(),
            min_in_sync_replicas: 2,
            partitions: partitions.map(|(index, leader, isr)| partition(index, leader, isr)).into(),
        }
    }

    fn narrowed(only: Only) -> Vec<i32> {
        let topic = only.narrow(topic());
        topic.map_or(Vec::new(), |topic| topic.partitions.iter().map(|p| p.partition).collect())
    }

    #[test]
    fn partitions_are_narrowed_to_those_in_trouble() {
        let none = Only::default();
        assert_eq!(narrowed(none), [0, 1, 2]);
        assert_eq!(narrowed(Only { under_replicated_partitions: true, ..none }), [1, 2]);
        assert_eq!(narrowed(Only { unavailable_partitions: true, ..none }), [2]);
        assert_eq!(narrowed(Only { under_min_isr_partitions: true, ..none }), [2]);
        assert_eq!(narrowed(Only { at_min_isr_partitions: true, ..none }), [1]);
        assert_eq!(narrowed(Only { topics_with_overrides: true, ..none }), [0, 1, 2]);
        let plain = DescribedTopic { configs: BTreeMap::new(), ..topic() };
        assert!(Only { topics_with_overrides: true, ..none }.narrow(plain).is_none());
    }

    #[test]
    fn a_topic_is_described_as_kafka_does_it_with_a_table_below() {
        let mut topic = topic();
        topic.partitions.truncate(1);
        let text = Descriptions(vec![topic]).to_string();
        let expected = "Topic: t  TopicId: i  PartitionCount: 3  ReplicationFactor: 3  \
                        Configs: retention.ms=5\n\
                        PARTITION  LEADER  EPOCH  REPLICAS  ISR    OFFLINE\n\
                        \u{20}       0       1      7  1,2,3     1,2,3  -\n";
        assert_eq!(text, expected);
    }
}
