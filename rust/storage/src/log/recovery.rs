//! Opening a log: what a clean shutdown left is believed; after any other end the segments are
//! checked from the recovery point on, and cut at the last whole batch that follows the one before
//! it.
//!
//! How long it takes depends on what lies behind the recovery point, or, after a clean shutdown,
//! behind the last index entry of the last segment: not on the length of the log. Sealed segments
//! are not opened.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use base::{Offset, SplitMix64, TopicId, TopicPartition};
use parking_lot::{Mutex, RwLock};

use super::found::{Found, list};
use super::swap::finish_swaps;
use super::{
    DirectoryState, Log, LogConfig, LogListener, LogOffsets, LogOpenError, Positions, Segments,
    Status, Writer,
};
use crate::checkpoint_file::{self, CheckpointError, LEADER_EPOCH_FILE, PARTITION_METADATA_FILE};
use crate::disk::Disk;
use crate::epoch_cache::LeaderEpochCache;
use crate::producer_state::ProducerState;
use crate::segment::{FoundSegment, RebuildBounds, Segment};

/// What a log is opened from, or made: a new log touches no file until its first record.
#[derive(Clone, Debug)]
pub struct LogOpening {
    /// Where its files lie.
    pub disk: Arc<dyn Disk>,
    /// The partition's directory, `<data directory>/<topic>-<n>`.
    pub path: PathBuf,
    /// The partition.
    pub topic_partition: TopicPartition,
    /// The topic's id.
    pub topic_id: TopicId,
    /// The configuration.
    pub config: LogConfig,
    /// Who is told when the log moves.
    pub listener: Arc<dyn LogListener>,
    /// What the log directory's checkpoint files say of it.
    pub checkpoints: LogCheckpoints,
    /// Whether the log directory was shut down cleanly.
    pub clean: bool,
    /// Below it the log was compacted: records may be missing between others.
    pub holes_before: Offset,
    /// The time.
    pub now_ms: i64,
    /// Where the jitter of `segment.ms` comes from.
    pub seed: u64,
}

/// What the log directory remembers of a log, all zero at first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogCheckpoints {
    /// Below it the segments are durable.
    pub recovery_point: Offset,
    /// Below it records were deleted.
    pub log_start: Offset,
    /// Below it every in-sync replica held the records.
    pub high_watermark: Offset,
}

/// What opening a log came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogRecovery {
    /// Where the log ends.
    pub log_end: Offset,
    /// How many bytes of segments were checked.
    pub checked_bytes: u64,
    /// How many bytes were cut off because they were torn or damaged.
    pub cut_bytes: u64,
    /// What was wrong with them.
    pub damage: Option<String>,
}

impl Log {
    /// Opens the log in a directory, or a new one if there is none. Everything that it then holds
    /// is durable.
    pub fn open(opening: LogOpening) -> Result<(Self, LogRecovery), LogOpenError> {
        let directory = opening.path.display().to_string();
        Self::try_open(opening).map_err(|error| match error {
            LogOpenError::Io { source, .. } => LogOpenError::Io { directory, source },
            LogOpenError::TopicId { found, expected, .. } => {
                LogOpenError::TopicId { directory, found, expected }
            }
            error => error,
        })
    }

