//! The state of the cluster at one point of the metadata log. A copy shares everything with its
//! original until one changes.

mod broker;
mod changes;
mod config;
mod partition;
mod replay;
mod snapshot;
mod topic;

use std::collections::BTreeMap;
use std::sync::Arc;

use base::{BrokerEpoch, NodeId, PartitionIndex, ProducerId, TopicId};

pub use broker::BrokerImage;
pub use changes::TopicChanges;
pub use config::{ConfigEntity, Configs, UnknownConfigEntity};
pub use partition::{PartitionEpoch, PartitionImage};
pub use replay::ReplayError;
pub use topic::TopicImage;

#[cfg(test)]
mod tests;

/// Cluster metadata, as of one point of its log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetadataImage {
    cluster_id: Option<Arc<str>>,
    features: Arc<BTreeMap<String, i16>>,
    brokers: Arc<BTreeMap<NodeId, Arc<BrokerImage>>>,
    topics: Arc<BTreeMap<TopicId, Arc<TopicImage>>>,
    topic_ids: Arc<BTreeMap<Arc<str>, TopicId>>,
    configs: Arc<BTreeMap<ConfigEntity, Arc<Configs>>>,
    next_producer_id: i64,
}

impl MetadataImage {
    /// The cluster's id, once it has one.
    pub fn cluster_id(&self) -> Option<&str> {
        self.cluster_id.as_deref()
    }

    /// The finalized features and their levels.
    pub fn features(&self) -> &BTreeMap<String, i16> {
        &self.features
    }

    /// The registered brokers, by id.
    pub fn brokers(&self) -> impl ExactSizeIterator<Item = &Arc<BrokerImage>> {
        self.brokers.values()
    }

    /// A registered broker.
    pub fn broker(&self, id: NodeId) -> Option<&Arc<BrokerImage>> {
        self.brokers.get(&id)
    }

    /// The topics, by name.
    pub fn topics(&self) -> impl Iterator<Item = &Arc<TopicImage>> {
        self.topic_ids.values().filter_map(|id| self.topics.get(id))
    }

    /// How many topics there are.
    pub fn topic_count(&self) -> usize {
        self.topics.len()
    }

    /// The topic with this id.
    pub fn topic(&self, id: TopicId) -> Option<&Arc<TopicImage>> {
        self.topics.get(&id)
    }

    /// The topic with this name.
    pub fn topic_by_name(&self, name: &str) -> Option<&Arc<TopicImage>> {
        self.topic(*self.topic_ids.get(name)?)
    }

    /// A partition.
    pub fn partition(&self, topic: TopicId, partition: PartitionIndex) -> Option<&PartitionImage> {
        self.topic(topic)?.partition(partition)
    }

    /// Every partition that this broker holds a replica of, with its topic.
    pub fn partitions_of(
        &self,
        broker: NodeId,
    ) -> impl Iterator<Item = (&Arc<TopicImage>, PartitionIndex, &PartitionImage)> {
        self.topics().flat_map(move |topic| {
            topic
                .partitions()
                .filter(move |(_, partition)| partition.replicas.contains(&broker))
                .map(move |(index, partition)| (topic, index, partition))
        })
    }

    /// What has been configured for this entity; nothing is an empty map.
    pub fn configs(&self, entity: &ConfigEntity) -> &Configs {
        const NOTHING: &Configs = &Configs::new();
        self.configs.get(entity).map_or(NOTHING, Arc::as_ref)
    }

    /// All entities that have configs.
    pub fn configured(&self) -> impl ExactSizeIterator<Item = (&ConfigEntity, &Arc<Configs>)> {
        self.configs.iter()
    }

    /// The first producer id that no broker has been given.
    pub fn next_producer_id(&self) -> ProducerId {
        ProducerId(self.next_producer_id)
    }

    /// The highest epoch that any broker has been given.
    pub fn latest_broker_epoch(&self) -> Option<BrokerEpoch> {
        self.brokers().map(|broker| broker.epoch).max()
    }
}
