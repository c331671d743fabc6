//! The transaction coordinator's shard as a machine that can be hosted: it sends markers, and
//! always has a producer id at hand.

use std::sync::{Arc, Weak};

use base::codec::EncodeError;
use base::{LeaderEpoch, Offset, ProducerId, SplitMix64};
use bytes::Bytes;
use coordinator::transaction::{
    Markers, MarkersOutcome, TransactionConfig, TransactionDecision, TransactionRecord,
    TransactionRecordDecodeError, TransactionRequest, TransactionResponse, TransactionShard,
    TransactionTimer,
};
use coordinator::{Client, Now, ReplyToken, TimerChange};
use metadata::MetadataImage;
use metadata::internal_topic::TRANSACTIONS_TOPIC;
use tokio::sync::{Notify, mpsc};

use super::ShardHost;
use super::machine::{LogSettings, Machine, MachineRecord, Producer, TimerSetting, Unfolded};
use crate::broker::Broker;
use crate::config::BrokerConfig;
use crate::marker_sender::write_markers;
use crate::partition::Partition;

/// A shard, and whether a producer id is on its way to it.
#[derive(Debug)]
pub(crate) struct TransactionMachine {
    shard: TransactionShard,
    awaits_producer_id: bool,
}

/// A request to one shard.
#[derive(Debug)]
pub(crate) struct TransactionQuestion {
    pub request: TransactionRequest,
    /// One that no producer has had, if the request may need it.
    pub producer_id: Option<ProducerId>,
}

/// What the shard wants to be done.
#[derive(Debug)]
pub(crate) enum TransactionEffect {
    Markers(Markers),
    /// To be given a producer id.
    ProducerId,
}

/// What became of it.
#[derive(Debug)]
pub(crate) enum TransactionNews {
    Markers(MarkersOutcome),
    /// None: there was none to be had.
    ProducerId(Option<ProducerId>),
}

/// A decision, and whether it is time for another producer id.
#[derive(Debug)]
pub(crate) struct Decided {
    decision: TransactionDecision,
    wants_producer_id: bool,
}

/// What shards need of their broker.
#[derive(Clone, Debug)]
pub(crate) struct TransactionSurroundings {
    /// It holds the coordinator, so the way back is weak.
    broker: Weak<Broker>,
    /// Told whenever a transaction may have come to its end.
    pub ended: Arc<Notify>,
}

/// The coordinator's keys, which only a start changes.
#[derive(Clone, Debug)]
pub(crate) struct TransactionConfigs(TransactionConfig);

impl TransactionSurroundings {
    /// Of a broker that is about to be.
    pub(crate) fn new(broker: Weak<Broker>) -> Self {
        Self { broker, ended: Arc::default() }
    }
}

impl TransactionMachine {
    fn decided(&mut self, decision: TransactionDecision) -> Decided {
        let wants_producer_id = self.shard.lacks_producer_id() && !self.awaits_producer_id;
        self.awaits_producer_id |= wants_producer_id;
        Decided { decision, wants_producer_id }
    }

    fn supply(&mut self, producer_id: Option<ProducerId>) {
        if let Some(id) = producer_id.filter(|_| self.shard.lacks_producer_id()) {
            self.shard.supply_producer_id(id);
        }
    }
}

impl Machine for TransactionMachine {
    const TOPIC: &'static str = TRANSACTIONS_TOPIC;
    const NAME: &'static str = "transaction coordinator";

    type Record = TransactionRecord;
    type Request = TransactionQuestion;
    type Response = TransactionResponse;
    type News = TransactionNews;
    type TimerKey = TransactionTimer;
    type Decision = Decided;
    type Effect = TransactionEffect;
    type Configs = TransactionConfigs;
    type Surroundings = TransactionSurroundings;

    fn log_settings(config: &BrokerConfig) -> LogSettings {
        LogSettings {
            compression: records::CompressionType::None,
            commit_timeout: config.request_timeout(),
            load_buffer_bytes: config.transactions_topic.load_buffer_bytes,
        }
    }

