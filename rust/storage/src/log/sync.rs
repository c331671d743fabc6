//! Making the segments durable: the recovery point moves to where the log ended when the sync
//! began.
//!
//! What must be durable before a recovery point may be told to anyone, in this order:
//!
//! ```text
//! 1 the batches behind the old recovery point, and the indexes of sealed segments
//! 2 the leader epochs, the producer snapshot at the new recovery point, the topic id
//! 3 the names of all these files, and that of the directory
//! ```
//!
//! Readers and the writer go on meanwhile; only another sync or a truncation waits.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use base::Offset;

use super::{DirectoryState, Durability, Log, LogCheckpoints};
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

impl Log {
    /// Syncs everything that was appended before the call and returns the recovery point, below
    /// which the segments are durable. After an error the log has failed: nobody knows what the
    /// disk holds.
    pub fn sync(&self) -> io::Result<Offset> {
        let _sync = self.sync.lock();
        self.sync_locked()
    }

    /// Below it the segments are durable.
    pub fn recovery_point(&self) -> Offset {
        self.writer.lock().recovery_point
    }

    /// About how many bytes were appended since the last sync.
    pub fn unsynced_bytes(&self) -> u64 {
        self.unsynced_bytes.load(Ordering::Relaxed)
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
        if let Err(error) = self.try_sync() {
            self.fail(&format!("syncing {} failed: {error}", self.path.display()));
            return Err(error);
        }
        Ok(self.recovery_point())
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
        // Not sooner: an append meanwhile must not release what waits for this sync.
        writer.sync_due = self.flush_messages_reached(writer.unsynced_records);
        let unsynced_is_enough = self.durability() != Durability::Disk && !writer.sync_due;
        let flushed = if unsynced_is_enough { self.offsets().log_end } else { plan.log_end };
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
        self.unsynced_bytes.store(0, Ordering::Relaxed);
        writer.unsynced_records = 0;
        writer.unsynced_since_ms = None;
        writer.changed = false;
        let directory_is_new = writer.directory == DirectoryState::New;
        Ok(Some(SyncPlan { log_end, segments, epochs, directory_is_new }))
    }

    fn run_sync(&self, plan: &SyncPlan) -> io::Result<()> {
        for (index, segment) in plan.segments.iter().enumerate() {
            segment.sync_log()?;
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
