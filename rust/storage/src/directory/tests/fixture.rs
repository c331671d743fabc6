//! A log directory of which a test moves every part.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use base::{
    BrokerEpoch, Clock, Instant, LeaderEpoch, NodeId, Offset, PartitionIndex, SplitMix64, TopicId,
    Uuid,
};
use parking_lot::Mutex;
use records::{
    BatchBuilder, Compression, ProduceBatch, ProduceRules, ProducerStamp, validate_produce,
};

use super::super::*;
use crate::disk::{Disk, FaultyDisk};
use crate::journal::{BLOCK_BYTES, JournalConfig};
use crate::log::{AppendTerms, Appended, Durability, LogListener};

pub(super) const DATA: &str = "/data";
pub(super) const PARTITION: PartitionIndex = PartitionIndex(0);

/// What completions said.
pub(super) type Answers<T> = Arc<Mutex<Vec<Result<T, DirectoryError>>>>;

#[derive(Debug, Default)]
pub(super) struct TestClock(pub(super) AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Instant {
        Instant(self.0.load(Ordering::Relaxed) as u64 * 1_000_000)
    }

    fn unix_ms(&self) -> i64 {
        1_700_000_000_000 + self.0.load(Ordering::Relaxed)
    }
}

/// Writes down what it is told.
#[derive(Debug, Default)]
pub(super) struct Told(pub(super) Mutex<Vec<String>>);

impl LogListener for Told {
    fn log_end_moved(&self, log_end: Offset) {
        self.0.lock().push(format!("end {log_end}"));
    }

    fn flushed_moved(&self, flushed: Offset) {
        self.0.lock().push(format!("flushed {flushed}"));
    }

    fn failed(&self, reason: &str) {
        self.0.lock().push(format!("failed {reason}"));
    }
}

#[derive(Debug, Default)]
pub(super) struct Topics(pub(super) BTreeMap<TopicId, KnownPartition>);

impl KnownTopics for Topics {
    fn partition(&self, topic_id: TopicId, partition: PartitionIndex) -> Option<KnownPartition> {
        self.0.get(&topic_id).filter(|_| partition == PARTITION).cloned()
    }
}

/// An open directory, and what is needed to open it again.
#[derive(Debug)]
pub(super) struct Fixture {
    pub(super) disk: FaultyDisk,
    pub(super) clock: Arc<TestClock>,
    pub(super) topics: Topics,
    pub(super) told: Arc<Told>,
    pub(super) directory: LogDirectory,
    pub(super) machines: DirectoryMachines,
    pub(super) report: RecoveryReport,
}

pub(super) fn topic_id(number: u8) -> TopicId {
    TopicId(Uuid([number; 16]))
}

pub(super) fn config() -> DirectoryConfig {
    DirectoryConfig {
        journal: JournalConfig { file_bytes: 8 * BLOCK_BYTES, bytes_max: 32 * BLOCK_BYTES },
        memory_bytes_max: 10_000,
        ..DirectoryConfig::default()
    }
}

pub(super) fn lock(disk: &FaultyDisk) -> Result<LockedDirectory, LockDirectoryError> {
    let identity = Identity { node_id: NodeId(1), cluster_id: None };
    let disk = Arc::new(disk.clone());
    LockedDirectory::lock(disk, Path::new(DATA), &identity, &mut SplitMix64::new(1))
}

impl Fixture {
    pub(super) fn new() -> Self {
        Self::with(config())
    }

    pub(super) fn with(config: DirectoryConfig) -> Self {
        Self::open(&FaultyDisk::new(), Arc::default(), Topics::default(), config)
            .expect("a new one")
    }

    pub(super) fn open(
        disk: &FaultyDisk,
        clock: Arc<TestClock>,
        topics: Topics,
        config: DirectoryConfig,
    ) -> Result<Self, OpenDirectoryError> {
        let locked = lock(disk).expect("nobody else has it");
        let (directory, machines, report) =
            locked.open(config, &(clock.clone() as Arc<dyn Clock>), &topics)?;
        let (disk, told) = (disk.clone(), Arc::default());
        Ok(Self { disk, clock, topics, told, directory, machines, report })
    }

    /// The same directory after a crash that lost what was not synced, or after a stop.
    pub(super) fn reopened(self, disk: &FaultyDisk) -> Self {
        let Self { clock, topics, .. } = self;
        Self::open(disk, clock, topics, config()).expect("it opens again")
    }

