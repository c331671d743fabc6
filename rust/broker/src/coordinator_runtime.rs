//! Hosts coordinators: one shard for each partition of their topic that this broker leads, which is
//! `__consumer_offsets` for groups and `__transaction_state` for transactions.
//!
//! ```text
//! handler ─ ask ─ ShardTask: decide ─ append as one batch ─ replay ─ next request
//!                     ▲                     └─ below the high watermark: replies and effects leave
//!                     └─ timers, changes of the metadata, what became of effects
//! ```
//!
//! The coordinator itself, a [`Machine`], decides and touches nothing; this is where its records
//! meet the log, its timers the clock, and its replies the connections.

mod append_batch;
mod group_configs;
mod group_coordinator;
mod group_machine;
mod in_flight;
mod load;
mod machine;
mod outbox;
mod rebalance_metrics;
mod shard_request;
mod shard_task;
pub(crate) mod state_topic;
mod timers;
mod transaction_coordinator;
mod transaction_machine;

use std::collections::BTreeMap;
use std::sync::Arc;

use base::{Clock, ErrorCode, Rng, SplitMix64};
use coordinator::{Client, Now};
use metadata::MetadataImage;
use parking_lot::Mutex;
use storage::{LogDirectory, VerificationGuard};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::blocking::Blocking;
use crate::partition::Partition;
use crate::partitions::Partitions;
use crate::topic_configs::TopicConfigs;
use crate::transaction_marker::EndTransactionMarker;

pub(crate) use group_coordinator::GroupCoordinator;
use machine::Machine;
pub(crate) use machine::Producer;
pub use rebalance_metrics::RebalanceMetrics;
pub(crate) use shard_request::ShardRequest;
use shard_task::{Command, ShardTask};
pub(crate) use transaction_coordinator::{
    AddGroupToTransaction, InitTransactionalProducer, TransactionCoordinator,
};
pub(crate) use transaction_machine::{TransactionMachine, TransactionSurroundings};

/// The shards of one coordinator on this broker.
#[derive(Debug)]
pub(crate) struct CoordinatorRuntime<M: Machine> {
    host: ShardHost<M>,
    shards: Mutex<BTreeMap<i32, ShardHandle<M>>>,
    seeds: Mutex<SplitMix64>,
}

/// What a shard needs of its broker.
#[derive(Debug)]
pub(crate) struct ShardHost<M: Machine> {
    pub configs: TopicConfigs,
    pub partitions: Arc<Partitions>,
    pub directory: LogDirectory,
    pub clock: Arc<dyn Clock>,
    pub blocking: Blocking,
    pub stopping: CancellationToken,
    /// What only shards of this kind need.
    pub surroundings: M::Surroundings,
}

impl<M: Machine> Clone for ShardHost<M> {
    fn clone(&self) -> Self {
        self.with(self.surroundings.clone())
    }
}

impl<M: Machine> ShardHost<M> {
    /// The same for shards of another kind.
    pub(crate) fn with<N: Machine>(&self, surroundings: N::Surroundings) -> ShardHost<N> {
        ShardHost {
            configs: self.configs.clone(),
            partitions: Arc::clone(&self.partitions),
            directory: self.directory.clone(),
            clock: Arc::clone(&self.clock),
            blocking: self.blocking,
            stopping: self.stopping.clone(),
            surroundings,
        }
    }
}

/// The way to a shard that runs.
#[derive(Debug)]
struct ShardHandle<M: Machine> {
    partition: Arc<Partition>,
    commands: mpsc::Sender<Command<M>>,
}

impl<M: Machine> Clone for ShardHandle<M> {
    fn clone(&self) -> Self {
        Self { partition: Arc::clone(&self.partition), commands: self.commands.clone() }
    }
}

impl<M: Machine> CoordinatorRuntime<M> {
    /// A coordinator none of whose shards runs.
    pub(crate) fn new(host: ShardHost<M>, rng: &mut dyn Rng) -> Self {
        let seeds = Mutex::new(SplitMix64::new(rng.next_u64()));
        Self { host, shards: Mutex::default(), seeds }
    }

    /// Loads every shard that has something to load: what it has promised to do in time goes on,
    /// whether somebody asks or not. The other shards start when they are asked.
    pub(crate) fn load(&self) {
        let image = self.host.partitions.image();
        for index in 0..shard_count(&image, M::TOPIC) {
            if let Ok(partition) = self.host.partitions.by_name(M::TOPIC, index)
                && !partition.is_empty()
            {
                self.shard(index, &partition);
            }
        }
    }

    /// Asks the shard that `id` belongs to, of a group or of a transactional producer.
    pub(crate) async fn ask<R: ShardRequest<M>>(
        &self,
        client: &Client,
        id: &str,
        request: R,
    ) -> Result<R::Response, ErrorCode> {
        ask(&self.shard_for(id)?, client, request, VerificationGuard::NONE).await
    }

    /// The same, with a request that writes in a transaction, and what the verification of that was
    /// begun with.
    pub(crate) async fn ask_in_transaction<R: ShardRequest<M>>(
        &self,
        client: &Client,
        id: &str,
        request: R,
        guard: VerificationGuard,
    ) -> Result<R::Response, ErrorCode> {
        ask(&self.shard_for(id)?, client, request, guard).await
    }

