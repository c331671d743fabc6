//! What a log offers its cleaner: how dirty it is, its sealed segments, and the swap of some of
//! them for a cleaned one.
//!
//! Sealed segments do not change, so the cleaner reads them without a lock. Whatever takes one away
//! meanwhile (a truncation, retention, the topic's deletion) holds the sync lock, as the swap does,
//! and the swap then finds it gone and is not made.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use base::{Offset, ProducerId, Wait};

use super::{Durability, Log, ReadError};
use crate::cleaner::{Dirt, LastOfProducer, LogFacts, SegmentFacts};
use crate::disk::DiskFile;
use crate::producer_state::{AbortedTransaction, ProducerEntry};
use crate::segment::Segment;

/// The segments that a cleaning may read and replace, as they were when it began.
#[derive(Clone, Debug)]
pub(crate) struct CleanablePart {
    /// From the log's first segment on, up to the first one that is not cleaned.
    pub(crate) segments: Vec<Arc<Segment>>,
    pub(crate) producers: BTreeMap<ProducerId, LastOfProducer>,
    pub(crate) aborted: Vec<AbortedTransaction>,
    truncations: u64,
}

impl Log {
    /// What there is to clean, if anything, when the log was `cleaned` up to an offset before.
    pub(crate) fn dirt(&self, cleaned: Option<Offset>, now_ms: i64) -> io::Result<Option<Dirt>> {
        let config = self.config();
        if self.check_available().is_err() || !self.positions.lock().is_settled() {
            return Ok(None);
        }
        let mut segments: Vec<Arc<Segment>> = self.segments.read().values().cloned().collect();
        segments.pop();
        // Each is looked up in a file, so only where it counts.
        let asks_for_newest = config.min_compaction_lag_ms > 0;
        let asks_for_first = config.max_compaction_lag_ms < i64::MAX;
        let facts = |segment: &Arc<Segment>| {
            let (size, next_offset) = segment.published();
            let is_dirty = cleaned.is_none_or(|cleaned| next_offset > cleaned);
            let newest = if asks_for_newest && is_dirty { segment.max_timestamp()? } else { None };
            let asks_for_first = asks_for_first && is_dirty;
            Ok(SegmentFacts {
                base_offset: segment.base_offset(),
                next_offset,
                bytes: u64::from(size),
                max_timestamp: newest.map(|newest| newest.timestamp),
                first_timestamp: if asks_for_first {
                    segment.read_first_timestamp()?
                } else {
                    None
                },
            })
        };
        let segments = segments.iter().map(facts).collect::<io::Result<_>>()?;
        let offsets = self.offsets();
        let facts = LogFacts {
            log_start: offsets.log_start,
            log_end: offsets.log_end,
            last_stable: offsets.last_stable,
            cleaned,
            segments,
            min_cleanable_dirty_ratio: config.min_cleanable_dirty_ratio,
            min_compaction_lag_ms: config.min_compaction_lag_ms,
            max_compaction_lag_ms: config.max_compaction_lag_ms,
        };
        Ok(facts.dirt(now_ms))
    }

    /// The part of the log below `first_uncleanable`, where a segment begins. All transactions that
    /// begin there have ended, since it is stable, be it by markers above.
    pub(crate) fn cleanable_part(&self, first_uncleanable: Offset) -> io::Result<CleanablePart> {
        let _sync = self.sync.lock();
        // Of a log that was deleted nothing is read: its path may be another's.
        let is_gone = self.is_retired();
        let aborted = if is_gone { Vec::new() } else { self.aborted_below(first_uncleanable)? };
        let writer = self.writer.lock();
        let segments = self.segments.read();
        let last_of = |entry: &ProducerEntry| match entry.batches.back() {
            Some(batch) => LastOfProducer::Batch(batch.last_offset),
            None => LastOfProducer::Marker(entry.producer_epoch),
        };
        let producers = self.producers.lock();
        let producers =
            producers.entries().map(|(producer_id, entry)| (producer_id, last_of(entry)));
        Ok(CleanablePart {
            segments: segments.range(..first_uncleanable).map(|(_, it)| Arc::clone(it)).collect(),
            producers: producers.collect(),
            aborted,
            truncations: writer.truncations,
        })
    }

    fn aborted_below(&self, end: Offset) -> io::Result<Vec<AbortedTransaction>> {
        let found = self.aborted_transactions(Offset::ZERO, end, Wait::Allowed);
        found.map_err(|error| match error {
            ReadError::Io(error) => error,
            error => io::Error::other(error),
        })
    }

