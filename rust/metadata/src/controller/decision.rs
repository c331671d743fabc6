//! What a decision consists of: records to commit and a reply to give then, or a rejection.

use std::collections::{BTreeMap, BTreeSet};

use base::ErrorCode;
use thiserror::Error;

use crate::record::MetadataRecord;

/// The most records that one request may cause (Kafka's bound): they are committed together or not
/// at all.
pub const RECORDS_PER_DECISION_MAX: usize = 10_000;

/// What a request changes, and its answer once that is committed. Without records the answer is
/// good at once.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision<R> {
    /// To be committed together.
    pub records: Vec<MetadataRecord>,
    /// The answer.
    pub reply: R,
}

/// A request that cannot be granted: what it is answered.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct Rejection {
    /// The code.
    pub code: ErrorCode,
    /// In Kafka's words, where Kafka has words for it.
    pub message: String,
}

impl Rejection {
    /// A rejection with this code and message.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub(super) fn unknown_topic() -> Self {
        Self::new(
            ErrorCode::UnknownTopicOrPartition,
            "This server does not host this topic-partition.",
        )
    }

    pub(super) fn excessive() -> Self {
        Self::new(
            ErrorCode::PolicyViolation,
            "Unable to perform excessively large batch operation.",
        )
    }
}

/// One answer for each thing that a request names.
pub type Answers<K, R> = BTreeMap<K, Result<R, Rejection>>;

/// The records of a decision in the making. More than a decision may have refuse it whole, in the
/// end.
#[derive(Debug, Default)]
pub(super) struct Records {
    records: Vec<MetadataRecord>,
    excessive: bool,
}

impl Records {
    /// Refuses what would not fit before it is built: a request of a few bytes can ask for 2^31-1
    /// partitions.
    pub(super) fn check_room(&mut self, more: usize) -> Result<(), Rejection> {
        self.excessive |= more > RECORDS_PER_DECISION_MAX - self.records.len();
        if self.excessive { Err(Rejection::excessive()) } else { Ok(()) }
    }

    pub(super) fn extend(&mut self, more: Vec<MetadataRecord>) -> Result<(), Rejection> {
        self.check_room(more.len())?;
        self.records.extend(more);
        Ok(())
    }

    /// A decision with these records, or with none if the request only asked whether it would be
    /// granted.
    pub(super) fn decide<R>(self, validate_only: bool, reply: R) -> Result<Decision<R>, Rejection> {
        if self.excessive {
            return Err(Rejection::excessive());
        }
        Ok(Decision { records: if validate_only { Vec::new() } else { self.records }, reply })
    }
}

/// The values that occur more than once.
pub(super) fn repeated<'a, T: Ord>(values: impl Iterator<Item = &'a T>) -> BTreeSet<&'a T> {
    let mut seen = BTreeSet::new();
    values.filter(|value| !seen.insert(*value)).collect()
}
