//! The real coordinator of transactions, and who waits for its answers.

use std::collections::BTreeMap;

use base::{Instant, ProducerId};
use coordinator::transaction::{
    TransactionConfig, TransactionDecision, TransactionRecord, TransactionRequest,
    TransactionShard, TransactionTimer,
};
use coordinator::{Client, Now, ReplyToken, TimerChange};
use metadata::MetadataImage;

use super::Asker;
use super::partition::{KeyValue, Partition};

#[derive(Debug)]
pub(crate) struct TransactionHost {
    pub(crate) shard: TransactionShard,
    timers: BTreeMap<TransactionTimer, Instant>,
    waiting: BTreeMap<ReplyToken, Asker>,
    next_token: u64,
    /// No producer has had it, not even in an earlier life of the broker.
    pub(crate) next_producer_id: i64,
}

impl TransactionHost {
    /// Loads what the log says.
    pub(crate) fn load(image: &MetadataImage, log: &Partition, next_producer_id: i64) -> Self {
        let config = TransactionConfig {
            abort_timed_out_transaction_cleanup_interval_ms: 500,
            ..TransactionConfig::default()
        };
        let mut shard = TransactionShard::new(config, image.clone());
        for batch in log.batches() {
            for record in batch.records().expect("the log is not damaged").owned() {
                let record = record.expect("the log is not damaged");
                let key = record.key.expect("a coordinator's record has a key");
                let decoded = TransactionRecord::decode(key, record.value);
                if let Some(decoded) = decoded.expect("our own records can be read") {
                    shard.replay(record.offset, &decoded);
                }
            }
        }
        let (timers, waiting) = (BTreeMap::new(), BTreeMap::new());
        Self { shard, timers, waiting, next_token: 0, next_producer_id }
    }

    pub(crate) fn ask(
        &mut self,
        now: Now,
        api_version: i16,
        request: &TransactionRequest,
        asker: Asker,
    ) -> TransactionDecision {
        let token = ReplyToken(self.next_token);
        self.next_token += 1;
        self.waiting.insert(token, asker);
        self.supply();
        let client = Client { api_version, ..Client::default() };
        self.shard.decide(now, &client, request, token)
    }

    /// A timer that is due.
    pub(crate) fn fire(&mut self, now: Now) -> Option<TransactionDecision> {
        let due = self.timers.iter().filter(|(_, at)| **at <= now.instant);
        let key = due.min_by_key(|(_, at)| **at).map(|(key, _)| key.clone())?;
        self.timers.remove(&key);
        self.supply();
        Some(self.shard.on_timer(now, &key))
    }

    pub(crate) fn due(&self) -> Option<Instant> {
        self.timers.values().min().copied()
    }

    pub(crate) fn set_timers(&mut self, changes: Vec<TimerChange<TransactionTimer>>) {
        for change in changes {
            match change {
                TimerChange::Schedule { key, at } => drop(self.timers.insert(key, at)),
                TimerChange::Cancel { key } => drop(self.timers.remove(&key)),
            }
        }
    }

    pub(crate) fn asker(&mut self, token: ReplyToken) -> Asker {
        self.waiting.remove(&token).expect("each token is answered once")
    }

    pub(crate) fn next_producer_id(&mut self) -> ProducerId {
        self.next_producer_id += 1;
        ProducerId(self.next_producer_id)
    }

    fn supply(&mut self) {
        if self.shard.lacks_producer_id() {
            let id = self.next_producer_id();
            self.shard.supply_producer_id(id);
        }
    }
}

pub(crate) fn encoded(record: &TransactionRecord) -> KeyValue {
    record.encode().expect("a record can be written")
}
