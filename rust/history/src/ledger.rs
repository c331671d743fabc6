//! A history resolved: every operation with its outcome, every record with its sender, every send
//! with its transaction, and names replaced by numbers.

mod reader;

use base::TopicPartition;

use crate::anomaly::NamedRecord;
use crate::history::History;
use crate::operation::{IsolationLevel, OperationId, Process, RecordValue};

pub use reader::MalformedHistory;

/// The index of an entry in its history: the only clock that the checks know.
pub(crate) type Moment = usize;

/// The moment of what has not happened.
pub(crate) const NEVER: Moment = usize::MAX;

/// A history resolved. Everything is named by its index in one of these.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) partitions: Vec<TopicPartition>,
    pub(crate) groups: Vec<String>,
    pub(crate) records: Vec<Record>,
    pub(crate) transactions: Vec<Transaction>,
    /// Only those that gave an answer, in the order of their answers.
    pub(crate) polls: Vec<Poll>,
    pub(crate) commits: Vec<OffsetCommit>,
    /// Only those that gave an answer.
    pub(crate) fetches: Vec<OffsetFetch>,
    /// Only those that gave an answer.
    pub(crate) ends: Vec<Ends>,
    /// What consumers did, in the order in which it happened.
    pub(crate) steps: Vec<Step>,
}

/// What became of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Ok,
    Failed,
    Unknown,
}

/// A record that was sent, or seen, or both.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) partition: usize,
    pub(crate) value: RecordValue,
    pub(crate) send: Option<Send>,
}

#[derive(Debug)]
pub(crate) struct Send {
    pub(crate) id: OperationId,
    pub(crate) outcome: Outcome,
    /// When its outcome was known to be that it is in the log.
    pub(crate) acknowledged: Moment,
    pub(crate) offset: Option<i64>,
    pub(crate) transaction: Option<usize>,
}

/// How a transaction ended, as far as its own process knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Committed,
    /// Also if its commit was never asked for.
    Aborted,
    Unknown,
}

#[derive(Debug)]
pub(crate) struct Transaction {
    /// That of its beginning.
    pub(crate) id: OperationId,
    pub(crate) began: Moment,
    pub(crate) commit_asked: Moment,
    /// When its process was told.
    pub(crate) committed: Moment,
    pub(crate) end: End,
    /// In the order in which they were sent.
    pub(crate) records: Vec<usize>,
    pub(crate) commits: Vec<usize>,
    pub(crate) polls: Vec<usize>,
}

#[derive(Debug)]
pub(crate) struct Poll {
    pub(crate) id: OperationId,
    pub(crate) isolation: IsolationLevel,
    pub(crate) completed: Moment,
    pub(crate) sightings: Vec<Sighting>,
    /// Partition and offset.
    pub(crate) positions: Vec<(usize, i64)>,
}

/// A record as a poll has given it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sighting {
    pub(crate) record: usize,
    pub(crate) offset: i64,
}

#[derive(Debug)]
pub(crate) struct OffsetCommit {
    pub(crate) id: OperationId,
    pub(crate) group: usize,
    /// Partition and offset.
    pub(crate) offsets: Vec<(usize, i64)>,
    pub(crate) transaction: Option<usize>,
    pub(crate) invoked: Moment,
    pub(crate) completed: Moment,
    pub(crate) outcome: Outcome,
}

#[derive(Debug)]
pub(crate) struct OffsetFetch {
    pub(crate) id: OperationId,
    pub(crate) group: usize,
    pub(crate) invoked: Moment,
    pub(crate) completed: Moment,
    /// Partition and what is committed for it.
    pub(crate) offsets: Vec<(usize, Option<i64>)>,
}

#[derive(Debug)]
pub(crate) struct Ends {
    pub(crate) id: OperationId,
    pub(crate) asked: Moment,
    /// Partition and high watermark.
    pub(crate) offsets: Vec<(usize, i64)>,
}

/// Something that a consumer did.
#[derive(Debug)]
pub(crate) enum Step {
    /// An index of [`Ledger::polls`].
    Polled(usize),
    Positioned {
        process: Process,
        partition: usize,
        offset: Option<i64>,
    },
    /// An index of [`Ledger::commits`], of one in a transaction.
    OffsetsSent(usize),
}

impl Ledger {
    /// Resolves a history, if it is one.
    pub(crate) fn read(history: &History) -> Result<Self, MalformedHistory> {
        reader::read(history)
    }

    pub(crate) fn named(&self, record: usize) -> NamedRecord {
        let Record { partition, value, .. } = &self.records[record];
        NamedRecord { partition: self.partitions[*partition].clone(), value: value.clone() }
    }

    /// The transaction that a record was sent in.
    pub(crate) fn transaction_of(&self, record: usize) -> Option<usize> {
        self.records[record].send.as_ref()?.transaction
    }
}
