//! A log directory, its machines stepped by hand, and the model of what it has promised.

use std::path::Path;
use std::sync::Arc;

use base::{
    BrokerEpoch, Clock, LeaderEpoch, NodeId, Offset, PartitionIndex, ProducerEpoch, ProducerId,
    Rng, SplitMix64, TopicId,
};
use parking_lot::Mutex;
use records::{
    AppendOrigin, BatchBuilder, Compression, ControlRecord, Header, NO_SEQUENCE, ProduceBatch,
    ProduceRules, ProducerStamp, validate_produce,
};
use storage::directory::{
    AppendRequest, DirectoryConfig, DirectoryMachines, Identity, LockedDirectory, LogDirectory,
    Progress, RecoveryReport,
};
use storage::journal::{BLOCK_BYTES, JournalConfig};
use storage::log::{AppendTerms, Log};
use storage::{FaultyDisk, VerificationGuard};

use crate::clock::ScriptedClock;
use crate::history::{Event, Outcome, Partition};
use crate::model::{Keyed, SharedModel};
use crate::topics::{Topics, known_partition, topic_id};

pub(crate) const DATA: &str = "/data";

const PARTITION: PartitionIndex = PartitionIndex(0);

/// More steps than any history needs to settle.
const STEPS_MAX: usize = 100_000;

/// An open log directory over a faulty disk.
pub(crate) struct World {
    disk: FaultyDisk,
    clock: Arc<ScriptedClock>,
    rng: SplitMix64,
    topics: Topics,
    model: SharedModel,
    directory: LogDirectory,
    machines: DirectoryMachines,
    incarnations: u8,
}

/// Everything that is not on the disk.
pub(crate) struct Outside {
    pub(crate) clock: Arc<ScriptedClock>,
    pub(crate) topics: Topics,
    pub(crate) model: SharedModel,
}

impl Outside {
    /// The same, to be changed on its own.
    pub(crate) fn fork(&self) -> Self {
        Self {
            clock: Arc::new(ScriptedClock::at(self.clock.ms())),
            // Recovery asks for topics and makes none.
            topics: self.topics.clone(),
            model: Arc::new(Mutex::new(self.model.lock().clone())),
        }
    }

    pub(crate) fn new() -> Self {
        Self {
            clock: Arc::new(ScriptedClock::at(0)),
            topics: Topics::default(),
            model: SharedModel::default(),
        }
    }
}

fn config() -> DirectoryConfig {
    DirectoryConfig {
        journal: JournalConfig { file_bytes: 4 * BLOCK_BYTES, bytes_max: 16 * BLOCK_BYTES },
        segment_sync_bytes_min: 6_000,
        unchecked_bytes_max: 12_000,
        unchecked_bytes_total_max: 30_000,
        ..DirectoryConfig::default()
    }
}

/// Opens what is on the disk.
pub(crate) fn open(
    disk: &FaultyDisk,
    outside: &Outside,
) -> Result<(LogDirectory, DirectoryMachines, RecoveryReport), String> {
    let identity = Identity { node_id: NodeId(1), cluster_id: None };
    let mut rng = SplitMix64::new(1);
    let disk = Arc::new(disk.clone());
    let locked = LockedDirectory::lock(disk, Path::new(DATA), &identity, &mut rng)
        .map_err(|error| error.to_string())?;
    locked
        .open(config(), &(outside.clock.clone() as Arc<dyn Clock>), &outside.topics)
        .map_err(|error| error.to_string())
}

impl World {
    /// Opens the directory; none if the power is cut meanwhile.
    pub(crate) fn open(disk: &FaultyDisk, outside: &Outside, seed: u64) -> Option<Self> {
        let opened = Self::try_open(disk, outside, seed);
        assert!(opened.is_ok() || disk.is_crashed(), "a sound disk opens: {:?}", opened.err());
        opened.ok()
    }

