//! An image as records: the shortest log that gives it.

use base::{NodeId, ProducerId};

use super::MetadataImage;
use crate::record::{
    ClusterIdRecord, ConfigRecord, FeatureLevelRecord, MetadataRecord, ProducerIdsRecord,
    TopicRecord,
};

impl MetadataImage {
    /// The records whose replay from nothing gives this image, always in the same order: equal
    /// images have equal snapshots.
    pub fn to_records(&self) -> impl Iterator<Item = MetadataRecord> + '_ {
        let cluster_id = self
            .cluster_id()
            .map(|id| MetadataRecord::ClusterId(ClusterIdRecord { cluster_id: id.to_owned() }));
        let features = self.features().iter().map(|(name, &feature_level)| {
            MetadataRecord::FeatureLevel(FeatureLevelRecord { name: name.clone(), feature_level })
        });
        let brokers =
            self.brokers().map(|broker| MetadataRecord::RegisterBroker(broker.to_record()));
        cluster_id
            .into_iter()
            .chain(features)
            .chain(brokers)
            .chain(self.topic_records())
            .chain(self.config_records())
            .chain(self.producer_ids_record())
    }

    fn topic_records(&self) -> impl Iterator<Item = MetadataRecord> + '_ {
        self.topics().flat_map(|topic| {
            let record = TopicRecord { name: topic.name.as_ref().to_owned(), topic_id: topic.id.0 };
            let partitions = topic.partitions().map(|(index, partition)| {
                MetadataRecord::Partition(partition.to_record(topic.id, index))
            });
            std::iter::once(MetadataRecord::Topic(record)).chain(partitions)
        })
    }

    fn config_records(&self) -> impl Iterator<Item = MetadataRecord> + '_ {
        self.configured().flat_map(|(entity, configs)| {
            configs.iter().map(|(name, value)| {
                MetadataRecord::Config(ConfigRecord {
                    resource_type: entity.resource_type(),
                    resource_name: entity.resource_name(),
                    name: name.clone(),
                    value: Some(value.clone()),
                })
            })
        })
    }

    /// A snapshot says how far the ids are handed out, not to whom.
    fn producer_ids_record(&self) -> Option<MetadataRecord> {
        let ProducerId(next_producer_id) = self.next_producer_id();
        (next_producer_id > 0).then_some(MetadataRecord::ProducerIds(ProducerIdsRecord {
            broker_id: NodeId::NONE.0,
            broker_epoch: -1,
            next_producer_id,
        }))
    }
}
