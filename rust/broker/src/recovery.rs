//! What the log directory has to know of the topics while it recovers, and who the recovered logs
//! report to.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::{NodeId, PartitionIndex, TopicId};
use metadata::MetadataImage;
use parking_lot::Mutex;
use storage::{KnownPartition, KnownTopics};

use crate::leadership::Leadership;
use crate::topic_configs::TopicConfigs;

/// The topics as the metadata log has them, for a directory that opens.
#[derive(Debug)]
pub(crate) struct RecoveringTopics {
    node_id: NodeId,
    image: Arc<MetadataImage>,
    configs: TopicConfigs,
    leaderships: Mutex<RecoveredLeaderships>,
}

/// The leaderships of recovered logs that no partition has taken over yet.
#[derive(Debug, Default)]
pub(crate) struct RecoveredLeaderships(BTreeMap<(TopicId, PartitionIndex), Arc<Leadership>>);

impl RecoveringTopics {
    /// The topics of `image`, as far as `node_id` holds them.
    pub(crate) fn new(node_id: NodeId, image: Arc<MetadataImage>, configs: TopicConfigs) -> Self {
        Self { node_id, image, configs, leaderships: Mutex::default() }
    }

    /// Who the recovered logs report to.
    pub(crate) fn into_leaderships(self) -> RecoveredLeaderships {
        self.leaderships.into_inner()
    }
}

impl RecoveredLeaderships {
    /// Takes out the leadership of one log.
    pub(crate) fn take(
        &mut self,
        topic: TopicId,
        partition: PartitionIndex,
    ) -> Option<Arc<Leadership>> {
        self.0.remove(&(topic, partition))
    }
}

impl KnownTopics for RecoveringTopics {
    fn partition(&self, topic_id: TopicId, index: PartitionIndex) -> Option<KnownPartition> {
        let topic = self.image.topic(topic_id)?;
        let partition = topic.partition(index)?;
        if !partition.replicas.contains(&self.node_id) {
            return None;
        }
        let mut leaderships = self.leaderships.lock();
        let listener = leaderships.0.entry((topic_id, index)).or_default();
        Some(KnownPartition {
            topic: Arc::clone(&topic.name),
            config: self.configs.of(&self.image, &topic.name).log_config(&topic.name),
            listener: Arc::<Leadership>::clone(listener),
        })
    }
}
