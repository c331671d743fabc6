//! What became of a batch, and what a broker's code means for it.

use std::time::Duration;

use base::{ErrorCode, TopicPartition};
use thiserror::Error;

use super::placement::PlacementError;
use super::transaction::TransactionError;

/// The one result of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BatchOutcome {
    /// The batch is in the log.
    Delivered {
        /// The offset of its first record. `None` with acks=0, and for a repeat that the broker no
        /// longer remembers.
        base_offset: Option<i64>,
        /// The broker's timestamp for all its records, where the topic asks for that.
        log_append_time_ms: Option<i64>,
    },
    /// It is not, or nobody knows: the error says which.
    Failed {
        /// What happened to the batch.
        error: DeliveryError,
        /// The records that are to blame, where the broker names them (KIP-467).
        records: Vec<RecordRefusal>,
    },
    /// It was too large for its broker, and was sent in pieces: the place of each one's first
    /// record, and its result, in order.
    Split(Vec<(u32, BatchOutcome)>),
}

/// A record that the broker would not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordRefusal {
    /// Its place in the batch.
    pub index: u32,
    /// Why.
    pub message: Option<String>,
}

/// Why a record was not delivered.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DeliveryError {
    /// The broker would not take it.
    #[error("{topic_partition} refused the batch: {}{}", code.name(), said(message.as_deref()))]
    Refused {
        /// Where it was to go.
        topic_partition: TopicPartition,
        /// Kafka's word for the reason.
        code: ErrorCode,
        /// The broker's own words.
        message: Option<String>,
    },
    /// Its time was over.
    #[error("{topic_partition} did not acknowledge the batch within {} ms, \
             after {attempts} attempts{}{}", waited.as_millis(), said(last.as_deref()),
             if *is_in_doubt { "; it may be in the log" } else { "" })]
    TimedOut {
        /// Where it was to go.
        topic_partition: TopicPartition,
        /// `delivery.timeout.ms`.
        waited: Duration,
        /// How often it was sent.
        attempts: u32,
        /// Whether one of these attempts may have put it into the log.
        is_in_doubt: bool,
        /// What went wrong last.
        last: Option<String>,
    },
    /// The broker may or may not have it, and it will not be sent again: under a new epoch the
    /// broker could not tell a repeat.
    #[error(
        "whether {topic_partition} has the batch is not known, and sending it again could repeat \
         it: {reason}"
    )]
    Unresolved {
        /// Where it was to go.
        topic_partition: TopicPartition,
        /// Kafka's word for the reason, where there is one.
        code: Option<ErrorCode>,
        /// Why it is not sent again.
        reason: String,
    },
    /// The batch could not be written, or its request could not be sent at all.
    #[error("the batch for {topic_partition} cannot be sent: {reason}")]
    Unsendable {
        /// Where it was to go.
        topic_partition: TopicPartition,
        /// Why.
        reason: String,
    },
    /// Another record of the same batch is to blame.
    #[error("{topic_partition} refused the batch because of another record in it: \
             {}{}", code.name(), said(message.as_deref()))]
    Neighbour {
        /// Where it was to go.
        topic_partition: TopicPartition,
        /// Kafka's word for the reason.
        code: ErrorCode,
        /// The broker's own words.
        message: Option<String>,
    },
    /// There is no partition for it.
    #[error(transparent)]
    Unplaced(#[from] PlacementError),
    /// The record's transaction cannot be committed, or there is none.
    #[error(transparent)]
    Transaction(#[from] TransactionError),
    /// The producer cannot go on, or was closed before the record was acknowledged.
    #[error("the producer has failed: {reason}")]
    Fatal {
        /// Why.
        reason: String,
    },
}

impl DeliveryError {
    /// Kafka's code, where there is one.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused { code, .. } | Self::Neighbour { code, .. } => Some(*code),
            Self::TimedOut { .. } => Some(ErrorCode::RequestTimedOut),
            Self::Unplaced(error) => error.code(),
            Self::Transaction(error) => error.code(),
            Self::Unresolved { code, .. } => *code,
            Self::Unsendable { .. } | Self::Fatal { .. } => None,
        }
    }

    /// Whether the record may be in the log all the same, so that sending it anew could repeat it.
    /// Of what is in a transaction nothing is seen before its commit.
    pub fn is_in_doubt(&self) -> bool {
        match self {
            Self::TimedOut { is_in_doubt, .. } => *is_in_doubt,
            Self::Unresolved { .. } | Self::Fatal { .. } => true,
            Self::Refused { .. }
            | Self::Unsendable { .. }
            | Self::Neighbour { .. }
            | Self::Unplaced(_)
            | Self::Transaction(_) => false,
        }
    }

    /// Whether the same record may be delivered when it is sent anew.
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::Refused { code, .. } => code.is_retriable(),
            Self::TimedOut { .. } | Self::Neighbour { .. } | Self::Unresolved { .. } => true,
            Self::Unplaced(error) => error.is_retriable(),
            Self::Transaction(error) => error.is_abortable() || *error == TransactionError::Aborted,
            Self::Unsendable { .. } | Self::Fatal { .. } => false,
        }
    }

    /// Whether the producer is of no more use.
    pub fn is_fatal(&self) -> bool {
        match self {
            Self::Fatal { .. } => true,
            Self::Transaction(error) => error.is_fatal(),
            _ => false,
        }
    }
}

