//! Cutting the end off: what a follower does with records that its leader does not have.
//!
//! The last segment goes first, and its disappearance is durable before the one before it is
//! touched: a crash in between leaves a longer log, never one with a hole.

use std::io;
use std::sync::atomic::Ordering;

use base::{Offset, Wait};

use super::{Durability, Log, LogOffsets, Writer};
use crate::checkpoint_file::{self, LEADER_EPOCH_FILE};
use crate::producer_state::{ProducerState, UnstableTransactions};

impl Log {
    /// Cuts off the batch that holds the record at `offset` and all that follow, durably, and
    /// returns where the log ends then. Below the log's start nothing is left, and the log starts
    /// at `offset`.
    pub fn truncate_to(&self, offset: Offset, now_ms: i64) -> io::Result<Offset> {
        if offset >= self.offsets().log_end {
            return Ok(self.offsets().log_end);
        }
        if offset < self.offsets().log_start {
            self.truncate_fully_and_start_at(offset)?;
            return Ok(offset);
        }
        let _sync = self.sync.lock();
        let mut writer = self.writer.lock();
        let result = self.cut_end(&mut writer, offset, now_ms);
        drop(writer);
        self.tell_truncated(result)
    }

    /// Deletes all records; the next one gets `offset`. The caller makes `offset` the log's durable
    /// start: without it the log starts, empty, where it started before.
    pub fn truncate_fully_and_start_at(&self, offset: Offset) -> io::Result<()> {
        let _sync = self.sync.lock();
        let mut writer = self.writer.lock();
        let result = self.cut_everything(&mut writer, offset);
        drop(writer);
        self.tell_truncated(result.map(|()| offset)).map(drop)
    }

    fn tell_truncated(&self, result: io::Result<Offset>) -> io::Result<Offset> {
        match &result {
            Ok(log_end) => self.listener.log_end_moved(*log_end),
            Err(error) => {
                self.fail(&format!("truncating {} failed: {error}", self.path.display()));
            }
        }
        result
    }

    fn cut_end(&self, writer: &mut Writer, offset: Offset, now_ms: i64) -> io::Result<Offset> {
        // Readers first: they must not look for what is being cut off.
        self.cut_offsets(offset);
        self.remove_segments_above(offset)?;
        let mut log_end = offset;
        let mut kept_bytes = None;
        if let Some(segment) = self.segment_of(offset) {
            match segment.position_of(offset, Wait::Allowed)? {
                0 => {
                    log_end = segment.base_offset();
                    self.remove_segments_above(Offset(log_end.0 - 1))?;
                }
                position => kept_bytes = Some(position),
            }
        }
        if let Some(last) = self.active_segment() {
            // It may have been sealed: now it must know again what an active segment knows.
            let interval = self.config.read().index_interval_bytes;
            last.truncate(kept_bytes.unwrap_or(last.size()), offset, interval)?;
            last.sync_log()?;
            // Where the last batch ends that is left: below the offset there may be a hole.
            log_end = last.next_offset();
        }
        self.cut_offsets(log_end);
        self.cut_epochs(writer, log_end)?;
        writer.recovery_point = writer.recovery_point.min(log_end);
        writer.synced = writer.synced.min(log_end);
        writer.changed = true;
        writer.truncations += 1;
        let high_watermark = self.offsets().high_watermark;
        self.load_producers(writer, log_end, log_end, high_watermark, now_ms)?;
        if let Some(last) = self.active_segment() {
            // Other transactions may lie there next.
            last.sync_aborted()?;
        }
        Ok(log_end)
    }

    /// The checkpoint of the epochs must not outlive what it tells of: other epochs may write these
    /// offsets next.
    fn cut_epochs(&self, writer: &mut Writer, log_end: Offset) -> io::Result<()> {
        let mut epochs = self.epochs.write();
        if epochs.truncate_from_end(log_end) && self.durability() != Durability::Memory {
            let path = self.path.join(LEADER_EPOCH_FILE);
            checkpoint_file::write_epochs(&*self.disk, &path, epochs.entries().iter().copied())?;
            writer.epochs_written.clone_from(&epochs);
        }
        Ok(())
    }

    fn cut_offsets(&self, log_end: Offset) {
        self.positions.lock().change(|offsets, _| *offsets = offsets.cut_to(log_end));
    }

    fn cut_everything(&self, writer: &mut Writer, offset: Offset) -> io::Result<()> {
        self.remove_segments_above(Offset(-1))?;
        self.remove_snapshots(writer, |_| true)?;
        self.producers.lock().replace_producers(ProducerState::default());
        writer.recovery_point = offset;
        writer.synced = offset;
        writer.changed = true;
        writer.truncations += 1;
        writer.sync_due = false;
        writer.unsynced_records = 0;
        writer.unsynced_since_ms = None;
        self.unchecked_bytes.store(0, Ordering::Relaxed);
        self.epochs.write().clear();
        let mut positions = self.positions.lock();
        positions.change(|offsets, _| *offsets = LogOffsets::empty_at(offset));
        positions.load(UnstableTransactions::default(), offset);
        Ok(())
    }

    /// Removes the segments that begin above `offset`, the last one first.
    fn remove_segments_above(&self, offset: Offset) -> io::Result<()> {
        loop {
            let last = self.active_segment();
            let Some(last) = last.filter(|segment| segment.base_offset() > offset) else {
                return Ok(());
            };
            self.segments.write().remove(&last.base_offset());
            last.remove()?;
            self.disk.sync_dir(&self.path)?;
        }
    }
}
