//! The consumer: positions, fetches, what is handed out, and its membership of a group.
//!
//! ```text
//!   StartAt ──> lookup (ListOffsets) ──> position ──> fetch ──> Run ... Run ──> Fetched
//!                    ^                                  │
//!                    └── out of range: auto.offset.reset┘
//! ```
//! One fetch at a time goes to each broker, for all of its partitions that have room in the
//! prefetch budget. The budget counts what has been fetched and not handed out: a user who keeps
//! what he was given does not stop the fetching.

mod aborted;
mod assignment;
mod epochs;
mod fetch;
mod fetched;
mod group;
mod lookup;
mod machine;
mod metrics;

use std::sync::Arc;
use std::time::Duration;

use base::{ErrorCode, TopicPartition};
use thiserror::Error;

use crate::cluster::Unreachable;

pub use fetched::Fetched;
pub use group::{
    AssignmentStrategy, Assignments, Assignor, CommitError, CommitId, Errand, ErrandAnswer,
    GroupError, GroupPartitions, OffsetAndMetadata, PartitionCounts, PartitionRacks, Pattern,
    PatternError, ProgramAssignor, Rebalance, RebalanceReport, RebalanceTotals, Subscriber,
    Subscription,
};
pub use lookup::{EARLIEST_TIMESTAMP, Found, LATEST_TIMESTAMP, read_offset, request_offsets};
pub use machine::{AskId, Assign, Consumer, ConsumerEvent, Given, GroupMetadata, ToCommit};
pub use metrics::{ConsumerMetrics, Counts};

/// Where to start reading a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartAt {
    /// Where `auto.offset.reset` says.
    Reset,
    /// Where the group has come, and where `auto.offset.reset` says if it has committed nothing.
    Committed,
    /// At the first record there is.
    Earliest,
    /// After the last record there is.
    Latest,
    /// At this offset.
    Offset(i64),
    /// At the first record whose timestamp is at least this, in milliseconds since 1970; at the end
    /// if there is none.
    Timestamp(i64),
}

/// Why records cannot be handed out.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ConsumeError {
    /// `auto.offset.reset=none`, and there is no offset to start at.
    #[error("{0} has no position: `auto.offset.reset` is none, so seek to one")]
    NoPosition(TopicPartition),
    /// The offset is not in the log any more, or not yet, and `auto.offset.reset=none`.
    #[error(
        "offset {offset} is out of the range of {topic_partition}: `auto.offset.reset` is none, \
             so seek to another"
    )]
    OutOfRange {
        /// Which partition.
        topic_partition: TopicPartition,
        /// The offset that was asked for.
        offset: i64,
    },
    /// The log was cut behind the consumer's back, and `auto.offset.reset=none` (KIP-320).
    #[error(
        "{topic_partition} lost records from offset {end_offset} on, after they had been read: \
             seek to go on"
    )]
    Truncated {
        /// Which partition.
        topic_partition: TopicPartition,
        /// The first offset that is not what it was.
        end_offset: i64,
    },
    /// The topic is there, and has no such partition.
    #[error(
        "topic `{}` has no partition {}: it has {partitions}",
        topic_partition.topic,
        topic_partition.partition.0
    )]
    NoSuchPartition {
        /// Which partition.
        topic_partition: TopicPartition,
        /// How many there are.
        partitions: usize,
    },
    /// The brokers know no such topic.
    #[error("topic `{topic}` does not exist: create it, or check its name")]
    NoSuchTopic {
        /// Its name.
        topic: Arc<str>,
    },
    /// A bounded read cannot get to its end any more.
    #[error(
        "{topic_partition} cannot be read up to offset {stop_at}, where it ended when the read \
             began: the topic was deleted or cut meanwhile; read it anew"
    )]
    EndLost {
        /// Which partition.
        topic_partition: TopicPartition,
        /// Where the read was to end.
        stop_at: i64,
    },
    /// A bounded read has come no further, for there is no broker to ask.
    #[error("the read has come no further for {} ms: {tried}", waited.as_millis())]
    Unreachable {
        /// `default.api.timeout.ms`.
        waited: Duration,
        /// Who was tried.
        tried: Unreachable,
    },
    /// A bounded read has come no further, though the brokers answer.
    #[error(
        "{topic_partition} has come no further for {} ms, and was to be read up to offset \
             {stop_at}: has it a leader with all of its records?",
        waited.as_millis()
    )]
    Stalled {
        /// Which partition.
        topic_partition: TopicPartition,
        /// Where the read was to end.
        stop_at: i64,
        /// `default.api.timeout.ms`.
        waited: Duration,
    },
    /// The broker refuses.
    #[error("{topic_partition} cannot be read: {}", code.name())]
    Refused {
        /// Which partition.
        topic_partition: TopicPartition,
        /// Kafka's word for the reason.
        code: ErrorCode,
    },
    /// What the broker sent cannot be read.
    #[error(
        "{topic_partition} cannot be read at offset {offset}: {reason}; seek beyond it to go on"
    )]
    Corrupt {
        /// Which partition.
        topic_partition: TopicPartition,
        /// Where the trouble begins.
        offset: i64,
        /// What is wrong.
        reason: String,
    },
    /// The consumer is not a member of its group.
    #[error(transparent)]
    Group(#[from] GroupError),
    /// The partition is not assigned.
    #[error("{0} is not assigned to this consumer")]
    NotAssigned(TopicPartition),
}

impl ConsumeError {
    /// Kafka's code, where there is one.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::OutOfRange { .. } => Some(ErrorCode::OffsetOutOfRange),
            Self::Refused { code, .. } => Some(*code),
            Self::Corrupt { .. } => Some(ErrorCode::CorruptMessage),
            Self::NoSuchPartition { .. } | Self::NoSuchTopic { .. } => {
                Some(ErrorCode::UnknownTopicOrPartition)
            }
            Self::Stalled { .. } => Some(ErrorCode::RequestTimedOut),
            Self::Group(error) => error.code(),
            Self::NoPosition(_)
            | Self::Truncated { .. }
            | Self::EndLost { .. }
            | Self::Unreachable { .. }
            | Self::NotAssigned(_) => None,
        }
    }
}
