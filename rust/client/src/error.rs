//! Why a client could not begin, or a call could not be done.

use std::time::Duration;

use base::ErrorCode;
use client_core::Unreachable;
use client_core::consumer::ConsumeError;
use client_core::inquiry::InquiryError;
use client_core::producer::{PlacementError, TransactionError};
use thiserror::Error;

/// No broker could be reached when the client was made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ConnectError {
    /// Every address was tried.
    #[error("{0}")]
    Unreachable(Unreachable),
    /// The client was closed meanwhile.
    #[error("the client was closed while it was connecting")]
    Closed,
}

impl ConnectError {
    pub(crate) fn of(tried: Unreachable) -> Self {
        Self::Unreachable(tried)
    }

    /// The addresses that were tried and why each failed, one line each.
    pub fn attempts(&self) -> &[String] {
        match self {
            Self::Unreachable(Unreachable(attempts)) => attempts,
            Self::Closed => &[],
        }
    }
}

/// Why a record was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SendError {
    /// It is larger than `max.request.size` or `buffer.memory`.
    #[error("a record of up to {record_bytes} bytes is larger than {limit} ({limit_bytes})")]
    TooLarge {
        /// The most bytes that it may take.
        record_bytes: usize,
        /// The key that limits it.
        limit: &'static str,
        /// That key's value.
        limit_bytes: usize,
    },
    /// There is no partition for it.
    #[error(transparent)]
    Unplaced(#[from] PlacementError),
    /// The buffer was full for too long.
    #[error("the {buffer_bytes} bytes of buffer.memory have been full for {} ms: \
             is the broker keeping up?", waited.as_millis())]
    BufferFull {
        /// `buffer.memory`.
        buffer_bytes: usize,
        /// `max.block.ms`.
        waited: Duration,
    },
    /// There is no transaction that the record could belong to.
    #[error(transparent)]
    Transaction(#[from] TransactionError),
    /// The producer is closed, or has failed for good.
    #[error("{0}")]
    Closed(String),
}

impl SendError {
    /// Kafka's code, where there is one.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::TooLarge { .. } => Some(ErrorCode::MessageTooLarge),
            Self::Unplaced(error) => error.code(),
            Self::Transaction(error) => error.code(),
            Self::BufferFull { .. } | Self::Closed(_) => None,
        }
    }

    /// Whether the same record may be taken later.
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::Unplaced(error) => error.is_retriable(),
            Self::BufferFull { .. } => true,
            Self::TooLarge { .. } | Self::Transaction(_) | Self::Closed(_) => false,
        }
    }

    /// Whether the producer is of no more use.
    pub fn is_fatal(&self) -> bool {
        match self {
            Self::Closed(_) => true,
            Self::Transaction(error) => error.is_fatal(),
            Self::TooLarge { .. } | Self::Unplaced(_) | Self::BufferFull { .. } => false,
        }
    }
}

/// A question about a topic or its offsets has no answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{about}: {error}")]
pub struct OffsetsError {
    /// The topic or partition.
    pub about: String,
    /// Why.
    pub error: InquiryError,
}

/// Why a bounded read cannot begin or go on.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReadError {
    /// No broker could be reached.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// Where to begin or end could not be found out.
    #[error(transparent)]
    Offsets(#[from] OffsetsError),
    /// Records could not be read.
    #[error(transparent)]
    Consume(#[from] ConsumeError),
}
