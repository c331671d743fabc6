//! The journal writer: gathers what the appender has handed on, makes it durable with one write and
//! one sync, and tells everybody who waits. Whoever arrives during a sync is in the next group, so
//! the slower the disk, the larger the groups.
//!
//! What becomes durable how:
//!
//! ```text
//! few bytes of a partition   --> an entry in the group           --> flushed moves
//! many bytes of a partition  --> its segments are synced instead --> flushed moves
//! truncate                   --> entry, cut, sync, checkpoints, then a `synced` entry:
//!                                it is never replayed over later records
//! delete records             --> entry, then log start moves
//! log deleted                --> entry, the directory's new name, checkpoints that do not know it
//!                                any more; then another of that name
//! ```

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use base::Offset;

use super::command::{AfterSync, LogKey, WriterItem};
use super::failure::DirectoryError;
use super::progress::Progress;
use super::shared::{Shared, describe};
use crate::journal::{EntryHeader, EntryKind, GroupBuilder, Written};
use crate::log::{Durability, Log};

/// Makes what the logs have durable.
#[derive(Debug)]
pub struct JournalWriter {
    pub(super) shared: Arc<Shared>,
    /// Gathered and not yet in a round, oldest first.
    gathered: VecDeque<(WriterItem, usize)>,
    /// A round whose group found the ring full.
    stalled: Option<Round>,
}

/// What one write and one sync of the journal, and perhaps some segments' syncs, make durable.
#[derive(Debug)]
struct Round {
    group: GroupBuilder,
    items: Vec<(WriterItem, usize)>,
    /// The logs whose segments are synced.
    synced: BTreeSet<LogKey>,
    /// The logs with entries in the group.
    journalled: BTreeMap<LogKey, Arc<Log>>,
}

impl std::fmt::Debug for WriterItem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "journal item of {}", self.log().topic_partition())
    }
}

