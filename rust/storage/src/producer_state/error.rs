//! Why a batch or a marker of a producer is refused.

use base::{ErrorCode, ProducerEpoch, ProducerId};
use thiserror::Error;

/// Why a batch of an idempotent producer, or the marker that ends its transaction, is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ProducerError {
    /// A later incarnation of the producer has written.
    #[error(
        "epoch {epoch} of producer {producer_id} was fenced by epoch {current}: \
         start a new producer"
    )]
    InvalidProducerEpoch {
        /// The producer.
        producer_id: ProducerId,
        /// The batch's epoch.
        epoch: ProducerEpoch,
        /// The epoch that has written.
        current: ProducerEpoch,
    },
    /// The batch does not follow the last one, and is none of those that are remembered.
    #[error(
        "sequence {sequence} of producer {producer_id} in epoch {epoch} does not follow {last}: \
         a batch before it is missing"
    )]
    OutOfOrderSequence {
        /// The producer.
        producer_id: ProducerId,
        /// The batch's epoch.
        epoch: ProducerEpoch,
        /// The batch's first sequence number.
        sequence: i32,
        /// The last sequence number that was appended in this epoch, -1 for none.
        last: i32,
    },
    /// Another batch of the producer has to come first: the verification of its transaction is
    /// under way.
    #[error(
        "sequence {sequence} of producer {producer_id} in epoch {epoch} has to wait for sequence \
         {lowest}: send them again in order"
    )]
    AheadOfVerification {
        /// The producer.
        producer_id: ProducerId,
        /// The batch's epoch.
        epoch: ProducerEpoch,
        /// The batch's first sequence number.
        sequence: i32,
        /// The lowest sequence number that was seen.
        lowest: i32,
    },
    /// The transaction coordinator does not know that the producer writes here, or has ended the
    /// transaction meanwhile.
    #[error(
        "the batch of producer {producer_id} belongs to no transaction that is open here: abort \
         the transaction"
    )]
    NotInTransaction {
        /// The producer.
        producer_id: ProducerId,
    },
    /// The producer writes records outside of its transaction before it has ended.
    #[error(
        "producer {producer_id} has a transaction open here, and the batch is not part of it: end \
         the transaction first"
    )]
    TransactionIsOpen {
        /// The producer.
        producer_id: ProducerId,
    },
    /// A marker is of an earlier transaction than the producer's last one.
    #[error(
        "a marker of epoch {epoch} of producer {producer_id} is too late: the producer has epoch \
         {current}"
    )]
    LateMarker {
        /// The producer.
        producer_id: ProducerId,
        /// The marker's epoch.
        epoch: ProducerEpoch,
        /// The epoch that has written.
        current: ProducerEpoch,
    },
    /// A later coordinator has ended a transaction of the producer.
    #[error(
        "coordinator epoch {epoch} of producer {producer_id} was fenced by epoch {current}: \
         another broker coordinates the producer's transactions"
    )]
    CoordinatorFenced {
        /// The producer.
        producer_id: ProducerId,
        /// The marker's coordinator epoch.
        epoch: i32,
        /// The coordinator epoch that has written.
        current: i32,
    },
}

impl ProducerError {
    /// The code that the producer or the coordinator is answered.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::InvalidProducerEpoch { .. } | Self::LateMarker { .. } => {
                ErrorCode::InvalidProducerEpoch
            }
            Self::OutOfOrderSequence { .. } | Self::AheadOfVerification { .. } => {
                ErrorCode::OutOfOrderSequenceNumber
            }
            Self::NotInTransaction { .. } | Self::TransactionIsOpen { .. } => {
                ErrorCode::InvalidTxnState
            }
            Self::CoordinatorFenced { .. } => ErrorCode::TransactionCoordinatorFenced,
        }
    }
}