    pub(crate) fn try_open(
        disk: &FaultyDisk,
        outside: &Outside,
        seed: u64,
    ) -> Result<Self, String> {
        let (directory, machines, _) = open(disk, outside)?;
        Ok(Self {
            disk: disk.clone(),
            clock: outside.clock.clone(),
            rng: SplitMix64::new(seed),
            topics: outside.topics.clone(),
            model: outside.model.clone(),
            directory,
            machines,
            incarnations: outside.model.lock().logs.len() as u8,
        })
    }

    /// Plays the events until they end or the power is cut.
    pub(crate) fn play(mut self, events: &[Event], outside: &Outside) {
        for (index, event) in events.iter().enumerate() {
            if matches!(event, Event::Restart) {
                let disk = self.disk.clone();
                let seed = self.rng.next_u64();
                self.close();
                if let Some(next) = Self::open(&disk, outside, seed) {
                    next.play(&events[index + 1..], outside);
                }
                return;
            }
            self.play_one(*event);
            self.observe();
            if self.disk.is_crashed() {
                return;
            }
            assert!(self.directory.failure().is_none(), "{:?}", self.directory.failure());
        }
    }

    fn play_one(&mut self, event: Event) {
        match event {
            Event::Create(partition, settings) => {
                let topic_id = topic_id(self.incarnations);
                self.incarnations += 1;
                self.topics.insert(topic_id, partition, settings);
                self.model.lock().create(topic_id, partition, settings);
                let known = known_partition(partition, settings);
                let created = self.directory.log_or_create(topic_id, PARTITION, known);
                assert!(created.is_ok() || self.disk.is_crashed(), "{created:?}");
            }
            Event::Append(partition, batches, bytes) => {
                for _ in 0..batches {
                    self.append(partition, None, bytes);
                }
            }
            Event::Put(partition, key, bytes) => {
                self.append(partition, Some(Keyed { key, is_tombstone: false }), bytes);
            }
            Event::Delete(partition, key) => {
                self.append(partition, Some(Keyed { key, is_tombstone: true }), 0);
            }
            Event::Transact(partition, producer, bytes) => {
                self.transact(partition, producer, bytes);
            }
            Event::End(partition, producer, outcome) => {
                self.end_transaction(partition, producer, outcome);
            }
            Event::Settle => self.settle(),
            Event::Steps(steps) => {
                for _ in 0..steps {
                    self.step();
                }
            }
            Event::DeleteRecords(partition, less) => self.delete_records(partition, less),
            Event::Truncate(partition, less) => self.truncate(partition, less),
            Event::DeleteTopic(partition) => self.delete_topic(partition),
            Event::Configure(partition, settings) => {
                let (topic_id, log) = self.log(partition);
                self.topics.insert(topic_id, partition, settings);
                let configured = Box::new(|_| {});
                self.directory.configure(log, settings.log_config(), configured);
            }
            Event::Flush(partition) => {
                let (topic_id, log) = self.log(partition);
                let model = self.model.clone();
                self.directory.flush(
                    log,
                    Box::new(move |flushed| {
                        if let Ok(recovery_point) = flushed {
                            let mut model = model.lock();
                            let log = model.log(topic_id);
                            log.durable = log.durable.max(recovery_point);
                        }
                    }),
                );
            }
            Event::Advance(ms) => self.clock.advance(ms),
            Event::Restart => unreachable!("`play` looks after it"),
        }
    }

    fn append(&mut self, partition: Partition, key: Option<Keyed>, bytes: usize) {
        let id = self.new_batch(partition, key);
        let batch = batch(id, key, bytes, self.clock.unix_ms());
        self.submit(partition, id, batch, AppendTerms::default());
    }

    /// As a coordinator does for a producer: without sequence numbers.
    fn transact(&mut self, partition: Partition, producer: i64, bytes: usize) {
        let id = self.new_batch(partition, None);
        let batch = transactional_batch(id, producer, bytes, self.clock.unix_ms());
        let (origin, guard) = (AppendOrigin::Coordinator, VerificationGuard::NONE);
        self.submit(partition, id, batch, AppendTerms::Records { origin, guard });
    }

