//! Making the segments durable: the records alone, which acknowledges them, or all that recovery
//! needs, so that it starts where the log ended when the sync began.
//!
//! What must be durable before a recovery point may be told to anyone, in this order:
//!
//! ```text
//! 1 the batches and aborted transactions behind the old recovery point, and the indexes of sealed
//!   segments
//! 2 the leader epochs, the producer snapshot at the new recovery point, the topic id
//! 3 the names of all these files, and that of the directory
//! ```
//!
//! Readers and the writer go on meanwhile; only another sync or a truncation waits.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use base::Offset;

use super::{DirectoryState, Durability, Log, LogCheckpoints, Writer};
use crate::checkpoint_file::{self, LEADER_EPOCH_FILE, PARTITION_METADATA_FILE};
use crate::disk::Open;
use crate::epoch_cache::LeaderEpochCache;
use crate::segment::{Segment, file_name};

/// What one sync has to do.
#[derive(Debug)]
struct SyncPlan {
    log_end: Offset,
    segments: Vec<Arc<Segment>>,
    epochs: Option<LeaderEpochCache>,
    directory_is_new: bool,
}

/// What there is to do to make the records durable.
#[derive(Debug)]
enum RecordsSync {
    Nothing,
    /// They lie in files whose names are durable, those that are not durable in the last of them.
    Active {
        segment: Arc<Segment>,
        log_end: Offset,
    },
    /// A name must become durable too.
    Whole,
}

impl Log {
    /// Syncs everything that was appended before the call and returns the recovery point, below
    /// which the segments are durable. After an error the log has failed: nobody knows what the
    /// disk holds.
    pub fn sync(&self) -> io::Result<Offset> {
        let _sync = self.sync.lock();
        self.sync_locked()
    }

    /// Syncs the records that were appended before the call, by one system call as a rule. The
    /// recovery point stays: what a recovery needs besides, it finds in the records behind it.
    pub fn sync_records(&self) -> io::Result<()> {
        let _sync = self.sync.lock();
        match self.plan_records_sync() {
            RecordsSync::Nothing => Ok(()),
            RecordsSync::Whole => self.sync_locked().map(drop),
            RecordsSync::Active { segment, log_end } => {
                segment.sync_log().map_err(|error| self.sync_failed(error))?;
                let mut writer = self.writer.lock();
                writer.synced = log_end;
                let flushed = self.flushed_by_sync(&mut writer, log_end);
                drop(writer);
                self.advance_flushed(flushed);
                Ok(())
            }
        }
    }

    /// Below it the records are durable in the segments.
    pub fn synced_end(&self) -> Offset {
        self.writer.lock().synced
    }

    /// Below it the segments are durable, with all that recovery needs.
    pub fn recovery_point(&self) -> Offset {
        self.writer.lock().recovery_point
    }

    /// About how many bytes lie behind the recovery point: what recovery has to check.
    pub fn unchecked_bytes(&self) -> u64 {
        self.unchecked_bytes.load(Ordering::Relaxed)
    }

    /// Whether `flush.messages` or `flush.ms` asks for a sync.
    pub fn flush_due(&self, now_ms: i64) -> bool {
        let flush_ms = self.config.read().flush_ms;
        let writer = self.writer.lock();
        let late = |since: i64| flush_ms.is_some_and(|limit| now_ms.saturating_sub(since) >= limit);
        writer.sync_due || writer.unsynced_since_ms.is_some_and(late)
    }

    /// The checkpoint file names this recovery point, durably: older producer snapshots are not
    /// needed any more, but those at the start of a segment, which a truncation may go back to.
    pub fn recovery_point_persisted(&self, recovery_point: Offset) -> io::Result<()> {
        let bases: Vec<Offset> = self.segments.read().keys().copied().collect();
        let mut writer = self.writer.lock();
        if self.is_retired() {
            return Ok(());
        }
        self.remove_snapshots(&mut writer, |offset| {
            offset < recovery_point && bases.binary_search(&offset).is_err()
        })
    }

    /// A sweep for idle logs calls this now and then: closes the files of a log that was not used
    /// since the last call, once everything in them is durable, and says whether it did. (Closed
    /// with unsynced bytes, a file takes a later error of the disk with it.)
    pub fn close_idle(&self) -> io::Result<bool> {
        let used = self.touched.swap(false, Ordering::Relaxed);
        if used || !self.has_open_files() || self.check_available().is_err() {
            return Ok(false);
        }
        let _sync = self.sync.lock();
        let recovery_point = self.sync_locked()?;
        let _writer = self.writer.lock();
        if self.is_retired() || recovery_point < self.offsets().log_end {
            return Ok(false);
        }
        for segment in self.segments.read().values() {
            segment.close()?;
        }
        Ok(true)
    }

    /// Completes and syncs all files and closes them, for a clean shutdown. Returns what the
    /// checkpoint files must say. No append may follow. Of a log that was deleted meanwhile nothing
    /// is touched: its path may be another's.
    pub fn close(&self) -> io::Result<LogCheckpoints> {
        let _sync = self.sync.lock();
        if self.is_retired() {
            return Ok(LogCheckpoints::default());
        }
        if let Some(active) = self.active_segment() {
            active.seal()?;
            self.writer.lock().changed = true;
        }
        let recovery_point = self.sync_locked()?;
        if let Some(active) = self.active_segment() {
            active.sync_indexes()?;
        }
        for segment in self.segments.read().values() {
            segment.close()?;
        }
        let offsets = self.offsets();
        assert!(recovery_point == offsets.log_end, "a log was appended to while it was closed");
        Ok(LogCheckpoints {
            recovery_point,
            log_start: offsets.log_start,
            high_watermark: offsets.high_watermark,
        })
    }

