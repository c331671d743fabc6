//! One partition's log: segments in a directory, one writer at a time, many readers that never wait
//! for a sync.
//!
//! Locks, in the order in which they are taken: `sync`, `writer`, then one of the small ones
//! (`segments`, `epochs`, `producers`, `positions`, `config`, `status`), which are held for a few
//! instructions.
//! The listener is called with none of them held.

mod append;
mod cleaning;
pub mod config;
mod error;
mod found;
mod listener;
mod offsets;
mod positions;
mod producers;
mod read;
mod recovery;
mod retention;
mod slice;
mod swap;
mod sync;
mod truncate;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use base::{LeaderEpoch, Offset, Rng as _, SplitMix64, TopicId, TopicPartition};
use parking_lot::{Mutex, MutexGuard, RwLock};

pub use append::{AppendTerms, Appended};
pub(crate) use cleaning::CleanablePart;
pub use config::{Durability, LogConfig};
pub use error::{
    AppendError, ConfigureError, DeleteRecordsError, LogOpenError, ReadError, Unavailable,
};
pub use listener::{LogListener, NoListener};
pub use offsets::LogOffsets;
pub use read::{CommittedRead, ReadRange};
pub use recovery::{LogCheckpoints, LogOpening, LogRecovery};
pub use slice::LogSlice;

use crate::disk::Disk;
use crate::epoch_cache::{EpochEndOffset, LeaderEpochCache};
use crate::producer_state::ProducerState;
pub use crate::segment::FoundRecord;
use crate::segment::{Segment, SegmentLimits};
use positions::Positions;

/// A partition's log.
#[derive(Debug)]
pub struct Log {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    topic_partition: TopicPartition,
    topic_id: TopicId,
    listener: Arc<dyn LogListener>,
    config: RwLock<Arc<LogConfig>>,
    /// Held while the segments are synced or cut.
    sync: Mutex<()>,
    writer: Mutex<Writer>,
    segments: RwLock<Segments>,
    epochs: RwLock<LeaderEpochCache>,
    /// Only the writer changes it, but for what is verified and what expires.
    producers: Mutex<ProducerState>,
    positions: Mutex<Positions>,
    status: Mutex<Status>,
    unchecked_bytes: AtomicU64,
    /// Whether the log was used since the last sweep for idle ones.
    touched: AtomicBool,
}

type Segments = BTreeMap<Offset, Arc<Segment>>;

/// What only the writer looks at.
#[derive(Debug)]
struct Writer {
    /// The offsets of the producer snapshots in the directory.
    snapshots: BTreeSet<Offset>,
    /// Below it the segments are durable, with all that a recovery from there needs.
    recovery_point: Offset,
    /// Below it the records are durable in the segments: never below the recovery point.
    synced: Offset,
    /// How often the end was cut off.
    truncations: u64,
    /// A segment file was made since the last whole sync: its name may not be durable.
    segment_is_new: bool,
    /// Whether there is something to sync even though no record is.
    changed: bool,
    /// What the checkpoint file says of the epochs.
    epochs_written: LeaderEpochCache,
    directory: DirectoryState,
    unsynced_records: i64,
    unsynced_since_ms: Option<i64>,
    /// `flush.messages` was reached: `flushed` waits for the next sync.
    sync_due: bool,
    /// Segments that were deleted, and when their files go.
    deleted: Vec<(i64, Arc<Segment>)>,
    jitter: SplitMix64,
    roll_jitter_ms: i64,
}

/// How far the partition's directory has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DirectoryState {
    /// No record was ever appended.
    Missing,
    /// Its name and the topic id in it may not be durable.
    New,
    /// They are.
    Durable,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Status {
    Open,
    Unavailable(Unavailable),
}

impl Log {
    /// The partition that this is the log of.
    pub fn topic_partition(&self) -> &TopicPartition {
        &self.topic_partition
    }

    /// The topic's id.
    pub fn topic_id(&self) -> TopicId {
        self.topic_id
    }

    /// The partition's directory, which is there once a record has been appended.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The configuration.
    pub fn config(&self) -> Arc<LogConfig> {
        Arc::clone(&self.config.read())
    }

    /// The configured durability.
    pub fn durability(&self) -> Durability {
        self.config.read().durability
    }

    /// The positions.
    pub fn offsets(&self) -> LogOffsets {
        self.positions.lock().offsets()
    }

    /// Moves the high watermark, never above what is flushed and never back, and with it the last
    /// stable offset, and returns where it is now.
    pub fn set_high_watermark(&self, high_watermark: Offset) -> Offset {
        let moved = self.move_offsets(|offsets| {
            let reachable = high_watermark.min(offsets.flushed);
            offsets.high_watermark = offsets.high_watermark.max(reachable);
        });
        moved.high_watermark
    }

    /// Records below `flushed` have become durable in another way than by [`Log::sync`]: the
    /// journal holds them.
    pub fn advance_flushed(&self, flushed: Offset) {
        let before = self.offsets().flushed;
        let moved = self.move_offsets(|offsets| {
            offsets.flushed = offsets.flushed.max(flushed.min(offsets.log_end));
        });
        if moved.flushed > before {
            self.listener.flushed_moved(moved.flushed);
        }
    }

    /// The latest leader epoch that has a start in this log.
    pub fn latest_epoch(&self) -> Option<LeaderEpoch> {
        self.epochs.read().latest()
    }

    /// The epoch of the leader that appended the record at `offset`.
    pub fn epoch_of(&self, offset: Offset) -> Option<LeaderEpoch> {
        self.epochs.read().epoch_of(offset)
    }

