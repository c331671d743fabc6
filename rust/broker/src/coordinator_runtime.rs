//! Hosts the group coordinator: one shard for each partition of `__consumer_offsets` that this
//! broker leads.
//!
//! ```text
//! handler ─ ask ─ ShardTask: decide ─ append as one batch ─ replay ─ next request
//!                     ▲                     └─ below the high watermark: replies leave
//!                     └─ timers, changes of the metadata
//! ```
//!
//! The coordinator itself decides and touches nothing; this is where its records meet the log, its
//! timers the clock, and its replies the connections.

mod append_batch;
mod group_configs;
mod group_request;
mod in_flight;
mod load;
pub(crate) mod offsets_topic;
mod outbox;
mod rebalance_metrics;
mod shard_task;
mod timers;

use std::collections::BTreeMap;
use std::sync::Arc;

use base::{Clock, ErrorCode, Rng, SplitMix64};
use coordinator::{Client, GroupExplanation};
use metadata::MetadataImage;
use parking_lot::Mutex;
use storage::LogDirectory;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::blocking::Blocking;
use crate::partition::Partition;
use crate::partitions::Partitions;
use crate::topic_configs::TopicConfigs;

pub(crate) use group_request::GroupRequest;
use offsets_topic::OFFSETS_TOPIC;
pub use rebalance_metrics::RebalanceMetrics;
use rebalance_metrics::SharedRebalanceMetrics;
use shard_task::{Command, ShardTask};

/// How many requests wait for one shard before no more of them are taken from their connections.
const SHARD_COMMANDS_MAX: usize = 1024;

/// The group coordinator of this broker.
#[derive(Debug)]
pub(crate) struct CoordinatorRuntime {
    host: ShardHost,
    shards: Mutex<BTreeMap<i32, ShardHandle>>,
    seeds: Mutex<SplitMix64>,
}

/// What a shard needs of its broker.
#[derive(Clone, Debug)]
pub(crate) struct ShardHost {
    pub configs: TopicConfigs,
    pub rebalances: Arc<SharedRebalanceMetrics>,
    pub partitions: Arc<Partitions>,
    pub directory: LogDirectory,
    pub clock: Arc<dyn Clock>,
    pub blocking: Blocking,
    pub stopping: CancellationToken,
}

/// The way to a shard that runs.
#[derive(Clone, Debug)]
struct ShardHandle {
    partition: Arc<Partition>,
    commands: mpsc::Sender<Command>,
}

impl CoordinatorRuntime {
    /// Loads every shard that has something to load: the sessions of its members go on, whether
    /// somebody asks or not. The other shards start when they are asked.
    pub(crate) fn start(host: ShardHost, rng: &mut dyn Rng) -> Self {
        let seeds = Mutex::new(SplitMix64::new(rng.next_u64()));
        let runtime = Self { host, shards: Mutex::default(), seeds };
        let image = runtime.host.partitions.image();
        for index in 0..shard_count(&image) {
            if let Ok(partition) = runtime.host.partitions.by_name(OFFSETS_TOPIC, index)
                && !partition.is_empty()
            {
                runtime.shard(index, &partition);
            }
        }
        runtime
    }

    /// Asks the shard that `group` belongs to.
    pub(crate) async fn ask<R: GroupRequest>(
        &self,
        client: &Client,
        group: &str,
        request: R,
    ) -> Result<R::Response, ErrorCode> {
        ask(&self.shard_for(group)?, client, request).await
    }

    /// Where a group stands, and why it was rebalanced.
    pub(crate) async fn explain(&self, group: &str) -> Result<GroupExplanation, ErrorCode> {
        let (reply, answer) = oneshot::channel();
        let command = Command::Explain { group: group.to_owned(), reply };
        let sent = self.shard_for(group)?.commands.send(command).await;
        sent.map_err(|_| ErrorCode::NotCoordinator)?;
        answer.await.map_err(|_| ErrorCode::NotCoordinator)?
    }

    /// What has been counted of all groups' rebalances.
    pub(crate) fn rebalances(&self) -> RebalanceMetrics {
        self.host.rebalances.read()
    }

    fn shard_for(&self, group: &str) -> Result<ShardHandle, ErrorCode> {
        let index = self.shard_of(group)?;
        let partition = self.host.partitions.by_name(OFFSETS_TOPIC, index);
        let partition = partition.map_err(|_| ErrorCode::NotCoordinator)?;
        Ok(self.shard(index, &partition))
    }

    /// Asks every shard that runs: the others have no group.
    pub(crate) async fn ask_all<R: GroupRequest + Clone>(
        &self,
        client: &Client,
        request: &R,
    ) -> Result<Vec<R::Response>, ErrorCode> {
        let shards: Vec<_> = self.shards.lock().values().cloned().collect();
        let mut answers = Vec::with_capacity(shards.len());
        for shard in shards {
            answers.push(ask(&shard, client, request.clone()).await?);
        }
        Ok(answers)
    }

    /// The partition of the offsets topic that `group` belongs to, as Kafka finds it.
    pub(crate) fn shard_of(&self, group: &str) -> Result<i32, ErrorCode> {
        let image = self.host.partitions.image();
        shard_of(&image, group).ok_or(ErrorCode::CoordinatorNotAvailable)
    }

    /// The shard of a partition. One of a partition that was deleted meanwhile, and whose name
    /// another has taken, makes room.
    fn shard(&self, index: i32, partition: &Arc<Partition>) -> ShardHandle {
        let mut shards = self.shards.lock();
        if let Some(shard) = shards.get(&index)
            && Arc::ptr_eq(&shard.partition, partition)
            // One that has come to an unforeseen end leaves its place to another.
            && !shard.commands.is_closed()
        {
            return shard.clone();
        }
        let (commands, waiting) = mpsc::channel(SHARD_COMMANDS_MAX);
        let rng = SplitMix64::new(self.seeds.lock().next_u64());
        let task = ShardTask::new(self.host.clone(), Arc::clone(partition), waiting, rng);
        tokio::spawn(task.run());
        let shard = ShardHandle { partition: Arc::clone(partition), commands };
        shards.insert(index, shard.clone());
        shard
    }
}

/// The shard of a group, as Kafka finds it; none before there is a topic for them.
fn shard_of(image: &MetadataImage, group: &str) -> Option<i32> {
    let hash = java_hash_code(group).checked_abs().unwrap_or(0);
    hash.checked_rem(shard_count(image))
}

fn shard_count(image: &MetadataImage) -> i32 {
    image.topic_by_name(OFFSETS_TOPIC).map_or(0, |topic| topic.partition_count() as i32)
}

async fn ask<R: GroupRequest>(
    shard: &ShardHandle,
    client: &Client,
    request: R,
) -> Result<R::Response, ErrorCode> {
    let (reply, answer) = oneshot::channel();
    let request = Box::new(request.into());
    let command = Command::Ask { client: client.clone(), request, reply };
    // A shard that is gone belongs to a broker that stops, or to a topic that was deleted.
    shard.commands.send(command).await.map_err(|_| ErrorCode::NotCoordinator)?;
    let answer = answer.await.map_err(|_| ErrorCode::NotCoordinator)?;
    answer.map(R::response)
}

/// Java's `String.hashCode`, by which Kafka spreads groups.
fn java_hash_code(text: &str) -> i32 {
    text.encode_utf16()
        .fold(0, |hash: i32, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)))
}

#[cfg(test)]
mod tests;