    /// A marker's id is the epoch of its coordinator.
    fn end_transaction(&mut self, partition: Partition, producer: i64, outcome: Outcome) {
        let id = self.new_batch(partition, None);
        let coordinator_epoch = id as i32;
        let record = match outcome {
            Outcome::Commit => ControlRecord::Commit { coordinator_epoch },
            Outcome::Abort => ControlRecord::Abort { coordinator_epoch },
        };
        let (producer_id, epoch) = (ProducerId(producer), ProducerEpoch(0));
        let now_ms = self.clock.unix_ms();
        let marker = ProduceBatch::end_transaction(&record, producer_id, epoch, now_ms);
        self.submit(partition, id, marker, AppendTerms::Marker { transaction_version: 1 });
    }

    fn new_batch(&self, partition: Partition, key: Option<Keyed>) -> u64 {
        let (topic_id, _) = self.log(partition);
        let mut model = self.model.lock();
        let id = model.new_batch_id();
        model.log(topic_id).unanswered.insert(id, key);
        id
    }

    fn submit(&self, partition: Partition, id: u64, batch: ProduceBatch, terms: AppendTerms) {
        let (topic_id, log) = self.log(partition);
        let model = self.model.clone();
        let request = AppendRequest {
            log,
            batch,
            terms,
            leader_epoch: LeaderEpoch(0),
            completion: Box::new(move |appended| {
                if let Ok(appended) = appended {
                    let (base, end) = (appended.base_offset, appended.last_offset.next());
                    model.lock().log(topic_id).appended(id, base, end);
                }
            }),
        };
        let submitted = self.directory.submit(request);
        assert!(submitted.is_ok() || self.disk.is_crashed(), "{submitted:?}");
    }

    fn delete_records(&mut self, partition: Partition, less: i64) {
        let (topic_id, log) = self.log(partition);
        let before = Offset(log.offsets().high_watermark.0 - less);
        let model = self.model.clone();
        model.lock().log(topic_id).deletion_began(before);
        let completion = Box::new(move |deleted| {
            if let Ok(log_start) = deleted {
                model.lock().log(topic_id).deletion_ended(log_start);
            }
        });
        self.directory.delete_records(log, before, completion);
    }

    fn truncate(&mut self, partition: Partition, less: i64) {
        let (topic_id, log) = self.log(partition);
        let to = Offset(log.offsets().log_end.0 - less);
        let model = self.model.clone();
        model.lock().log(topic_id).truncation_began(to);
        let completion = Box::new(move |truncated| {
            if let Ok(log_end) = truncated {
                model.lock().log(topic_id).truncation_ended(log_end);
            }
        });
        self.directory.truncate(log, to, completion);
    }

    fn delete_topic(&mut self, partition: Partition) {
        let (topic_id, _) = self.log(partition);
        self.observe();
        self.topics.remove(topic_id);
        self.model.lock().log(topic_id).is_deleted = true;
        self.directory.delete_log(topic_id, PARTITION, Box::new(|_| {}));
    }

    /// Steps the machines in a random order until none has anything to do.
    pub(crate) fn settle(&mut self) {
        for _ in 0..STEPS_MAX {
            self.step();
            let quiet = self.step_all();
            self.raise_high_watermarks();
            if !quiet.contains(&Progress::Busy) {
                return;
            }
        }
        panic!("the machines never settle");
    }

    fn step_all(&mut self) -> [Progress; 4] {
        [
            self.machines.appender.step(),
            self.machines.journal_writer.step(),
            self.machines.syncer.step(),
            self.machines.cleaners[0].step(),
        ]
    }

    fn step(&mut self) {
        match self.rng.below(4) {
            0 => self.machines.appender.step(),
            1 => self.machines.journal_writer.step(),
            2 => self.machines.syncer.step(),
            _ => self.machines.cleaners[0].step(),
        };
        self.raise_high_watermarks();
    }

