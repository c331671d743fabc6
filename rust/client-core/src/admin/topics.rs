//! Topics: create, delete, list, describe, add partitions.

use std::collections::BTreeMap;
use std::time::Duration;

use base::{ErrorCode, LeaderEpoch, NodeId, TopicId};
use wire::create_partitions::{CreatePartitionsRequest, CreatePartitionsTopic};
use wire::create_topics::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig, CreatableTopicResult,
    CreateTopicsRequest,
};
use wire::delete_topics::{DeleteTopicState, DeleteTopicsRequest};
use wire::metadata::{MetadataRequest, MetadataRequestTopic, MetadataResponseTopic};

use super::{Each, code, each, unless_moved};
use crate::inquiry::{Inquiry, InquiryError, Reading, Target};

/// A topic to be created.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewTopic {
    /// Its name.
    pub name: String,
    /// How many partitions; `num.partitions` if `None`.
    pub partitions: Option<i32>,
    /// How many replicas of each; `default.replication.factor` if `None`.
    pub replication_factor: Option<i16>,
    /// Which brokers have the replicas of which partition, the preferred leader first; instead of
    /// the two above.
    pub assignments: BTreeMap<i32, Vec<NodeId>>,
    /// Its configuration; a value of `None` is Kafka's "null".
    pub configs: BTreeMap<String, Option<String>>,
}

/// A topic that was created, as far as the broker says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreatedTopic {
    /// Its identity.
    pub id: TopicId,
    /// How many partitions it has.
    pub partitions: Option<i32>,
    /// How many replicas of each.
    pub replication_factor: Option<i16>,
    /// Its whole configuration.
    pub configs: BTreeMap<String, Option<String>>,
}

/// A topic in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicListing {
    /// Its name.
    pub name: String,
    /// Its identity.
    pub id: TopicId,
    /// Whether it is one of Kafka's own.
    pub is_internal: bool,
    /// How many partitions it has.
    pub partitions: usize,
}

/// A topic in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicDescription {
    /// Its name.
    pub name: String,
    /// Its identity.
    pub id: TopicId,
    /// Whether it is one of Kafka's own.
    pub is_internal: bool,
    /// Its partitions, by number.
    pub partitions: Vec<PartitionDescription>,
}

/// One partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionDescription {
    /// Its number.
    pub partition: i32,
    /// Who leads it.
    pub leader: Option<NodeId>,
    /// For the how manieth time somebody does.
    pub leader_epoch: LeaderEpoch,
    /// Who has a copy.
    pub replicas: Vec<NodeId>,
    /// Whose copy is in sync.
    pub in_sync_replicas: Vec<NodeId>,
    /// Whose copy cannot be reached.
    pub offline_replicas: Vec<NodeId>,
}

/// Creates topics, or only checks whether it could.
pub fn create_topics(
    topics: &[NewTopic],
    validate_only: bool,
    timeout: Duration,
) -> Inquiry<CreateTopicsRequest, Each<String, CreatedTopic>> {
    let request = CreateTopicsRequest {
        topics: topics.iter().map(creatable).collect(),
        timeout_ms: millis(timeout),
        validate_only,
    };
    Inquiry::new(Target::Controller, request, timeout, |response| {
        let results = response.topics.into_iter().map(|row| (row.name.clone(), created(row)));
        unless_moved(results.collect())
    })
}

/// Deletes topics.
pub fn delete_topics(
    names: &[String],
    timeout: Duration,
) -> Inquiry<DeleteTopicsRequest, Each<String, ()>> {
    // Both ways of saying it: which one is sent depends on the version.
    let state = |name: &String| DeleteTopicState { name: Some(name.clone()), ..Default::default() };
    let request = DeleteTopicsRequest {
        topics: names.iter().map(state).collect(),
        topic_names: names.to_vec(),
        timeout_ms: millis(timeout),
    };
    Inquiry::new(Target::Controller, request, timeout, |response| {
        let results = response
            .responses
            .into_iter()
            .map(|row| (row.name.unwrap_or_default(), each(row.error_code, row.error_message)));
        unless_moved(results.collect())
    })
}

