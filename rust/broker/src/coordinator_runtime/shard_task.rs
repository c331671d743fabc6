//! One shard as a task: it loads, serves until it may be ahead of its log, and loads again.

mod live_shard;

use std::sync::Arc;
use std::time::Duration;

use base::{ErrorCode, SplitMix64};
use coordinator::{Client, GroupExplanation, Request, Response};
use metadata::MetadataImage;
use tokio::sync::{mpsc, oneshot, watch};

use super::ShardHost;
use super::append_batch::AppendBatch;
use super::group_configs::GroupConfigs;
use super::load::{LoadError, Loaded, load};
use crate::partition::Partition;
use live_shard::{End, LiveShard};

/// How long a shard waits before it is loaded again, whatever was wrong, and how long at most when
/// it could not be loaded time after time: what fails every time, as in a log directory that has
/// failed, must not keep the broker busy, nor fill its log.
const RELOAD_BACKOFF_MIN: Duration = Duration::from_secs(1);
const RELOAD_BACKOFF_MAX: Duration = Duration::from_secs(64);

/// What a shard is asked for, and who waits for its answer.
#[derive(Debug)]
pub(crate) enum Command {
    /// A request of a client.
    Ask { client: Client, request: Box<Request>, reply: Reply },
    /// A question of a person.
    Explain { group: String, reply: oneshot::Sender<Result<GroupExplanation, ErrorCode>> },
}

type Reply = oneshot::Sender<Result<Response, ErrorCode>>;

impl Command {
    fn refuse(self, code: ErrorCode) {
        match self {
            Self::Ask { reply, .. } => drop(reply.send(Err(code))),
            Self::Explain { reply, .. } => drop(reply.send(Err(code))),
        }
    }
}

/// A shard and what it is connected to.
#[derive(Debug)]
pub(crate) struct ShardTask {
    host: ShardHost,
    partition: Arc<Partition>,
    commands: mpsc::Receiver<Command>,
    images: watch::Receiver<Arc<MetadataImage>>,
    rng: SplitMix64,
}

impl ShardTask {
    pub(crate) fn new(
        host: ShardHost,
        partition: Arc<Partition>,
        commands: mpsc::Receiver<Command>,
        rng: SplitMix64,
    ) -> Self {
        let images = host.partitions.images();
        Self { host, partition, commands, images, rng }
    }

    /// Serves until the broker stops or nobody can ask any more.
    pub(crate) async fn run(mut self) {
        let mut backoff = RELOAD_BACKOFF_MIN;
        while self.is_led_here() {
            let loaded = match self.load().await {
                Some(Ok(loaded)) => loaded,
                Some(Err(error)) => {
                    let partition = self.partition.index();
                    tracing::error!(%partition, %error, "a group coordinator cannot be loaded");
                    if !self.refuse_for(backoff).await {
                        return;
                    }
                    backoff = (backoff * 2).min(RELOAD_BACKOFF_MAX);
                    continue;
                }
                None => return,
            };
            backoff = RELOAD_BACKOFF_MIN;
            let mut live = LiveShard::new(&mut self, loaded);
            match live.serve().await {
                End::Stop => return live.stop().await,
                End::Reload(code) => live.fail(code).await,
            }
            if !self.refuse_for(backoff).await {
                return;
            }
        }
    }

    /// Whether the partition is still what its name says: its topic may have been deleted.
    fn is_led_here(&self) -> bool {
        let now = self.host.partitions.by_name(self.partition.topic(), self.partition.index().0);
        now.is_ok_and(|now| Arc::ptr_eq(&now, &self.partition))
    }

    /// Reads the log; whoever asks meanwhile is told to come again. `None`: there is nobody to load
    /// for.
    async fn load(&mut self) -> Option<Result<Loaded, LoadError>> {
        let image = self.images.borrow_and_update().clone();
        let (partition, configs) = (Arc::clone(&self.partition), self.group_configs());
        let buffer_bytes = self.host.configs.started_with().offsets_topic.load_buffer_bytes;
        if partition.is_empty() {
            return Some(load(&partition, &configs, &image, buffer_bytes));
        }
        let loading =
            self.host.blocking.run(move || load(&partition, &configs, &image, buffer_bytes));
        tokio::pin!(loading);
        loop {
            tokio::select! {
                loaded = &mut loading => return Some(loaded),
                () = self.host.stopping.cancelled() => return None,
                command = self.commands.recv() => {
                    command?.refuse(ErrorCode::CoordinatorLoadInProgress);
                }
            }
        }
    }

    fn group_configs(&self) -> GroupConfigs {
        let (partition, configs) = (&self.partition, self.host.configs.clone());
        GroupConfigs::new(configs, partition.index().0, partition.message_bytes_max())
    }

    fn new_batch(&self) -> AppendBatch {
        let compression = self.host.configs.started_with().offsets_topic.compression;
        AppendBatch::new(self.partition.message_bytes_max(), compression)
    }

    /// Says whether there is still somebody to serve.
    async fn refuse_for(&mut self, pause: Duration) -> bool {
        let pause = tokio::time::sleep(pause);
        tokio::pin!(pause);
        loop {
            tokio::select! {
                () = &mut pause => return true,
                () = self.host.stopping.cancelled() => return false,
                command = self.commands.recv() => {
                    let Some(command) = command else { return false };
                    command.refuse(ErrorCode::NotCoordinator);
                }
            }
        }
    }
}
