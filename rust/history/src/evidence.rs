//! All that follows from a ledger before anything is judged: the logs, who has read what, which
//! transactions must have been committed.

mod offsets;

use crate::anomaly::{Absence, CommittedOffset};
use crate::ledger::{End, Ledger, Moment, NEVER, Outcome};
use crate::operation::{IsolationLevel, OperationId};
use crate::partition_log::{PartitionLog, partition_logs};
use crate::stretch::{Coverage, Stretch, Turn, stretches};

pub(crate) use offsets::{OffsetFindings, Stale};

/// What the checks look at.
#[derive(Debug)]
pub(crate) struct Evidence {
    pub(crate) ledger: Ledger,
    /// By partition, as are the next ones.
    pub(crate) logs: Vec<PartitionLog>,
    /// Of consumers of any kind.
    pub(crate) covered: Vec<Coverage>,
    /// Of those that read `read_committed`.
    pub(crate) covered_committed: Vec<Coverage>,
    pub(crate) ends: Vec<Option<FinalEnd>>,
    /// By record.
    pub(crate) seen: Vec<Seen>,
    pub(crate) stretches: Vec<Stretch>,
    pub(crate) turns: Vec<Turn>,
    pub(crate) offsets: OffsetFindings,
    /// By transaction: when it was known at the latest that it is committed, if it is.
    pub(crate) committed: Vec<Option<Moment>>,
}

/// Who has seen a record first, and where it lies.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    /// The lowest offset that is known.
    pub(crate) offset: Option<i64>,
    pub(crate) by_any: bool,
    /// A poll.
    pub(crate) by_committed: Option<usize>,
}

/// The high watermark that was asked for last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FinalEnd {
    pub(crate) asked: Moment,
    pub(crate) asked_by: OperationId,
    pub(crate) end: i64,
}

impl Evidence {
    pub(crate) fn gather(ledger: Ledger) -> Self {
        let logs = partition_logs(&ledger);
        let (stretches, turns) = stretches(&ledger);
        let seen = seen(&ledger, &logs);
        let offsets = OffsetFindings::gather(&ledger);
        let committed = committed(&ledger, &seen, &offsets);
        let covered = coverages(&ledger, &stretches, |_| true);
        let covered_committed = coverages(&ledger, &stretches, |stretch| {
            stretch.isolation == IsolationLevel::ReadCommitted
        });
        let ends = final_ends(&ledger);
        Self {
            ledger,
            logs,
            covered,
            covered_committed,
            ends,
            seen,
            stretches,
            turns,
            offsets,
            committed,
        }
    }

    /// Whether a record is known never to be in the log for those who read `read_committed`.
    pub(crate) fn is_undone(&self, record: usize) -> bool {
        let Some(send) = &self.ledger.records[record].send else { return true };
        let is_aborted = send
            .transaction
            .is_some_and(|transaction| self.ledger.transactions[transaction].end == End::Aborted);
        send.outcome == Outcome::Failed || is_aborted
    }

    /// Since when a record is promised to be in the log for ever: acknowledged on its own, or sent
    /// in a transaction whose commit is known. A commit vouches for every send before it, since
    /// producers wait for those first.
    pub(crate) fn promised(&self, record: usize) -> Option<Moment> {
        let send = self.ledger.records[record].send.as_ref()?;
        match (send.transaction, send.outcome) {
            (_, Outcome::Failed) | (None, Outcome::Unknown) => None,
            (None, Outcome::Ok) => Some(send.acknowledged),
            (Some(transaction), Outcome::Ok | Outcome::Unknown) => self.committed[transaction],
        }
    }

