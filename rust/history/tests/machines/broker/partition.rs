//! A partition as its leader keeps it: the real log on a disk that can be cut off, whose high
//! watermark is what has been synced.

use std::path::PathBuf;
use std::sync::Arc;

use base::{ErrorCode, LeaderEpoch, Offset, TopicId, TopicPartition, Uuid, Wait};
use bytes::Bytes;
use coordinator::TransactionalProducer;
use coordinator::transaction::Markers;
use records::{
    AppendOrigin, BatchBuilder, Compression, ControlRecord, ProduceBatch, ProduceRules,
    ProducerStamp, RecordBatch, batches, validate_produce,
};
use storage::{
    AbortedTransaction, AppendError, AppendTerms, FaultyDisk, Log, LogCheckpoints, LogConfig,
    LogOffsets, LogOpening, NoListener, ReadRange, VerificationGuard, VerificationStart,
};

/// Small, so that a history has segments that are closed.
const SEGMENT_BYTES: u32 = 16 * 1024;
const BATCH_BYTES: usize = 1 << 20;

/// Key and value of a coordinator's record.
pub(crate) type KeyValue = (Bytes, Option<Bytes>);

/// What a log is opened with, besides its disk.
#[derive(Clone, Debug)]
pub(crate) struct PartitionTerms {
    pub(crate) name: TopicPartition,
    pub(crate) topic_id: Uuid,
    pub(crate) leader_epoch: i32,
    /// Below it the log is durable with all that a recovery needs; the log directory knows.
    pub(crate) recovery_point: Offset,
    pub(crate) verifies_transactions: bool,
    pub(crate) now_ms: i64,
}

#[derive(Debug)]
pub(crate) struct Partition {
    pub(crate) log: Log,
    pub(crate) leader_epoch: LeaderEpoch,
    pub(crate) recovery_point: Offset,
}

/// What a fetch has found.
pub(crate) struct Found {
    pub(crate) offsets: LogOffsets,
    pub(crate) bytes: Bytes,
    pub(crate) aborted: Vec<AbortedTransaction>,
}

impl Partition {
    /// Everything that the disk has kept is durable, and so replicated.
    pub(crate) fn open(disk: &FaultyDisk, terms: PartitionTerms) -> Self {
        let PartitionTerms { name, topic_id, leader_epoch, recovery_point, now_ms, .. } = terms;
        let config = LogConfig {
            segment_bytes: SEGMENT_BYTES,
            verifies_transactions: terms.verifies_transactions,
            ..LogConfig::default()
        };
        let (log, _) = Log::open(LogOpening {
            disk: Arc::new(disk.clone()),
            path: PathBuf::from("data").join(name.to_string()),
            topic_partition: name,
            topic_id: TopicId(topic_id),
            config,
            listener: Arc::new(NoListener),
            checkpoints: LogCheckpoints { recovery_point, ..LogCheckpoints::default() },
            clean: false,
            holes_before: Offset::ZERO,
            now_ms,
            seed: 1,
        })
        .expect("what a crash leaves can be opened");
        let leader_epoch = LeaderEpoch(leader_epoch);
        log.assign_epoch(leader_epoch);
        log.set_high_watermark(log.offsets().log_end);
        let recovery_point = log.recovery_point();
        Self { log, leader_epoch, recovery_point }
    }

    pub(crate) fn end(&self) -> Offset {
        self.log.offsets().log_end
    }

    pub(crate) fn is_committed(&self, up_to: Offset) -> bool {
        self.log.offsets().high_watermark >= up_to
    }

    pub(crate) fn is_synced(&self) -> bool {
        self.is_committed(self.end())
    }

    /// Makes what was appended durable, at times with all that a recovery needs.
    pub(crate) fn sync(&mut self, whole: bool) {
        if whole {
            self.recovery_point = self.log.sync().expect("the disk works");
            self.log.recovery_point_persisted(self.recovery_point).expect("the disk works");
        } else {
            self.log.sync_records().expect("the disk works");
        }
        self.log.set_high_watermark(self.log.offsets().flushed);
    }

