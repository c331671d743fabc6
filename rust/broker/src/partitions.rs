//! The partitions that this broker leads, found by topic name or id, following the committed
//! metadata.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use base::{ErrorCode, NodeId, PartitionIndex, TopicId};
use metadata::MetadataImage;
use metadata::image::{ConfigEntity, PartitionImage, TopicImage};
use replica::LeaderStart;
use storage::{DirectoryError, KnownPartition, LogDirectory};
use tokio::sync::{Mutex, watch};

use crate::blocking::Blocking;
use crate::config::TopicConfig;
use crate::errors::code_of_directory;
use crate::leadership::Leadership;
use crate::partition::Partition;
use crate::recovery::RecoveredLeaderships;
use crate::topic_configs::TopicConfigs;

/// All partitions led here.
#[derive(Debug)]
pub(crate) struct Partitions {
    node_id: NodeId,
    directory: LogDirectory,
    configs: TopicConfigs,
    blocking: Blocking,
    table: ArcSwap<Table>,
    /// The image of the table, for those who wait for the next one.
    images: watch::Sender<Arc<MetadataImage>>,
    /// Held while the table changes. Logs that were recovered report to these already; their
    /// partitions take them over.
    recovered: Arc<Mutex<RecoveredLeaderships>>,
}

#[derive(Clone, Debug, Default)]
struct Table {
    /// The committed metadata as far as this broker has acted on it.
    image: Arc<MetadataImage>,
    by_id: BTreeMap<TopicId, Arc<Topic>>,
    by_name: BTreeMap<Arc<str>, Arc<Topic>>,
}

/// The partitions that this broker should lead, each with the reason if it cannot.
type Topic = BTreeMap<PartitionIndex, Result<Arc<Partition>, ErrorCode>>;

impl Partitions {
    /// No partitions yet; [`Self::follow`] the image next.
    pub(crate) fn new(
        node_id: NodeId,
        directory: LogDirectory,
        configs: TopicConfigs,
        blocking: Blocking,
        recovered: RecoveredLeaderships,
    ) -> Self {
        let recovered = Arc::new(Mutex::new(recovered));
        let table = ArcSwap::default();
        let images = watch::Sender::default();
        Self { node_id, directory, configs, blocking, table, images, recovered }
    }

    /// The committed metadata that the partitions have followed. Clients are told of no other: what
    /// it shows takes records.
    pub(crate) fn image(&self) -> Arc<MetadataImage> {
        Arc::clone(&self.table.load().image)
    }

    /// [`Self::image`] as it changes.
    pub(crate) fn images(&self) -> watch::Receiver<Arc<MetadataImage>> {
        self.images.subscribe()
    }

    /// The partition of a topic by the topic's name.
    pub(crate) fn by_name(&self, topic: &str, index: i32) -> Result<Arc<Partition>, ErrorCode> {
        let table = self.table.load();
        let topic = table.by_name.get(topic).ok_or(ErrorCode::UnknownTopicOrPartition)?;
        partition(topic, index)
    }

    /// The partition of a topic by the topic's id (KIP-516).
    pub(crate) fn by_id(&self, topic: TopicId, index: i32) -> Result<Arc<Partition>, ErrorCode> {
        let table = self.table.load();
        let topic = table.by_id.get(&topic).ok_or(ErrorCode::UnknownTopicId)?;
        partition(topic, index)
    }

    /// Every partition, by topic.
    pub(crate) fn all(&self) -> Vec<Arc<Partition>> {
        let table = self.table.load();
        table.by_name.values().flat_map(|topic| topic.values().flatten().cloned()).collect()
    }

    /// How many have a transaction open that has been silent for more than `limit_ms`.
    pub(crate) fn late_transactions(&self, now_ms: i64, limit_ms: i64) -> usize {
        let is_late =
            |partition: &&Arc<Partition>| partition.has_late_transaction(now_ms, limit_ms);
        self.all().iter().filter(is_late).count()
    }

    /// Acts on what the newest image has changed: partitions come, go, and are configured anew.
    ///
    /// The image is asked for when it is this caller's turn. One that was taken before could be
    /// overtaken by another caller's, and then what that one had created would be deleted. A caller
    /// that goes away meanwhile takes nothing back.
    pub(crate) async fn follow(self: &Arc<Self>, newest: impl FnOnce() -> Arc<MetadataImage>) {
        let mut recovered = Arc::clone(&self.recovered).lock_owned().await;
        let image = newest();
        // Whoever had the turn before has found this caller's change, too.
        if Arc::ptr_eq(&image, &self.table.load().image) {
            return;
        }
        let this = Arc::clone(self);
        self.blocking.run(move || this.act_on(image, &mut recovered)).await;
    }

