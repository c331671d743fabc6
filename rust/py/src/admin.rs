//! The admin client: topics, configurations, records, groups, transactions, the cluster.

mod groups;
mod lag;
mod transactions;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base::{NodeId, TopicPartition};
use client::{
    AdminConfig, AdminError, ConfigChange, ConfigOperation, ConfigResource, ConfigSource,
    IsolationLevel, NewTopic, OffsetSpec, ResourceType, TopicScope,
};
use pyo3::exceptions::PyValueError;
use pyo3::{Python, pyclass, pymethods};

use crate::error::Error;
use crate::fork::ProcessBound;
use crate::runtime;
pub(crate) use groups::Groups;
pub(crate) use transactions::Transactions;

/// A topic to be created: name, partitions, replicas of each, configuration.
type TopicToCreate = (String, Option<i32>, Option<i16>, BTreeMap<String, Option<String>>);

/// A partition: number, leader, leader epoch, replicas, those in sync, those offline.
type PartitionRow = (i32, Option<i32>, i32, Vec<i32>, Vec<i32>, Vec<i32>);

/// A topic: name, id, whether it is Kafka's own, partitions.
type TopicRow = (String, String, bool, Vec<PartitionRow>);

/// A configuration key: name, value, where that comes from, whether it is read only, whether it is
/// secret.
type ConfigRow = (String, Option<String>, String, bool, bool);

/// A broker: number, host, port, rack.
type BrokerRow = (i32, String, u16, Option<String>);

/// A log directory: broker, path, bytes of its volume, free ones, and topic, partition and bytes of
/// each replica.
type LogDirectoryRow = (i32, String, Option<u64>, Option<u64>, Vec<(String, i32, i64)>);

/// A partition by its topic's name and its number.
type Place = (String, i32);

/// An admin client.
#[pyclass(frozen, module = "ottla._core")]
#[derive(Debug)]
pub(crate) struct Admin {
    inner: ProcessBound<Arc<Inner>>,
    #[pyo3(get)]
    warnings: Vec<String>,
}

#[derive(Debug)]
struct Inner {
    client: client::Admin,
    closed: AtomicBool,
}

#[pymethods]
impl Admin {
    /// Connects; raises if no broker answers.
    #[new]
    fn connect(py: Python<'_>, pairs: Vec<(String, String)>) -> Result<Self, Error> {
        let (config, warnings) = AdminConfig::from_pairs(pairs)?;
        let handle = runtime::handle()?;
        let connected = runtime::wait(py, None, client::Admin::connect(config, &handle))?;
        let client = connected.ok_or(Error::Interrupted)??;
        let warnings = warnings.iter().map(|w| format!("{}: {}", w.key, w.reason)).collect();
        let inner = Arc::new(Inner { client, closed: AtomicBool::new(false) });
        Ok(Self { inner: ProcessBound::new(inner), warnings })
    }

    /// Creates topics, or only checks whether it could.
    fn create_topics(
        &self,
        py: Python<'_>,
        topics: Vec<TopicToCreate>,
        validate_only: bool,
    ) -> Result<(), Error> {
        let new = |(name, partitions, replication_factor, configs)| NewTopic {
            name,
            partitions,
            replication_factor,
            configs,
            ..NewTopic::default()
        };
        let topics: Vec<_> = topics.into_iter().map(new).collect();
        let created = ask(py, self.open()?.create_topics(&topics, validate_only))?;
        each(created, |topic| format!("topic {topic}")).map(|_| ())
    }

    /// Deletes topics.
    fn delete_topics(&self, py: Python<'_>, names: Vec<String>) -> Result<(), Error> {
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let deleted = ask(py, self.open()?.delete_topics(&names))?;
        each(deleted, |topic| format!("topic {topic}")).map(|_| ())
    }

    /// All topics: name, number of partitions, whether it is Kafka's own.
    fn list_topics(&self, py: Python<'_>) -> Result<Vec<(String, usize, bool)>, Error> {
        let listed = ask(py, self.open()?.list_topics())?;
        let row = |topic: client::TopicListing| (topic.name, topic.partitions, topic.is_internal);
        Ok(listed.into_iter().map(row).collect())
    }

    /// Some topics in full.
    fn describe_topics(&self, py: Python<'_>, names: Vec<String>) -> Result<Vec<TopicRow>, Error> {
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let described = ask(py, self.open()?.describe_topics(&names))?;
        let topics = each(described, |topic| format!("topic {topic}"))?.into_iter();
        Ok(topics.map(|(_, topic)| topic_row(topic)).collect())
    }