impl JournalWriter {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, gathered: VecDeque::new(), stalled: None }
    }

    /// Makes one round of what has arrived durable.
    pub fn step(&mut self) -> Progress {
        while let Some(item) = self.shared.entries.pop() {
            self.gathered.push_back(item);
        }
        if let Some(failure) = self.shared.failure() {
            self.refuse_all(&DirectoryError::Failed(failure));
        }
        let round = match self.stalled.take() {
            Some(round) => round,
            None if self.gathered.is_empty() => return self.idle(),
            None => self.gather(),
        };
        match self.write(round) {
            Ok(Some(stalled)) => {
                self.stalled = Some(stalled);
                self.shared.journalled.lock().is_full = true;
                self.shared.wakes.syncer.wake();
                Progress::Idle
            }
            Ok(None) => Progress::Busy,
            Err(error) => {
                self.refuse_all(&error);
                Progress::Busy
            }
        }
    }

    fn idle(&self) -> Progress {
        if !self.shared.entries.is_finished() {
            return Progress::Idle;
        }
        self.shared.stop.lock().writer_stopped = true;
        self.shared.wakes.syncer.wake();
        Progress::Stopped
    }

    /// Chooses what the next round makes durable, and how.
    fn gather(&mut self) -> Round {
        let synced = self.logs_to_sync();
        let mut round = Round {
            group: self.shared.journal.group(),
            items: Vec::new(),
            synced,
            journalled: BTreeMap::new(),
        };
        while let Some((item, bytes)) = self.gathered.pop_front() {
            if !round.has_room(&item) {
                self.gathered.push_front((item, bytes));
                break;
            }
            round.add(&item);
            round.items.push((item, bytes));
        }
        assert!(!round.items.is_empty(), "every item fits an empty group, or its log is synced");
        round
    }

    /// The logs with so much to make durable that their own sync is the cheaper way, and those
    /// whose sync was asked for.
    fn logs_to_sync(&self) -> BTreeSet<LogKey> {
        let mut bytes_by_log: BTreeMap<LogKey, usize> = BTreeMap::new();
        let mut synced = BTreeSet::new();
        let bytes_min = self.shared.config.segment_sync_bytes_min;
        let bytes_min = bytes_min.min(self.shared.journal.entry_bytes_max());
        for (item, bytes) in &self.gathered {
            let key = LogKey::of(item.log());
            let total = bytes_by_log.entry(key).or_default();
            *total += bytes;
            if *total > bytes_min || matches!(item, WriterItem::Sync { .. }) {
                synced.insert(key);
            }
        }
        synced
    }

    /// Makes the round durable; gives it back if the ring is full.
    fn write(&mut self, mut round: Round) -> Result<Option<Round>, DirectoryError> {
        if !round.group.is_empty() {
            let group = std::mem::replace(&mut round.group, self.shared.journal.group());
            match self.shared.journal.write(group) {
                Ok(Written::Durable(_)) => {}
                Ok(Written::Full(group)) => return Ok(Some(Round { group, ..round })),
                Err(error) => return Err(self.failed(round, &error)),
            }
        }
        round.journalled_moved();
        if let Err(cause) = round.sync_segments() {
            return Err(self.failed(round, &cause));
        }
        if let Err(cause) = self.forget_deleted(&round) {
            return Err(self.failed(round, &cause));
        }
        let Round { items, journalled, .. } = round;
        let mut items = items.into_iter();
        while let Some((item, bytes)) = items.next() {
            let finished = self.finish(item);
            self.shared.entries.done(bytes);
            if let Err(error) = finished {
                for (item, bytes) in items {
                    self.refuse(item, bytes, &error);
                }
                return Err(error);
            }
        }
        self.note_journalled(journalled);
        Ok(None)
    }

    /// Makes the new names of deleted logs' directories durable, and takes the logs out of the
    /// checkpoints. These know logs by name: what they say of a deleted one must not be believed,
    /// after a crash, of the next one of its name, which has no record until this is done.
    fn forget_deleted(&self, round: &Round) -> Result<(), String> {
        if !round.items.iter().any(|(item, _)| matches!(item, WriterItem::Deleted { .. })) {
            return Ok(());
        }
        let shared = &*self.shared;
        shared.disk.sync_dir(&shared.path).map_err(describe("sync", &shared.path))?;
        shared
            .checkpoint_log_starts()
            .and_then(|()| shared.checkpoint_recovery_points())
            .map_err(describe("write the checkpoints in", &shared.path))
    }

    /// Does what had to wait until the item was durable.
    fn finish(&mut self, item: WriterItem) -> Result<(), DirectoryError> {
        match item {
            WriterItem::Append { .. } => {}
            WriterItem::Sync { log, then } => match then {
                AfterSync::Nothing => {}
                AfterSync::Complete(completion) => completion(Ok(log.synced_end())),
                AfterSync::Configure(config, completion) => {
                    let configured = log.configure(config);
                    self.shared.unblock(log.topic_partition());
                    completion(configured.map_err(|e| DirectoryError::Configure(Arc::new(e))));
                }
            },
            WriterItem::Truncate { log, to, completion } => match self.truncate(&log, to) {
                Ok(log_end) => {
                    let item = WriterItem::Truncated { log, log_end, completion };
                    self.gathered.push_front((item, 0));
                    self.shared.entries.hold();
                }
                Err(error) => {
                    completion(Err(error.clone()));
                    return Err(error);
                }
            },
            WriterItem::Truncated { log, log_end, completion } => {
                self.shared.unblock(log.topic_partition());
                completion(Ok(log_end));
            }
            WriterItem::DeleteRecords { log, before, completion } => {
                let deleted = log.delete_records(before);
                completion(deleted.map_err(|e| DirectoryError::DeleteRecords(Arc::new(e))));
            }
            WriterItem::Deleted { log, completion } => {
                self.shared.unblock(log.topic_partition());
                completion(Ok(()));
            }
        }
        Ok(())
    }

    /// The truncation is in the journal; now it happens, and is durable before a record is appended
    /// after it.
    fn truncate(&self, log: &Log, to: Offset) -> Result<Offset, DirectoryError> {
        let truncated = log
            .truncate_to(to, self.shared.clock.unix_ms())
            .and_then(|log_end| log.sync().map(|_| log_end))
            .and_then(|log_end| self.shared.checkpoint_recovery_points().map(|()| log_end))
            .and_then(|log_end| self.shared.cut_cleaned(log, log_end).map(|()| log_end));
        truncated.map_err(|error| {
            self.shared.fail(&format!("cannot truncate {} to {to}: {error}", log.topic_partition()))
        })
    }

    /// Tells the syncer what must be synced before the ring's space is used again.
    fn note_journalled(&self, logs: BTreeMap<LogKey, Arc<Log>>) {
        let mut journalled = self.shared.journalled.lock();
        journalled.logs.extend(logs);
        journalled.sequence = self.shared.journal.next_sequence();
        drop(journalled);
        let needed = self.shared.journal.usage().needed_bytes;
        if needed >= self.shared.config.journal_release_bytes || self.shared.journal.wants_spare() {
            self.shared.wakes.syncer.wake();
        }
    }

    /// The directory stops; what is in the round is not durable.
    fn failed(&self, round: Round, cause: &dyn std::fmt::Display) -> DirectoryError {
        let error = self.shared.fail(cause);
        for (item, bytes) in round.items {
            self.refuse(item, bytes, &error);
        }
        error
    }

    fn refuse_all(&mut self, error: &DirectoryError) {
        let stalled = self.stalled.take().map(|round| round.items).unwrap_or_default();
        for (item, bytes) in stalled.into_iter().chain(std::mem::take(&mut self.gathered)) {
            self.refuse(item, bytes, error);
        }
    }

    fn refuse(&self, item: WriterItem, bytes: usize, error: &DirectoryError) {
        let partition = item.log().topic_partition().clone();
        item.refuse(error.clone());
        self.shared.entries.done(bytes);
        self.shared.unblock(&partition);
    }
}