    /// How it is known that a promised record is gone; none if it is not known to be.
    pub(crate) fn absence(&self, record: usize) -> Option<Absence> {
        let partition = self.ledger.records[record].partition;
        let promised = self.promised(record)?;
        let end = self.ends[partition].filter(|end| promised < end.asked);
        let poll = |number: usize| self.ledger.polls[number].id;
        let Some(offset) = self.seen[record].offset else {
            let whole = self.lookers(record).find_map(|looker| looker.whole(end?.end))?;
            return Some(Absence::ReadWhole { poll: poll(self.stretches[whole].last_poll) });
        };
        if let Some(passing) = self.lookers(record).find_map(|looker| looker.over(offset)) {
            let passing = self.stretches[passing].passing_poll(offset);
            return Some(Absence::PassedBy { poll: poll(passing) });
        }
        let cut = end.filter(|end| end.end <= offset)?;
        Some(Absence::Cut { end: cut.end, asked: cut.asked_by })
    }

    /// Where those have been who would have seen a record, and of whom nobody has. What a
    /// `read_uncommitted` consumer has seen may still be hidden from all others.
    fn lookers(&self, record: usize) -> impl Iterator<Item = &Coverage> {
        let partition = self.ledger.records[record].partition;
        let Seen { by_any, by_committed, .. } = self.seen[record];
        let committed = by_committed.is_none().then(|| &self.covered_committed[partition]);
        let any = (!by_any).then(|| &self.covered[partition]);
        committed.into_iter().chain(any)
    }

    pub(crate) fn committed_offset(
        &self,
        group: usize,
        partition: usize,
        offset: Option<i64>,
    ) -> CommittedOffset {
        CommittedOffset {
            group: self.ledger.groups[group].clone(),
            partition: self.ledger.partitions[partition].clone(),
            offset,
        }
    }
}

fn seen(ledger: &Ledger, logs: &[PartitionLog]) -> Vec<Seen> {
    let mut seen = vec![Seen::default(); ledger.records.len()];
    for entry in logs.iter().flat_map(|log| &log.entries) {
        let seen = &mut seen[entry.record];
        // Entries come by offset: the first one is the lowest.
        seen.offset = seen.offset.or(Some(entry.offset));
        seen.by_any |= entry.seen.is_some();
        seen.by_committed = seen.by_committed.or(entry.seen_committed);
    }
    seen
}

/// When each transaction was known to be committed: its process was told so, or, where nobody was
/// told, something of it was seen that only committed transactions show.
fn committed(ledger: &Ledger, seen: &[Seen], offsets: &OffsetFindings) -> Vec<Option<Moment>> {
    let transactions = ledger.transactions.iter();
    let moments = transactions.map(|transaction| match transaction.end {
        End::Committed => Some(transaction.committed),
        End::Aborted => None,
        End::Unknown => {
            let polls = transaction.records.iter().filter_map(|record| seen[*record].by_committed);
            let records = polls.map(|poll| ledger.polls[poll].completed);
            let commits = transaction.commits.iter();
            let offsets = commits.filter_map(|commit| offsets.seen.get(commit).copied());
            records.chain(offsets).min().filter(|moment| *moment != NEVER)
        }
    });
    moments.collect()
}

fn coverages(
    ledger: &Ledger,
    stretches: &[Stretch],
    is_meant: impl Fn(&Stretch) -> bool,
) -> Vec<Coverage> {
    let mut by_partition: Vec<Vec<(usize, &Stretch)>> =
        ledger.partitions.iter().map(|_| Vec::new()).collect();
    for (number, stretch) in stretches.iter().enumerate().filter(|(_, it)| is_meant(it)) {
        by_partition[stretch.partition].push((number, stretch));
    }
    by_partition.into_iter().map(|stretches| Coverage::of(stretches.into_iter())).collect()
}

fn final_ends(ledger: &Ledger) -> Vec<Option<FinalEnd>> {
    let mut finals: Vec<Option<FinalEnd>> = vec![None; ledger.partitions.len()];
    for told in &ledger.ends {
        for &(partition, end) in &told.offsets {
            let last = &mut finals[partition];
            if last.is_none_or(|last| last.asked < told.asked) {
                *last = Some(FinalEnd { asked: told.asked, asked_by: told.id, end });
            }
        }
    }
    finals
}