    fn configs(host: &ShardHost<Self>, partition: &Partition) -> TransactionConfigs {
        let started_with = &host.configs.started_with().transaction_coordinator;
        let append_bytes_max = partition.message_bytes_max();
        TransactionConfigs(TransactionConfig { append_bytes_max, ..started_with.clone() })
    }

    fn new(TransactionConfigs(config): &TransactionConfigs, image: &MetadataImage) -> Self {
        let shard = TransactionShard::new(config.clone(), image.clone());
        Self { shard, awaits_producer_id: false }
    }

    fn configure(&mut self, _: &TransactionConfigs, _: &MetadataImage, _: &MetadataImage) {}

    fn replay(&mut self, offset: Offset, _: Option<Producer>, record: &TransactionRecord) {
        self.shard.replay(offset, record);
    }

    /// No transaction is about what transactions are kept in.
    fn replay_marker(&mut self, _: ProducerId, _: bool) {}

    fn on_loaded(&mut self, now: Now, leader_epoch: LeaderEpoch) -> Decided {
        let decision = self.shard.on_loaded(now, leader_epoch.0);
        self.decided(decision)
    }

    fn decide(
        &mut self,
        now: Now,
        _: &mut SplitMix64,
        client: &Client,
        question: &TransactionQuestion,
        token: ReplyToken,
    ) -> Decided {
        self.supply(question.producer_id);
        let decision = self.shard.decide(now, client, &question.request, token);
        self.decided(decision)
    }

    fn on_news(&mut self, now: Now, news: TransactionNews) -> Decided {
        let decision = match news {
            TransactionNews::Markers(outcome) => self.shard.on_markers(now, &outcome),
            TransactionNews::ProducerId(id) => {
                self.awaits_producer_id = false;
                self.supply(id);
                // If there was none, whoever needs one next makes it be asked for again.
                return Decided {
                    decision: TransactionDecision::default(),
                    wants_producer_id: false,
                };
            }
        };
        self.decided(decision)
    }

    fn on_timer(&mut self, now: Now, key: &TransactionTimer) -> Decided {
        let decision = self.shard.on_timer(now, key);
        self.decided(decision)
    }

    fn on_metadata(&mut self, now: Now, image: MetadataImage) -> Decided {
        let decision = self.shard.on_metadata(now, image);
        self.decided(decision)
    }

    fn retract(
        &mut self,
        now: Now,
        taken_back: &Decided,
        fired: Option<TransactionTimer>,
    ) -> Decided {
        if taken_back.wants_producer_id {
            self.awaits_producer_id = false;
        }
        let decision = self.shard.retract(now, &taken_back.decision, fired);
        self.decided(decision)
    }

    fn records(decided: &Decided) -> &[TransactionRecord] {
        &decided.decision.records
    }

    fn reply_tokens(decided: &Decided) -> Vec<ReplyToken> {
        decided.decision.replies.iter().map(|(token, _)| *token).collect()
    }

    fn producer(_: &Decided) -> Option<Producer> {
        None
    }

    fn unfold(_: &TransactionSurroundings, decided: Decided) -> Unfolded<Self> {
        let Decided { decision, wants_producer_id } = decided;
        let timers = decision.timers.into_iter().map(|change| match change {
            TimerChange::Schedule { key, at } => TimerSetting { key, at: Some(at) },
            TimerChange::Cancel { key } => TimerSetting { key, at: None },
        });
        let markers = decision.markers.into_iter().map(TransactionEffect::Markers);
        let producer_id = wants_producer_id.then_some(TransactionEffect::ProducerId);
        Unfolded {
            records: decision.records,
            replies: decision.replies,
            timers: timers.collect(),
            effects: markers.chain(producer_id).collect(),
        }
    }