    fn try_open(opening: LogOpening) -> Result<(Self, LogRecovery), LogOpenError> {
        let now_ms = opening.now_ms;
        let clean = opening.clean;
        let checkpoints = opening.checkpoints;
        // A crash may have come before the cleaner noted how far it was.
        let compacts = opening.config.compact;
        let holes_before = if compacts { Offset(i64::MAX) } else { opening.holes_before };
        let entries = finish_swaps(&opening, list(&opening)?)?;
        let found = Found::sort(&opening, entries.as_deref().unwrap_or_default())?;
        let log = Self::unrecovered(opening, entries.is_some(), found.snapshots);
        let mut writer = log.writer.lock();
        if writer.directory != DirectoryState::Missing {
            log.check_topic_id(&mut writer, clean)?;
            log.load_epochs(&mut writer)?;
        }
        let durable_before = if clean { Offset(i64::MAX) } else { checkpoints.recovery_point };
        let indexed_before =
            log.take_segments(checkpoints.log_start, durable_before, found.segments, now_ms)?;
        let mut recovery = log.check_segments(&checkpoints, clean, holes_before)?;
        let first = log.segments.read().keys().next().copied();
        let start = checkpoints.log_start.max(first.unwrap_or(recovery.log_end));
        if recovery.log_end < start {
            // What the disk kept of the log ends below where it starts.
            log.drop_all_segments()?;
            recovery.log_end = start;
        }
        let log_end = recovery.log_end;
        {
            let mut epochs = log.epochs.write();
            epochs.truncate_from_end(log_end);
            epochs.truncate_from_start(start);
        }
        let trusted = if clean { log_end } else { checkpoints.recovery_point.min(log_end) };
        let trusted = trusted.min(indexed_before);
        let high_watermark = checkpoints.high_watermark.clamp(start, log_end);
        log.load_producers(&mut writer, trusted, log_end, high_watermark, now_ms)?;
        writer.recovery_point = trusted;
        writer.synced = trusted;
        writer.changed = recovery.damage.is_some();
        writer.draw_jitter(&log.config());
        drop(writer);
        log.open_offsets(start, log_end, high_watermark);
        log.sync()?;
        Ok((log, recovery))
    }

    fn unrecovered(opening: LogOpening, has_directory: bool, snapshots: BTreeSet<Offset>) -> Self {
        let writer = Writer {
            snapshots,
            recovery_point: Offset::ZERO,
            synced: Offset::ZERO,
            segment_is_new: false,
            truncations: 0,
            changed: false,
            epochs_written: LeaderEpochCache::default(),
            directory: match (has_directory, opening.clean) {
                (false, _) => DirectoryState::Missing,
                (true, false) => DirectoryState::New,
                (true, true) => DirectoryState::Durable,
            },
            unsynced_records: 0,
            unsynced_since_ms: None,
            sync_due: false,
            deleted: Vec::new(),
            jitter: SplitMix64::new(opening.seed),
            roll_jitter_ms: 0,
        };
        Self {
            disk: opening.disk,
            path: opening.path,
            topic_partition: opening.topic_partition,
            topic_id: opening.topic_id,
            listener: opening.listener,
            config: RwLock::new(Arc::new(opening.config)),
            sync: Mutex::new(()),
            writer: Mutex::new(writer),
            segments: RwLock::new(Segments::new()),
            epochs: RwLock::new(LeaderEpochCache::default()),
            producers: Mutex::new(ProducerState::default()),
            positions: Mutex::new(Positions::default()),
            status: Mutex::new(Status::Open),
            unchecked_bytes: AtomicU64::new(0),
            touched: AtomicBool::new(true),
        }
    }

    /// The directory must be this topic's. After a crash the file with the id may be missing or
    /// cut: then nothing else in the directory was acknowledged as durable either, and the id is
    /// written anew.
    fn check_topic_id(&self, writer: &mut Writer, clean: bool) -> Result<(), LogOpenError> {
        let path = self.path.join(PARTITION_METADATA_FILE);
        let found = match checkpoint_file::read_topic_id(&*self.disk, &path) {
            Err(CheckpointError::Malformed { .. }) if !clean => None,
            found => found?,
        };
        match found {
            Some(found) if found != self.topic_id => Err(LogOpenError::TopicId {
                directory: String::new(),
                found,
                expected: self.topic_id,
            }),
            Some(_) => Ok(()),
            None => {
                checkpoint_file::write_topic_id(&*self.disk, &path, self.topic_id)?;
                writer.directory = DirectoryState::New;
                writer.changed = true;
                Ok(())
            }
        }
    }

    fn load_epochs(&self, writer: &mut Writer) -> Result<(), LogOpenError> {
        let path = self.path.join(LEADER_EPOCH_FILE);
        let entries = checkpoint_file::read_epochs(&*self.disk, &path)?;
        let epochs = LeaderEpochCache::from_entries(entries);
        writer.epochs_written.clone_from(&epochs);
        *self.epochs.write() = epochs;
        Ok(())
    }

