//! A broker in a few lines: logs with transactions, last stable offsets and committed offsets,
//! which keeps its promises but for one, if it is told to break it.

use std::collections::BTreeMap;

use base::{Rng, SplitMix64};
use history::{AnomalyKind, IsolationLevel};

/// A promise to break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    /// Acknowledges what it does not keep.
    Loses,
    /// Appends a request twice.
    Repeats,
    /// Shows aborted records.
    ShowsAborted,
    /// Shows records of open transactions.
    ShowsOpen,
    /// Aborts a committed transaction in one of its partitions.
    Tears,
    /// Stops giving records before the end of the log.
    StopsShort,
    /// Gives an offset that is taken to another record.
    Overwrites,
    /// Leaves a record out of an answer.
    Skips,
    /// Gives what was given before.
    GoesBack,
    /// Appends the requests of a producer in the wrong order.
    Reorders,
    /// Appends records of a transaction to where the log has been before.
    Backdates,
    /// Forgets offsets that it has acknowledged.
    ForgetsOffsets,
    /// Keeps offsets of aborted transactions.
    KeepsAbortedOffsets,
    /// Gives a process that takes over for another one an older offset than was committed.
    HandsOverTwice,
}

impl Bug {
    pub(crate) const ALL: [Self; 14] = [
        Self::Loses,
        Self::Repeats,
        Self::ShowsAborted,
        Self::ShowsOpen,
        Self::Tears,
        Self::StopsShort,
        Self::Overwrites,
        Self::Skips,
        Self::GoesBack,
        Self::Reorders,
        Self::Backdates,
        Self::ForgetsOffsets,
        Self::KeepsAbortedOffsets,
        Self::HandsOverTwice,
    ];

    /// What it has to be caught by.
    pub(crate) fn shows_as(self) -> AnomalyKind {
        match self {
            Self::Loses => AnomalyKind::LostWrite,
            Self::Repeats => AnomalyKind::Duplicate,
            Self::ShowsAborted => AnomalyKind::AbortedRead,
            Self::ShowsOpen => AnomalyKind::EarlyRead,
            Self::Tears => AnomalyKind::TornTransaction,
            Self::StopsShort => AnomalyKind::UnseenRecord,
            Self::Overwrites => AnomalyKind::InconsistentOffset,
            Self::Skips => AnomalyKind::PollSkip,
            Self::GoesBack => AnomalyKind::NonMonotonicPoll,
            Self::Reorders => AnomalyKind::NonMonotonicSend,
            Self::Backdates => AnomalyKind::WriteCycle,
            Self::ForgetsOffsets => AnomalyKind::StaleOffset,
            Self::KeepsAbortedOffsets => AnomalyKind::StrayOffset,
            Self::HandsOverTwice => AnomalyKind::ConsumedTwice,
        }
    }
}

/// How often a bug shows itself, in a thousand.
const BUG_CHANCE: u32 = 250;
/// How many records an answer has at most.
const FETCH_MAX: usize = 5;
/// How far before its end a log stops, if it does.
const STOPS_BEFORE: usize = 4;

#[derive(Clone, Debug)]
enum Slot {
    Record {
        value: String,
        transaction: Option<usize>,
    },
    /// A marker, or nothing.
    Marker,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Committed,
    /// Committed, but in this partition.
    CommittedBut(usize),
    Aborted,
}

/// What a fetch gives: records with their offsets, and where the next one goes on.
pub(crate) type Fetched = (Vec<(i64, String)>, i64);

