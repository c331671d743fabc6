//! Appending: a producer's batch as the leader, or batches that a leader has stamped.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use base::{LeaderEpoch, Offset};
use bytes::Bytes;
use parking_lot::MutexGuard;
use records::{
    AppendOrigin, BatchError, BatchHeader, ControlRecord, HEADER_BYTES, ProduceBatch, RecordBatch,
};

use super::{AppendError, DirectoryState, Durability, Log, Writer};
use crate::checkpoint_file;
use crate::producer_state::{
    BatchMetadata, ProducerDecision, ProducerError, TransactionChange, VerificationGuard,
};
use crate::segment::{AppendFailure, SEGMENT_BYTES_MAX, Segment};

/// Who appends a batch, and what that allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppendTerms {
    /// Records of a producer.
    Records {
        /// Who wants to append them. Those of a coordinator have no sequence numbers.
        origin: AppendOrigin,
        /// What the verification of their transaction was begun with
        /// ([`Log::begin_verification`]).
        guard: VerificationGuard,
    },
    /// The marker that ends a producer's transaction.
    Marker {
        /// The version of transactions that the producer uses (KIP-890).
        transaction_version: i16,
    },
}

impl Default for AppendTerms {
    /// Records of a client, of which nothing was verified.
    fn default() -> Self {
        let (origin, guard) = (AppendOrigin::Client, VerificationGuard::NONE);
        Self::Records { origin, guard }
    }
}

/// What became of a producer's batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The offset of its first record.
    pub base_offset: Offset,
    /// The offset of its last record.
    pub last_offset: Offset,
    /// The timestamp of all its records, if the topic's are of type `LogAppendTime`.
    pub log_append_time_ms: Option<i64>,
    /// The log's start.
    pub log_start: Offset,
    /// Whether the batch had been appended before: then the offsets are those of the first time,
    /// and nothing was written.
    pub duplicate: bool,
    /// The header that was written in front of the batch's body; none for a duplicate.
    pub stamped_header: Option<[u8; HEADER_BYTES]>,
    /// Whether `flush.messages` asks for a [`Log::sync`] before the batch is acknowledged.
    pub sync_due: bool,
}

impl Log {
    /// Appends a client's batch as the partition's leader in `leader_epoch`.
    pub fn append(
        &self,
        batch: &ProduceBatch,
        leader_epoch: LeaderEpoch,
        now_ms: i64,
    ) -> Result<Appended, AppendError> {
        self.append_on(&AppendTerms::default(), batch, leader_epoch, now_ms)
    }

    /// Appends a batch on these terms as the partition's leader in `leader_epoch`.
    pub fn append_on(
        &self,
        terms: &AppendTerms,
        batch: &ProduceBatch,
        leader_epoch: LeaderEpoch,
        now_ms: i64,
    ) -> Result<Appended, AppendError> {
        self.touch();
        let control = batch.control_record()?;
        let mut writer = self.writer.lock();
        self.check_available()?;
        let decision = self.check_producer(terms, batch.header(), control.as_ref())?;
        if let ProducerDecision::Duplicate(first) = decision {
            return Ok(self.duplicate(&first));
        }
        let offsets = self.offsets();
        let log_append_time_ms = self.config.read().log_append_time.then_some(now_ms);
        let stamped = batch.stamped_header(offsets.log_end, leader_epoch, log_append_time_ms);
        let header = BatchHeader::parse(&stamped)?;
        let parts: [&[u8]; 2] = [&stamped, &batch.body()];
        let flushed = self.write(&mut writer, &header, control.as_ref(), &parts, now_ms)?;
        let appended = Appended {
            base_offset: header.base_offset,
            last_offset: header.last_offset(),
            log_append_time_ms,
            log_start: offsets.log_start,
            duplicate: false,
            stamped_header: Some(stamped),
            sync_due: writer.sync_due,
        };
        drop(writer);
        self.tell_appended(header.next_offset(), flushed);
        Ok(appended)
    }

