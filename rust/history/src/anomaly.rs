//! What can be wrong with a history, each with the operations that show it.

use base::TopicPartition;

use crate::operation::{OperationId, RecordValue};

/// One thing that a log which keeps its promises could not have shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Anomaly {
    /// A record was acknowledged, or committed, and is not in the log.
    LostWrite {
        /// Who was promised it.
        send: OperationId,
        /// What is lost.
        record: NamedRecord,
        /// Where it was said to be.
        offset: Option<i64>,
        /// How that is known.
        absence: Absence,
    },
    /// A record was sent once and lies at several offsets.
    Duplicate {
        /// Which.
        record: NamedRecord,
        /// The first offset and the others, each with an operation that tells of it.
        places: Vec<Place>,
    },
    /// A consumer was given a record that was never to be seen.
    AbortedRead {
        /// Who was given it.
        poll: OperationId,
        /// What.
        record: NamedRecord,
        /// Where.
        offset: i64,
        /// Why it was not to be seen.
        undone: Undone,
    },
    /// A `read_committed` consumer was given a record before the commit of its transaction was
    /// asked for.
    EarlyRead {
        /// Who was given it.
        poll: OperationId,
        /// What.
        record: NamedRecord,
        /// Where.
        offset: i64,
        /// Which was still open.
        transaction: OperationId,
    },
    /// Of a committed transaction some is seen, and some is gone.
    TornTransaction {
        /// By its beginning.
        transaction: OperationId,
        /// What is there.
        seen: Vec<Part>,
        /// What is not, and how that is known.
        missing: Vec<(Part, Absence)>,
    },
    /// A record was acknowledged, or committed, and no consumer has come so far. It need not be
    /// lost: the consumers may have been held up, or stopped too early.
    UnseenRecord {
        /// Who was promised it.
        send: OperationId,
        /// Which.
        record: NamedRecord,
        /// Where it was said to be.
        offset: i64,
        /// The high watermark, which is above it.
        end: i64,
    },
    /// Two records lie at one offset.
    InconsistentOffset {
        /// Where.
        partition: TopicPartition,
        /// Where.
        offset: i64,
        /// Each value, with an operation that tells of it.
        values: Vec<(RecordValue, OperationId)>,
    },
    /// A consumer was given a record that nobody has sent.
    PhantomRecord {
        /// Who was given it.
        poll: OperationId,
        /// What.
        record: NamedRecord,
        /// Where.
        offset: i64,
    },
    /// A consumer was not given records that others have seen.
    PollSkip {
        /// Who was not given them.
        poll: OperationId,
        /// Where it stood before: the offset of the next record.
        from: i64,
        /// The first record that it was given instead; none if it went on without one.
        to: Option<i64>,
        /// The first of those that were left out.
        skipped: NamedRecord,
        /// Where that one lies.
        offset: i64,
        /// Who has seen it.
        seen_by: OperationId,
        /// How many were left out.
        count: usize,
    },
    /// A consumer was given a record that lies before the one that it had come to.
    NonMonotonicPoll {
        /// Its poll before; none if this is its first one since it was positioned. The same if the
        /// order is wrong within one poll.
        first: Option<OperationId>,
        /// The offset that it had come to.
        stood_at: i64,
        /// The poll that went back.
        second: OperationId,
        /// What it was given.
        record: NamedRecord,
        /// Where that lies.
        offset: i64,
    },
    /// A process sent two records to a partition, and they lie there the other way round.
    NonMonotonicSend {
        /// What was sent first, with its offset.
        first: (OperationId, i64),
        /// What was sent second, with its offset.
        second: (OperationId, i64),
        /// Where.
        partition: TopicPartition,
    },
    /// Transactions each of which was before the next, and the last before the first. The shortest
    /// circle of those that are tied together.
    WriteCycle {
        /// From one to the next, around.
        steps: Vec<CyclePart>,
    },
    /// A group's committed offset is not the last one that was committed.
    StaleOffset {
        /// Who was told so.
        fetch: OperationId,
        /// Where, and what was told.
        found: CommittedOffset,
        /// Who had committed another one before.
        commit: OperationId,
        /// And which.
        committed: i64,
    },
    /// A group's committed offset is one that nobody has committed, or only what was undone.
    StrayOffset {
        /// Who was told so.
        fetch: OperationId,
        /// Where, and what was told.
        found: CommittedOffset,
        /// Who tried to commit it.
        undone: Option<OperationId>,
    },
    /// Two committed transactions have consumed one record for the same group.
    ConsumedTwice {
        /// The group.
        group: String,
        /// Where the record lies.
        partition: TopicPartition,
        /// Where.
        offset: i64,
        /// The transaction that was the first to send offsets beyond it.
        first: OperationId,
        /// The other one.
        second: OperationId,
        /// How many records the two have in common.
        count: usize,
    },
}

