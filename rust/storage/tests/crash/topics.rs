//! The metadata of a history: which topics there are at the moment of the cut.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::{Offset, PartitionIndex, TopicId, Uuid};
use parking_lot::Mutex;
use storage::directory::{KnownPartition, KnownTopics};
use storage::log::LogListener;

use crate::history::{Partition, Settings};

/// The topics that exist. Clones are the same topics.
#[derive(Clone, Debug, Default)]
pub(crate) struct Topics {
    known: Arc<Mutex<BTreeMap<TopicId, (Partition, Settings)>>>,
}

impl Topics {
    pub(crate) fn insert(&self, topic_id: TopicId, partition: Partition, settings: Settings) {
        self.known.lock().insert(topic_id, (partition, settings));
    }

    pub(crate) fn remove(&self, topic_id: TopicId) {
        self.known.lock().remove(&topic_id);
    }
}

impl KnownTopics for Topics {
    fn partition(&self, topic_id: TopicId, partition: PartitionIndex) -> Option<KnownPartition> {
        let known = self.known.lock();
        let (number, settings) = known.get(&topic_id)?;
        (partition.0 == 0).then(|| known_partition(*number, *settings))
    }
}

/// What the directory is told of a partition.
pub(crate) fn known_partition(partition: Partition, settings: Settings) -> KnownPartition {
    KnownPartition {
        topic: format!("topic{partition}").into(),
        config: settings.log_config(),
        listener: Arc::new(Silent),
    }
}

/// The id of the topic that is the `incarnation`-th in a history.
pub(crate) fn topic_id(incarnation: u8) -> TopicId {
    TopicId(Uuid([incarnation + 1; 16]))
}

/// The history asks the log where it is.
#[derive(Debug)]
struct Silent;

impl LogListener for Silent {
    fn log_end_moved(&self, _log_end: Offset) {}

    fn flushed_moved(&self, _flushed: Offset) {}

    fn failed(&self, _reason: &str) {}
}