    /// The caller holds the sync lock.
    pub(super) fn sync_locked(&self) -> io::Result<Offset> {
        self.try_sync().map_err(|error| self.sync_failed(error))?;
        Ok(self.recovery_point())
    }

    /// Nobody knows what the disk holds.
    fn sync_failed(&self, error: io::Error) -> io::Error {
        self.fail(&format!("syncing {} failed: {error}", self.path.display()));
        error
    }

    fn try_sync(&self) -> io::Result<()> {
        if self.is_retired() {
            // Its path may be another's by now.
            return Ok(());
        }
        let in_memory = self.durability() == Durability::Memory;
        let Some(plan) = self.plan_sync(in_memory)? else { return Ok(()) };
        if !in_memory {
            self.run_sync(&plan)?;
        }
        let mut writer = self.writer.lock();
        writer.recovery_point = plan.log_end;
        writer.synced = plan.log_end;
        let flushed = self.flushed_by_sync(&mut writer, plan.log_end);
        if plan.directory_is_new {
            writer.directory = DirectoryState::Durable;
        }
        if let Some(epochs) = plan.epochs {
            writer.epochs_written = epochs;
        }
        drop(writer);
        self.advance_flushed(flushed);
        Ok(())
    }

    /// Where `flushed` is now that the records below `synced` are durable.
    fn flushed_by_sync(&self, writer: &mut Writer, synced: Offset) -> Offset {
        // Not sooner: an append meanwhile must not release what waits for this sync.
        writer.sync_due = self.flush_messages_reached(writer.unsynced_records);
        let unsynced_is_enough = self.durability() != Durability::Disk && !writer.sync_due;
        if unsynced_is_enough { self.offsets().log_end } else { synced }
    }

    /// Decides, under the writer's lock, whether the active segment's file is all there is to sync.
    /// Counts from here what is appended from here on.
    fn plan_records_sync(&self) -> RecordsSync {
        let mut writer = self.writer.lock();
        let log_end = self.offsets().log_end;
        if self.is_retired() || log_end <= writer.synced {
            return RecordsSync::Nothing;
        }
        let names_are_durable =
            writer.directory == DirectoryState::Durable && !writer.segment_is_new;
        match self.active_segment() {
            Some(segment) if names_are_durable && self.durability() != Durability::Memory => {
                writer.count_unsynced_anew();
                RecordsSync::Active { segment, log_end }
            }
            _ => RecordsSync::Whole,
        }
    }

    /// Decides, under the writer's lock, what there is to do. Counts from here what is appended
    /// from here on.
    fn plan_sync(&self, in_memory: bool) -> io::Result<Option<SyncPlan>> {
        let mut writer = self.writer.lock();
        let log_end = self.offsets().log_end;
        let epochs = self.epochs.read().clone();
        let epochs = (epochs != writer.epochs_written).then_some(epochs);
        let moved = log_end > writer.recovery_point;
        let changed = writer.changed || epochs.is_some();
        let has_directory = writer.directory != DirectoryState::Missing;
        if !(moved || changed && has_directory) {
            return Ok(None);
        }
        let segments = self.segments_from(writer.recovery_point);
        if let Some(active) = self.active_segment() {
            active.flush_indexes()?;
        }
        if !in_memory && !writer.snapshots.contains(&log_end) {
            self.write_snapshot(&mut writer, log_end)?;
        }
        self.unchecked_bytes.store(0, Ordering::Relaxed);
        writer.count_unsynced_anew();
        writer.changed = false;
        writer.segment_is_new = false;
        let directory_is_new = writer.directory == DirectoryState::New;
        Ok(Some(SyncPlan { log_end, segments, epochs, directory_is_new }))
    }

    fn run_sync(&self, plan: &SyncPlan) -> io::Result<()> {
        for (index, segment) in plan.segments.iter().enumerate() {
            segment.sync_log()?;
            segment.sync_aborted()?;
            if index + 1 < plan.segments.len() {
                segment.sync_indexes()?;
            }
        }
        if let Some(epochs) = &plan.epochs {
            let path = self.path.join(LEADER_EPOCH_FILE);
            checkpoint_file::write_epochs(&*self.disk, &path, epochs.entries().iter().copied())?;
        }
        let snapshot = file_name::path(&self.path, plan.log_end, file_name::SNAPSHOT);
        self.disk.open(&snapshot, Open::Existing)?.sync_data()?;
        if plan.directory_is_new {
            let metadata = self.path.join(PARTITION_METADATA_FILE);
            self.disk.open(&metadata, Open::Existing)?.sync_data()?;
        }
        self.disk.sync_dir(&self.path)?;
        match self.path.parent() {
            Some(parent) if plan.directory_is_new => self.disk.sync_dir(parent),
            _ => Ok(()),
        }
    }
}

impl Writer {
    fn count_unsynced_anew(&mut self) {
        self.unsynced_records = 0;
        self.unsynced_since_ms = None;
    }
}
