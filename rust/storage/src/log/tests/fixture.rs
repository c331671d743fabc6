//! A log that tests append to and open again.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, TopicId, TopicPartition, Wait};
use bytes::Bytes;
use parking_lot::Mutex;
use records::{
    BatchBuilder, Compression, CompressionType, ProduceBatch, ProduceRules, ProducerStamp,
    RecordBatch, batches, validate_produce,
};

use crate::disk::{Disk, FaultyDisk, MemoryDisk, Open};
use crate::log::*;

pub(super) const EPOCH: LeaderEpoch = LeaderEpoch(0);

/// Remembers what a log tells.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) log_ends: Mutex<Vec<i64>>,
    pub(super) flushed: Mutex<Vec<i64>>,
    pub(super) failures: Mutex<Vec<String>>,
}

impl LogListener for Heard {
    fn log_end_moved(&self, log_end: Offset) {
        self.log_ends.lock().push(log_end.0);
    }

    fn flushed_moved(&self, flushed: Offset) {
        self.flushed.lock().push(flushed.0);
    }

    fn failed(&self, reason: &str) {
        self.failures.lock().push(reason.to_owned());
    }
}

#[derive(Clone, Debug)]
pub(super) struct Fixture {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) path: PathBuf,
    pub(super) config: LogConfig,
    pub(super) checkpoints: LogCheckpoints,
    pub(super) clean: bool,
    pub(super) heard: Arc<Heard>,
    pub(super) now_ms: i64,
}

impl Fixture {
    pub(super) fn on(disk: Arc<dyn Disk>) -> Self {
        disk.create_dir_all(Path::new("/data")).unwrap();
        disk.sync_dir(Path::new("/")).unwrap();
        Self::below(disk, Path::new("/data"))
    }

    /// In a directory that is there.
    pub(super) fn below(disk: Arc<dyn Disk>, root: &Path) -> Self {
        Self {
            disk,
            path: root.join("orders-0"),
            config: LogConfig { durability: Durability::Os, ..LogConfig::default() },
            checkpoints: LogCheckpoints::default(),
            clean: false,
            heard: Arc::default(),
            now_ms: 1_000_000,
        }
    }

    pub(super) fn new() -> Self {
        Self::on(Arc::new(MemoryDisk::new(1 << 30)))
    }

    /// On a disk that can be made to crash.
    pub(super) fn faulty() -> (Self, FaultyDisk) {
        let disk = FaultyDisk::new();
        (Self::on(Arc::new(disk.clone())), disk)
    }

    /// Small segments and dense indexes, so that a few batches touch everything.
    pub(super) fn small(mut self) -> Self {
        self.config.segment_bytes = 1000;
        self.config.index_interval_bytes = 150;
        self
    }

    pub(super) fn with(mut self, change: impl FnOnce(&mut LogConfig)) -> Self {
        change(&mut self.config);
        self
    }

    pub(super) fn try_open(&self) -> Result<(Log, LogRecovery), LogOpenError> {
        Log::open(LogOpening {
            disk: Arc::clone(&self.disk),
            path: self.path.clone(),
            topic_partition: TopicPartition::new("orders", 0),
            topic_id: topic_id(),
            config: self.config.clone(),
            listener: self.heard.clone(),
            checkpoints: self.checkpoints,
            clean: self.clean,
            holes_before: Offset::ZERO,
            now_ms: self.now_ms,
            seed: 1,
        })
    }

    pub(super) fn open(&self) -> Log {
        self.try_open().unwrap().0
    }

    /// Opens the log with what the log before has left behind for the checkpoint files.
    pub(super) fn reopen(&mut self, log: &Log) -> Log {
        self.checkpoints = LogCheckpoints {
            recovery_point: log.recovery_point(),
            log_start: log.offsets().log_start,
            high_watermark: log.offsets().high_watermark,
        };
        self.open()
    }

    pub(super) fn names(&self) -> Vec<String> {
        let entries = self.disk.list(&self.path).unwrap_or_default();
        entries.into_iter().map(|entry| entry.name).collect()
    }

    pub(super) fn content(&self, name: &str) -> Vec<u8> {
        let file = self.disk.open(&self.path.join(name), Open::Existing).unwrap();
        file.read_all(1 << 30).unwrap()
    }
}