    /// Takes over the segments that were found, but for those that lie below the log's start as a
    /// whole. Returns below which offset their transaction indexes are those that were written, as
    /// far as that can be seen: no crash leaves a part of an entry where all is durable.
    fn take_segments(
        &self,
        log_start: Offset,
        durable_before: Offset,
        found: Vec<FoundSegment>,
        now_ms: i64,
    ) -> io::Result<Offset> {
        let mut indexed_before = Offset(i64::MAX);
        for found in found {
            let segment = Segment::found(&self.disk, &self.path, found, now_ms);
            // Of the last one it is not known yet where it ends.
            let is_sealed = found.next_offset > found.base_offset;
            if is_sealed && found.next_offset <= log_start {
                segment.remove()?;
                continue;
            }
            // A segment that is not durable as a whole will be checked, and indexed then.
            let is_durable = is_sealed && found.next_offset <= durable_before;
            if is_durable && !found.indexes_are_whole {
                self.reindex(&segment, found.size)?;
            }
            let all_is_durable = is_durable || durable_before == Offset(i64::MAX);
            if all_is_durable && !found.transaction_index_is_whole() {
                indexed_before = indexed_before.min(found.base_offset);
            }
            self.segments.write().insert(found.base_offset, Arc::new(segment));
        }
        Ok(indexed_before)
    }

    /// Makes the indexes of a sealed segment anew.
    fn reindex(&self, segment: &Segment, size: u32) -> io::Result<()> {
        let interval = self.config.read().index_interval_bytes;
        let trusted = segment.base_offset();
        let bounds = RebuildBounds { trusted, holes_before: segment.next_offset() };
        match segment.rebuild(size, bounds, interval, &mut |_| {})? {
            None => segment.seal(),
            Some(damage) => {
                let (base, position) = (segment.base_offset(), damage.position);
                let message = format!("segment {base} at byte {position}: {}", damage.reason);
                Err(io::Error::new(io::ErrorKind::InvalidData, message))
            }
        }
    }

    fn drop_all_segments(&self) -> io::Result<()> {
        for segment in std::mem::take(&mut *self.segments.write()).values() {
            segment.remove()?;
        }
        Ok(())
    }

    /// Checks what a crash may have damaged and cuts the log where it stops making sense.
    fn check_segments(
        &self,
        checkpoints: &LogCheckpoints,
        clean: bool,
        holes_before: Offset,
    ) -> Result<LogRecovery, LogOpenError> {
        let recovery_point = checkpoints.recovery_point;
        // A log that begins above what was ever durable has lost its beginning, and with it all.
        let begins =
            if clean { Offset(i64::MAX) } else { recovery_point.max(checkpoints.log_start) };
        let log_end = self.drop_empty_end(begins)?;
        let mut recovery = LogRecovery { log_end, ..LogRecovery::default() };
        let Some(last) = self.active_segment() else { return Ok(recovery) };
        let doubtful = if clean { vec![last] } else { self.segments_from(recovery_point) };
        let mut trusted = if clean { Offset(i64::MAX) } else { recovery_point };
        self.epochs.write().truncate_from_end(trusted);
        if self.latest_epoch().is_none() {
            // The checkpoint of the epochs is gone: every batch tells its own.
            trusted = Offset::ZERO;
            self.read_epochs_before(&doubtful)?;
        }
        let begins_above = doubtful.first().is_some_and(|first| first.base_offset() > begins);
        let mut previous_end = begins_above.then_some(begins);
        for segment in &doubtful {
            if let Some(end) = previous_end.filter(|end| *end != segment.base_offset()) {
                if begins_above && recovery_point > checkpoints.log_start {
                    // A crash loses only what was not durable: here a file was taken away.
                    return Err(LogOpenError::Missing {
                        directory: self.path.display().to_string(),
                        base_offset: segment.base_offset(),
                        durable_before: recovery_point,
                    });
                }
                let reason = format!("no segment begins at {end}");
                self.cut_segment(segment, segment.size(), 0, reason, &mut recovery)?;
                continue;
            }
            let bounds = RebuildBounds { trusted, holes_before };
            self.check_segment(segment, bounds, recovery_point, &mut recovery)?;
            previous_end = Some(segment.next_offset());
        }
        let Some(active) = self.active_segment() else { return Ok(recovery) };
        for segment in
            doubtful.iter().filter(|segment| segment.base_offset() < active.base_offset())
        {
            segment.seal()?;
        }
        active.load_first_timestamp()?;
        recovery.log_end = active.next_offset();
        Ok(recovery)
    }