    /// Directories are made, renamed and looked through, so this may wait for the disk.
    fn act_on(&self, image: Arc<MetadataImage>, recovered: &mut RecoveredLeaderships) {
        let before = self.table.load_full();
        let topics = image.topic_changes_since(&before.image);
        let mut table = Table::clone(&before);
        for topic in topics.deleted {
            if let Some(partitions) = table.remove(&topic) {
                self.delete(&partitions);
            }
        }
        for topic in topics.created.iter().chain(&topics.changed) {
            self.open(&mut table, &image, topic, recovered);
        }
        self.configure(&table, &image, &image.config_changes_since(&before.image));
        table.image = Arc::clone(&image);
        self.table.store(Arc::new(table));
        self.images.send_replace(image);
    }

    fn open(
        &self,
        table: &mut Table,
        image: &MetadataImage,
        topic: &TopicImage,
        recovered: &mut RecoveredLeaderships,
    ) {
        let mut partitions =
            table.by_id.get(&topic.id).map(|t| Topic::clone(t)).unwrap_or_default();
        let config = Arc::new(self.configs.of(image, &topic.name));
        for (index, partition) in topic.partitions() {
            let is_led_here = partition.leader == Some(self.node_id);
            if !is_led_here || partitions.get(&index).is_some_and(Result::is_ok) {
                continue;
            }
            let leadership = recovered.take(topic.id, index).unwrap_or_default();
            let led = self.lead(topic, index, partition, &config, leadership);
            let led = led.map(Arc::new).map_err(|error| {
                let topic = &topic.name;
                tracing::error!(%topic, partition = %index, %error, "partition cannot be led");
                code_of_directory(&error)
            });
            partitions.insert(index, led);
        }
        let partitions = Arc::new(partitions);
        table.by_id.insert(topic.id, Arc::clone(&partitions));
        table.by_name.insert(Arc::clone(&topic.name), partitions);
    }

    fn lead(
        &self,
        topic: &TopicImage,
        index: PartitionIndex,
        partition: &PartitionImage,
        config: &Arc<TopicConfig>,
        leadership: Arc<Leadership>,
    ) -> Result<Partition, DirectoryError> {
        let listener: Arc<Leadership> = Arc::clone(&leadership);
        let known = KnownPartition {
            topic: Arc::clone(&topic.name),
            config: config.log_config(&topic.name),
            listener,
        };
        let log = self.directory.log_or_create(topic.id, index, known)?;
        let offsets = log.offsets();
        let start = LeaderStart {
            node: self.node_id,
            epoch: partition.leader_epoch,
            replicas: partition.replicas.iter().copied().collect(),
            isr: partition.isr.iter().copied().collect(),
            min_insync_replicas: config.min_insync_replicas as u32,
            log_end: offsets.log_end,
            flushed: offsets.flushed,
            high_watermark: offsets.high_watermark,
        };
        leadership.lead(start, &log);
        let name = Arc::clone(&topic.name);
        Ok(Partition::new((name, topic.id), index, log, leadership, Arc::clone(config)))
    }

    fn delete(&self, topic: &Topic) {
        for partition in topic.values().flatten() {
            partition.delete(&self.directory);
        }
    }

    /// A topic's configs rest on its own overrides and on the brokers' dynamic defaults.
    fn configure(&self, table: &Table, image: &MetadataImage, changed: &[ConfigEntity]) {
        let is_of_brokers = |entity: &ConfigEntity| {
            matches!(entity, ConfigEntity::Broker(_) | ConfigEntity::BrokerDefault)
        };
        let all = changed.iter().any(is_of_brokers);
        if all {
            self.directory.configure_cleaner(self.configs.cleaner(image));
        }
        for (name, topic) in &table.by_name {
            if all || changed.contains(&ConfigEntity::Topic(name.to_string())) {
                let config = Arc::new(self.configs.of(image, name));
                topic
                    .values()
                    .flatten()
                    .for_each(|p| p.configure(&self.directory, Arc::clone(&config)));
            }
        }
    }
}

impl Table {
    fn remove(&mut self, topic: &TopicImage) -> Option<Arc<Topic>> {
        let partitions = self.by_id.remove(&topic.id)?;
        // A topic of the same name may have taken the place already.
        if self.by_name.get(&topic.name).is_some_and(|named| Arc::ptr_eq(named, &partitions)) {
            self.by_name.remove(&topic.name);
        }
        Some(partitions)
    }
}

fn partition(topic: &Topic, index: i32) -> Result<Arc<Partition>, ErrorCode> {
    topic.get(&PartitionIndex(index)).cloned().unwrap_or(Err(ErrorCode::UnknownTopicOrPartition))
}