impl Round {
    fn has_room(&self, item: &WriterItem) -> bool {
        match item {
            WriterItem::Append { batch, log, .. } if !self.is_synced(log) => {
                self.group.has_room(batch.size_in_bytes())
            }
            _ => self.group.has_room(0),
        }
    }

    /// Puts into the group what the item says to it.
    fn add(&mut self, item: &WriterItem) {
        let marker = |log: &Log, kind, offset| {
            let key = LogKey::of(log);
            Some(EntryHeader::marker(kind, key.topic_id, key.partition, offset))
        };
        let marker = match item {
            WriterItem::Append { log, .. } if self.is_synced(log) => None,
            WriterItem::Append { log, leader_epoch, appended, batch } => {
                let key = LogKey::of(log);
                let header = EntryHeader {
                    kind: EntryKind::Append,
                    topic_id: key.topic_id,
                    partition: key.partition,
                    leader_epoch: *leader_epoch,
                    first_offset: appended.base_offset,
                    end_offset: appended.last_offset.next(),
                    length: batch.size_in_bytes() as u32,
                };
                let head = appended.stamped_header.expect("what was appended was stamped");
                self.group.push(&header, &head, batch.body());
                self.journalled.insert(key, log.clone());
                None
            }
            WriterItem::Sync { .. } => None,
            WriterItem::Truncate { log, to, .. } => marker(log, EntryKind::Truncate, *to),
            WriterItem::Truncated { log, log_end, .. } => marker(log, EntryKind::Synced, *log_end),
            WriterItem::DeleteRecords { log, before, .. } => {
                marker(log, EntryKind::LogStart, *before)
            }
            WriterItem::Deleted { log, .. } => marker(log, EntryKind::Delete, Offset::ZERO),
        };
        if let Some(header) = marker {
            self.group.push(&header, &[], bytes::Bytes::new());
        }
    }

    fn is_synced(&self, log: &Log) -> bool {
        self.synced.contains(&LogKey::of(log))
    }

    /// The group is durable: so is what it holds.
    fn journalled_moved(&self) {
        let mut ends: BTreeMap<LogKey, Offset> = BTreeMap::new();
        for (item, _) in &self.items {
            if let WriterItem::Append { log, appended, .. } = item
                && self.journalled.contains_key(&LogKey::of(log))
            {
                ends.insert(LogKey::of(log), appended.last_offset.next());
            }
        }
        for (key, end) in ends {
            let log = &self.journalled[&key];
            if log.durability() == Durability::Disk {
                log.advance_flushed(end);
            }
        }
    }

    /// Syncs the segments of the logs that go this way, each once.
    fn sync_segments(&self) -> Result<(), String> {
        let mut left = self.synced.clone();
        for (item, _) in &self.items {
            let log = item.log();
            if left.remove(&LogKey::of(log)) {
                let sync_failed = |error| format!("cannot sync {}: {error}", log.topic_partition());
                log.sync_records().map_err(sync_failed)?;
            }
        }
        Ok(())
    }
}
