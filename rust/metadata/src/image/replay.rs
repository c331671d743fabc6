//! Replay: the only way in which an image changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::{DirectoryId, NodeId, PartitionIndex, TopicId};
use thiserror::Error;

use super::{
    BrokerImage, ConfigEntity, MetadataImage, PartitionImage, TopicImage, UnknownConfigEntity,
};
use crate::record::{
    ConfigRecord, FeatureLevelRecord, MetadataRecord, PartitionChangeRecord, PartitionRecord,
    ProducerIdsRecord, RegisterBrokerRecord, RemoveTopicRecord, TopicRecord, UncleanStartRecord,
};

/// A record that contradicts the image: the metadata log is damaged, or was not written by the
/// controller.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReplayError {
    /// The cluster has another id.
    #[error("the log names cluster `{found}`, after it named cluster `{expected}`")]
    ClusterId {
        /// The id in the image.
        expected: String,
        /// The id in the record.
        found: String,
    },
    /// A broker's epoch has gone back.
    #[error("broker {broker} registers with an epoch that is not above the one it has")]
    BrokerEpoch {
        /// The broker.
        broker: NodeId,
    },
    /// No such broker.
    #[error("broker {0} is not registered")]
    UnknownBroker(NodeId),
    /// No such topic.
    #[error("topic {0} does not exist")]
    UnknownTopic(TopicId),
    /// The topic's name or id is taken.
    #[error("topic `{0}` exists already")]
    TopicExists(String),
    /// No such partition.
    #[error("partition {partition} of topic {topic} does not exist")]
    UnknownPartition {
        /// The topic.
        topic: TopicId,
        /// The partition.
        partition: PartitionIndex,
    },
    /// Each replica has one directory.
    #[error(
        "partition {partition} of topic {topic} has {replicas} replicas in {directories} \
        directories"
    )]
    Directories {
        /// The topic.
        topic: TopicId,
        /// The partition.
        partition: PartitionIndex,
        /// How many replicas.
        replicas: usize,
        /// How many directories.
        directories: usize,
    },
    /// Neither a topic's nor a broker's configuration.
    #[error(transparent)]
    ConfigEntity(#[from] UnknownConfigEntity),
    /// Producer ids are handed out once.
    #[error("producer ids go back from {expected} to {found}")]
    ProducerIds {
        /// The next id in the image.
        expected: i64,
        /// The next id in the record.
        found: i64,
    },
}

impl MetadataImage {
    /// Takes in the next record of the log. After an error the image is as it was.
    pub fn replay(&mut self, record: &MetadataRecord) -> Result<(), ReplayError> {
        match record {
            MetadataRecord::ClusterId(record) => self.replay_cluster_id(&record.cluster_id),
            MetadataRecord::FeatureLevel(record) => {
                self.replay_feature_level(record);
                Ok(())
            }
            MetadataRecord::RegisterBroker(record) => self.replay_register_broker(record),
            MetadataRecord::Topic(record) => self.replay_topic(record),
            MetadataRecord::RemoveTopic(record) => self.replay_remove_topic(record),
            MetadataRecord::Partition(record) => self.replay_partition(record),
            MetadataRecord::PartitionChange(record) => self.replay_partition_change(record),
            MetadataRecord::Config(record) => self.replay_config(record),
            MetadataRecord::ProducerIds(record) => self.replay_producer_ids(record),
            MetadataRecord::UncleanStart(record) => self.replay_unclean_start(record),
        }
    }