/// What an anomaly is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AnomalyKind {
    /// See [`Anomaly::LostWrite`].
    LostWrite,
    /// See [`Anomaly::Duplicate`].
    Duplicate,
    /// See [`Anomaly::AbortedRead`].
    AbortedRead,
    /// See [`Anomaly::EarlyRead`].
    EarlyRead,
    /// See [`Anomaly::TornTransaction`].
    TornTransaction,
    /// See [`Anomaly::UnseenRecord`].
    UnseenRecord,
    /// See [`Anomaly::InconsistentOffset`].
    InconsistentOffset,
    /// See [`Anomaly::PhantomRecord`].
    PhantomRecord,
    /// See [`Anomaly::PollSkip`].
    PollSkip,
    /// See [`Anomaly::NonMonotonicPoll`].
    NonMonotonicPoll,
    /// See [`Anomaly::NonMonotonicSend`].
    NonMonotonicSend,
    /// See [`Anomaly::WriteCycle`].
    WriteCycle,
    /// See [`Anomaly::StaleOffset`].
    StaleOffset,
    /// See [`Anomaly::StrayOffset`].
    StrayOffset,
    /// See [`Anomaly::ConsumedTwice`].
    ConsumedTwice,
}

/// A record by its partition and its value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NamedRecord {
    /// Where it was sent to, or seen.
    pub partition: TopicPartition,
    /// What it holds.
    pub value: RecordValue,
}

/// An offset at which a record lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The offset.
    pub offset: i64,
    /// Who tells so: the send that was acknowledged with it, or a poll.
    pub told_by: OperationId,
}

/// A group's offset in a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommittedOffset {
    /// The group.
    pub group: String,
    /// The partition.
    pub partition: TopicPartition,
    /// The offset; none if nothing is committed.
    pub offset: Option<i64>,
}

/// How it is known that something is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Absence {
    /// A consumer went past its place.
    PassedBy {
        /// The poll that did so.
        poll: OperationId,
    },
    /// Its place is not known, and a consumer has read the whole partition.
    ReadWhole {
        /// The last poll of that.
        poll: OperationId,
    },
    /// The log ends before its place.
    Cut {
        /// The high watermark.
        end: i64,
        /// Who asked for it, after the promise.
        asked: OperationId,
    },
    /// Of an offset: the group was told another one.
    Fetched {
        /// What; none if nothing.
        offset: Option<i64>,
        /// Who asked for it, after the promise.
        fetch: OperationId,
    },
}

/// Why a record was never to be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undone {
    /// Its producer was told that it is not in the log.
    Failed {
        /// The producer's operation.
        send: OperationId,
    },
    /// Its transaction was not committed.
    Aborted {
        /// By its beginning.
        transaction: OperationId,
    },
}

/// Something that a transaction does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// A record that it sends.
    Record(NamedRecord),
    /// An offset that it commits.
    Offset(CommittedOffset),
}

/// Why one transaction was before another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CyclePart {
    /// The earlier one, by its beginning.
    pub from: OperationId,
    /// The later one.
    pub to: OperationId,
    /// The reason.
    pub dependency: Dependency,
}

/// A reason for one transaction to be before another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dependency {
    /// A record of the earlier one lies before one of the later one (ww).
    WriteWrite {
        /// Of the earlier one.
        first: NamedRecord,
        /// Of the later one, in the same partition.
        second: NamedRecord,
    },
    /// The later one was given a record of the earlier one (wr).
    WriteRead {
        /// The record.
        record: NamedRecord,
        /// Where it was given.
        poll: OperationId,
    },
    /// The earlier one has read a partition up to a record of the later one, which it was not
    /// given (rw).
    ReadWrite {
        /// Where it stopped.
        poll: OperationId,
        /// The record that follows.
        record: NamedRecord,
    },
    /// The earlier one was committed before the later one began.
    RealTime,
}

impl Anomaly {
    /// What it is called.
    pub fn kind(&self) -> AnomalyKind {
        match self {
            Self::LostWrite { .. } => AnomalyKind::LostWrite,
            Self::Duplicate { .. } => AnomalyKind::Duplicate,
            Self::AbortedRead { .. } => AnomalyKind::AbortedRead,
            Self::EarlyRead { .. } => AnomalyKind::EarlyRead,
            Self::TornTransaction { .. } => AnomalyKind::TornTransaction,
            Self::UnseenRecord { .. } => AnomalyKind::UnseenRecord,
            Self::InconsistentOffset { .. } => AnomalyKind::InconsistentOffset,
            Self::PhantomRecord { .. } => AnomalyKind::PhantomRecord,
            Self::PollSkip { .. } => AnomalyKind::PollSkip,
            Self::NonMonotonicPoll { .. } => AnomalyKind::NonMonotonicPoll,
            Self::NonMonotonicSend { .. } => AnomalyKind::NonMonotonicSend,
            Self::WriteCycle { .. } => AnomalyKind::WriteCycle,
            Self::StaleOffset { .. } => AnomalyKind::StaleOffset,
            Self::StrayOffset { .. } => AnomalyKind::StrayOffset,
            Self::ConsumedTwice { .. } => AnomalyKind::ConsumedTwice,
        }
    }
}
