//! What a shard answers with: records to append, replies to release, timers to set, markers to
//! send.

use base::Instant;

use super::markers::Markers;
use super::record::TransactionRecord;
use super::request::TransactionResponse;
use crate::decision::TimerChange;
use crate::request::ReplyToken;

/// What follows from one request, timer, outcome of markers or change of the metadata.
#[derive(Debug, Default)]
pub struct TransactionDecision {
    /// To be appended as one batch and replayed at once.
    pub records: Vec<TransactionRecord>,
    /// To be released once all that has been appended is committed.
    pub replies: Vec<(ReplyToken, TransactionResponse)>,
    /// In order; a later change of a key undoes an earlier one.
    pub timers: Vec<TimerChange<TransactionTimer>>,
    /// To be sent once all that has been appended is committed.
    pub markers: Vec<Markers>,
}

/// What a timer is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TransactionTimer {
    /// It is time to look for transactions that take too long.
    AbortTimedOut,
    /// It is time to look for transactional ids that nobody has used for long.
    ExpireIds,
    /// Markers that could not be written are to be sent again.
    Markers {
        /// Of whose transaction.
        transactional_id: String,
    },
}

impl TransactionDecision {
    pub(super) fn schedule(&mut self, key: TransactionTimer, at: Instant) {
        self.timers.push(TimerChange::Schedule { key, at });
    }

    pub(super) fn cancel(&mut self, key: TransactionTimer) {
        self.timers.push(TimerChange::Cancel { key });
    }
}