impl BatchOutcome {
    /// What it means for the record at `index`.
    pub fn for_record(&self, index: u32) -> Result<Option<i64>, DeliveryError> {
        match self.of_record(index) {
            Self::Delivered { base_offset, .. } => Ok(base_offset),
            Self::Failed { error, .. } => Err(error),
            Self::Split(_) => unreachable!("one record has one result"),
        }
    }

    /// The results in it, each with how many of the batch's `record_count` records have it.
    pub fn parts(&self, record_count: u32) -> Vec<(u32, &Self)> {
        let Self::Split(pieces) = self else { return vec![(record_count, self)] };
        let ends = pieces.iter().skip(1).map(|(first, _)| *first).chain([record_count]);
        pieces.iter().zip(ends).map(|((first, outcome), end)| (end - first, outcome)).collect()
    }

    /// The outcome of a batch that were only the record at `index`.
    #[must_use]
    pub fn of_record(&self, index: u32) -> Self {
        match self {
            Self::Delivered { base_offset, log_append_time_ms } => Self::Delivered {
                base_offset: base_offset.map(|base| base + i64::from(index)),
                log_append_time_ms: *log_append_time_ms,
            },
            Self::Failed { error, records } => {
                let own = records.iter().find(|refusal| refusal.index == index);
                let error = if records.is_empty() { error.clone() } else { blame(error, own) };
                Self::Failed { error, records: Vec::new() }
            }
            Self::Split(pieces) => {
                let index_of = pieces.partition_point(|(first, _)| *first <= index);
                let (first, outcome) = &pieces[index_of - 1]; // the first piece begins at 0
                outcome.of_record(index - first)
            }
        }
    }
}

/// The batch's error as one of its records sees it.
fn blame(error: &DeliveryError, own: Option<&RecordRefusal>) -> DeliveryError {
    let DeliveryError::Refused { topic_partition, code, message } = error else {
        return error.clone();
    };
    let topic_partition = topic_partition.clone();
    match own {
        Some(refusal) => DeliveryError::Refused {
            topic_partition,
            code: *code,
            message: refusal.message.clone().or_else(|| message.clone()),
        },
        None => DeliveryError::Neighbour { topic_partition, code: *code, message: message.clone() },
    }
}

/// What a broker's code means for a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It is in the log.
    Delivered,
    /// It is in the log, from an earlier attempt, but the broker does not remember where.
    DeliveredEarlier,
    /// The broker misses an earlier batch, or has forgotten the producer.
    OutOfSequence,
    /// It is not in the log, and may be sent again.
    Retry,
    /// It may or may not be in the log, and may be sent again.
    RetryUnknown,
    /// It is not in the log, but in pieces it may be.
    TooLarge,
    /// It is not in the log, and will not be.
    Refused,
}

impl Meaning {
    pub(super) fn of(code: ErrorCode) -> Self {
        match code {
            ErrorCode::None => Self::Delivered,
            ErrorCode::DuplicateSequenceNumber => Self::DeliveredEarlier,
            ErrorCode::MessageTooLarge => Self::TooLarge,
            ErrorCode::OutOfOrderSequenceNumber | ErrorCode::UnknownProducerId => {
                Self::OutOfSequence
            }
            // A broker also says that it leads no more to those whose batches it has appended, and
            // which wait for the other replicas: one of these may be the next leader.
            ErrorCode::NotLeaderOrFollower
            | ErrorCode::FencedLeaderEpoch
            | ErrorCode::UnknownLeaderEpoch
            | ErrorCode::RequestTimedOut
            | ErrorCode::NetworkException
            | ErrorCode::KafkaStorageError
            | ErrorCode::NotEnoughReplicasAfterAppend => Self::RetryUnknown,
            code if code.is_retriable() => Self::Retry,
            _ => Self::Refused,
        }
    }
}