    fn check_producer(
        &self,
        terms: &AppendTerms,
        header: &BatchHeader,
        control: Option<&ControlRecord>,
    ) -> Result<ProducerDecision, ProducerError> {
        if !header.has_producer_id() {
            return Ok(ProducerDecision::Append);
        }
        let verifies = self.config.read().verifies_transactions;
        let producers = self.producers.lock();
        match (terms, control) {
            (AppendTerms::Records { origin, guard }, _) => {
                producers.check(header, *origin, verifies.then_some(*guard))
            }
            (
                AppendTerms::Marker { transaction_version },
                Some(
                    ControlRecord::Commit { coordinator_epoch }
                    | ControlRecord::Abort { coordinator_epoch },
                ),
            ) => {
                producers.check_marker(header, *coordinator_epoch, *transaction_version)?;
                Ok(ProducerDecision::Append)
            }
            (AppendTerms::Marker { .. }, _) => {
                unreachable!("a marker is made of a commit or of an abort")
            }
        }
    }

    /// Appends whole batches that a leader has stamped, the first of which begins where the log
    /// ends, and returns where it ends then. A batch that is cut or damaged is not appended, those
    /// before it are.
    pub fn append_as_follower(&self, batches: &Bytes, now_ms: i64) -> Result<Offset, AppendError> {
        self.touch();
        let mut writer = self.writer.lock();
        self.check_available()?;
        let mut flushed = None;
        let mut rest = batches.clone();
        let result = loop {
            if rest.is_empty() {
                break Ok(());
            }
            match self.append_stamped(&mut writer, &mut rest, now_ms) {
                Ok(moved) => flushed = moved.or(flushed),
                Err(error) => break Err(error),
            }
        };
        let log_end = self.offsets().log_end;
        drop(writer);
        self.tell_appended(log_end, flushed);
        result.map(|()| log_end)
    }

    fn append_stamped(
        &self,
        writer: &mut MutexGuard<'_, Writer>,
        rest: &mut Bytes,
        now_ms: i64,
    ) -> Result<Option<Offset>, AppendError> {
        let batch = RecordBatch::split_first(rest)?;
        batch.verify_crc()?;
        let header = batch.header();
        if header.last_offset_delta < 0 {
            return Err(BatchError::RecordCount { count: header.last_offset_delta }.into());
        }
        let log_end = self.offsets().log_end;
        if header.base_offset != log_end {
            return Err(AppendError::NotAtLogEnd { log_end, found: header.base_offset });
        }
        let control = batch.control_record()?;
        self.write(writer, header, control.as_ref(), &[batch.bytes()], now_ms)
    }

    /// Writes a batch that begins at the log's end, and moves the end. Returns where `flushed` is
    /// if it has moved.
    fn write(
        &self,
        writer: &mut MutexGuard<'_, Writer>,
        header: &BatchHeader,
        control: Option<&ControlRecord>,
        parts: &[&[u8]],
        now_ms: i64,
    ) -> Result<Option<Offset>, AppendError> {
        let bytes = header.size_in_bytes();
        if bytes as u64 > SEGMENT_BYTES_MAX {
            return Err(AppendError::TooLarge { bytes });
        }
        let records = i64::from(header.last_offset_delta) + 1;
        if header.base_offset.0.checked_add(records).is_none() {
            return Err(AppendError::OffsetsExhausted { records });
        }
        let segment =
            self.segment_for(writer, header, now_ms).map_err(|error| self.refuse(error, false))?;
        let limits = self.segment_limits(writer);
        segment.append(header, parts, &limits).map_err(|failure| {
            let AppendFailure { error, damaged } = failure;
            self.refuse(error, damaged)
        })?;
        let change = self.producers.lock().update(header, control, now_ms);
        if let Some(TransactionChange::Ended(ended)) = &change {
            // Before the marker can be read: who reads up to it must find the transaction.
            let aborted = self.positions.lock().unstable().aborted(ended);
            if let Some(aborted) = aborted {
                segment.push_aborted(aborted);
            }
        }
        if header.partition_leader_epoch.0 >= 0 {
            let epoch = header.partition_leader_epoch;
            self.epochs.write().assign(epoch, header.base_offset);
        }
        writer.unsynced_records += records;
        writer.unsynced_since_ms.get_or_insert(now_ms);
        self.unchecked_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        Ok(self.move_log_end(writer, header.next_offset(), change.as_ref()))
    }