    /// Gives topics more partitions: the number is how many there are then.
    fn create_partitions(
        &self,
        py: Python<'_>,
        counts: Vec<(String, i32)>,
        validate_only: bool,
    ) -> Result<(), Error> {
        let counts: Vec<_> = counts.iter().map(|(name, count)| (name.as_str(), *count)).collect();
        let created = ask(py, self.open()?.create_partitions(&counts, validate_only))?;
        each(created, |topic| format!("topic {topic}")).map(|_| ())
    }

    /// The configuration of a topic, broker or group.
    fn describe_configs(
        &self,
        py: Python<'_>,
        kind: &str,
        name: &str,
    ) -> Result<Vec<ConfigRow>, Error> {
        let resource = resource(kind, name)?;
        let described = ask(py, self.open()?.describe_configs(&[resource]))?;
        let resources = each(described, |resource| about(&resource))?.into_iter();
        let entries = resources.flat_map(|(_, entries)| entries);
        let row = |entry: client::ConfigEntry| {
            let source = source_name(entry.source);
            (entry.name, entry.value, source, entry.is_read_only, entry.is_sensitive)
        };
        Ok(entries.map(row).collect())
    }

    /// Changes keys of a topic, broker or group; a value of None goes back to the default.
    fn alter_configs(
        &self,
        py: Python<'_>,
        kind: &str,
        name: &str,
        changes: BTreeMap<String, Option<String>>,
        validate_only: bool,
    ) -> Result<(), Error> {
        let change = |(name, value): (String, Option<String>)| ConfigChange {
            name,
            operation: value.as_ref().map_or(ConfigOperation::Delete, |_| ConfigOperation::Set),
            value,
        };
        let changes = (resource(kind, name)?, changes.into_iter().map(change).collect());
        let altered = ask(py, self.open()?.alter_configs(&[changes], validate_only))?;
        each(altered, |resource| about(&resource)).map(|_| ())
    }

    /// Deletes the records before each offset; answers where the logs start then.
    fn delete_records(
        &self,
        py: Python<'_>,
        offsets: Vec<(Place, i64)>,
    ) -> Result<Vec<(Place, i64)>, Error> {
        let named = |((topic, partition), offset): (Place, i64)| {
            (TopicPartition::new(topic, partition), offset)
        };
        let offsets: Vec<_> = offsets.into_iter().map(named).collect();
        let deleted = ask(py, self.open()?.delete_records(&offsets))?;
        let starts = each(deleted, |partition| partition.to_string())?.into_iter();
        let row = |(partition, start): (TopicPartition, i64)| (place_of(&partition), start);
        Ok(starts.map(row).collect())
    }

    /// The cluster: id, the broker that speaks for the controller, all brokers.
    fn describe_cluster(
        &self,
        py: Python<'_>,
    ) -> Result<(String, Option<i32>, Vec<BrokerRow>), Error> {
        let cluster = ask(py, self.open()?.describe_cluster())?;
        let brokers = cluster.brokers.into_iter();
        let brokers = brokers.map(|broker| (broker.node.0, broker.host, broker.port, broker.rack));
        Ok((cluster.cluster_id, cluster.controller.map(|node| node.0), brokers.collect()))
    }

    /// The log directories of every broker.
    fn describe_log_dirs(&self, py: Python<'_>) -> Result<Vec<LogDirectoryRow>, Error> {
        let described = ask(py, self.open()?.describe_log_dirs())?;
        let mut rows = Vec::new();
        for (node, directories) in each(described, |node: NodeId| format!("broker {node}"))? {
            for directory in directories {
                if let Some(error) = directory.error {
                    return Err(Error::Admin { about: directory.path, error });
                }
                let replicas = directory.replicas.into_iter().map(|replica| {
                    let TopicPartition { topic, partition } = replica.topic_partition;
                    (topic.to_string(), partition.0, replica.size_bytes)
                });
                let (total, usable) = (directory.total_bytes, directory.usable_bytes);
                rows.push((node.0, directory.path, total, usable, replicas.collect()));
            }
        }
        Ok(rows)
    }

    /// An offset of each partition of a topic: `place` is "earliest", "latest", "`max_timestamp`",
    /// or "timestamp" with the milliseconds since 1970.
    fn list_offsets(
        &self,
        py: Python<'_>,
        topic: &str,
        place: &str,
        timestamp_ms: i64,
    ) -> Result<Vec<(Place, Option<i64>)>, Error> {
        let spec = match place {
            "earliest" => OffsetSpec::Earliest,
            "latest" => OffsetSpec::Latest,
            "max_timestamp" => OffsetSpec::MaxTimestamp,
            "timestamp" => OffsetSpec::Timestamp(timestamp_ms),
            _ => return Err(Error::Python(PyValueError::new_err(format!("no place {place:?}")))),
        };
        let admin = self.open()?;
        let found = ask(py, async {
            let named = admin.expand(&[TopicScope::whole(topic)]).await;
            let named = match named {
                Ok(named) => named.into_iter().map(|name| (name, spec)).collect::<Vec<_>>(),
                Err(refused) => return Ok(Err(refused)),
            };
            Ok(Ok(admin.list_offsets(&named, IsolationLevel::ReadUncommitted).await))
        })?;
        let found = found.map_err(|(about, error)| Error::Admin { about, error })?;
        let found = each(found, |name| name.to_string())?.into_iter();
        Ok(found.map(|(name, found)| (place_of(&name), found.offset)).collect())
    }