#[derive(Debug)]
pub(crate) struct Broker {
    logs: Vec<Vec<Slot>>,
    transactions: Vec<State>,
    /// What each transaction will commit: group, partition and offset.
    pending_offsets: BTreeMap<usize, (&'static str, usize, i64)>,
    /// By group and partition.
    committed: BTreeMap<(&'static str, usize), i64>,
    bug: Option<Bug>,
    rng: SplitMix64,
}

impl Broker {
    pub(crate) fn new(partitions: usize, bug: Option<Bug>, seed: u64) -> Self {
        Self {
            logs: vec![Vec::new(); partitions],
            transactions: Vec::new(),
            pending_offsets: BTreeMap::new(),
            committed: BTreeMap::new(),
            bug,
            rng: SplitMix64::new(seed),
        }
    }

    /// Whether it is time to break this promise.
    fn breaks(&mut self, bug: Bug) -> bool {
        self.bug == Some(bug) && self.rng.below(1_000) < BUG_CHANCE
    }

    /// Appends one request's records; answers with the offset of each.
    pub(crate) fn append(
        &mut self,
        partition: usize,
        values: &[String],
        transaction: Option<usize>,
    ) -> Vec<i64> {
        let mut offsets: Vec<i64> =
            values.iter().map(|value| self.append_one(partition, value, transaction)).collect();
        if offsets.len() > 1 && self.breaks(Bug::Reorders) {
            let base = offsets[0] as usize;
            self.logs[partition][base..base + values.len()].reverse();
            offsets.reverse();
        }
        if self.breaks(Bug::Repeats) {
            for value in values {
                self.append_one(partition, value, transaction);
            }
        }
        offsets
    }

    fn append_one(&mut self, partition: usize, value: &str, transaction: Option<usize>) -> i64 {
        let record = Slot::Record { value: value.to_owned(), transaction };
        if transaction.is_none() && self.breaks(Bug::Loses) {
            self.logs[partition].push(Slot::Marker);
        } else if !self.logs[partition].is_empty() && self.breaks(Bug::Overwrites) {
            let last = self.logs[partition].last_mut().unwrap();
            *last = record;
        } else if transaction.is_some() && self.breaks(Bug::Backdates) {
            let log = &mut self.logs[partition];
            let hole = log.iter().position(|slot| matches!(slot, Slot::Marker));
            let offset = hole.unwrap_or(log.len());
            log.resize(log.len().max(offset + 1), Slot::Marker);
            log[offset] = record;
            return offset as i64;
        } else {
            self.logs[partition].push(record);
        }
        self.logs[partition].len() as i64 - 1
    }

    pub(crate) fn begin(&mut self) -> usize {
        self.transactions.push(State::Open);
        self.transactions.len() - 1
    }

    pub(crate) fn is_open(&self, transaction: usize) -> bool {
        self.transactions[transaction] == State::Open
    }

    pub(crate) fn send_offset(
        &mut self,
        transaction: usize,
        group: &'static str,
        partition: usize,
        offset: i64,
    ) {
        self.pending_offsets.insert(transaction, (group, partition, offset));
    }

    pub(crate) fn commit_offset(&mut self, group: &'static str, partition: usize, offset: i64) {
        if !self.breaks(Bug::ForgetsOffsets) {
            self.committed.insert((group, partition), offset);
        }
    }

    pub(crate) fn committed_offset(&self, group: &'static str, partition: usize) -> Option<i64> {
        self.committed.get(&(group, partition)).copied()
    }

    /// Ends a transaction; an end that comes too late does nothing.
    pub(crate) fn end(&mut self, transaction: usize, is_committed: bool) {
        if !self.is_open(transaction) {
            return;
        }
        let written: Vec<usize> = (0..self.logs.len())
            .filter(|partition| self.logs[*partition].iter().any(|slot| is_of(slot, transaction)))
            .collect();
        self.transactions[transaction] = match (is_committed, &written[..]) {
            (true, [torn, _, ..]) if self.breaks(Bug::Tears) => State::CommittedBut(*torn),
            (true, _) => State::Committed,
            (false, _) => State::Aborted,
        };
        for partition in written {
            self.logs[partition].push(Slot::Marker);
        }
        if let Some((group, partition, offset)) = self.pending_offsets.remove(&transaction)
            && (is_committed || self.breaks(Bug::KeepsAbortedOffsets))
        {
            self.committed.insert((group, partition), offset);
        }
    }

    pub(crate) fn end_all_open(&mut self) {
        for transaction in 0..self.transactions.len() {
            self.end(transaction, false);
        }
    }

    pub(crate) fn end_offset(&self, partition: usize) -> i64 {
        self.logs[partition].len() as i64
    }

    /// Where somebody who takes over goes on.
    pub(crate) fn take_over(&mut self, group: &'static str, partition: usize) -> i64 {
        let committed = self.committed_offset(group, partition).unwrap_or(0);
        if self.bug == Some(Bug::HandsOverTwice) { (committed - 3).max(0) } else { committed }
    }

    pub(crate) fn fetch(
        &mut self,
        partition: usize,
        position: i64,
        isolation: IsolationLevel,
    ) -> Fetched {
        let is_committed = isolation == IsolationLevel::ReadCommitted;
        let position = position as usize;
        let log = &self.logs[partition];
        let mut end = log.len();
        if is_committed && self.bug != Some(Bug::ShowsOpen) {
            end = log.iter().position(|slot| self.is_of_open(slot)).unwrap_or(end);
        }
        if self.bug == Some(Bug::StopsShort) {
            end = end.min(log.len().saturating_sub(STOPS_BEFORE));
        }
        let start =
            if position > 0 && self.breaks(Bug::GoesBack) { position - 1 } else { position };
        let mut records = Vec::new();
        let mut next = start;
        while next < end && records.len() < FETCH_MAX {
            if let Slot::Record { value, transaction } = &self.logs[partition][next]
                && (!is_committed || transaction.is_none_or(|it| self.is_shown(it, partition)))
            {
                records.push((next as i64, value.clone()));
            }
            next += 1;
        }
        if self.breaks(Bug::Skips) {
            records.pop();
        }
        (records, next.max(position) as i64)
    }

    fn is_of_open(&self, slot: &Slot) -> bool {
        matches!(slot, Slot::Record { transaction: Some(it), .. } if self.is_open(*it))
    }

    fn is_shown(&self, transaction: usize, partition: usize) -> bool {
        match self.transactions[transaction] {
            State::Committed | State::Open => true,
            State::CommittedBut(torn) => torn != partition,
            State::Aborted => self.bug == Some(Bug::ShowsAborted),
        }
    }
}

fn is_of(slot: &Slot, transaction: usize) -> bool {
    matches!(slot, Slot::Record { transaction: Some(it), .. } if *it == transaction)
}