pub(super) fn topic_id() -> TopicId {
    TopicId("hU2nZSQLRcy3PiWHyRmVbw".parse().unwrap())
}

/// A batch of records with these timestamps, of this value each.
pub(super) fn batch_of(timestamps: &[i64], value: &[u8], stamp: &ProducerStamp) -> ProduceBatch {
    let mut builder = BatchBuilder::new(1 << 20);
    for &timestamp in timestamps {
        builder.try_append(timestamp, None, Some(value), &[]).unwrap();
    }
    let bytes = builder.finish(stamp, Compression::from(CompressionType::None)).unwrap();
    validate_produce(&bytes, &rules()).unwrap()
}

fn rules() -> ProduceRules {
    ProduceRules { now_ms: i64::MAX / 4, ..ProduceRules::default() }
}

pub(super) fn batch(records: i64) -> ProduceBatch {
    let timestamps: Vec<i64> = (0..records).map(|n| 1_000 + n).collect();
    batch_of(&timestamps, b"value", &ProducerStamp::NONE)
}

/// One record at a time.
pub(super) fn at(timestamp: i64, value: &[u8]) -> ProduceBatch {
    batch_of(&[timestamp], value, &ProducerStamp::NONE)
}

/// An idempotent producer's batch.
pub(super) fn sequenced(producer: i64, epoch: i16, sequence: i32, records: i64) -> ProduceBatch {
    let timestamps: Vec<i64> = (0..records).map(|n| 1_000 + n).collect();
    let stamp = ProducerStamp {
        producer_id: ProducerId(producer),
        producer_epoch: ProducerEpoch(epoch),
        base_sequence: sequence,
        ..ProducerStamp::NONE
    };
    batch_of(&timestamps, b"value", &stamp)
}

impl Log {
    pub(super) fn put(&self, batch: &ProduceBatch) -> Appended {
        self.append(batch, EPOCH, 1_000_000).unwrap()
    }

    pub(super) fn put_many(&self, count: usize, batch: &ProduceBatch) {
        for _ in 0..count {
            self.put(batch);
        }
    }

    /// Everything that there is, released to consumers.
    pub(super) fn release(&self) {
        self.advance_flushed(self.offsets().log_end);
        self.set_high_watermark(self.offsets().log_end);
    }

    pub(super) fn read_bytes(
        &self,
        from: i64,
        up_to: i64,
        max_bytes: usize,
        min_one: bool,
    ) -> Vec<u8> {
        let range = ReadRange { from: Offset(from), up_to: Offset(up_to), max_bytes, min_one };
        self.read(&range, Wait::Allowed).unwrap().read_all().unwrap()
    }

    /// The batches that one read gives.
    pub(super) fn read_batches(&self, from: i64, up_to: i64, max_bytes: usize) -> Vec<RecordBatch> {
        let bytes = self.read_bytes(from, up_to, max_bytes, true);
        let mut walk = batches(Bytes::from(bytes));
        let found: Vec<RecordBatch> = walk.by_ref().map(|batch| batch.unwrap()).collect();
        assert!(walk.rest().is_empty(), "a read gives whole batches");
        for batch in &found {
            batch.verify_crc().unwrap();
        }
        found
    }

    /// All records from an offset on, read batch by batch: offset, timestamp and value.
    pub(super) fn records_from(&self, from: i64) -> Vec<(i64, i64, Vec<u8>)> {
        let mut records = Vec::new();
        let mut next = from;
        while next < self.offsets().log_end.0 {
            for batch in self.read_batches(next, i64::MAX, 500) {
                next = batch.header().next_offset().0;
                for record in &batch.records().unwrap() {
                    let record = record.unwrap();
                    let value = record.value.unwrap_or_default().to_vec();
                    records.push((record.offset.0, record.timestamp, value));
                }
            }
        }
        records.retain(|record| record.0 >= from);
        records
    }

    pub(super) fn all_offsets(&self) -> Vec<i64> {
        let start = self.offsets().log_start.0;
        self.records_from(start).into_iter().map(|record| record.0).collect()
    }
}