    fn close(mut self) {
        self.directory.close(BrokerEpoch(1));
        for _ in 0..STEPS_MAX {
            let stopped = self.step_all();
            if stopped == [Progress::Stopped; 4] {
                self.observe();
                return;
            }
        }
        panic!("the machines never stop");
    }

    /// The leader is alone: what it has flushed is replicated.
    fn raise_high_watermarks(&self) {
        for log in self.directory.logs() {
            log.set_high_watermark(log.offsets().flushed);
        }
    }

    fn observe(&self) {
        let mut model = self.model.lock();
        for log in self.directory.logs() {
            model.log(log.topic_id()).observe(&log);
        }
    }

    fn log(&self, partition: Partition) -> (TopicId, Arc<Log>) {
        let topic_id = self.model.lock().living(partition).expect("the history made the topic");
        let log = self.directory.log(topic_id, PARTITION).expect("its log is open");
        (topic_id, log)
    }

    /// Appends one record to every log, and sees to it that it is flushed.
    pub(crate) fn append_everywhere(&mut self) -> Result<(), String> {
        let living: Vec<Partition> =
            self.model.lock().living_logs().map(|(_, log)| log.partition).collect();
        for partition in living {
            let topic_id = self.model.lock().living(partition).expect("it lives");
            let settings = self.model.lock().log(topic_id).settings;
            let known = known_partition(partition, settings);
            let log = self.directory.log_or_create(topic_id, PARTITION, known);
            let log = log.map_err(|error| error.to_string())?;
            let end = log.offsets().log_end;
            let key = settings.compact.then_some(Keyed { key: 9, is_tombstone: false });
            self.append(partition, key, 100);
            self.settle();
            if log.offsets().flushed != end.next() {
                return Err(format!("topic{partition} takes no record after recovery"));
            }
        }
        self.observe();
        Ok(())
    }

    pub(crate) fn directory(&self) -> &LogDirectory {
        &self.directory
    }
}

/// A batch of one record of `bytes` bytes that carries its id at every eighth byte, a tombstone in
/// a header.
fn batch(id: u64, key: Option<Keyed>, bytes: usize, now_ms: i64) -> ProduceBatch {
    let mut builder = BatchBuilder::new(1 << 20);
    let id_bytes = id.to_be_bytes();
    let value: Vec<u8> = id_bytes.into_iter().cycle().take(bytes.max(8) / 8 * 8).collect();
    let key_bytes = key.map(|keyed| [keyed.key]);
    let is_tombstone = key.is_some_and(|keyed| keyed.is_tombstone);
    let (value, headers) = if is_tombstone {
        (None, vec![Header::new("id", Some(&id_bytes))])
    } else {
        (Some(value.as_slice()), Vec::new())
    };
    let key = key_bytes.as_ref().map(<[u8; 1]>::as_slice);
    builder.try_append(now_ms, key, value, &headers).expect("it fits");
    let bytes = builder.finish(&ProducerStamp::NONE, Compression::default()).expect("no codec");
    let rules = ProduceRules { now_ms, ..ProduceRules::default() };
    validate_produce(&bytes, &rules).expect("a well-formed batch")
}

/// A batch of one record of `bytes` bytes in a producer's transaction. Its key is no other's.
fn transactional_batch(id: u64, producer: i64, bytes: usize, now_ms: i64) -> ProduceBatch {
    let mut builder = BatchBuilder::new(1 << 20);
    let id = id.to_be_bytes();
    let value: Vec<u8> = id.into_iter().cycle().take(bytes.max(8) / 8 * 8).collect();
    builder.try_append(now_ms, Some(&id), Some(&value), &[]).expect("it fits");
    let stamp = ProducerStamp {
        producer_id: ProducerId(producer),
        producer_epoch: ProducerEpoch(0),
        base_sequence: NO_SEQUENCE,
        transactional: true,
    };
    let bytes = builder.finish(&stamp, Compression::default()).expect("no codec");
    let origin = AppendOrigin::Coordinator;
    let rules = ProduceRules { now_ms, origin, ..ProduceRules::default() };
    validate_produce(&bytes, &rules).expect("a well-formed batch")
}
