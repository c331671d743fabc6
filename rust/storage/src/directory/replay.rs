//! Laying the journal over the segments: each log gets back what only the journal held durably.
//!
//! ```text
//! an entry of ...                    is ...
//! a partition that nobody knows      skipped, and counted
//! a log that was synced or deleted   skipped if it lies before that
//! records that the log has           skipped: the segments had them
//! records at the log's end           appended
//! records beyond the log's end       refused: something that was acknowledged is lost
//! ```
//!
//! Replaying twice is as replaying once: a crash in the middle of recovery only starts it again.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use base::{Offset, TopicPartition};
use thiserror::Error;

use super::command::LogKey;
use crate::journal::{EntryKind, JournalError, RecoveredEntry, Recovery};
use crate::log::Log;

/// Why the journal cannot be laid over the segments.
#[derive(Debug, Error)]
pub enum ReplayError {
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Records are neither in the segments nor in the journal.
    #[error(
        "{partition} ends at offset {log_end}, but the journal goes on at {entry}: the records \
         between them were acknowledged and are lost; restore the partition's directory, or delete \
         the topic"
    )]
    Gap {
        /// The partition.
        partition: TopicPartition,
        /// Where its segments end.
        log_end: Offset,
        /// Where the journal goes on.
        entry: Offset,
    },
    /// The log did not take back what it had.
    #[error("cannot replay {kind:?} at offset {offset} of {partition}: {cause}")]
    Log {
        /// The partition.
        partition: TopicPartition,
        /// What was replayed.
        kind: EntryKind,
        /// At which offset.
        offset: Offset,
        /// What went wrong.
        cause: String,
    },
}

/// What is to be replayed, before any log is open.
#[derive(Debug, Default)]
pub(super) struct ReplayPlan {
    /// The number of the entry from which on a log's are replayed, for logs that were synced or
    /// deleted in between.
    starts: BTreeMap<LogKey, u64>,
    /// The logs that have something to replay.
    pub(super) logs: BTreeSet<LogKey>,
}

/// What was done.
#[derive(Debug, Default)]
pub(super) struct Replayed {
    /// How many entries each log took.
    pub(super) entries: BTreeMap<LogKey, u64>,
    /// How many entries were about partitions that nobody knows.
    pub(super) skipped: u64,
}

impl ReplayPlan {
    /// Reads the journal for the first time.
    pub(super) fn of(recovery: &Recovery) -> Result<Self, JournalError> {
        let mut plan = Self::default();
        let mut number = 0;
        recovery.for_each(|entry| {
            let key = key_of(&entry);
            number += 1;
            if entry.header.kind.is_barrier() {
                plan.starts.insert(key, number);
                plan.logs.remove(&key);
            } else {
                plan.logs.insert(key);
            }
            Ok::<_, JournalError>(())
        })?;
        Ok(plan)
    }

    /// Reads the journal for the second time, and gives the logs their entries.
    pub(super) fn run(
        &self,
        recovery: &Recovery,
        logs: &BTreeMap<LogKey, Arc<Log>>,
        now_ms: i64,
    ) -> Result<Replayed, ReplayError> {
        let mut replayed = Replayed::default();
        let mut number = 0;
        recovery.for_each(|entry| {
            let key = key_of(&entry);
            number += 1;
            let is_past = self.starts.get(&key).is_some_and(|&start| number <= start);
            match logs.get(&key) {
                _ if is_past => {}
                None => replayed.skipped += 1,
                Some(log) if replay(log, &entry, now_ms)? => {
                    *replayed.entries.entry(key).or_default() += 1;
                }
                Some(_) => {}
            }
            Ok::<_, ReplayError>(())
        })?;
        Ok(replayed)
    }
}

fn key_of(entry: &RecoveredEntry) -> LogKey {
    LogKey { topic_id: entry.header.topic_id, partition: entry.header.partition }
}

/// Replays one entry; whether it changed the log.
fn replay(log: &Log, entry: &RecoveredEntry, now_ms: i64) -> Result<bool, ReplayError> {
    let header = &entry.header;
    let (offset, kind) = (header.first_offset, header.kind);
    let offsets = log.offsets();
    let changed: Result<bool, String> = match kind {
        EntryKind::Append if header.end_offset <= offsets.log_end.max(offsets.log_start) => {
            Ok(false)
        }
        EntryKind::Append if offset > offsets.log_end => {
            return Err(ReplayError::Gap {
                partition: log.topic_partition().clone(),
                log_end: offsets.log_end,
                entry: offset,
            });
        }
        EntryKind::Append => {
            log.append_as_follower(&entry.bytes, now_ms).map(|_| true).map_err(|e| e.to_string())
        }
        EntryKind::Truncate if offset >= offsets.log_end => Ok(false),
        EntryKind::Truncate => {
            log.truncate_to(offset, now_ms).map(|_| true).map_err(|e| e.to_string())
        }
        EntryKind::LogStart if offset <= offsets.log_start => Ok(false),
        EntryKind::LogStart => start_at(log, offset).map(|()| true),
        EntryKind::Synced | EntryKind::Delete => Ok(false),
    };
    changed.map_err(|cause| ReplayError::Log {
        partition: log.topic_partition().clone(),
        kind,
        offset,
        cause,
    })
}

/// Deletes the records below `start`. They were below the high watermark once, so they are again. A
/// log that ends before (durability `os` lost its tail) is empty at `start`.
fn start_at(log: &Log, start: Offset) -> Result<(), String> {
    if start > log.offsets().log_end {
        return log
            .truncate_fully_and_start_at(start)
            .map_err(|error: io::Error| error.to_string());
    }
    log.advance_flushed(start);
    log.set_high_watermark(start);
    log.delete_records(start).map(drop).map_err(|error| error.to_string())
}
