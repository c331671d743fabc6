//! A host for a shard of transactions under virtual time: it appends, replays, sets timers, and
//! keeps replies and markers until they may leave, as the broker does, and holds the shard to the
//! law of replay at every step.

use std::collections::BTreeMap;
use std::time::Duration;

use base::{ErrorCode, Instant, Offset, ProducerId};
use coordinator::transaction::{
    Markers, MarkersOutcome, TransactionConfig, TransactionDecision, TransactionRecord,
    TransactionRequest, TransactionResponse, TransactionShard, TransactionTimer,
};
use coordinator::{Client, Now, ReplyToken, TimerChange};
use metadata::MetadataImage;
use metadata::record::{FeatureLevelRecord, MetadataRecord};

use crate::group_host::topics;

/// Where virtual time begins, in milliseconds since 1970.
const START_UNIX_MS: i64 = 1_700_000_000_000;
/// The first id that is handed out.
pub(crate) const FIRST_PRODUCER_ID: i64 = 1_000;

#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) shard: TransactionShard,
    /// Sees the log only, and never decides: what is persisted, by definition.
    shadow: TransactionShard,
    pub(crate) config: TransactionConfig,
    pub(crate) image: MetadataImage,
    pub(crate) log: Vec<TransactionRecord>,
    pub(crate) timers: BTreeMap<TransactionTimer, Instant>,
    /// Of the log, how much is below the high watermark.
    pub(crate) committed: usize,
    /// Whether what is appended is committed at once.
    pub(crate) commits_at_once: bool,
    pub(crate) coordinator_epoch: i32,
    /// Whether there are producer ids to be had.
    pub(crate) has_producer_ids: bool,
    next_producer_id: i64,
    /// How many records the last decision had, and how many decisions were taken back.
    pub(crate) last_records: usize,
    pub(crate) retracted: usize,
    /// Each with the end of the log that it waits for.
    replies: BTreeMap<ReplyToken, (usize, TransactionResponse)>,
    markers: Vec<(usize, Markers)>,
    elapsed: Duration,
    next_token: u64,
}

impl Host {
    /// A host of a cluster with this `transaction.version`.
    pub(crate) fn new(version: i16) -> Self {
        Self::with_config(version, &TransactionConfig::default())
    }

    pub(crate) fn with_config(version: i16, config: &TransactionConfig) -> Self {
        Self::with_log(version, config, Vec::new())
    }

    pub(crate) fn with_log(
        version: i16,
        config: &TransactionConfig,
        log: Vec<TransactionRecord>,
    ) -> Self {
        let mut image = topics(&[("orders", 1, 4), ("clicks", 2, 3), ("__consumer_offsets", 3, 5)]);
        set_version(&mut image, version);
        let shard = || TransactionShard::new(config.clone(), image.clone());
        let mut host = Self {
            shard: shard(),
            shadow: shard(),
            config: config.clone(),
            image: image.clone(),
            committed: log.len(),
            log,
            timers: BTreeMap::new(),
            commits_at_once: true,
            coordinator_epoch: -1,
            has_producer_ids: true,
            next_producer_id: FIRST_PRODUCER_ID,
            last_records: 0,
            retracted: 0,
            replies: BTreeMap::new(),
            markers: Vec::new(),
            elapsed: Duration::ZERO,
            next_token: 0,
        };
        host.restart();
        host
    }