    /// Writes the marker that ends a producer's transaction to a partition of the topic, among what
    /// the shard writes there. Answers when it is committed.
    pub(crate) async fn end_transaction(
        &self,
        index: i32,
        marker: EndTransactionMarker,
    ) -> Result<(), ErrorCode> {
        let partition = self.host.partitions.by_name(M::TOPIC, index)?;
        let (reply, answer) = oneshot::channel();
        let command = Command::EndTransaction { marker, reply };
        let sent = self.shard(index, &partition).commands.send(command).await;
        sent.map_err(|_| ErrorCode::NotCoordinator)?;
        let Some(committed) = answer.await.map_err(|_| ErrorCode::NotCoordinator)?? else {
            return Ok(());
        };
        let committed = committed.await.map_err(|_| ErrorCode::NotCoordinator)?;
        committed.map(drop).map_err(|error| error.code)
    }

    /// Asks every shard that runs: the others know of nothing.
    pub(crate) async fn ask_all<R: ShardRequest<M> + Clone>(
        &self,
        client: &Client,
        request: &R,
    ) -> Result<Vec<R::Response>, ErrorCode> {
        let shards: Vec<_> = self.shards.lock().values().cloned().collect();
        let mut answers = Vec::with_capacity(shards.len());
        for shard in shards {
            answers.push(ask(&shard, client, request.clone(), VerificationGuard::NONE).await?);
        }
        Ok(answers)
    }

    /// Looks at the shard that `id` belongs to, as it is: what is not committed yet shows, too.
    pub(crate) async fn look<T: Send + 'static>(
        &self,
        id: &str,
        look: impl FnOnce(&M, Now) -> T + Send + 'static,
    ) -> Result<T, ErrorCode> {
        let (reply, answer) = oneshot::channel();
        let command = Command::Look(Box::new(|shard| {
            drop(reply.send(shard.map(|(shard, now)| look(shard, now))));
        }));
        let sent = self.shard_for(id)?.commands.send(command).await;
        sent.map_err(|_| ErrorCode::NotCoordinator)?;
        answer.await.map_err(|_| ErrorCode::NotCoordinator)?
    }

    /// The partition of the topic that `id` belongs to, as Kafka finds it.
    pub(crate) fn shard_of(&self, id: &str) -> Result<i32, ErrorCode> {
        let image = self.host.partitions.image();
        shard_of(&image, M::TOPIC, id).ok_or(ErrorCode::CoordinatorNotAvailable)
    }

    fn shard_for(&self, id: &str) -> Result<ShardHandle<M>, ErrorCode> {
        let index = self.shard_of(id)?;
        let partition = self.host.partitions.by_name(M::TOPIC, index);
        let partition = partition.map_err(|_| ErrorCode::NotCoordinator)?;
        Ok(self.shard(index, &partition))
    }

    /// The shard of a partition. One of a partition that was deleted meanwhile, and whose name
    /// another has taken, makes room.
    fn shard(&self, index: i32, partition: &Arc<Partition>) -> ShardHandle<M> {
        let mut shards = self.shards.lock();
        if let Some(shard) = shards.get(&index)
            && Arc::ptr_eq(&shard.partition, partition)
            // One that has come to an unforeseen end leaves its place to another.
            && !shard.commands.is_closed()
        {
            return shard.clone();
        }
        let rng = SplitMix64::new(self.seeds.lock().next_u64());
        let (task, commands) = ShardTask::new(self.host.clone(), Arc::clone(partition), rng);
        tokio::spawn(task.run());
        let shard = ShardHandle { partition: Arc::clone(partition), commands };
        shards.insert(index, shard.clone());
        shard
    }
}

/// The shard of an id, as Kafka finds it; none before there is a topic for them.
fn shard_of(image: &MetadataImage, topic: &str, id: &str) -> Option<i32> {
    let hash = java_hash_code(id).checked_abs().unwrap_or(0);
    hash.checked_rem(shard_count(image, topic))
}

fn shard_count(image: &MetadataImage, topic: &str) -> i32 {
    image.topic_by_name(topic).map_or(0, |topic| topic.partition_count() as i32)
}

async fn ask<M: Machine, R: ShardRequest<M>>(
    shard: &ShardHandle<M>,
    client: &Client,
    request: R,
    guard: VerificationGuard,
) -> Result<R::Response, ErrorCode> {
    let (reply, answer) = oneshot::channel();
    let request = Box::new(request.into());
    let command = Command::Ask { client: client.clone(), request, guard, reply };
    // A shard that is gone belongs to a broker that stops, or to a topic that was deleted.
    shard.commands.send(command).await.map_err(|_| ErrorCode::NotCoordinator)?;
    let answer = answer.await.map_err(|_| ErrorCode::NotCoordinator)?;
    answer.map(R::response)
}

/// Java's `String.hashCode`, by which Kafka spreads groups and transactions.
fn java_hash_code(text: &str) -> i32 {
    text.encode_utf16()
        .fold(0, |hash: i32, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)))
}

#[cfg(test)]
mod tests;