    pub(crate) fn begin_verification(
        &self,
        start: &VerificationStart,
        now_ms: i64,
    ) -> Result<VerificationGuard, ErrorCode> {
        self.log.begin_verification(start, now_ms).map_err(|error| error.code())
    }

    /// Appends a client's batch; where it begins, and where the log has to be replicated to for it
    /// to be acknowledged.
    pub(crate) fn append(
        &self,
        bytes: &Bytes,
        guard: VerificationGuard,
        now_ms: i64,
    ) -> Result<(Offset, Offset), ErrorCode> {
        self.append_from(AppendOrigin::Client, bytes, guard, now_ms)
    }

    /// Appends a coordinator's records, perhaps in a producer's transaction; where they begin.
    pub(crate) fn append_records(
        &self,
        producer: Option<TransactionalProducer>,
        guard: VerificationGuard,
        records: &[KeyValue],
        now_ms: i64,
    ) -> Result<Offset, ErrorCode> {
        let mut builder = BatchBuilder::with_capacity(BATCH_BYTES, 1024);
        for (key, value) in records {
            builder.try_append(now_ms, Some(key), value.as_deref(), &[]).expect("there is room");
        }
        let stamp = producer.map_or(ProducerStamp::NONE, |producer| ProducerStamp {
            producer_id: producer.id,
            producer_epoch: producer.epoch,
            transactional: true,
            ..ProducerStamp::NONE
        });
        let bytes = builder.finish(&stamp, Compression::default()).expect("records, uncompressed");
        let appended = self.append_from(AppendOrigin::Coordinator, &bytes, guard, now_ms)?;
        Ok(appended.0)
    }

    /// Writes the marker that ends a transaction here.
    pub(crate) fn append_marker(&self, markers: &Markers, now_ms: i64) -> Result<(), ErrorCode> {
        let coordinator_epoch = markers.coordinator_epoch;
        let record = if markers.commit {
            ControlRecord::Commit { coordinator_epoch }
        } else {
            ControlRecord::Abort { coordinator_epoch }
        };
        let (id, epoch) = (markers.producer_id, markers.producer_epoch);
        let batch = ProduceBatch::end_transaction(&record, id, epoch, now_ms);
        let terms = AppendTerms::Marker { transaction_version: markers.transaction_version };
        let appended = self.log.append_on(&terms, &batch, self.leader_epoch, now_ms);
        appended.map(drop).map_err(|error| code_of_append(&error))
    }

    pub(crate) fn fetch(&self, from: i64, up_to: Offset, max_bytes: usize) -> Option<Found> {
        let range = ReadRange { from: Offset(from), up_to, max_bytes, min_one: true };
        let read = self.log.read_committed(&range, Wait::Allowed).ok()?;
        let bytes = read.records.read_all().expect("the disk works").into();
        Some(Found { offsets: self.log.offsets(), bytes, aborted: read.aborted })
    }

    /// All that the log holds.
    pub(crate) fn batches(&self) -> Vec<RecordBatch> {
        let mut all = Vec::new();
        let mut next = Offset::ZERO;
        while next < self.end() {
            let found = self.fetch(next.0, self.end(), BATCH_BYTES).expect("it is in the log");
            for batch in batches(found.bytes) {
                let batch = batch.expect("the log is not damaged");
                next = batch.header().next_offset();
                all.push(batch);
            }
        }
        all
    }

    fn append_from(
        &self,
        origin: AppendOrigin,
        bytes: &Bytes,
        guard: VerificationGuard,
        now_ms: i64,
    ) -> Result<(Offset, Offset), ErrorCode> {
        let rules = ProduceRules { origin, now_ms, ..ProduceRules::default() };
        let batch = validate_produce(bytes, &rules).map_err(|error| error.code())?;
        let terms = AppendTerms::Records { origin, guard };
        let appended = self.log.append_on(&terms, &batch, self.leader_epoch, now_ms);
        let appended = appended.map_err(|error| code_of_append(&error))?;
        Ok((appended.base_offset, appended.last_offset.next()))
    }
}

fn code_of_append(error: &AppendError) -> ErrorCode {
    match error {
        AppendError::Producer(error) => error.code(),
        error => panic!("the log does not take a batch: {error}"),
    }
}