    pub(crate) fn now(&self) -> Now {
        Now {
            instant: Instant(1_000_000_000 + self.elapsed.as_nanos() as u64),
            unix_ms: START_UNIX_MS + self.elapsed.as_millis() as i64,
        }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// Sends a request.
    pub(crate) fn send(&mut self, api_version: i16, request: &TransactionRequest) -> ReplyToken {
        let token = ReplyToken(self.next_token);
        self.next_token += 1;
        self.supply();
        let (now, client) = (self.now(), Client { api_version, ..Client::default() });
        let decision = self.shard.decide(now, &client, request, token);
        self.apply_or_retract(decision, None);
        token
    }

    fn supply(&mut self) {
        if self.has_producer_ids && self.shard.lacks_producer_id() {
            self.shard.supply_producer_id(ProducerId(self.next_producer_id));
            self.next_producer_id += 1;
        }
    }

    /// The answer, if it has been given.
    pub(crate) fn take(&mut self, token: ReplyToken) -> Option<TransactionResponse> {
        let (_, response) = self.replies.remove(&token)?;
        Some(response)
    }

    /// The answers whose records are committed.
    pub(crate) fn take_released(&mut self) -> Vec<(ReplyToken, TransactionResponse)> {
        let committed = self.committed;
        let released = self.replies.extract_if(.., |_, (end, _)| *end <= committed);
        released.map(|(token, (_, response))| (token, response)).collect()
    }

    /// The markers whose records are committed.
    pub(crate) fn take_markers(&mut self) -> Vec<Markers> {
        let committed = self.committed;
        self.markers.extract_if(.., |(end, _)| *end <= committed).map(|(_, m)| m).collect()
    }

    /// Tells the shard that these markers had this code, each of them.
    pub(crate) fn answer(&mut self, markers: &Markers, code: ErrorCode) {
        let coded = |partitions: &[i32]| partitions.iter().map(|&p| (p, code)).collect();
        let topics = markers.partitions.iter();
        let outcome = MarkersOutcome {
            token: markers.token,
            transactional_id: markers.transactional_id.clone(),
            partitions: topics.map(|(topic, all)| (topic.clone(), coded(all))).collect(),
        };
        self.on_markers(&outcome);
    }

    pub(crate) fn on_markers(&mut self, outcome: &MarkersOutcome) {
        let decision = self.shard.on_markers(self.now(), outcome);
        self.apply_or_retract(decision, None);
    }

    /// Writes all markers that are asked for.
    pub(crate) fn write_markers(&mut self) {
        for markers in self.take_markers() {
            self.answer(&markers, ErrorCode::None);
        }
    }

    /// Everything that has been appended is committed.
    pub(crate) fn commit_log(&mut self) {
        self.committed = self.log.len();
    }

    /// Time goes on, and timers fire in their order.
    pub(crate) fn advance(&mut self, by: Duration) {
        let end = self.elapsed + by;
        while let Some(due) = self.next_timer().filter(|due| *due <= end) {
            self.elapsed = self.elapsed.max(due);
            self.fire();
        }
        self.elapsed = end;
    }

    pub(crate) fn advance_ms(&mut self, ms: u64) {
        self.advance(Duration::from_millis(ms));
    }

    fn next_timer(&self) -> Option<Duration> {
        let first = self.timers.values().min()?;
        Some(Duration::from_nanos(first.0.saturating_sub(1_000_000_000)))
    }

    fn fire(&mut self) {
        let now = self.now();
        let due = self.timers.iter().filter(|(_, at)| **at <= now.instant);
        let first = due.min_by_key(|(_, at)| **at).map(|(key, _)| key.clone());
        let Some(key) = first else { return };
        self.timers.remove(&key);
        self.supply();
        let decision = self.shard.on_timer(now, &key);
        self.apply_or_retract(decision, Some(key));
    }

    /// The metadata changes.
    pub(crate) fn set_image(&mut self, image: MetadataImage) {
        self.image = image.clone();
        self.shadow.on_metadata(self.now(), image.clone());
        let decision = self.shard.on_metadata(self.now(), image);
        self.apply_or_retract(decision, None);
    }

    pub(crate) fn set_config(&mut self, config: TransactionConfig) {
        self.config = config.clone();
        self.shard.set_config(config);
    }

    /// The broker stops, and a shard is made from what has been committed.
    pub(crate) fn restart(&mut self) {
        self.log.truncate(self.committed);
        let new = || {
            let mut shard = TransactionShard::new(self.config.clone(), self.image.clone());
            for (offset, record) in self.log.iter().enumerate() {
                shard.replay(Offset(offset as i64), record);
            }
            shard
        };
        (self.shard, self.shadow) = (new(), new());
        self.timers.clear();
        self.replies.clear();
        self.markers.clear();
        self.coordinator_epoch += 1;
        let loaded = self.shard.on_loaded(self.now(), self.coordinator_epoch);
        self.apply_or_retract(loaded, None);
    }

    /// A decision whose records no batch can hold is taken back.
    fn apply_or_retract(&mut self, decision: TransactionDecision, fired: Option<TransactionTimer>) {
        let bytes = |record: &TransactionRecord| {
            let (key, value) = record.encode().expect("a record can be written");
            key.len() + value.map_or(0, |value| value.len())
        };
        let all: usize = decision.records.iter().map(bytes).sum();
        if all <= self.config.append_bytes_max {
            return self.apply(decision);
        }
        self.retracted += 1;
        let retraction = self.shard.retract(self.now(), &decision, fired);
        assert!(retraction.records.is_empty(), "to take something back is not to write");
        self.apply(retraction);
    }

    fn apply(&mut self, decision: TransactionDecision) {
        let TransactionDecision { records, replies, timers, markers } = decision;
        let untouched = self.shard.persisted_state() == self.shadow.persisted_state();
        assert!(untouched, "a decision changed what is persisted before its replay");
        self.last_records = records.len();
        for record in records {
            let (key, value) = record.encode().expect("a record can be written");
            let read = TransactionRecord::decode(key, value).expect("what is written can be read");
            assert_eq!(read.as_ref(), Some(&record), "what is read is what was written");
            let offset = Offset(self.log.len() as i64);
            self.shard.replay(offset, &record);
            self.shadow.replay(offset, &record);
            self.log.push(record);
        }
        let lawful = self.shard.persisted_state() == self.shadow.persisted_state();
        assert!(lawful, "the replay of the log is not the live state");
        for change in timers {
            match change {
                TimerChange::Schedule { key, at } => drop(self.timers.insert(key, at)),
                TimerChange::Cancel { key } => drop(self.timers.remove(&key)),
            }
        }
        for (token, response) in replies {
            let earlier = self.replies.insert(token, (self.log.len(), response));
            assert!(earlier.is_none(), "{token:?} was answered twice");
        }
        self.markers.extend(markers.into_iter().map(|markers| (self.log.len(), markers)));
        if self.commits_at_once {
            self.commit_log();
        }
    }
}

/// The cluster agrees on a `transaction.version`.
pub(crate) fn set_version(image: &mut MetadataImage, feature_level: i16) {
    let feature = FeatureLevelRecord { name: "transaction.version".into(), feature_level };
    image.replay(&MetadataRecord::from(feature)).expect("a feature");
}