    /// Where `epoch` ends in this log (KIP-101, KIP-279).
    pub fn end_offset_for_epoch(&self, epoch: LeaderEpoch) -> Option<EpochEndOffset> {
        let log_end = self.offsets().log_end;
        self.epochs.read().end_offset_for(epoch, log_end)
    }

    /// Lets `epoch` start at the log's end: this replica has become its leader.
    pub fn assign_epoch(&self, epoch: LeaderEpoch) {
        // Under the writer's lock: the log's end stands still.
        let _writer = self.writer.lock();
        let log_end = self.offsets().log_end;
        self.epochs.write().assign(epoch, log_end);
    }

    /// The bytes of all batches.
    pub fn size_bytes(&self) -> u64 {
        self.segments.read().values().map(|segment| u64::from(segment.size())).sum()
    }

    /// The number of segments.
    pub fn segment_count(&self) -> usize {
        self.segments.read().len()
    }

    /// Whether a file of the log is open.
    pub fn has_open_files(&self) -> bool {
        self.segments.read().values().any(|segment| segment.is_open())
    }

    /// Changes the configuration. A change from `os` to `disk` syncs what is there before it
    /// returns.
    pub fn configure(&self, config: LogConfig) -> Result<(), ConfigureError> {
        let (from, to) = (self.durability(), config.durability);
        if from != to && (from == Durability::Memory || to == Durability::Memory) {
            return Err(ConfigureError::Durability { from, to });
        }
        {
            // Under the writer's lock: no append sees half of it.
            let _writer = self.writer.lock();
            *self.config.write() = Arc::new(config);
        }
        match (from, to) {
            (Durability::Os, Durability::Disk) => {
                self.sync()?;
            }
            (Durability::Disk, Durability::Os) => self.advance_flushed(self.offsets().log_end),
            _ => {}
        }
        Ok(())
    }

    /// Stops the log for good: a part of the disk has failed that it relies on.
    pub fn fail(&self, reason: &str) {
        let mut status = self.status.lock();
        if *status == Status::Open {
            *status = Status::Unavailable(Unavailable::Failed(reason.to_owned()));
            drop(status);
            self.listener.failed(reason);
        }
    }

    /// Refuses everything from now on: the topic was deleted. What was read stays readable. When it
    /// returns, nothing is done any more to files of the log's path, which another may take.
    pub fn retire(&self) {
        let _sync = self.sync.lock();
        let _writer = self.writer.lock();
        *self.status.lock() = Status::Unavailable(Unavailable::Retired);
    }

    pub(crate) fn is_retired(&self) -> bool {
        *self.status.lock() == Status::Unavailable(Unavailable::Retired)
    }

    /// Whether the log still works.
    pub fn check_available(&self) -> Result<(), Unavailable> {
        match &*self.status.lock() {
            Status::Open => Ok(()),
            Status::Unavailable(reason) => Err(reason.clone()),
        }
    }

    fn move_offsets(&self, change: impl FnOnce(&mut LogOffsets)) -> LogOffsets {
        self.positions.lock().change(|offsets, _| change(offsets))
    }

    fn touch(&self) {
        self.touched.store(true, Ordering::Relaxed);
    }

    fn active_segment(&self) -> Option<Arc<Segment>> {
        self.segments.read().last_key_value().map(|(_, segment)| Arc::clone(segment))
    }

    /// The segment that holds `offset`, if any does.
    fn segment_of(&self, offset: Offset) -> Option<Arc<Segment>> {
        let segments = self.segments.read();
        segments.range(..=offset).next_back().map(|(_, segment)| Arc::clone(segment))
    }

    /// The segments from the one that holds `offset` on.
    fn segments_from(&self, offset: Offset) -> Vec<Arc<Segment>> {
        let segments = self.segments.read();
        let first = segments.range(..=offset).next_back().map_or(offset, |(&base, _)| base);
        segments.range(first..).map(|(_, segment)| Arc::clone(segment)).collect()
    }

    fn segment_limits(&self, writer: &MutexGuard<'_, Writer>) -> SegmentLimits {
        let config = self.config.read();
        SegmentLimits {
            segment_bytes: self.segment_bytes(&config),
            segment_ms: config.roll_ms().saturating_sub(writer.roll_jitter_ms),
            index_bytes: config.segment_index_bytes as usize,
            index_interval_bytes: config.index_interval_bytes,
        }
    }

    /// How large the active segment may grow.
    fn segment_bytes(&self, config: &LogConfig) -> u64 {
        let limit = u64::from(config.segment_bytes);
        match config.compacted_segment_bytes_min {
            Some(least) if config.compact => {
                let segments = self.segments.read();
                let first_sealed = segments.values().next().filter(|_| segments.len() > 1);
                let left_bytes = first_sealed.map_or(0, |segment| segment.size());
                limit.min(u64::from(left_bytes.max(least)))
            }
            _ => limit,
        }
    }
}

impl Writer {
    /// Draws what is taken off `segment.ms` for the next segment.
    fn draw_jitter(&mut self, config: &LogConfig) {
        let jitter_ms = config.segment_jitter_ms.min(config.segment_ms);
        let bound = u32::try_from(jitter_ms).unwrap_or(if jitter_ms > 0 { u32::MAX } else { 0 });
        self.roll_jitter_ms = if bound == 0 { 0 } else { i64::from(self.jitter.below(bound)) };
    }
}

#[cfg(test)]
mod tests;
