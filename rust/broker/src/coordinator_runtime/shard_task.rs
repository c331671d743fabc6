//! One shard as a task: it loads, serves until it may be ahead of its log, and loads again.

mod live_shard;

use std::sync::Arc;
use std::time::Duration;

use base::{ErrorCode, SplitMix64};
use coordinator::{Client, Now};
use metadata::MetadataImage;
use storage::VerificationGuard;
use tokio::sync::{mpsc, oneshot, watch};

use super::ShardHost;
use super::append_batch::AppendBatch;
use super::load::{LoadError, Loaded, load};
use super::machine::{LogSettings, Machine};
use crate::partition::{AppendResult, Partition};
use crate::transaction_marker::EndTransactionMarker;
use live_shard::{End, LiveShard};

/// How many requests wait for one shard before no more of them are taken from their connections.
const COMMANDS_MAX: usize = 1024;
/// How much news of its effects waits for one shard before those who bring more have to wait.
const NEWS_MAX: usize = 1024;
/// How long a shard waits before it is loaded again, whatever was wrong, and how long at most when
/// it could not be loaded time after time: what fails every time, as in a log directory that has
/// failed, must not keep the broker busy, nor fill its log.
const RELOAD_BACKOFF_MIN: Duration = Duration::from_secs(1);
const RELOAD_BACKOFF_MAX: Duration = Duration::from_secs(64);

/// What a shard is asked for, and who waits for its answer.
pub(crate) enum Command<M: Machine> {
    /// A request of a client, and what is known of the transaction that it is part of.
    Ask { client: Client, request: Box<M::Request>, guard: VerificationGuard, reply: Reply<M> },
    /// The end of a producer's transaction.
    EndTransaction { marker: EndTransactionMarker, reply: MarkerReply },
    /// Somebody wants to see it as it is, whatever of it is committed.
    Look(Look<M>),
}

/// Looks at a machine, or hears why there is none.
pub(crate) type Look<M> = Box<dyn FnOnce(Result<(&M, Now), ErrorCode>) + Send>;

/// Hears whether a marker is written, and then, unless it is already, when it is committed.
pub(crate) type MarkerReply =
    oneshot::Sender<Result<Option<oneshot::Receiver<AppendResult>>, ErrorCode>>;

type Reply<M> = oneshot::Sender<Result<<M as Machine>::Response, ErrorCode>>;

impl<M: Machine> Command<M> {
    fn refuse(self, code: ErrorCode) {
        match self {
            Self::Ask { reply, .. } => drop(reply.send(Err(code))),
            Self::EndTransaction { reply, .. } => drop(reply.send(Err(code))),
            Self::Look(look) => look(Err(code)),
        }
    }
}

/// A shard and what it is connected to.
#[derive(Debug)]
pub(crate) struct ShardTask<M: Machine> {
    host: ShardHost<M>,
    partition: Arc<Partition>,
    commands: mpsc::Receiver<Command<M>>,
    /// What becomes of its effects, and the way in for those who tell it.
    news: mpsc::Receiver<M::News>,
    news_sender: mpsc::Sender<M::News>,
    images: watch::Receiver<Arc<MetadataImage>>,
    rng: SplitMix64,
}

impl<M: Machine> ShardTask<M> {
    /// A shard, and the way to it.
    pub(crate) fn new(
        host: ShardHost<M>,
        partition: Arc<Partition>,
        rng: SplitMix64,
    ) -> (Self, mpsc::Sender<Command<M>>) {
        let images = host.partitions.images();
        let (sender, commands) = mpsc::channel(COMMANDS_MAX);
        let (news_sender, news) = mpsc::channel(NEWS_MAX);
        (Self { host, partition, commands, news, news_sender, images, rng }, sender)
    }

    /// Serves until the broker stops or nobody can ask any more.
    pub(crate) async fn run(mut self) {
        let mut backoff = RELOAD_BACKOFF_MIN;
        while self.is_led_here() {
            let loaded = match self.load().await {
                Some(Ok(loaded)) => loaded,
                Some(Err(error)) => {
                    let partition = self.partition.index();
                    tracing::error!(%partition, %error, "a {} cannot be loaded", M::NAME);
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
    async fn load(&mut self) -> Option<Result<Loaded<M>, LoadError>> {
        let image = self.images.borrow_and_update().clone();
        let mut earlier_news = self.forget_news();
        let (partition, configs) = (Arc::clone(&self.partition), self.configs());
        let buffer_bytes = self.log_settings().load_buffer_bytes;
        if partition.is_empty() {
            return Some(load(&partition, &configs, &image, buffer_bytes));
        }
        let blocking = self.host.blocking;
        let loading = async move {
            // What an earlier life has had done ends before the next one begins.
            while earlier_news.recv().await.is_some() {}
            blocking.run(move || load(&partition, &configs, &image, buffer_bytes)).await
        };
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

    /// What is still to be told of the effects of an earlier life is nothing to the next one. It
    /// ends when they have.
    fn forget_news(&mut self) -> mpsc::Receiver<M::News> {
        let (sender, news) = mpsc::channel(NEWS_MAX);
        self.news_sender = sender;
        std::mem::replace(&mut self.news, news)
    }

    fn configs(&self) -> M::Configs {
        M::configs(&self.host, &self.partition)
    }

    fn log_settings(&self) -> LogSettings {
        M::log_settings(self.host.configs.started_with())
    }

    fn new_batch(&self) -> AppendBatch {
        AppendBatch::new(self.partition.message_bytes_max(), self.log_settings().compression)
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