    pub(super) fn known(&self, name: &str, durability: Durability) -> KnownPartition {
        let config = LogConfig { durability, ..LogConfig::default() };
        KnownPartition { topic: name.into(), config, listener: self.told.clone() }
    }

    /// Makes the log of a topic, which metadata knows from now on.
    pub(super) fn create(&mut self, number: u8, name: &str, durability: Durability) -> Arc<Log> {
        let known = self.known(name, durability);
        self.topics.0.insert(topic_id(number), known.clone());
        self.directory.log_or_create(topic_id(number), PARTITION, known).expect("a new log")
    }

    pub(super) fn submit(&self, log: &Arc<Log>, bytes: usize) -> Answers<Appended> {
        self.try_submit(log, bytes).expect("there is room")
    }

    pub(super) fn try_submit(
        &self,
        log: &Arc<Log>,
        bytes: usize,
    ) -> Result<Answers<Appended>, RefusedReason> {
        self.try_submit_batch(log, batch(bytes, self.clock.unix_ms()))
    }

    pub(super) fn try_submit_batch(
        &self,
        log: &Arc<Log>,
        batch: ProduceBatch,
    ) -> Result<Answers<Appended>, RefusedReason> {
        let (answers, completion) = answers();
        let log = log.clone();
        let request = AppendRequest {
            log,
            batch,
            terms: AppendTerms::default(),
            leader_epoch: LeaderEpoch(0),
            completion,
        };
        self.directory.submit(request).map(|()| answers).map_err(|refused| refused.reason)
    }

    /// Steps each machine once.
    fn step(&mut self) -> Vec<Progress> {
        let mut progress = vec![
            self.machines.appender.step(),
            self.machines.journal_writer.step(),
            self.machines.syncer.step(),
        ];
        progress.extend(self.machines.cleaners.iter_mut().map(Cleaner::step));
        progress
    }

    /// Steps the machines until none has anything to do.
    pub(super) fn settle(&mut self) {
        for _ in 0..10_000 {
            let progress = self.step();
            if !progress.contains(&Progress::Busy) {
                return;
            }
        }
        panic!("the machines never settle");
    }

    /// Closes the directory and steps the machines until they have stopped.
    pub(super) fn stop(&mut self) {
        self.directory.close(BrokerEpoch(7));
        for _ in 0..10_000 {
            let progress = self.step();
            if progress.iter().all(|progress| *progress == Progress::Stopped) {
                return;
            }
        }
        panic!("the machines never stop");
    }

    pub(super) fn advance(&self, ms: i64) {
        self.clock.0.fetch_add(ms, Ordering::Relaxed);
    }

    pub(super) fn names(&self) -> Vec<String> {
        let entries = self.disk.list(Path::new(DATA)).expect("the directory is there");
        entries.into_iter().map(|entry| entry.name).collect()
    }
}

/// A completion, and where it puts the answer.
pub(super) fn answers<T: Send + 'static>() -> (Answers<T>, Completion<T>) {
    let answers: Answers<T> = Arc::new(Mutex::new(Vec::new()));
    let put = answers.clone();
    (answers, Box::new(move |answer| put.lock().push(answer)))
}

/// The one answer, which is good.
pub(super) fn answer<T: Copy>(answers: &Answers<T>) -> T {
    match answers.lock().as_slice() {
        [Ok(answer)] => *answer,
        [Err(error)] => panic!("it was refused: {error}"),
        other => panic!("{} answers", other.len()),
    }
}

pub(super) fn error<T: std::fmt::Debug>(answers: &Answers<T>) -> String {
    match answers.lock().as_slice() {
        [Err(error)] => error.to_string(),
        other => panic!("it was not refused: {other:?}"),
    }
}

/// A batch of one record.
pub(super) fn batch(bytes: usize, now_ms: i64) -> ProduceBatch {
    stamped_batch(bytes, now_ms, &ProducerStamp::NONE)
}

/// A batch of one record of an idempotent producer.
pub(super) fn stamped_batch(bytes: usize, now_ms: i64, stamp: &ProducerStamp) -> ProduceBatch {
    let mut builder = BatchBuilder::new(1 << 20);
    builder.try_append(now_ms, None, Some(&vec![7; bytes]), &[]).expect("it fits");
    let bytes = builder.finish(stamp, Compression::default()).expect("no codec");
    let rules = ProduceRules { now_ms, ..ProduceRules::default() };
    validate_produce(&bytes, &rules).expect("a well-formed batch")
}
