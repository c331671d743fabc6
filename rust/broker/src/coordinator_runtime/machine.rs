//! What a shard hosts: a machine that decides, and what its host has to know to keep the promises
//! that it is owed (see the crate `coordinator`).

use std::error::Error;
use std::fmt::Debug;
use std::time::Duration;

use base::codec::EncodeError;
use base::{Instant, LeaderEpoch, Offset, ProducerEpoch, ProducerId, SplitMix64};
use bytes::Bytes;
use coordinator::{Client, Now, ReplyToken};
use metadata::MetadataImage;
use records::CompressionType;
use tokio::sync::mpsc;

use super::ShardHost;
use crate::config::BrokerConfig;
use crate::partition::Partition;

/// A coordinator's machine: one partition of its topic.
pub(crate) trait Machine: Debug + Sized + Send + 'static {
    /// The topic that it keeps its records in.
    const TOPIC: &'static str;
    /// What the operator knows it as.
    const NAME: &'static str;

    /// What it writes down.
    type Record: MachineRecord;
    /// What clients ask it.
    type Request: Debug + Send + 'static;
    /// What it answers them.
    type Response: Debug + Send + 'static;
    /// What it hears of what it has had done.
    type News: Debug + Send + 'static;
    /// Names a timer.
    type TimerKey: Debug + Clone + Ord + Send + Sync + 'static;
    /// What follows from something that it was told.
    type Decision: Send;
    /// What it has done once its records are committed.
    type Effect: Debug + Send + 'static;
    /// Who tells it of its configuration.
    type Configs: Debug + Clone + Send + 'static;
    /// What it needs of its broker besides what every shard needs.
    type Surroundings: Debug + Clone + Send + Sync + 'static;

    /// How its log is written and read.
    fn log_settings(config: &BrokerConfig) -> LogSettings;

    /// Who tells the shard of this partition of its configuration.
    fn configs(host: &ShardHost<Self>, partition: &Partition) -> Self::Configs;

    /// A shard before its first record, configured.
    fn new(configs: &Self::Configs, image: &MetadataImage) -> Self;

    /// The metadata has changed; what of it is configuration is to be told.
    fn configure(&mut self, configs: &Self::Configs, earlier: &MetadataImage, now: &MetadataImage);

    /// Takes in a record, which belongs to the transaction of a producer or to none.
    fn replay(&mut self, offset: Offset, producer: Option<Producer>, record: &Self::Record);

    /// Takes in the marker that ends a producer's transaction, at its place in the log.
    fn replay_marker(&mut self, producer: ProducerId, is_committed: bool);

    /// The last record of the log has been replayed, by the leader of this epoch.
    fn on_loaded(&mut self, now: Now, leader_epoch: LeaderEpoch) -> Self::Decision;

    /// Answers a request, or lets its token wait for a later decision.
    fn decide(
        &mut self,
        now: Now,
        rng: &mut SplitMix64,
        client: &Client,
        request: &Self::Request,
        token: ReplyToken,
    ) -> Self::Decision;

    /// Something that it has had done has come to its end.
    fn on_news(&mut self, now: Now, news: Self::News) -> Self::Decision;

    /// A timer is due.
    fn on_timer(&mut self, now: Now, key: &Self::TimerKey) -> Self::Decision;

    /// The metadata has changed.
    fn on_metadata(&mut self, now: Now, image: MetadataImage) -> Self::Decision;

    /// Takes back a decision whose records no batch can hold.
    fn retract(
        &mut self,
        now: Now,
        retracted: &Self::Decision,
        fired: Option<Self::TimerKey>,
    ) -> Self::Decision;

    /// What a decision writes down.
    fn records(decision: &Self::Decision) -> &[Self::Record];

    /// Whom a decision answers.
    fn reply_tokens(decision: &Self::Decision) -> Vec<ReplyToken>;

    /// Whose transaction the records of a decision are part of (KIP-98). Such a decision answers a
    /// request, and the log may refuse it: then nothing of it is used, and there is nothing to take
    /// back.
    fn producer(decision: &Self::Decision) -> Option<Producer>;

    /// Takes a decision apart. What may be told before its records are committed is told now.
    fn unfold(surroundings: &Self::Surroundings, decision: Self::Decision) -> Unfolded<Self>;

    /// Has something done whose cause is committed. What becomes of it is for `news`.
    fn perform(
        surroundings: &Self::Surroundings,
        effect: Self::Effect,
        news: &mpsc::Sender<Self::News>,
    );
}

/// A record of a machine.
pub(crate) trait MachineRecord: Debug + Sized + Send + 'static {
    /// Why one cannot be read.
    type DecodeError: Error + Send + Sync + 'static;

    /// Its key and value; no value is a tombstone.
    fn encode(&self) -> Result<(Bytes, Option<Bytes>), EncodeError>;

    /// Reads a record; none if this release does not know what it is about, and passes it over.
    fn decode(key: Bytes, value: Option<Bytes>) -> Result<Option<Self>, Self::DecodeError>;
}

/// A producer that records are written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Producer {
    pub id: ProducerId,
    pub epoch: ProducerEpoch,
}

/// A decision in its parts.
pub(crate) struct Unfolded<M: Machine> {
    pub records: Vec<M::Record>,
    pub replies: Vec<(ReplyToken, M::Response)>,
    pub timers: Vec<TimerSetting<M::TimerKey>>,
    pub effects: Vec<M::Effect>,
}

/// When a timer is to be due; never, if it is taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TimerSetting<K> {
    pub key: K,
    pub at: Option<Instant>,
}

/// How the log of a machine is written and read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogSettings {
    pub compression: CompressionType,
    /// How long a reply waits for its records.
    pub commit_timeout: Duration,
    pub load_buffer_bytes: usize,
}