    /// The file of one of the log's segments, to be read; none if the segment or the log has gone:
    /// then the name may be another's.
    pub(crate) fn sealed_file(
        &self,
        segment: &Arc<Segment>,
    ) -> io::Result<Option<Arc<dyn DiskFile>>> {
        let _sync = self.sync.lock();
        let segments = self.segments.read();
        match segments.get(&segment.base_offset()) {
            Some(now) if Arc::ptr_eq(now, segment) && !self.is_retired() => {
                segment.file().map(Some)
            }
            _ => Ok(None),
        }
    }

    /// A segment beside the others, for the cleaner to write; none if the log was deleted: its path
    /// may be another's.
    pub(crate) fn create_cleaned(&self, replaced: &Segment) -> io::Result<Option<Segment>> {
        let _sync = self.sync.lock();
        if self.is_retired() {
            return Ok(None);
        }
        let (base_offset, created_ms) = (replaced.base_offset(), replaced.created_ms());
        Segment::create_cleaned(&self.disk, &self.path, base_offset, created_ms).map(Some)
    }

    /// Removes what the cleaner has written in vain.
    pub(crate) fn discard_cleaned(&self, cleaned: &Segment) -> io::Result<()> {
        let _sync = self.sync.lock();
        if self.is_retired() { Ok(()) } else { cleaned.remove() }
    }

    /// Puts a cleaned segment, which is sealed, in the place of `replaced`. Not if one of them has
    /// gone or was cut: then the cleaned one goes, and the answer is no.
    ///
    /// ```text
    /// 1 the cleaned files are durable and named .swap   a crash from here on: a start completes it
    ///   (the transactions before the batches)
    /// 2 readers find the new segment
    /// 3 the old files get the name of deleted ones, the new indexes theirs
    /// 4 the new log gets its name                       a crash from here on: nothing is left
    /// ```
    pub(crate) fn replace_segments(
        &self,
        part: &CleanablePart,
        replaced: &[Arc<Segment>],
        cleaned: Segment,
        now_ms: i64,
    ) -> io::Result<bool> {
        let _sync = self.sync.lock();
        if self.is_retired() {
            return Ok(false);
        }
        if !self.are_as_they_were(part, replaced) {
            cleaned.remove()?;
            return Ok(false);
        }
        let syncs = self.durability() != Durability::Memory;
        let sync_names = || if syncs { self.disk.sync_dir(&self.path) } else { Ok(()) };
        let had_aborted = replaced.iter().any(|segment| segment.has_aborted());
        if had_aborted {
            cleaned.make_transaction_index()?;
        }
        if syncs {
            cleaned.sync_all()?;
        }
        cleaned.become_swap_indexes(&self.path)?;
        if had_aborted {
            sync_names()?;
        }
        cleaned.become_swap(&self.path)?;
        sync_names()?;
        let cleaned = Arc::new(cleaned);
        {
            let mut segments = self.segments.write();
            segments.retain(|_, segment| !replaced.iter().any(|gone| Arc::ptr_eq(gone, segment)));
            segments.insert(cleaned.base_offset(), Arc::clone(&cleaned));
        }
        for gone in replaced {
            gone.mark_deleted()?;
        }
        cleaned.place_indexes(&self.path)?;
        sync_names()?;
        cleaned.place_log(&self.path)?;
        sync_names()?;
        cleaned.close()?;
        let due_ms = now_ms.saturating_add(self.config.read().file_delete_delay_ms);
        let mut writer = self.writer.lock();
        writer.deleted.extend(replaced.iter().map(|gone| (due_ms, Arc::clone(gone))));
        Ok(true)
    }

    /// Whether the log was not deleted, and nothing of it cut off, since `part` was looked at.
    pub(crate) fn still_has(&self, part: &CleanablePart) -> bool {
        self.writer.lock().truncations == part.truncations && !self.is_retired()
    }

    fn are_as_they_were(&self, part: &CleanablePart, replaced: &[Arc<Segment>]) -> bool {
        let has_part = self.still_has(part);
        let segments = self.segments.read();
        let is_there = |old: &Arc<Segment>| {
            segments.get(&old.base_offset()).is_some_and(|now| Arc::ptr_eq(now, old))
        };
        has_part && replaced.iter().all(is_there)
    }
}
