//! What a client can do and what it can be told: the vocabulary of a history.

use std::fmt;
use std::sync::Arc;

use base::TopicPartition;
use serde::{Deserialize, Serialize};

/// A client by its number: a producer, a consumer, or one of each that work together, so that what
/// is polled between the beginning and the end of a transaction is part of it. A client that was
/// killed and started anew is another process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Process(pub u32);

/// An operation by its process and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperationId {
    /// Who asked for it.
    pub process: Process,
    /// Counted by the process.
    pub number: u64,
}

/// What a record holds, as text. It names the record: no two that are sent to one partition are
/// equal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct RecordValue(Arc<str>);

/// Which records a consumer is to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IsolationLevel {
    /// All below the high watermark.
    ReadUncommitted,
    /// Those below the last stable offset whose transaction was not aborted.
    ReadCommitted,
}

/// An offset in a partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionOffset {
    /// Where.
    #[serde(with = "crate::partition_name")]
    pub partition: TopicPartition,
    /// Not negative.
    pub offset: i64,
}

/// An offset in a partition, or that there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionPosition {
    /// Where.
    #[serde(with = "crate::partition_name")]
    pub partition: TopicPartition,
    /// Not negative; none if it is not known, or if nothing was committed.
    pub offset: Option<i64>,
}

/// A record as a consumer was given it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolledRecord {
    /// Where it lies.
    #[serde(with = "crate::partition_name")]
    pub partition: TopicPartition,
    /// Not negative.
    pub offset: i64,
    /// What it holds.
    pub value: RecordValue,
}

/// Something that a client asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// A record is handed to the producer; part of the process's open transaction, if there is one.
    Send {
        /// The partition that it goes to.
        #[serde(with = "crate::partition_name")]
        partition: TopicPartition,
        /// Its name.
        value: RecordValue,
    },
    /// The consumer is asked for records.
    Poll {
        /// How it reads.
        isolation: IsolationLevel,
    },
    /// A group's offsets are committed, outside of any transaction.
    CommitOffsets {
        /// The group.
        group: String,
        /// The offset of the next record to read, for each partition.
        offsets: Vec<PartitionOffset>,
    },
    /// A group's committed offsets are asked for; only those that no open transaction may still
    /// change (`require_stable`, KIP-447).
    FetchOffsets {
        /// The group.
        group: String,
    },
    /// A transaction begins. One that is open is thereby abandoned.
    Begin,
    /// A group's offsets are made part of the open transaction.
    SendOffsets {
        /// The group.
        group: String,
        /// The offset of the next record to read, for each partition.
        offsets: Vec<PartitionOffset>,
    },
    /// The open transaction is to be committed.
    Commit,
    /// The open transaction is to be aborted.
    Abort,
    /// The high watermarks are asked for.
    EndOffsets,
}

/// What a client was told when an operation had succeeded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Of an operation that tells nothing else.
    Done,
    /// Of [`Operation::Send`]: the record is in the log.
    Sent {
        /// Where; none if the broker did not say.
        offset: Option<i64>,
    },
    /// Of [`Operation::Poll`].
    Polled {
        /// In the order in which they were given.
        records: Vec<PolledRecord>,
        /// Where the consumer stands now, which may be behind markers and aborted records. May be
        /// left out; then the consumer stands behind the last record that it was given.
        #[serde(default)]
        positions: Vec<PartitionOffset>,
    },
    /// Of [`Operation::FetchOffsets`].
    Fetched {
        /// What is committed.
        offsets: Vec<PartitionPosition>,
    },
    /// Of [`Operation::EndOffsets`].
    Ends {
        /// The offset of the next record of each partition.
        ends: Vec<PartitionOffset>,
    },
}

impl RecordValue {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for RecordValue {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for RecordValue {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<RecordValue> for String {
    fn from(value: RecordValue) -> Self {
        value.0.as_ref().to_owned()
    }
}

impl PartitionOffset {
    /// `offset` in `partition`.
    pub fn new(partition: &TopicPartition, offset: i64) -> Self {
        Self { partition: partition.clone(), offset }
    }
}

impl PartitionPosition {
    /// `offset` in `partition`.
    pub fn new(partition: &TopicPartition, offset: Option<i64>) -> Self {
        Self { partition: partition.clone(), offset }
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {}", self.0)
    }
}

/// `process/number`.
impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.process.0, self.number)
    }
}

/// In quotation marks, and escaped.
impl fmt::Display for RecordValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}
