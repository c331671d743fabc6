//! Creates topics: names, partitions, replicas and configs are checked topic by topic, and one
//! refusal leaves the others alone.

use std::collections::BTreeMap;

use base::{ErrorCode, NodeId, PartitionIndex, Rng, TopicId, Uuid};

use super::alter_configs::RequestedConfigs;
use super::config_rules::ConfigRules;
use super::decision::{Answers, Decision, Records, Rejection, repeated};
use super::manual_assignment::check_manual_assignment;
use super::placement::{new_partition, place};
use super::topic_name::check_new_topic_name;
use crate::image::{ConfigEntity, Configs, MetadataImage, PartitionImage};
use crate::record::{ConfigRecord, MetadataRecord, TopicRecord};

/// Topics to create.
#[derive(Clone, Debug)]
pub struct CreateTopics {
    /// The topics.
    pub topics: Vec<NewTopic>,
    /// Whether only to say what would happen.
    pub validate_only: bool,
    /// How many partitions a topic gets that asks for -1 (`num.partitions`).
    pub default_partitions: i32,
    /// How many replicas a topic gets that asks for -1 (`default.replication.factor`).
    pub default_replication_factor: i16,
}

/// A topic to create.
#[derive(Clone, Debug)]
pub struct NewTopic {
    /// Its name.
    pub name: String,
    /// How many partitions, or -1.
    pub partitions: i32,
    /// How many replicas, or -1.
    pub replication_factor: i16,
    /// The brokers of each partition, if the request names them.
    pub assignments: Vec<(PartitionIndex, Vec<NodeId>)>,
    /// Its configs; null values are refused.
    pub configs: RequestedConfigs,
}

/// A topic that will exist once the decision is committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreatedTopic {
    /// Its id.
    pub id: TopicId,
    /// How many partitions it has.
    pub partitions: i32,
    /// How many replicas its first partition has.
    pub replication_factor: i16,
    /// What it was configured with.
    pub configs: Configs,
}

impl NewTopic {
    /// A topic with the broker's defaults, as auto-creation wants it.
    pub fn with_defaults(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            partitions: -1,
            replication_factor: -1,
            assignments: Vec::new(),
            configs: Vec::new(),
        }
    }
}

impl CreateTopics {
    /// Decides on `image`; the reply has one answer for each name. A request that would cause too
    /// many records is refused whole.
    pub fn decide(
        &self,
        image: &MetadataImage,
        rules: &dyn ConfigRules,
        rng: &mut dyn Rng,
    ) -> Result<Decision<Answers<String, CreatedTopic>>, Rejection> {
        let repeated = repeated(self.topics.iter().map(|topic| &topic.name));
        let mut records = Records::default();
        let mut answers = Answers::new();
        for topic in &self.topics {
            let answer = if repeated.contains(&topic.name) {
                Err(Rejection::new(ErrorCode::InvalidRequest, "Duplicate topic name."))
            } else {
                self.create(topic, image, rules, rng, &mut records)
            };
            answers.insert(topic.name.clone(), answer);
        }
        records.decide(self.validate_only, answers)
    }

    fn create(
        &self,
        topic: &NewTopic,
        image: &MetadataImage,
        rules: &dyn ConfigRules,
        rng: &mut dyn Rng,
        records: &mut Records,
    ) -> Result<CreatedTopic, Rejection> {
        check_new_topic_name(image, &topic.name)?;
        let configs = check_configs(topic, image, rules)?;
        let count = self.partition_count(topic)?;
        records.check_room(count.saturating_add(configs.len()).saturating_add(1))?;
        let partitions = self.partitions(topic, count, image, rng)?;
        let created = CreatedTopic {
            id: TopicId(Uuid::random(rng)),
            partitions: partitions.len() as i32,
            replication_factor: partitions.first().map_or(0, |p| p.replicas.len()) as i16,
            configs,
        };
        records.extend(topic_records(&topic.name, &created, &partitions))?;
        Ok(created)
    }

