//! Deleting from the start: by age, by size, by DeleteRecords.
//!
//! Three steps, and the log directory makes the second: log start moves in memory, its checkpoint
//! is made durable, then the segments below it are deleted. A crash between any two leaves records
//! below log start on the disk, which the next start deletes; it never leaves a log start that
//! forgets deleted records.

use std::io;
use std::sync::Arc;

use base::Offset;

use super::{DeleteRecordsError, Log, LogConfig};
use crate::segment::Segment;

impl Log {
    /// Moves the log's start up to `before`, if it is not there yet, and returns where it is. What
    /// lies below is gone for readers at once.
    pub fn delete_records(&self, before: Offset) -> Result<Offset, DeleteRecordsError> {
        self.check_available()?;
        let mut refused = None;
        let moved = self.move_offsets(|offsets| {
            if before > offsets.high_watermark {
                refused = Some(offsets.high_watermark);
            } else {
                offsets.log_start = offsets.log_start.max(before);
            }
        });
        if let Some(high_watermark) = refused {
            return Err(DeleteRecordsError::OffsetOutOfRange { before, high_watermark });
        }
        self.epochs.write().truncate_from_start(moved.log_start);
        Ok(moved.log_start)
    }

    /// Where `retention.ms` and `retention.bytes` would have the log start now; `None` if it starts
    /// there already.
    pub fn retention_candidate(&self, now_ms: i64) -> io::Result<Option<Offset>> {
        let config = self.config();
        let offsets = self.offsets();
        if !config.delete || self.check_available().is_err() {
            return Ok(None);
        }
        let segments = self.segments_from(offsets.log_start);
        let deletable = |segment: &&Arc<Segment>| {
            let (size, next_offset) = segment.published();
            size > 0 && next_offset <= offsets.high_watermark
        };
        let candidates: Vec<&Arc<Segment>> = segments.iter().take_while(deletable).collect();
        let expired = expired(&candidates, &config, now_ms)?;
        let excess = excess(&candidates, &config, &segments);
        let last = expired.max(excess).checked_sub(1).and_then(|last| candidates.get(last));
        let start = last.map(|segment| segment.next_offset());
        Ok(start.filter(|&start| start > offsets.log_start))
    }

    /// Deletes the segments that lie below `persisted_log_start`, which is durable in the
    /// checkpoint file: gives them a name that the next start sweeps away, and takes that away
    /// `file.delete.delay.ms` later, on a later call.
    pub fn delete_segments(&self, persisted_log_start: Offset, now_ms: i64) -> io::Result<()> {
        let delay_ms = self.config.read().file_delete_delay_ms;
        let _sync = self.sync.lock();
        let mut writer = self.writer.lock();
        if self.is_retired() {
            return Ok(());
        }
        for segment in self.segments_from(Offset::ZERO) {
            let next_offset = segment.next_offset();
            if next_offset > persisted_log_start {
                break;
            }
            let is_last = next_offset == self.offsets().log_end;
            if is_last && !writer.snapshots.contains(&next_offset) {
                // Nothing else will tell of the producers then.
                self.write_snapshot(&mut writer, next_offset)?;
            }
            self.segments.write().remove(&segment.base_offset());
            segment.mark_deleted()?;
            writer.deleted.push((now_ms.saturating_add(delay_ms), segment));
            writer.recovery_point = writer.recovery_point.max(next_offset);
        }
        // The first segment that is left has a snapshot at its start; an empty log has one at its
        // end.
        let first = self.segments.read().keys().next().copied();
        let first = first.unwrap_or(self.offsets().log_end);
        self.remove_snapshots(&mut writer, |offset| offset < first.min(persisted_log_start))?;
        let due = |entry: &mut (i64, Arc<Segment>)| entry.0 <= now_ms;
        let removed: Vec<(i64, Arc<Segment>)> = writer.deleted.extract_if(.., due).collect();
        for (_, segment) in removed {
            segment.remove()?;
        }
        Ok(())
    }
}

/// How many of the oldest segments are too old, by their highest timestamp.
fn expired(candidates: &[&Arc<Segment>], config: &LogConfig, now_ms: i64) -> io::Result<usize> {
    let Some(retention_ms) = config.retention_ms else { return Ok(0) };
    let mut expired = 0;
    for segment in candidates {
        let newest = segment.max_timestamp()?.map(|max| max.timestamp).filter(|&at| at >= 0);
        // Records without a timestamp count from when the broker first saw them.
        let newest = newest.unwrap_or(segment.created_ms());
        if now_ms.saturating_sub(newest) <= retention_ms {
            break;
        }
        expired += 1;
    }
    Ok(expired)
}

/// How many of the oldest segments can go while `retention.bytes` stay.
fn excess(candidates: &[&Arc<Segment>], config: &LogConfig, all: &[Arc<Segment>]) -> usize {
    let Some(retention_bytes) = config.retention_bytes else { return 0 };
    let total: u64 = all.iter().map(|segment| u64::from(segment.size())).sum();
    let mut excess_bytes = total.saturating_sub(retention_bytes);
    let goes = |segment: &&&Arc<Segment>| {
        let size = u64::from(segment.size());
        let goes = size <= excess_bytes;
        excess_bytes = excess_bytes.saturating_sub(size);
        goes
    };
    candidates.iter().take_while(goes).count()
}