    fn move_log_end(
        &self,
        writer: &mut Writer,
        log_end: Offset,
        change: Option<&TransactionChange>,
    ) -> Option<Offset> {
        writer.sync_due |= self.flush_messages_reached(writer.unsynced_records);
        let flushes = self.durability() != Durability::Disk && !writer.sync_due;
        let moved = self.positions.lock().change(|offsets, unstable| {
            offsets.log_end = log_end;
            if flushes {
                offsets.flushed = log_end;
            }
            if let Some(change) = change {
                unstable.apply(change);
            }
        });
        flushes.then_some(moved.flushed)
    }

    /// Whether so many unsynced records are more than may be acknowledged. With `disk` none is.
    pub(super) fn flush_messages_reached(&self, unsynced_records: i64) -> bool {
        let config = self.config.read();
        let reached = config.flush_messages.is_some_and(|limit| unsynced_records >= limit);
        reached && config.durability == Durability::Os
    }

    fn tell_appended(&self, log_end: Offset, flushed: Option<Offset>) {
        self.listener.log_end_moved(log_end);
        if let Some(flushed) = flushed {
            self.listener.flushed_moved(flushed);
        }
    }

    fn duplicate(&self, first: &BatchMetadata) -> Appended {
        Appended {
            base_offset: first.first_offset(),
            last_offset: first.last_offset,
            log_append_time_ms: self.config.read().log_append_time.then_some(first.timestamp),
            log_start: self.offsets().log_start,
            duplicate: true,
            stamped_header: None,
            sync_due: false,
        }
    }

    /// The segment that the batch belongs into, which may be a new one.
    fn segment_for(
        &self,
        writer: &mut MutexGuard<'_, Writer>,
        header: &BatchHeader,
        now_ms: i64,
    ) -> io::Result<Arc<Segment>> {
        let limits = self.segment_limits(writer);
        let active = self.active_segment();
        match active {
            Some(active) if !active.should_roll(header, &limits, now_ms) => return Ok(active),
            Some(active) => {
                active.seal()?;
                self.write_snapshot(writer, header.base_offset)?;
            }
            None => self.make_directory(writer)?,
        }
        writer.draw_jitter(&self.config());
        let segment = Segment::create(&self.disk, &self.path, header.base_offset, now_ms)?;
        let segment = Arc::new(segment);
        self.segments.write().insert(header.base_offset, Arc::clone(&segment));
        writer.segment_is_new = true;
        Ok(segment)
    }

    /// Makes the partition's directory with the topic's id in it. Both are durable after the next
    /// sync: until then nothing in it is, but what the journal holds too.
    fn make_directory(&self, writer: &mut Writer) -> io::Result<()> {
        if writer.directory != DirectoryState::Missing {
            return Ok(());
        }
        self.disk.create_dir_all(&self.path)?;
        let path = self.path.join(checkpoint_file::PARTITION_METADATA_FILE);
        checkpoint_file::write_topic_id(&*self.disk, &path, self.topic_id)?;
        writer.directory = DirectoryState::New;
        Ok(())
    }

    /// An append that failed for want of room has left the log as it was; any other has broken it.
    fn refuse(&self, error: io::Error, damaged: bool) -> AppendError {
        if error.kind() == io::ErrorKind::StorageFull && !damaged {
            return AppendError::StorageFull(error);
        }
        self.fail(&format!("appending to {} failed: {error}", self.path.display()));
        match self.check_available() {
            Err(reason) => AppendError::Unavailable(reason),
            Ok(()) => unreachable!("the log has just failed"),
        }
    }
}
