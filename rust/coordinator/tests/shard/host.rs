//! A host for a shard under virtual time: it appends, replays, sets timers and keeps replies, as
//! the broker does, and holds the shard to the law of replay at every step.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use base::{Instant, Offset, ProducerEpoch, ProducerId, SplitMix64, Uuid};
use coordinator::{
    Client, CoordinatorConfig, CoordinatorRecord, Decision, Now, Rebalance, ReplyToken, Request,
    Response, Shard, TimerChange, TimerKey, TransactionalProducer,
};
use metadata::MetadataImage;
use metadata::record::{MetadataRecord, PartitionRecord, RemoveTopicRecord, TopicRecord};

/// Where virtual time begins, in milliseconds since 1970.
const START_UNIX_MS: i64 = 1_700_000_000_000;

/// The end of a producer's transaction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Marker {
    /// How many records of the log are before it.
    pub(crate) behind: usize,
    pub(crate) producer: TransactionalProducer,
    pub(crate) is_committed: bool,
}

/// What the log holds: records, those of transactions among them, and markers.
#[derive(Debug)]
pub(crate) enum Entry<'a> {
    Record(usize, &'a CoordinatorRecord),
    Transactional(usize, ProducerId, &'a CoordinatorRecord),
    Marker(ProducerId, bool),
}

#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) shard: Shard,
    /// Sees the log only, and never decides: what is persisted, by definition.
    shadow: Shard,
    pub(crate) config: CoordinatorConfig,
    pub(crate) image: MetadataImage,
    pub(crate) log: Vec<CoordinatorRecord>,
    /// Which records of the log are part of whose transactions.
    pub(crate) transactional: BTreeMap<usize, TransactionalProducer>,
    pub(crate) markers: Vec<Marker>,
    /// The last epoch that the log has seen of each producer.
    epochs: BTreeMap<ProducerId, ProducerEpoch>,
    /// Whose batches the log has refused.
    pub(crate) fenced: Vec<ReplyToken>,
    pub(crate) timers: BTreeMap<TimerKey, Instant>,
    pub(crate) rebalances: Vec<Rebalance>,
    /// Whose answers were taken back.
    pub(crate) retracted: Vec<ReplyToken>,
    /// Of the log, how much is below the high watermark.
    pub(crate) committed: usize,
    committed_markers: usize,
    /// Whether what is appended is committed at once.
    pub(crate) commits_at_once: bool,
    /// Each with the end of the log that it waits for.
    replies: BTreeMap<ReplyToken, (usize, Response)>,
    elapsed: Duration,
    rng: SplitMix64,
    next_token: u64,
}

impl Host {
    pub(crate) fn new(config: CoordinatorConfig) -> Self {
        Self::with_image(config, &topics(&[("orders", 1, 4), ("clicks", 2, 3)]), 1)
    }

    pub(crate) fn with_image(config: CoordinatorConfig, image: &MetadataImage, seed: u64) -> Self {
        let mut host = Self {
            shard: Shard::new(config.clone(), image.clone()),
            shadow: Shard::new(config.clone(), image.clone()),
            config,
            image: image.clone(),
            log: Vec::new(),
            transactional: BTreeMap::new(),
            markers: Vec::new(),
            epochs: BTreeMap::new(),
            fenced: Vec::new(),
            timers: BTreeMap::new(),
            rebalances: Vec::new(),
            retracted: Vec::new(),
            committed: 0,
            committed_markers: 0,
            commits_at_once: true,
            replies: BTreeMap::new(),
            elapsed: Duration::ZERO,
            rng: SplitMix64::new(seed),
            next_token: 0,
        };
        let loaded = host.shard.on_loaded(host.now());
        host.apply(loaded);
        host
    }

    pub(crate) fn now(&self) -> Now {
        Now {
            instant: Instant(1_000_000_000 + self.elapsed.as_nanos() as u64),
            unix_ms: START_UNIX_MS + self.elapsed.as_millis() as i64,
        }
    }

    /// Sends a request, whose answer may take its time.
    pub(crate) fn send(&mut self, client: &Client, request: impl Into<Request>) -> ReplyToken {
        let token = ReplyToken(self.next_token);
        self.next_token += 1;
        let now = self.now();
        let decision = self.shard.decide(now, &mut self.rng, client, &request.into(), token);
        self.apply_or_retract(decision, None);
        token
    }

    /// The answer, if it has been given.
    pub(crate) fn take(&mut self, token: ReplyToken) -> Option<Response> {
        let (_, response) = self.replies.remove(&token)?;
        Some(response)
    }

