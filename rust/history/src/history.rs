//! A history: what happened, in the order in which it happened.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::operation::{Answer, Operation, OperationId, PartitionPosition, Process};

/// Everything that clients did and saw. The order is that of time: of two entries the earlier one
/// happened first, whoever wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    entries: Vec<Entry>,
    next_numbers: BTreeMap<Process, u64>,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When, in microseconds since anything at all; virtual or not.
    pub at_us: u64,
    /// To whom.
    pub process: Process,
    /// Which of its operations it belongs to; for a position, the number of the next one.
    pub number: u64,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

/// What can happen. An operation that never completes has an unknown outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// An operation begins.
    Invoke(Operation),
    /// It has certainly happened.
    Ok(Answer),
    /// It has certainly not happened and never will, with the reason.
    Failed(String),
    /// It may have happened, or may still happen, with the reason: a time-out, a lost connection.
    Unknown(String),
    /// The consumer goes on somewhere else than where its last poll ended: partitions were
    /// assigned, sought or rewound.
    Position(Vec<PartitionPosition>),
}

impl History {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes that `process` begins an operation; returns the name under which it completes.
    pub fn invoke(&mut self, at_us: u64, process: Process, operation: Operation) -> OperationId {
        let id = OperationId { process, number: self.next_number(process) };
        self.push(Entry { at_us, process, number: id.number, event: Event::Invoke(operation) });
        id
    }

    /// Notes that an operation has happened.
    pub fn ok(&mut self, at_us: u64, id: OperationId, answer: Answer) {
        self.complete(at_us, id, Event::Ok(answer));
    }

    /// Notes that an operation has not happened and never will.
    pub fn failed(&mut self, at_us: u64, id: OperationId, reason: impl Into<String>) {
        self.complete(at_us, id, Event::Failed(reason.into()));
    }

    /// Notes that nobody can tell whether an operation has happened, or will.
    pub fn unknown(&mut self, at_us: u64, id: OperationId, reason: impl Into<String>) {
        self.complete(at_us, id, Event::Unknown(reason.into()));
    }

    /// Notes that the next polls of `process` go on at `positions`; where one is not known, nothing
    /// is expected of the first record that follows.
    pub fn position(&mut self, at_us: u64, process: Process, positions: Vec<PartitionPosition>) {
        let number = self.next_number(process);
        self.push(Entry { at_us, process, number, event: Event::Position(positions) });
    }

    /// Adds what somebody else has written.
    pub fn push(&mut self, entry: Entry) {
        if matches!(entry.event, Event::Invoke(_)) {
            let next = self.next_numbers.entry(entry.process).or_default();
            *next = (*next).max(entry.number.saturating_add(1));
        }
        self.entries.push(entry);
    }

    /// All that happened.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// One history of several whose processes are not the same and whose clocks are.
    #[must_use]
    pub fn merged(histories: impl IntoIterator<Item = Self>) -> Self {
        let mut entries: Vec<Entry> =
            histories.into_iter().flat_map(|history| history.entries).collect();
        entries.sort_by_key(|entry| entry.at_us);
        entries.into_iter().collect()
    }

    fn complete(&mut self, at_us: u64, id: OperationId, event: Event) {
        self.push(Entry { at_us, process: id.process, number: id.number, event });
    }

    fn next_number(&self, process: Process) -> u64 {
        self.next_numbers.get(&process).copied().unwrap_or(0)
    }
}

impl FromIterator<Entry> for History {
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> Self {
        let mut history = Self::new();
        entries.into_iter().for_each(|entry| history.push(entry));
        history
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_process_counts_its_own_operations() {
        let mut history = History::new();
        let ids: Vec<_> = [1, 2, 1]
            .map(|process| history.invoke(0, Process(process), Operation::EndOffsets))
            .map(|id| (id.process.0, id.number))
            .into();
        assert_eq!(ids, [(1, 0), (2, 0), (1, 1)]);
    }

    #[test]
    fn histories_of_one_clock_become_one_in_its_order() {
        let mut one = History::new();
        let first = one.invoke(10, Process(1), Operation::Begin);
        one.ok(40, first, Answer::Done);
        let mut other = History::new();
        let second = other.invoke(20, Process(2), Operation::Begin);
        other.unknown(30, second, "timed out");
        let merged = History::merged([one, other]);
        let times: Vec<_> = merged.entries().iter().map(|entry| entry.at_us).collect();
        assert_eq!(times, [10, 20, 30, 40]);
    }
}