    fn check_segment(
        &self,
        segment: &Arc<Segment>,
        bounds: RebuildBounds,
        durable_before: Offset,
        recovery: &mut LogRecovery,
    ) -> Result<(), LogOpenError> {
        let bytes = segment.size();
        let interval = self.config.read().index_interval_bytes;
        let mut epochs = self.epochs.write();
        let mut checked_bytes = 0;
        let damage = segment.rebuild(bytes, bounds, interval, &mut |header| {
            checked_bytes += header.size_in_bytes() as u64;
            // What the checkpoint says of the epochs before the recovery point is right, and must
            // not be cut by it.
            let epoch = header.partition_leader_epoch;
            if epoch.0 >= 0 && epochs.epoch_of(header.base_offset) != Some(epoch) {
                epochs.assign(epoch, header.base_offset);
            }
        })?;
        drop(epochs);
        recovery.checked_bytes += checked_bytes;
        let Some(damage) = damage else { return Ok(()) };
        let reason = damage.reason.to_string();
        if segment.next_offset() < durable_before {
            // A crash tears only what was not durable: here the disk has lost records.
            return Err(LogOpenError::Damaged {
                directory: self.path.display().to_string(),
                base_offset: segment.base_offset(),
                position: damage.position,
                durable_before,
                reason,
            });
        }
        Ok(self.cut_segment(segment, bytes, damage.position, reason, recovery)?)
    }

    /// Cuts a segment of `bytes` bytes at `position`; with nothing left it goes.
    fn cut_segment(
        &self,
        segment: &Arc<Segment>,
        bytes: u32,
        position: u32,
        reason: String,
        recovery: &mut LogRecovery,
    ) -> io::Result<()> {
        let base_offset = segment.base_offset();
        tracing::warn!(
            partition = %self.topic_partition,
            segment = %base_offset, position, bytes, reason,
            "log cut at its last whole batch"
        );
        if position == 0 {
            self.segments.write().remove(&base_offset);
            segment.remove()?;
        } else {
            segment.file()?.truncate(u64::from(position))?;
        }
        recovery.cut_bytes += u64::from(bytes - position);
        recovery.damage.get_or_insert(reason);
        Ok(())
    }

    /// Removes segments without a batch from the end. If that leaves none, the last one tells where
    /// the log ends, unless it is above `begins`.
    fn drop_empty_end(&self, begins: Offset) -> io::Result<Offset> {
        let mut log_end = Offset::ZERO;
        while let Some(last) = self.active_segment().filter(|segment| segment.size() == 0) {
            log_end = last.base_offset();
            self.segments.write().remove(&last.base_offset());
            last.remove()?;
        }
        let tells = self.segments.read().is_empty() && log_end <= begins;
        Ok(if tells { log_end } else { Offset::ZERO })
    }

    /// Reads the epochs of the segments before the doubtful ones from their batches.
    fn read_epochs_before(&self, doubtful: &[Arc<Segment>]) -> io::Result<()> {
        let first = doubtful.first().map_or(Offset::ZERO, |segment| segment.base_offset());
        let mut epochs = LeaderEpochCache::default();
        for segment in self.segments_from(Offset::ZERO) {
            if segment.base_offset() < first {
                segment.visit_headers(segment.base_offset(), &mut |header| {
                    if header.partition_leader_epoch.0 >= 0 {
                        epochs.assign(header.partition_leader_epoch, header.base_offset);
                    }
                })?;
            }
        }
        *self.epochs.write() = epochs;
        Ok(())
    }

    fn open_offsets(&self, log_start: Offset, log_end: Offset, high_watermark: Offset) {
        self.positions.lock().change(|offsets, _| {
            *offsets = LogOffsets {
                log_start,
                last_stable: high_watermark,
                high_watermark,
                flushed: log_end,
                log_end,
            };
        });
    }
}

impl From<io::Error> for LogOpenError {
    /// [`Log::open`] adds the directory.
    fn from(source: io::Error) -> Self {
        Self::Io { directory: String::new(), source }
    }
}
