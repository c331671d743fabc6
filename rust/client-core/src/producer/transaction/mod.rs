//! The transactions of a producer (KIP-98): their coordinator, what belongs to them, how they end,
//! and what a failure leaves of them.
//!
//! ```text
//!            init          begin           commit: once every batch is acknowledged
//!   New ──> Initializing ──> Ready ──> Open ──────────────> Committing ──> (Bumping) ──> Ready
//!                                       │ │ abort                            ^
//!                 a batch, or an answer │ └──> Aborting ─────────────────────┤
//!                                       v          ^                         │
//!                                     Failed ──────┘ abort                   │
//!   from anywhere: Lost, when another producer has the id, or nothing can be done
//! ```
//! Two flows, by the cluster's `transaction.version` (KIP-890). From 2 on a transaction begins with
//! its first batch or its first offsets, and its end names the epoch of the next one: what is late
//! of one transaction cannot come into the next. Before that partitions and groups are added to it
//! by requests of their own, and the epoch is bumped only after a failure (KIP-360, KIP-588).

mod answers;
mod asking;
mod calls;
mod machine;
mod outcomes;
mod questions;

use std::collections::BTreeMap;
use std::time::Duration;

use base::{ErrorCode, TopicPartition};
use thiserror::Error;

use crate::consumer::{GroupMetadata, OffsetAndMetadata};

pub(super) use machine::{CONCURRENT_WAIT, Transactions};

/// Names one call of the program's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperationId(pub u64);

/// What the program asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Get an id and an epoch; whoever had the `transactional.id` before is fenced off.
    Init,
    /// Begin a transaction.
    Begin,
    /// Commit a group's offsets with the transaction (KIP-447).
    SendOffsets {
        /// As whom.
        group: GroupMetadata,
        /// Which.
        offsets: BTreeMap<TopicPartition, OffsetAndMetadata>,
    },
    /// Make what was sent in the transaction visible, all of it.
    Commit,
    /// Have none of it ever seen.
    Abort,
}

impl Operation {
    /// What it does, for a message.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Init => "initialized",
            Self::Begin => "begun",
            Self::SendOffsets { .. } => "given its offsets",
            Self::Commit => "committed",
            Self::Abort => "aborted",
        }
    }
}

/// Why an operation was not done, or a record not sent.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TransactionError {
    /// The transaction can only be aborted; the next one may succeed.
    #[error("the transaction has failed, and can only be aborted: {reason}")]
    Abortable {
        /// Kafka's word for the reason, where there is one.
        code: Option<ErrorCode>,
        /// What went wrong.
        reason: String,
    },
    /// It was aborted before the record was acknowledged.
    #[error("the transaction was aborted before the record was acknowledged")]
    Aborted,
    /// Somebody else has the `transactional.id`, or the transaction took too long.
    #[error(
        "this producer is fenced off: another one has begun with transactional.id \
         `{transactional_id}`, or a transaction took longer than transaction.timeout.ms; make a \
         new producer if this is the one to go on"
    )]
    Fenced {
        /// The id.
        transactional_id: String,
    },
    /// The producer cannot go on.
    #[error("the producer with transactional.id `{transactional_id}` cannot go on: {reason}")]
    Fatal {
        /// The id.
        transactional_id: String,
        /// Kafka's word for the reason, where there is one.
        code: Option<ErrorCode>,
        /// What went wrong.
        reason: String,
    },
    /// The program calls at the wrong time.
    #[error("{0}")]
    Misuse(&'static str),
    /// The answer is not there yet.
    #[error(
        "the transaction of `{transactional_id}` was not {what} within {} ms ({last}): it goes on, \
         call again to wait for it", waited.as_millis()
    )]
    TimedOut {
        /// The id.
        transactional_id: String,
        /// What was to be done with it.
        what: &'static str,
        /// `max.block.ms`.
        waited: Duration,
        /// What stood in the way last.
        last: String,
    },
    /// The producer was closed meanwhile.
    #[error("the producer was closed before the transaction had ended")]
    Closed,
}

impl TransactionError {
    /// Kafka's code, where there is one.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Abortable { code, .. } | Self::Fatal { code, .. } => *code,
            Self::Fenced { .. } => Some(ErrorCode::ProducerFenced),
            Self::TimedOut { .. } => Some(ErrorCode::RequestTimedOut),
            Self::Aborted | Self::Misuse(_) | Self::Closed => None,
        }
    }

    /// Whether the transaction is to be aborted, and may then be done anew.
    pub fn is_abortable(&self) -> bool {
        matches!(self, Self::Abortable { .. })
    }

    /// Whether the same call may succeed when it is made again.
    pub fn is_retriable(&self) -> bool {
        matches!(self, Self::TimedOut { .. })
    }

    /// Whether the producer is of no more use.
    pub fn is_fatal(&self) -> bool {
        matches!(self, Self::Fenced { .. } | Self::Fatal { .. } | Self::Closed)
    }
}

#[cfg(test)]
mod tests;