    /// What there is to do with transactions.
    #[getter]
    fn transactions(&self) -> Result<Transactions, Error> {
        Ok(Transactions::of(self.inner.get()?.clone()))
    }

    /// What there is to do with groups.
    #[getter]
    fn groups(&self) -> Result<Groups, Error> {
        Ok(Groups::of(self.inner.get()?.clone()))
    }

    /// Closes the connections; a second call does nothing.
    fn close(&self, py: Python<'_>) -> Result<(), Error> {
        let inner = self.inner.get()?;
        if inner.closed.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        runtime::wait(py, None, inner.client.close()).map(|_| ())
    }

    #[getter]
    fn is_closed(&self) -> Result<bool, Error> {
        Ok(self.inner.get()?.closed.load(Ordering::Relaxed))
    }
}

impl Admin {
    fn open(&self) -> Result<&client::Admin, Error> {
        self.inner.get()?.open()
    }
}

impl Inner {
    fn open(&self) -> Result<&client::Admin, Error> {
        if self.closed.load(Ordering::Relaxed) {
            return Err(Error::Closed("admin client"));
        }
        Ok(&self.client)
    }
}

fn ask<T: Send>(
    py: Python<'_>,
    question: impl Future<Output = Result<T, AdminError>> + Send,
) -> Result<T, Error> {
    let answer = runtime::wait(py, None, question)?.ok_or(Error::Interrupted)?;
    answer.map_err(|error| Error::Admin { about: String::new(), error })
}

fn place_of(partition: &TopicPartition) -> Place {
    (partition.topic.to_string(), partition.partition.0)
}

/// The results, or the first refusal and what it is about.
fn each<K: Clone, V>(
    results: Vec<(K, Result<V, AdminError>)>,
    about: impl Fn(K) -> String,
) -> Result<Vec<(K, V)>, Error> {
    let mut good = Vec::with_capacity(results.len());
    for (key, result) in results {
        match result {
            Ok(value) => good.push((key, value)),
            Err(error) => return Err(Error::Admin { about: about(key), error }),
        }
    }
    Ok(good)
}

fn resource(kind: &str, name: &str) -> Result<ConfigResource, Error> {
    let kind = match kind {
        "topic" => ResourceType::Topic,
        "broker" => ResourceType::Broker,
        "group" => ResourceType::Group,
        _ => {
            let message =
                format!("{kind:?} has no configuration: it is of a topic, a broker or a group");
            return Err(Error::Python(PyValueError::new_err(message)));
        }
    };
    Ok(ConfigResource { kind, name: name.to_owned() })
}

fn about(resource: &ConfigResource) -> String {
    match resource.kind {
        ResourceType::Topic => format!("topic {}", resource.name),
        ResourceType::Broker => format!("broker {}", resource.name),
        ResourceType::Group => format!("group {}", resource.name),
    }
}

fn source_name(source: ConfigSource) -> String {
    match source {
        ConfigSource::Topic => "topic".to_owned(),
        ConfigSource::DynamicBroker => "dynamic broker".to_owned(),
        ConfigSource::DynamicDefaultBroker => "dynamic default".to_owned(),
        ConfigSource::StaticBroker => "static broker".to_owned(),
        ConfigSource::Default => "default".to_owned(),
        ConfigSource::Group => "group".to_owned(),
        ConfigSource::Other(number) => format!("source {number}"),
    }
}

fn topic_row(topic: client::TopicDescription) -> TopicRow {
    let numbers = |nodes: Vec<NodeId>| nodes.into_iter().map(|node| node.0).collect();
    let partitions = topic.partitions.into_iter().map(|row| {
        let leader = row.leader.map(|node| node.0);
        let (replicas, in_sync) = (numbers(row.replicas), numbers(row.in_sync_replicas));
        let offline = numbers(row.offline_replicas);
        (row.partition, leader, row.leader_epoch.0, replicas, in_sync, offline)
    });
    (topic.name, topic.id.to_string(), topic.is_internal, partitions.collect())
}