/// Gives topics more partitions: the number is how many there are then.
pub fn create_partitions(
    counts: &[(String, i32)],
    validate_only: bool,
    timeout: Duration,
) -> Inquiry<CreatePartitionsRequest, Each<String, ()>> {
    let topic = |(name, count): &(String, i32)| CreatePartitionsTopic {
        name: name.clone(),
        count: *count,
        assignments: None,
    };
    let request = CreatePartitionsRequest {
        topics: counts.iter().map(topic).collect(),
        timeout_ms: millis(timeout),
        validate_only,
    };
    Inquiry::new(Target::Controller, request, timeout, |response| {
        let results = response.results.into_iter();
        let results = results.map(|row| (row.name, each(row.error_code, row.error_message)));
        unless_moved(results.collect())
    })
}

/// Lists all topics.
pub fn list_topics(timeout: Duration) -> Inquiry<MetadataRequest, Vec<TopicListing>> {
    let request = MetadataRequest { topics: None, ..question() };
    Inquiry::new(Target::Any, request, timeout, |response| {
        let listing = |row: MetadataResponseTopic| TopicListing {
            name: row.name.unwrap_or_default(),
            id: TopicId(row.topic_id),
            is_internal: row.is_internal,
            partitions: row.partitions.len(),
        };
        Reading::Done(response.topics.into_iter().map(listing).collect())
    })
}

/// Describes some topics.
pub fn describe_topics(
    names: &[String],
    timeout: Duration,
) -> Inquiry<MetadataRequest, Each<String, TopicDescription>> {
    let topic =
        |name: &String| MetadataRequestTopic { name: Some(name.clone()), ..Default::default() };
    let request = MetadataRequest { topics: Some(names.iter().map(topic).collect()), ..question() };
    Inquiry::new(Target::Any, request, timeout, |response| {
        let described = response.topics.into_iter().map(|row| {
            let name = row.name.clone().unwrap_or_default();
            let result = each(row.error_code, None).map(|()| described(row));
            (name, result)
        });
        Reading::Done(described.collect())
    })
}

/// A question creates nothing.
fn question() -> MetadataRequest {
    MetadataRequest { allow_auto_topic_creation: false, ..Default::default() }
}

fn creatable(topic: &NewTopic) -> CreatableTopic {
    const DEFAULT: i32 = -1;
    let assigned = !topic.assignments.is_empty();
    let assignment = |(partition, brokers): (&i32, &Vec<NodeId>)| CreatableReplicaAssignment {
        partition_index: *partition,
        broker_ids: brokers.iter().map(|broker| broker.0).collect(),
    };
    let config = |(name, value): (&String, &Option<String>)| CreatableTopicConfig {
        name: name.clone(),
        value: value.clone(),
    };
    CreatableTopic {
        name: topic.name.clone(),
        num_partitions: topic.partitions.filter(|_| !assigned).unwrap_or(DEFAULT),
        replication_factor: topic
            .replication_factor
            .filter(|_| !assigned)
            .unwrap_or(DEFAULT as i16),
        assignments: topic.assignments.iter().map(assignment).collect(),
        configs: topic.configs.iter().map(config).collect(),
    }
}

fn created(row: CreatableTopicResult) -> Result<CreatedTopic, InquiryError> {
    each(row.error_code, row.error_message)?;
    let configs = row.configs.unwrap_or_default().into_iter();
    Ok(CreatedTopic {
        id: TopicId(row.topic_id),
        partitions: (row.num_partitions >= 0).then_some(row.num_partitions),
        replication_factor: (row.replication_factor >= 0).then_some(row.replication_factor),
        configs: configs.map(|config| (config.name, config.value)).collect(),
    })
}

fn described(row: MetadataResponseTopic) -> TopicDescription {
    let nodes = |ids: &[i32]| ids.iter().copied().map(NodeId).collect();
    let partition = |row: &wire::metadata::MetadataResponsePartition| PartitionDescription {
        partition: row.partition_index,
        leader: (row.leader_id >= 0 && code(row.error_code) != ErrorCode::LeaderNotAvailable)
            .then_some(NodeId(row.leader_id)),
        leader_epoch: LeaderEpoch(row.leader_epoch),
        replicas: nodes(&row.replica_nodes),
        in_sync_replicas: nodes(&row.isr_nodes),
        offline_replicas: nodes(&row.offline_replicas),
    };
    let mut partitions: Vec<_> = row.partitions.iter().map(partition).collect();
    partitions.sort_unstable_by_key(|partition| partition.partition);
    TopicDescription {
        name: row.name.unwrap_or_default(),
        id: TopicId(row.topic_id),
        is_internal: row.is_internal,
        partitions,
    }
}

pub(super) fn millis(timeout: Duration) -> i32 {
    i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX)
}
