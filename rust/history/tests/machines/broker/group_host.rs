//! The real coordinator of groups, and who waits for its answers.

use std::collections::BTreeMap;

use base::{Instant, ProducerId, SplitMix64};
use coordinator::{
    Client, CoordinatorConfig, CoordinatorRecord, Decision, Now, ReplyToken, Request, Shard,
    TimerChange, TimerKey,
};
use metadata::MetadataImage;
use records::{ControlRecord, RecordBatch};

use super::Caller;
use super::partition::{KeyValue, Partition};

#[derive(Debug)]
pub(crate) struct GroupHost {
    pub(crate) shard: Shard,
    timers: BTreeMap<TimerKey, Instant>,
    waiting: BTreeMap<ReplyToken, Caller>,
    next_token: u64,
    rng: SplitMix64,
}

impl GroupHost {
    /// Loads what the log says.
    pub(crate) fn load(image: &MetadataImage, log: &Partition, seed: u64) -> Self {
        let mut shard = Shard::new(config(), image.clone());
        for batch in log.batches() {
            replay(&mut shard, &batch);
        }
        let (timers, waiting) = (BTreeMap::new(), BTreeMap::new());
        Self { shard, timers, waiting, next_token: 0, rng: SplitMix64::new(seed) }
    }

    pub(crate) fn ask(
        &mut self,
        now: Now,
        request: &Request,
        caller: Caller,
    ) -> (ReplyToken, Decision) {
        let token = ReplyToken(self.next_token);
        self.next_token += 1;
        let client = Client {
            client_id: "machines".to_owned(),
            host: "/10.0.0.1".to_owned(),
            api_version: caller.version,
        };
        self.waiting.insert(token, caller);
        (token, self.shard.decide(now, &mut self.rng, &client, request, token))
    }

    /// A timer that is due.
    pub(crate) fn fire(&mut self, now: Now) -> Option<Decision> {
        let due = self.timers.iter().filter(|(_, at)| **at <= now.instant);
        let key = due.min_by_key(|(_, at)| **at).map(|(key, _)| key.clone())?;
        self.timers.remove(&key);
        Some(self.shard.on_timer(now, &key))
    }

    pub(crate) fn due(&self) -> Option<Instant> {
        self.timers.values().min().copied()
    }

    pub(crate) fn set_timers(&mut self, changes: Vec<TimerChange>) {
        for change in changes {
            match change {
                TimerChange::Schedule { key, at } => drop(self.timers.insert(key, at)),
                TimerChange::Cancel { key } => drop(self.timers.remove(&key)),
            }
        }
    }

    pub(crate) fn caller(&mut self, token: ReplyToken) -> Caller {
        self.waiting.remove(&token).expect("each token is answered once")
    }
}

pub(crate) fn encoded(record: &CoordinatorRecord) -> KeyValue {
    record.encode().expect("a record can be written")
}

/// Nobody waits for more members, and the dead are soon given up.
fn config() -> CoordinatorConfig {
    CoordinatorConfig {
        min_session_timeout_ms: 1_000,
        initial_rebalance_delay_ms: 0,
        consumer_session_timeout_ms: 3_000,
        consumer_heartbeat_interval_ms: 500,
        ..CoordinatorConfig::default()
    }
}

fn replay(shard: &mut Shard, batch: &RecordBatch) {
    let producer: ProducerId = batch.header().producer_id;
    let is_transactional = batch.header().attributes.is_transactional();
    if let Some(control) = batch.control_record().expect("a marker can be read") {
        let is_committed = matches!(control, ControlRecord::Commit { .. });
        return shard.replay_marker(producer, is_committed);
    }
    for record in batch.records().expect("the log is not damaged").owned() {
        let record = record.expect("the log is not damaged");
        let key = record.key.expect("a coordinator's record has a key");
        let decoded = CoordinatorRecord::decode(key, record.value);
        let decoded = decoded.expect("our own records can be read").expect("and are known");
        if is_transactional {
            shard.replay_transactional(record.offset, producer, &decoded);
        } else {
            shard.replay(record.offset, &decoded);
        }
    }
}
