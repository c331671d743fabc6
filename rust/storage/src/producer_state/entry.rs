//! One producer: its epoch and the last batches that it wrote.

use std::collections::VecDeque;

use base::{Offset, ProducerEpoch};
use records::{BatchHeader, ControlRecord, NO_SEQUENCE};

use super::transaction::{EndedTransaction, TransactionChange};

/// How many batches are remembered: a producer has at most so many requests in flight.
pub const BATCHES_PER_PRODUCER: usize = 5;

/// Where a batch lies that a producer may send again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchMetadata {
    /// The sequence number of its last record.
    pub last_sequence: i32,
    /// The offset of its last record.
    pub last_offset: Offset,
    /// Its last offset less its first.
    pub offset_delta: i32,
    /// Its highest timestamp.
    pub timestamp: i64,
}

/// What is known of one producer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducerEntry {
    /// The epoch that wrote last.
    pub producer_epoch: ProducerEpoch,
    /// The epoch of the transaction coordinator that ended a transaction last, -1 for none.
    pub coordinator_epoch: i32,
    /// When it wrote last, for its expiry.
    pub last_seen_ms: i64,
    /// Where its open transaction began.
    pub transaction_first_offset: Option<Offset>,
    /// Its last batches in this epoch, oldest first.
    pub batches: VecDeque<BatchMetadata>,
}

impl Default for ProducerEntry {
    fn default() -> Self {
        Self {
            producer_epoch: ProducerEpoch::NONE,
            coordinator_epoch: -1,
            last_seen_ms: records::NO_TIMESTAMP,
            transaction_first_offset: None,
            batches: VecDeque::new(),
        }
    }
}

impl BatchMetadata {
    /// The offset of its first record.
    pub fn first_offset(&self) -> Offset {
        Offset(self.last_offset.0 - i64::from(self.offset_delta))
    }

    /// The sequence number of its first record.
    pub fn first_sequence(&self) -> i32 {
        // Before zero came i32::MAX.
        self.last_sequence.wrapping_sub(self.offset_delta) & i32::MAX
    }
}

impl ProducerEntry {
    /// The remembered batch with exactly these sequence numbers.
    pub fn find(&self, first_sequence: i32, last_sequence: i32) -> Option<BatchMetadata> {
        let same = |batch: &&BatchMetadata| {
            batch.first_sequence() == first_sequence && batch.last_sequence == last_sequence
        };
        self.batches.iter().find(same).copied()
    }

    /// The last sequence number in this epoch, [`NO_SEQUENCE`] for none.
    pub fn last_sequence(&self) -> i32 {
        self.batches.back().map_or(NO_SEQUENCE, |batch| batch.last_sequence)
    }

    /// Whether its transaction is open, and in this epoch: a later epoch may not have heard yet
    /// that it has ended.
    pub(super) fn is_in_transaction(&self, producer_epoch: ProducerEpoch) -> bool {
        self.transaction_first_offset.is_some() && self.producer_epoch == producer_epoch
    }

    /// Takes in a batch that lies in the log; `control` is what it says if it is a control batch
    /// that compaction has not emptied.
    pub(super) fn update(
        &mut self,
        header: &BatchHeader,
        control: Option<&ControlRecord>,
        now_ms: i64,
    ) -> Option<TransactionChange> {
        if self.producer_epoch != header.producer_epoch {
            self.batches.clear();
            self.producer_epoch = header.producer_epoch;
        }
        self.last_seen_ms = now_ms.max(header.max_timestamp);
        if header.attributes.is_control() {
            // Of an emptied marker the whole transaction was cleaned away.
            return control.and_then(|record| self.end_transaction(header, record));
        }
        self.push(BatchMetadata {
            last_sequence: header.last_sequence(),
            last_offset: header.last_offset(),
            offset_delta: header.last_offset_delta,
            timestamp: header.max_timestamp,
        });
        let begins =
            header.attributes.is_transactional() && self.transaction_first_offset.is_none();
        begins.then(|| {
            let (producer_id, first_offset) = (header.producer_id, header.base_offset);
            self.transaction_first_offset = Some(first_offset);
            TransactionChange::Began { producer_id, first_offset }
        })
    }

    /// A marker has no sequence number. One without records in this log ends nothing.
    fn end_transaction(
        &mut self,
        header: &BatchHeader,
        record: &ControlRecord,
    ) -> Option<TransactionChange> {
        let (coordinator_epoch, is_aborted) = match *record {
            ControlRecord::Abort { coordinator_epoch } => (coordinator_epoch, true),
            ControlRecord::Commit { coordinator_epoch } => (coordinator_epoch, false),
            ControlRecord::LeaderChange { .. } | ControlRecord::Other { .. } => return None,
        };
        self.coordinator_epoch = coordinator_epoch;
        let first_offset = self.transaction_first_offset.take()?;
        let (producer_id, last_offset) = (header.producer_id, header.last_offset());
        let ended = EndedTransaction { producer_id, first_offset, last_offset, is_aborted };
        Some(TransactionChange::Ended(ended))
    }

    pub(super) fn push(&mut self, batch: BatchMetadata) {
        if self.batches.len() == BATCHES_PER_PRODUCER {
            self.batches.pop_front();
        }
        self.batches.push_back(batch);
    }
}