    /// The answers whose records are committed.
    pub(crate) fn take_released(&mut self) -> Vec<(ReplyToken, Response)> {
        let committed = self.committed;
        let released = self.replies.extract_if(.., |_, (end, _)| *end <= committed);
        released.map(|(token, (_, response))| (token, response)).collect()
    }

    /// Everything that has been appended is committed.
    pub(crate) fn commit_log(&mut self) {
        self.committed = self.log.len();
        self.committed_markers = self.markers.len();
    }

    /// The log in its order, from so many records and markers on.
    pub(crate) fn entries(&self, (records, markers): (usize, usize)) -> Vec<Entry<'_>> {
        let mut markers = self.markers[markers..].iter().peekable();
        let mut entries = Vec::new();
        for place in records..=self.log.len() {
            while let Some(marker) = markers.next_if(|marker| marker.behind == place) {
                entries.push(Entry::Marker(marker.producer.id, marker.is_committed));
            }
            let Some(record) = self.log.get(place) else { break };
            entries.push(match self.transactional.get(&place) {
                Some(producer) => Entry::Transactional(place, producer.id, record),
                None => Entry::Record(place, record),
            });
        }
        entries
    }

    /// Ends a producer's transaction. Nothing of an earlier epoch is taken after that, be it
    /// another marker.
    pub(crate) fn end_transaction(&mut self, producer: TransactionalProducer, is_committed: bool) {
        if self.is_fenced(Some(producer)) {
            return;
        }
        self.epochs.insert(producer.id, producer.epoch);
        let marker = Marker { behind: self.log.len(), producer, is_committed };
        self.markers.push(marker);
        for shard in [&mut self.shard, &mut self.shadow] {
            shard.replay_marker(producer.id, is_committed);
        }
        self.check_law();
        if self.commits_at_once {
            self.commit_log();
        }
    }

    /// The last epoch that the log has seen of a producer.
    pub(crate) fn epoch_of(&self, id: ProducerId) -> Option<ProducerEpoch> {
        self.epochs.get(&id).copied()
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

    pub(crate) fn next_timer(&self) -> Option<Duration> {
        let first = self.timers.values().min()?;
        Some(Duration::from_nanos(first.0.saturating_sub(1_000_000_000)))
    }

    fn fire(&mut self) {
        let now = self.now();
        let due = self.timers.iter().filter(|(_, at)| **at <= now.instant);
        let first = due.min_by_key(|(_, at)| **at).map(|(key, _)| key.clone());
        let Some(key) = first else { return };
        self.timers.remove(&key);
        let decision = self.shard.on_timer(now, &key);
        self.apply_or_retract(decision, Some(key));
    }

    /// The metadata changes.
    pub(crate) fn set_image(&mut self, image: MetadataImage) {
        self.image = image.clone();
        let decision = self.shard.on_metadata(self.now(), image);
        self.apply(decision);
    }

    /// The broker stops, and a shard is made from what has been committed. Who waits is forgotten.
    pub(crate) fn restart(&mut self) {
        self.log.truncate(self.committed);
        self.transactional.retain(|place, _| *place < self.committed);
        self.markers.truncate(self.committed_markers);
        let producers = self.transactional.values();
        let producers = producers.chain(self.markers.iter().map(|marker| &marker.producer));
        let mut epochs: BTreeMap<ProducerId, ProducerEpoch> = BTreeMap::new();
        for producer in producers {
            let epoch = epochs.entry(producer.id).or_insert(producer.epoch);
            *epoch = producer.epoch.max(*epoch);
        }
        self.epochs = epochs;
        let new = || {
            let mut shard = Shard::new(self.config.clone(), self.image.clone());
            for entry in self.entries((0, 0)) {
                replay(&mut shard, &entry);
            }
            shard
        };
        let (shard, shadow) = (new(), new());
        (self.shard, self.shadow) = (shard, shadow);
        self.timers.clear();
        self.replies.clear();
        let loaded = self.shard.on_loaded(self.now());
        self.apply(loaded);
    }

    /// A decision whose records no batch can hold is taken back.
    fn apply_or_retract(&mut self, decision: Decision, fired: Option<TimerKey>) {
        let bytes = |record: &CoordinatorRecord| {
            let (key, value) = record.encode().expect("a record can be written");
            key.len() + value.map_or(0, |value| value.len())
        };
        let all: usize = decision.records.iter().map(bytes).sum();
        if all <= self.config.append_bytes_max {
            return self.apply(decision);
        }
        self.retracted.extend(decision.replies.iter().map(|(token, _)| *token));
        let retraction = self.shard.retract(self.now(), &decision, fired);
        self.apply(retraction);
    }

    fn check_law(&self) {
        let lawful = self.shard.persisted_state() == self.shadow.persisted_state();
        assert!(lawful, "the replay of the log is not the live state");
    }

    /// Whether the log takes a batch of this producer.
    fn is_fenced(&self, producer: Option<TransactionalProducer>) -> bool {
        producer.is_some_and(|producer| {
            self.epoch_of(producer.id).is_some_and(|epoch| producer.epoch < epoch)
        })
    }

    fn apply(&mut self, decision: Decision) {
        let untouched = self.shard.persisted_state() == self.shadow.persisted_state();
        assert!(untouched, "a decision changed what is persisted before its replay");
        let Decision { records, producer, replies, timers, rebalances } = decision;
        if producer.is_some() {
            let is_alone = replies.len() == 1 && timers.is_empty() && rebalances.is_empty();
            assert!(is_alone, "a decision about a transaction does something else");
        }
        if self.is_fenced(producer) {
            return self.fenced.extend(replies.iter().map(|(token, _)| *token));
        }
        let is_replayed = !records.is_empty();
        for record in records {
            let (key, value) = record.encode().expect("a record can be written");
            let read = CoordinatorRecord::decode(key, value).expect("what is written can be read");
            let record = read.expect("our own kinds are known");
            let place = self.log.len();
            let entry = match producer {
                Some(producer) => {
                    self.epochs.insert(producer.id, producer.epoch);
                    self.transactional.insert(place, producer);
                    Entry::Transactional(place, producer.id, &record)
                }
                None => Entry::Record(place, &record),
            };
            replay(&mut self.shard, &entry);
            replay(&mut self.shadow, &entry);
            self.log.push(record);
        }
        if is_replayed {
            self.check_law();
        }
        for change in timers {
            match change {
                TimerChange::Schedule { key, at } => {
                    self.timers.insert(key, at);
                }
                TimerChange::Cancel { key } => {
                    self.timers.remove(&key);
                }
            }
        }
        for (token, response) in replies {
            assert!(token.0 < self.next_token, "{token:?} was never handed out");
            let earlier = self.replies.insert(token, (self.log.len(), response));
            assert!(earlier.is_none(), "{token:?} was answered twice");
        }
        self.rebalances.extend(rebalances);
        if self.commits_at_once {
            self.commit_log();
        }
    }
}

