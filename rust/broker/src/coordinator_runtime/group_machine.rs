//! The group coordinator's shard as a machine that can be hosted.

use std::convert::Infallible;
use std::sync::Arc;

use base::codec::EncodeError;
use base::{LeaderEpoch, Offset, ProducerId, SplitMix64};
use bytes::Bytes;
use coordinator::{
    Client, CoordinatorConfig, CoordinatorRecord, Decision, Now, RecordDecodeError, ReplyToken,
    Request, Response, Shard, TimerChange, TimerKey,
};
use metadata::MetadataImage;
use metadata::internal_topic::OFFSETS_TOPIC;
use tokio::sync::mpsc;

use super::ShardHost;
use super::group_configs::GroupConfigs;
use super::machine::{LogSettings, Machine, MachineRecord, Producer, TimerSetting, Unfolded};
use super::rebalance_metrics::SharedRebalanceMetrics;
use crate::config::BrokerConfig;
use crate::partition::Partition;

impl Machine for Shard {
    const TOPIC: &'static str = OFFSETS_TOPIC;
    const NAME: &'static str = "group coordinator";

    type Record = CoordinatorRecord;
    type Request = Request;
    type Response = Response;
    type News = Infallible;
    type TimerKey = TimerKey;
    type Decision = Decision;
    type Effect = Infallible;
    type Configs = GroupConfigs;
    /// The counters that all shards share.
    type Surroundings = Arc<SharedRebalanceMetrics>;

    fn log_settings(config: &BrokerConfig) -> LogSettings {
        let config = &config.offsets_topic;
        LogSettings {
            compression: config.compression,
            commit_timeout: config.commit_timeout,
            load_buffer_bytes: config.load_buffer_bytes,
        }
    }

    fn configs(host: &ShardHost<Self>, partition: &Partition) -> GroupConfigs {
        let (shard, bytes_max) = (partition.index().0, partition.message_bytes_max());
        GroupConfigs::new(host.configs.clone(), shard, bytes_max)
    }

    fn new(configs: &GroupConfigs, image: &MetadataImage) -> Self {
        let mut shard = Self::new(CoordinatorConfig::default(), image.clone());
        configs.tell(&mut shard, image);
        shard
    }

    fn configure(&mut self, configs: &GroupConfigs, earlier: &MetadataImage, now: &MetadataImage) {
        configs.tell_changes(self, earlier, now);
    }

    fn replay(&mut self, offset: Offset, producer: Option<Producer>, record: &CoordinatorRecord) {
        match producer {
            Some(producer) => self.replay_transactional(offset, producer.id, record),
            None => self.replay(offset, record),
        }
    }

    fn replay_marker(&mut self, producer: ProducerId, is_committed: bool) {
        self.replay_marker(producer, is_committed);
    }

    fn on_loaded(&mut self, now: Now, _: LeaderEpoch) -> Decision {
        self.on_loaded(now)
    }

    fn decide(
        &mut self,
        now: Now,
        rng: &mut SplitMix64,
        client: &Client,
        request: &Request,
        token: ReplyToken,
    ) -> Decision {
        self.decide(now, rng, client, request, token)
    }

    fn on_news(&mut self, _: Now, news: Infallible) -> Decision {
        match news {}
    }

    fn on_timer(&mut self, now: Now, key: &TimerKey) -> Decision {
        self.on_timer(now, key)
    }

    fn on_metadata(&mut self, now: Now, image: MetadataImage) -> Decision {
        self.on_metadata(now, image)
    }

    fn retract(&mut self, now: Now, retracted: &Decision, fired: Option<TimerKey>) -> Decision {
        self.retract(now, retracted, fired)
    }

    fn records(decision: &Decision) -> &[CoordinatorRecord] {
        &decision.records
    }

    fn reply_tokens(decision: &Decision) -> Vec<ReplyToken> {
        decision.replies.iter().map(|(token, _)| *token).collect()
    }

    fn producer(decision: &Decision) -> Option<Producer> {
        decision.producer.map(|producer| Producer { id: producer.id, epoch: producer.epoch })
    }

    fn unfold(rebalances: &Arc<SharedRebalanceMetrics>, decision: Decision) -> Unfolded<Self> {
        decision.rebalances.iter().for_each(|rebalance| rebalances.take(rebalance));
        let timers = decision.timers.into_iter().map(|change| match change {
            TimerChange::Schedule { key, at } => TimerSetting { key, at: Some(at) },
            TimerChange::Cancel { key } => TimerSetting { key, at: None },
        });
        Unfolded {
            records: decision.records,
            replies: decision.replies,
            timers: timers.collect(),
            effects: Vec::new(),
        }
    }

    fn perform(_: &Self::Surroundings, effect: Infallible, _: &mpsc::Sender<Infallible>) {
        match effect {}
    }
}

impl MachineRecord for CoordinatorRecord {
    type DecodeError = RecordDecodeError;

    fn encode(&self) -> Result<(Bytes, Option<Bytes>), EncodeError> {
        self.encode()
    }

    fn decode(key: Bytes, value: Option<Bytes>) -> Result<Option<Self>, RecordDecodeError> {
        Self::decode(key, value)
    }
}