    /// Takes in several records; after an error the image is as it was before the first.
    pub fn replay_all<'a>(
        &mut self,
        records: impl IntoIterator<Item = &'a MetadataRecord>,
    ) -> Result<(), ReplayError> {
        let mut next = self.clone();
        records.into_iter().try_for_each(|record| next.replay(record))?;
        *self = next;
        Ok(())
    }

    fn replay_cluster_id(&mut self, found: &str) -> Result<(), ReplayError> {
        match self.cluster_id() {
            Some(expected) if expected != found => Err(ReplayError::ClusterId {
                expected: expected.to_owned(),
                found: found.to_owned(),
            }),
            _ => {
                self.cluster_id = Some(found.into());
                Ok(())
            }
        }
    }

    fn replay_feature_level(&mut self, record: &FeatureLevelRecord) {
        let features = Arc::make_mut(&mut self.features);
        if record.feature_level == 0 {
            features.remove(&record.name);
        } else {
            features.insert(record.name.clone(), record.feature_level);
        }
    }

    /// The same epoch amends a registration; a lower one cannot follow a higher one.
    fn replay_register_broker(&mut self, record: &RegisterBrokerRecord) -> Result<(), ReplayError> {
        let broker = BrokerImage::from_record(record);
        if self.broker(broker.id).is_some_and(|known| known.epoch > broker.epoch) {
            return Err(ReplayError::BrokerEpoch { broker: broker.id });
        }
        Arc::make_mut(&mut self.brokers).insert(broker.id, Arc::new(broker));
        Ok(())
    }

    fn replay_topic(&mut self, record: &TopicRecord) -> Result<(), ReplayError> {
        let id = TopicId(record.topic_id);
        let name: Arc<str> = record.name.as_str().into();
        if self.topics.contains_key(&id) || self.topic_ids.contains_key(&name) {
            return Err(ReplayError::TopicExists(record.name.clone()));
        }
        let topic = TopicImage { id, name: Arc::clone(&name), partitions: BTreeMap::new() };
        Arc::make_mut(&mut self.topic_ids).insert(name, id);
        Arc::make_mut(&mut self.topics).insert(id, Arc::new(topic));
        Ok(())
    }

    fn replay_remove_topic(&mut self, record: &RemoveTopicRecord) -> Result<(), ReplayError> {
        let id = TopicId(record.topic_id);
        let topic =
            Arc::make_mut(&mut self.topics).remove(&id).ok_or(ReplayError::UnknownTopic(id))?;
        Arc::make_mut(&mut self.topic_ids).remove(&topic.name);
        let configs = ConfigEntity::Topic(topic.name.as_ref().to_owned());
        if self.configs.contains_key(&configs) {
            Arc::make_mut(&mut self.configs).remove(&configs);
        }
        Ok(())
    }

    fn replay_partition(&mut self, record: &PartitionRecord) -> Result<(), ReplayError> {
        let (id, index) = (TopicId(record.topic_id), PartitionIndex(record.partition_id));
        let partition = PartitionImage::from_record(record);
        check_directories(id, index, &partition.replicas, &partition.directories)?;
        self.topic_mut(id)?.partitions.insert(index, partition);
        Ok(())
    }

    fn replay_partition_change(
        &mut self,
        record: &PartitionChangeRecord,
    ) -> Result<(), ReplayError> {
        let (id, index) = (TopicId(record.topic_id), PartitionIndex(record.partition_id));
        let unknown = ReplayError::UnknownPartition { topic: id, partition: index };
        let mut partition = self.partition(id, index).ok_or(unknown)?.clone();
        partition.apply(record);
        check_directories(id, index, &partition.replicas, &partition.directories)?;
        self.topic_mut(id)?.partitions.insert(index, partition);
        Ok(())
    }

    fn replay_config(&mut self, record: &ConfigRecord) -> Result<(), ReplayError> {
        let entity = ConfigEntity::from_resource(record.resource_type, &record.resource_name)?;
        let all = Arc::make_mut(&mut self.configs);
        let configs = Arc::make_mut(all.entry(entity.clone()).or_default());
        match &record.value {
            Some(value) => configs.insert(record.name.clone(), value.clone()),
            None => configs.remove(&record.name),
        };
        if configs.is_empty() {
            all.remove(&entity);
        }
        Ok(())
    }

    fn replay_producer_ids(&mut self, record: &ProducerIdsRecord) -> Result<(), ReplayError> {
        if record.next_producer_id < self.next_producer_id {
            let (expected, found) = (self.next_producer_id, record.next_producer_id);
            return Err(ReplayError::ProducerIds { expected, found });
        }
        self.next_producer_id = record.next_producer_id;
        Ok(())
    }

    fn replay_unclean_start(&mut self, record: &UncleanStartRecord) -> Result<(), ReplayError> {
        let broker = NodeId(record.broker_id);
        if self.broker(broker).is_none() {
            return Err(ReplayError::UnknownBroker(broker));
        }
        let led = |topic: &TopicImage| topic.partitions.values().any(|p| p.leader == Some(broker));
        for topic in Arc::make_mut(&mut self.topics).values_mut().filter(|topic| led(topic)) {
            let partitions = Arc::make_mut(topic).partitions.values_mut();
            partitions.filter(|p| p.leader == Some(broker)).for_each(PartitionImage::bump_epochs);
        }
        Ok(())
    }

    fn topic_mut(&mut self, id: TopicId) -> Result<&mut TopicImage, ReplayError> {
        // Looked up first, so that a bad record does not unshare the map.
        if !self.topics.contains_key(&id) {
            return Err(ReplayError::UnknownTopic(id));
        }
        let topic = Arc::make_mut(&mut self.topics).get_mut(&id);
        topic.map(Arc::make_mut).ok_or(ReplayError::UnknownTopic(id))
    }
}

fn check_directories(
    topic: TopicId,
    partition: PartitionIndex,
    replicas: &[NodeId],
    directories: &[DirectoryId],
) -> Result<(), ReplayError> {
    let (replicas, directories) = (replicas.len(), directories.len());
    if replicas == directories {
        return Ok(());
    }
    Err(ReplayError::Directories { topic, partition, replicas, directories })
}
