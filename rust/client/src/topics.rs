//! The topics that a producer writes to, as the sending threads see them: their partitions' open
//! batches, and which of them have a leader.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use base::{ErrorCode, TopicPartition};
use client_core::MetadataCache;
use client_core::murmur2::partition_for_key;
use client_core::producer::{Accumulator, StickyPartitioner};
use parking_lot::Mutex;

use crate::delivery::BatchDelivery;

/// One partition's open batch. The lock covers the copying of one record, or the taking away of the
/// batch.
#[derive(Debug)]
pub(crate) struct PartitionBuffer {
    pub(crate) topic_partition: TopicPartition,
    pub(crate) accumulator: Mutex<Accumulator<Arc<BatchDelivery>>>,
}

/// A topic that can be written to.
#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) name: Arc<str>,
    pub(crate) partitions: Vec<Arc<PartitionBuffer>>,
    /// The partitions that have a leader, or all if none has.
    available: Vec<u32>,
    sticky: Arc<Mutex<StickyPartitioner>>,
}

impl Topic {
    /// The partition for a record that names none.
    pub(crate) fn choose(&self, key: Option<&[u8]>) -> u32 {
        match key {
            Some(key) => partition_for_key(key, self.partitions.len() as u32),
            None => self.sticky.lock().partition(&self.available),
        }
    }

    /// A record without a key went there.
    pub(crate) fn note_sticky(&self, partition: u32, bytes: usize, batch_is_new: bool) {
        self.sticky.lock().record(partition, bytes, batch_is_new);
    }
}

/// The topics that can be written to.
pub(crate) type TopicTable = BTreeMap<Arc<str>, Arc<Topic>>;
/// Why others cannot.
pub(crate) type ErrorTable = BTreeMap<Arc<str>, ErrorCode>;

/// Every topic that was asked for.
#[derive(Debug)]
pub(crate) struct Topics {
    by_name: ArcSwap<TopicTable>,
    errors: ArcSwap<ErrorTable>,
    /// Every buffer there ever was: a partition that a topic has lost may still have an open batch.
    buffers: Mutex<BTreeMap<TopicPartition, Arc<PartitionBuffer>>>,
    batch_bytes: usize,
    seed: u64,
}

impl Topics {
    pub(crate) fn new(batch_bytes: usize, seed: u64) -> Self {
        Self {
            by_name: ArcSwap::default(),
            errors: ArcSwap::default(),
            buffers: Mutex::default(),
            batch_bytes,
            seed,
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<Arc<Topic>> {
        self.by_name.load().get(name).cloned()
    }

    /// Runs `read` with the topic: no reference count is touched.
    #[inline]
    pub(crate) fn with<R>(&self, name: &str, read: impl FnOnce(&Topic) -> R) -> Option<R> {
        self.by_name.load().get(name).map(|topic| read(topic))
    }

    /// Why a topic cannot be used, as far as the brokers have said.
    pub(crate) fn error(&self, name: &str) -> Option<ErrorCode> {
        self.errors.load().get(name).copied()
    }

    pub(crate) fn buffer(&self, topic_partition: &TopicPartition) -> Option<Arc<PartitionBuffer>> {
        self.buffers.lock().get(topic_partition).cloned()
    }

    /// Every partition's buffer.
    pub(crate) fn buffers(&self) -> Vec<Arc<PartitionBuffer>> {
        self.buffers.lock().values().cloned().collect()
    }

    /// Follows the metadata; a topic that it does not name stays as it was. `first` is done before
    /// anybody sees the new tables. Called by the driver only.
    pub(crate) fn follow(
        &self,
        metadata: &MetadataCache,
        first: impl FnOnce(&TopicTable, &ErrorTable),
    ) {
        let mut topics = BTreeMap::clone(&self.by_name.load());
        let mut errors = BTreeMap::new();
        for (name, known) in metadata.topics() {
            if let Some(code) = known.error {
                errors.insert(name.clone(), code);
            } else if !known.partitions.is_empty() {
                let topic = self.follow_topic(name, known, topics.get(name).map(|topic| &**topic));
                topics.insert(name.clone(), Arc::new(topic));
            }
        }
        first(&topics, &errors);
        self.errors.store(Arc::new(errors));
        self.by_name.store(Arc::new(topics));
    }

    fn follow_topic(
        &self,
        name: &Arc<str>,
        known: &client_core::metadata_cache::Topic,
        before: Option<&Topic>,
    ) -> Topic {
        let partitions = (0..known.partitions.len() as i32)
            .map(|index| self.buffer_of(TopicPartition::new(name.clone(), index)));
        let partitions = partitions.collect();
        let led = |index: &u32| known.partitions[*index as usize].leader.is_some();
        let all = 0..known.partitions.len() as u32;
        let mut available: Vec<u32> = all.clone().filter(led).collect();
        if available.is_empty() {
            available = all.collect();
        }
        let sticky = before.map_or_else(
            || {
                let seed = name.bytes().fold(self.seed, |seed, byte| {
                    seed.rotate_left(5).wrapping_add(u64::from(byte))
                });
                Arc::new(Mutex::new(StickyPartitioner::new(self.batch_bytes, seed)))
            },
            |before| before.sticky.clone(),
        );
        Topic { name: name.clone(), partitions, available, sticky }
    }

    fn buffer_of(&self, topic_partition: TopicPartition) -> Arc<PartitionBuffer> {
        let mut buffers = self.buffers.lock();
        let buffer = buffers.entry(topic_partition.clone()).or_insert_with(|| {
            Arc::new(PartitionBuffer { topic_partition, accumulator: Mutex::default() })
        });
        buffer.clone()
    }
}