    fn perform(
        surroundings: &TransactionSurroundings,
        effect: TransactionEffect,
        news: &mpsc::Sender<TransactionNews>,
    ) {
        let (surroundings, news) = (surroundings.clone(), news.clone());
        tokio::spawn(async move {
            // What a broker that stops leaves undone is done when it starts again.
            let Some(broker) = surroundings.broker.upgrade() else { return };
            let heard = match effect {
                TransactionEffect::Markers(markers) => {
                    TransactionNews::Markers(write_markers(&broker, markers).await)
                }
                TransactionEffect::ProducerId => {
                    let id = broker.producer_ids.next(&broker.controller).await;
                    TransactionNews::ProducerId(id.ok())
                }
            };
            // Nobody listens any more when the shard has been loaded anew: it has asked again.
            drop(news.send(heard).await);
            // Who asks from now on finds the transaction as the news have left it.
            surroundings.ended.notify_waiters();
        });
    }
}

impl MachineRecord for TransactionRecord {
    type DecodeError = TransactionRecordDecodeError;

    fn encode(&self) -> Result<(Bytes, Option<Bytes>), EncodeError> {
        self.encode()
    }

    fn decode(
        key: Bytes,
        value: Option<Bytes>,
    ) -> Result<Option<Self>, TransactionRecordDecodeError> {
        Self::decode(key, value)
    }
}

#[cfg(test)]
mod tests {
    use base::Instant;
    use wire::InitProducerIdRequest;

    use super::*;

    const NOW: Now = Now { instant: Instant(0), unix_ms: 0 };

    fn loaded() -> (TransactionMachine, Decided) {
        let configs = TransactionConfigs(TransactionConfig::default());
        let mut machine = TransactionMachine::new(&configs, &MetadataImage::default());
        let decided = machine.on_loaded(NOW, LeaderEpoch(3));
        (machine, decided)
    }

    fn init(machine: &mut TransactionMachine, producer_id: Option<ProducerId>) -> (i64, bool) {
        let request = InitProducerIdRequest {
            transactional_id: Some("x".to_owned()),
            transaction_timeout_ms: 1_000,
            ..InitProducerIdRequest::default()
        };
        let request = TransactionRequest::InitProducerId(request);
        let question = TransactionQuestion { request, producer_id };
        let (client, mut rng) = (Client::default(), SplitMix64::new(1));
        let decided = machine.decide(NOW, &mut rng, &client, &question, ReplyToken(0));
        let [(_, TransactionResponse::InitProducerId(answer))] = &decided.decision.replies[..]
        else {
            panic!("{decided:?}")
        };
        (answer.producer_id, decided.wants_producer_id)
    }

    #[test]
    fn a_shard_asks_for_a_producer_id_once_until_it_hears_of_it() {
        let (mut machine, decided) = loaded();
        assert!(decided.wants_producer_id);
        assert!(!machine.on_timer(NOW, &TransactionTimer::ExpireIds).wants_producer_id);
        // There was none: it asks again with the next decision, and not before.
        assert!(!machine.on_news(NOW, TransactionNews::ProducerId(None)).wants_producer_id);
        assert!(machine.on_timer(NOW, &TransactionTimer::ExpireIds).wants_producer_id);
        let news = TransactionNews::ProducerId(Some(ProducerId(7)));
        assert!(!machine.on_news(NOW, news).wants_producer_id);
        assert!(!machine.on_timer(NOW, &TransactionTimer::ExpireIds).wants_producer_id);
        assert_eq!(init(&mut machine, None), (7, true));
    }

    #[test]
    fn a_producer_brings_the_id_along_that_it_may_need() {
        let (mut machine, _) = loaded();
        assert_eq!(init(&mut machine, Some(ProducerId(9))), (9, false));
        // What was asked for on loading is on its way.
        let news = TransactionNews::ProducerId(Some(ProducerId(10)));
        assert!(!machine.on_news(NOW, news).wants_producer_id);
    }
}
