//! A partition's log, as far as acknowledgements and polls tell of it.

use crate::ledger::Ledger;
use crate::operation::{IsolationLevel, OperationId};

/// What is known to lie in a partition, by offset. Two records at one offset are two entries, and
/// so is one record at two offsets.
#[derive(Debug, Default)]
pub(crate) struct PartitionLog {
    pub(crate) entries: Vec<LogEntry>,
}

/// A record at an offset, and who tells of it first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogEntry {
    pub(crate) offset: i64,
    pub(crate) record: usize,
    pub(crate) acknowledged: Option<OperationId>,
    /// By a consumer of any kind; a poll.
    pub(crate) seen: Option<usize>,
    /// By a `read_committed` consumer; a poll.
    pub(crate) seen_committed: Option<usize>,
}

impl LogEntry {
    /// An operation that tells of it.
    pub(crate) fn told_by(&self, ledger: &Ledger) -> OperationId {
        let seen = self.seen.map(|poll| ledger.polls[poll].id);
        self.acknowledged.or(seen).expect("an entry is told of")
    }
}

/// The log of each partition.
pub(crate) fn partition_logs(ledger: &Ledger) -> Vec<PartitionLog> {
    let mut entries: Vec<Vec<LogEntry>> = ledger.partitions.iter().map(|_| Vec::new()).collect();
    for (record, sent) in ledger.records.iter().enumerate() {
        let send = sent.send.as_ref();
        if let Some((send, offset)) = send.and_then(|send| Some((send, send.offset?))) {
            let acknowledged = Some(send.id);
            let entry = LogEntry { offset, record, acknowledged, seen: None, seen_committed: None };
            entries[sent.partition].push(entry);
        }
    }
    for (number, poll) in ledger.polls.iter().enumerate() {
        let is_committed = poll.isolation == IsolationLevel::ReadCommitted;
        let (seen, seen_committed) = (Some(number), is_committed.then_some(number));
        for sighting in &poll.sightings {
            let (offset, record) = (sighting.offset, sighting.record);
            let entry = LogEntry { offset, record, acknowledged: None, seen, seen_committed };
            entries[ledger.records[record].partition].push(entry);
        }
    }
    entries.into_iter().map(|entries| PartitionLog { entries: folded(entries) }).collect()
}

/// The same with one entry for a record at an offset, however often it was told of.
fn folded(mut entries: Vec<LogEntry>) -> Vec<LogEntry> {
    // Stable: of several that tell, the first one stays the first.
    entries.sort_by_key(|entry| (entry.offset, entry.record));
    entries.dedup_by(|later, first| {
        let is_same = (later.offset, later.record) == (first.offset, first.record);
        if is_same {
            first.seen = first.seen.or(later.seen);
            first.seen_committed = first.seen_committed.or(later.seen_committed);
        }
        is_same
    });
    entries
}
