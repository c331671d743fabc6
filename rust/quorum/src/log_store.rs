//! The log as openraft wants it: readable at once from memory, durable when the writer says so.
//!
//! All entries since the last snapshot are in memory. Snapshots come often enough, by count and by
//! bytes, for that to stay small.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io;
use std::ops::RangeBounds;
use std::sync::Arc;

use openraft::storage::{IOFlushed, LogState, RaftLogReader, RaftLogStorage};
use openraft::{OptionalSend, entry::RaftEntry};
use parking_lot::Mutex;

use crate::entry_batch;
use crate::log_files::{Recovered, SyncedEntries};
use crate::log_writer::LogWriter;
use crate::quorum_state::QuorumState;
use crate::raft_types::{Entry, LogId, Types, Vote};

/// The log. Copies are the same log.
#[derive(Clone, Debug)]
pub(crate) struct LogStore {
    writer: LogWriter,
    synced: SyncedEntries,
    log: Arc<Mutex<Log>>,
}

#[derive(Debug)]
struct Log {
    entries: BTreeMap<u64, Entry>,
    state: QuorumState,
    bytes_appended: u64,
}

impl LogStore {
    /// The log that was found on the disk.
    pub(crate) fn new(writer: LogWriter, synced: SyncedEntries, recovered: Recovered) -> Self {
        let entries = recovered.entries.into_iter().map(|entry| (entry.log_id.index, entry));
        let log = Log { entries: entries.collect(), state: recovered.state, bytes_appended: 0 };
        Self { writer, synced, log: Arc::new(Mutex::new(log)) }
    }

    /// The id of the last entry that there is or was.
    pub(crate) fn last_log_id(&self) -> Option<LogId> {
        let log = self.log.lock();
        let last = log.entries.last_key_value().map(|(_, entry)| entry.log_id());
        last.or_else(|| log.state.purged())
    }

    /// Whether `limit` bytes have been appended since this was last true.
    pub(crate) fn has_grown_by(&self, limit: u64) -> bool {
        let mut log = self.log.lock();
        let grown = log.bytes_appended >= limit;
        if grown {
            log.bytes_appended = 0;
        }
        grown
    }

    /// Writes what the node would have forgotten, once everything before is written.
    pub(crate) async fn flush(&self) -> io::Result<()> {
        self.change_state(|_| ()).await
    }

    /// What the disk has refused, if it has refused anything: openraft wraps that in words of its
    /// own.
    pub(crate) async fn failure(&self) -> Option<String> {
        let failure = self.writer.run(|files| Ok(files.failure().map(str::to_owned)));
        failure.await.ok().flatten()
    }

    /// Changes the state on the disk, and then in memory.
    async fn change_state(&self, change: impl Fn(&mut QuorumState)) -> io::Result<()> {
        let mut state = self.log.lock().state;
        change(&mut state);
        self.writer.run(move |files| files.save_state(&state)).await?;
        change(&mut self.log.lock().state);
        Ok(())
    }
}

impl RaftLogReader<Types> for LogStore {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry>, io::Error> {
        let log = self.log.lock();
        // `BTreeMap::range` panics on a range that ends before it starts.
        let entries = log.entries.iter().filter(|(index, _)| range.contains(index));
        Ok(entries.map(|(_, entry)| entry.clone()).collect())
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>, io::Error> {
        Ok(self.log.lock().state.vote())
    }
}

impl RaftLogStorage<Types> for LogStore {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<Types>, io::Error> {
        let last_log_id = self.last_log_id();
        Ok(LogState { last_purged_log_id: self.log.lock().state.purged(), last_log_id })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    /// A vote is durable when this returns. That it was granted is not: like Raft itself, a restart
    /// needs to know whom this node voted for, and asks for a new term in any case.
    async fn save_vote(&mut self, vote: &Vote) -> Result<(), io::Error> {
        let known = self.log.lock().state.vote();
        if vote.committed && known.is_some_and(|known| known.leader_id == vote.leader_id) {
            self.log.lock().state.set_vote(vote);
            return Ok(());
        }
        self.change_state(|state| state.set_vote(vote)).await
    }

    /// Only remembered, and written when the state is written anyway: a sync for each commit would
    /// double its price, and what a node has forgotten the leader tells it again.
    async fn save_committed(&mut self, committed: Option<LogId>) -> Result<(), io::Error> {
        self.log.lock().state.set_committed(committed);
        Ok(())
    }

    async fn read_committed(&mut self) -> Result<Option<LogId>, io::Error> {
        Ok(self.log.lock().state.committed())
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<Types>) -> Result<(), io::Error>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let entries: Vec<Entry> = entries.into_iter().collect();
        let synced_below = self.synced.below();
        let encode = |entry: &Entry| {
            let batch = entry_batch::encode(entry, synced_below).map_err(io::Error::other)?;
            Ok((entry.log_id.index, batch))
        };
        let batches = entries.iter().map(encode).collect::<io::Result<Vec<_>>>()?;
        {
            let mut log = self.log.lock();
            log.bytes_appended += batches.iter().map(|(_, batch)| batch.len() as u64).sum::<u64>();
            log.entries.extend(entries.into_iter().map(|entry| (entry.log_id.index, entry)));
        }
        self.writer.append(batches, callback).await
    }

    async fn truncate_after(&mut self, last_log_id: Option<LogId>) -> Result<(), io::Error> {
        let first = last_log_id.map_or(0, |id| id.index + 1);
        self.log.lock().entries.retain(|index, _| *index < first);
        self.writer.run(move |files| files.truncate_from(first)).await
    }

    async fn purge(&mut self, log_id: LogId) -> Result<(), io::Error> {
        // On the disk first: after a crash the entries are there and known to be purged, never
        // missing and unknown.
        self.change_state(|state| state.set_purged(log_id)).await?;
        self.log.lock().entries.retain(|index, _| *index > log_id.index);
        Ok(())
    }
}