fn replay(shard: &mut Shard, entry: &Entry<'_>) {
    let offset = |place: &usize| Offset(*place as i64);
    match entry {
        Entry::Record(place, record) => shard.replay(offset(place), record),
        Entry::Transactional(place, producer, record) => {
            shard.replay_transactional(offset(place), *producer, record);
        }
        Entry::Marker(producer, is_committed) => shard.replay_marker(*producer, *is_committed),
    }
}

/// The metadata of these topics: name, number (of which the id is made) and partitions.
pub(crate) fn topics(topics: &[(&str, u8, i32)]) -> MetadataImage {
    let mut image = MetadataImage::default();
    for &(name, number, partitions) in topics {
        add_topic(&mut image, name, number, partitions);
    }
    image
}

pub(crate) fn topic_id(number: u8) -> Uuid {
    Uuid([number; 16])
}

pub(crate) fn add_topic(image: &mut MetadataImage, name: &str, number: u8, partitions: i32) {
    let topic = TopicRecord { name: name.to_owned(), topic_id: topic_id(number) };
    image.replay(&MetadataRecord::from(topic)).expect("a new topic");
    add_partitions(image, number, 0..partitions);
}

pub(crate) fn add_partitions(image: &mut MetadataImage, number: u8, added: Range<i32>) {
    for partition_id in added {
        let partition = PartitionRecord {
            partition_id,
            topic_id: topic_id(number),
            replicas: vec![1],
            isr: vec![1],
            leader: 1,
            leader_epoch: 0,
            partition_epoch: 0,
            directories: vec![Uuid::ZERO],
        };
        image.replay(&MetadataRecord::from(partition)).expect("a new partition");
    }
}

pub(crate) fn remove_topic(image: &mut MetadataImage, number: u8) {
    let topic = RemoveTopicRecord { topic_id: topic_id(number) };
    image.replay(&MetadataRecord::from(topic)).expect("a topic that is there");
}