    /// How many partitions the topic will have, or why it cannot have what it asks for.
    fn partition_count(&self, topic: &NewTopic) -> Result<usize, Rejection> {
        let invalid = |code, message| Err(Rejection::new(code, message));
        if !topic.assignments.is_empty() {
            let prefix = "A manual partition assignment was specified, but";
            if topic.replication_factor != -1 {
                let message = format!("{prefix} replication factor was not set to -1.");
                return invalid(ErrorCode::InvalidRequest, message);
            }
            if topic.partitions != -1 {
                let message = format!("{prefix} numPartitions was not set to -1.");
                return invalid(ErrorCode::InvalidRequest, message);
            }
            return Ok(topic.assignments.len());
        }
        if topic.replication_factor < -1 || topic.replication_factor == 0 {
            let message =
                "Replication factor must be larger than 0, or -1 to use the default value.";
            return invalid(ErrorCode::InvalidReplicationFactor, message.to_owned());
        }
        if topic.partitions < -1 || topic.partitions == 0 {
            let message = "Number of partitions was set to an invalid non-positive value.";
            return invalid(ErrorCode::InvalidPartitions, message.to_owned());
        }
        let count = if topic.partitions == -1 { self.default_partitions } else { topic.partitions };
        Ok(count as usize)
    }

    fn partitions(
        &self,
        topic: &NewTopic,
        count: usize,
        image: &MetadataImage,
        rng: &mut dyn Rng,
    ) -> Result<Vec<PartitionImage>, Rejection> {
        if !topic.assignments.is_empty() {
            return assigned_partitions(&topic.assignments, image);
        }
        let replication_factor = match topic.replication_factor {
            -1 => self.default_replication_factor,
            own => own,
        };
        let unable = |why: String| {
            let message =
                format!("Unable to replicate the partition {replication_factor} time(s): {why}");
            Rejection::new(ErrorCode::InvalidReplicationFactor, message)
        };
        let placed = place(image, count, replication_factor as usize, rng)
            .map_err(|rejection| unable(rejection.message))?;
        let none_active = "All brokers are currently fenced or in controlled shutdown.";
        let partition = |replicas: &Vec<NodeId>| {
            new_partition(image, replicas).ok_or_else(|| unable(none_active.to_owned()))
        };
        placed.iter().map(partition).collect()
    }
}

fn assigned_partitions(
    assignments: &[(PartitionIndex, Vec<NodeId>)],
    image: &MetadataImage,
) -> Result<Vec<PartitionImage>, Rejection> {
    let invalid = |message: String| Rejection::new(ErrorCode::InvalidReplicaAssignment, message);
    let mut partitions = BTreeMap::new();
    let mut replication_factor = None;
    for (index, replicas) in assignments {
        if partitions.contains_key(index) {
            let message =
                format!("Found multiple manual partition assignments for partition {index}");
            return Err(invalid(message));
        }
        check_manual_assignment(image, replicas, replication_factor)?;
        replication_factor = Some(replicas.len());
        let partition = new_partition(image, replicas).ok_or_else(|| {
            invalid(format!(
                "All brokers specified in the manual partition assignment for partition {index} \
                are fenced or in controlled \
                 shutdown."
            ))
        })?;
        partitions.insert(index, partition);
    }
    if partitions.keys().enumerate().any(|(expected, index)| index.0 != expected as i32) {
        let message = "partitions should be a consecutive 0-based integer sequence";
        return Err(invalid(message.to_owned()));
    }
    Ok(partitions.into_values().collect())
}

fn check_configs(
    topic: &NewTopic,
    image: &MetadataImage,
    rules: &dyn ConfigRules,
) -> Result<Configs, Rejection> {
    let nulls = topic.configs.iter().filter(|(_, value)| value.is_none());
    let nulls: Vec<&str> = nulls.map(|(key, _)| key.as_str()).collect();
    if !nulls.is_empty() {
        let message = format!("Null value not supported for topic configs: {}", nulls.join(","));
        return Err(Rejection::new(ErrorCode::InvalidConfig, message));
    }
    let configs =
        topic.configs.iter().filter_map(|(key, value)| Some((key.clone(), value.clone()?)));
    rules.accept(image, &ConfigEntity::Topic(topic.name.clone()), configs.collect())
}

/// The topic, then its configs, then its partitions: whoever acts on the records finds the configs
/// there.
fn topic_records(
    name: &str,
    created: &CreatedTopic,
    partitions: &[PartitionImage],
) -> Vec<MetadataRecord> {
    let topic = TopicRecord { name: name.to_owned(), topic_id: created.id.0 };
    let entity = ConfigEntity::Topic(name.to_owned());
    let configs = created.configs.iter().map(|(key, value)| {
        let record = ConfigRecord {
            resource_type: entity.resource_type(),
            resource_name: entity.resource_name(),
            name: key.clone(),
            value: Some(value.clone()),
        };
        record.into()
    });
    let partitions = partitions.iter().enumerate().map(|(index, partition)| {
        partition.to_record(created.id, PartitionIndex(index as i32)).into()
    });
    std::iter::once(topic.into()).chain(configs).chain(partitions).collect()
}