fn said(words: Option<&str>) -> String {
    words.map(|words| format!(" ({words})")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: ErrorCode) -> DeliveryError {
        DeliveryError::Refused { topic_partition: TopicPartition::new("t", 1), code, message: None }
    }

    #[test]
    fn offsets_count_on_from_the_batchs_first() {
        let outcome = BatchOutcome::Delivered { base_offset: Some(40), log_append_time_ms: None };
        assert_eq!(outcome.for_record(2), Ok(Some(42)));
        let unknown = BatchOutcome::Delivered { base_offset: None, log_append_time_ms: None };
        assert_eq!(unknown.for_record(2), Ok(None));
    }

    #[test]
    fn a_record_is_told_whether_it_or_its_neighbour_is_to_blame() {
        let records = vec![RecordRefusal { index: 1, message: Some("the key is missing".into()) }];
        let outcome = BatchOutcome::Failed { error: refused(ErrorCode::InvalidRecord), records };
        let own = outcome.for_record(1).unwrap_err();
        assert_eq!(own.to_string(), "t-1 refused the batch: INVALID_RECORD (the key is missing)");
        let neighbour = outcome.for_record(0).unwrap_err();
        assert!(matches!(neighbour, DeliveryError::Neighbour { .. }));
        assert!(neighbour.is_retriable() && !own.is_retriable());
    }

    #[test]
    fn a_batch_in_pieces_has_a_result_for_each_record() {
        let delivered =
            |base| BatchOutcome::Delivered { base_offset: Some(base), log_append_time_ms: None };
        let error = refused(ErrorCode::MessageTooLarge);
        let failed = BatchOutcome::Failed { error: error.clone(), records: Vec::new() };
        let split = BatchOutcome::Split(vec![(0, delivered(7)), (2, failed), (3, delivered(20))]);
        let results: Vec<_> = (0..5).map(|index| split.for_record(index)).collect();
        assert_eq!(results, [Ok(Some(7)), Ok(Some(8)), Err(error), Ok(Some(20)), Ok(Some(21))]);
        let counts: Vec<_> = split.parts(5).into_iter().map(|(count, _)| count).collect();
        assert_eq!(counts, [2, 1, 2]);
        assert_eq!(delivered(1).parts(9), [(9, &delivered(1))]);
    }

    #[test]
    fn who_reads_an_error_learns_whether_sending_it_anew_could_repeat_the_record() {
        let timed_out = |is_in_doubt| DeliveryError::TimedOut {
            topic_partition: TopicPartition::new("t", 1),
            waited: Duration::from_secs(2),
            attempts: 1,
            is_in_doubt,
            last: None,
        };
        assert!(timed_out(true).is_in_doubt() && !timed_out(false).is_in_doubt());
        assert!(timed_out(true).to_string().ends_with("1 attempts; it may be in the log"));
        assert!(timed_out(false).to_string().ends_with("1 attempts"));
        assert!(!refused(ErrorCode::InvalidRecord).is_in_doubt());
        let unresolved = DeliveryError::Unresolved {
            topic_partition: TopicPartition::new("t", 1),
            code: Some(ErrorCode::InvalidProducerEpoch),
            reason: "why".to_owned(),
        };
        assert!(unresolved.is_in_doubt());
        assert_eq!(unresolved.code(), Some(ErrorCode::InvalidProducerEpoch));
    }

    #[test]
    fn every_code_has_a_meaning_and_only_none_means_delivered() {
        for code in ErrorCode::ALL {
            assert_eq!(Meaning::of(*code) == Meaning::Delivered, *code == ErrorCode::None);
        }
        assert_eq!(Meaning::of(ErrorCode::NotEnoughReplicas), Meaning::Retry);
        assert_eq!(Meaning::of(ErrorCode::NotLeaderOrFollower), Meaning::RetryUnknown);
        assert_eq!(Meaning::of(ErrorCode::MessageTooLarge), Meaning::TooLarge);
        assert_eq!(Meaning::of(ErrorCode::InvalidProducerEpoch), Meaning::Refused);
    }
}
