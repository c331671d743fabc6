//! What a log remembers about idempotent producers (KIP-98): it answers a repeated batch with its
//! first offset, refuses a gap, and fences an earlier epoch. Pure: it is told of every batch, and
//! decides.

mod entry;
mod snapshot;

use std::collections::BTreeMap;

use base::{ProducerEpoch, ProducerId};
use records::BatchHeader;
use thiserror::Error;

pub use entry::{BATCHES_PER_PRODUCER, BatchMetadata, ProducerEntry};
pub use snapshot::{SnapshotError, decode, encode};

/// Why a batch of an idempotent producer is refused.
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
}

/// What is to be done with a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProducerDecision {
    /// Append it.
    Append,
    /// It was appended before, here.
    Duplicate(BatchMetadata),
}

/// The producers of one log, up to one offset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProducerState {
    producers: BTreeMap<ProducerId, ProducerEntry>,
}

impl ProducerState {
    /// The state with these producers.
    pub fn from_entries(entries: impl IntoIterator<Item = (ProducerId, ProducerEntry)>) -> Self {
        Self { producers: entries.into_iter().collect() }
    }

    /// Whether a batch that a client sent may be appended. A producer that is not known may begin
    /// with any sequence number: its state may have been deleted with its records, or have expired
    /// (KIP-360).
    pub fn check(&self, header: &BatchHeader) -> Result<ProducerDecision, ProducerError> {
        let Some(entry) = self.producers.get(&header.producer_id) else {
            return Ok(ProducerDecision::Append);
        };
        let (producer_id, epoch) = (header.producer_id, header.producer_epoch);
        if epoch < entry.producer_epoch {
            let current = entry.producer_epoch;
            return Err(ProducerError::InvalidProducerEpoch { producer_id, epoch, current });
        }
        let mut last = records::NO_SEQUENCE;
        if epoch == entry.producer_epoch {
            if let Some(batch) = entry.find(header.base_sequence, header.last_sequence()) {
                return Ok(ProducerDecision::Duplicate(batch));
            }
            last = entry.last_sequence();
        }
        if follows(last, header.base_sequence) {
            Ok(ProducerDecision::Append)
        } else {
            let sequence = header.base_sequence;
            Err(ProducerError::OutOfOrderSequence { producer_id, epoch, sequence, last })
        }
    }

    /// Remembers a batch that lies in the log, whoever wrote it there. `now_ms` is when it was
    /// seen: a producer that sends old timestamps must not expire while it is busy.
    pub fn update(&mut self, header: &BatchHeader, now_ms: i64) {
        if !header.has_producer_id() {
            return;
        }
        let entry = self.producers.entry(header.producer_id).or_default();
        entry.update(header, now_ms);
    }

    /// Forgets the producers that were last seen `expiration_ms` before `now_ms` or earlier, unless
    /// a transaction of theirs is open.
    pub fn expire(&mut self, now_ms: i64, expiration_ms: i64) {
        self.producers.retain(|_, entry| {
            entry.transaction_first_offset.is_some()
                || now_ms.saturating_sub(entry.last_seen_ms) < expiration_ms
        });
    }

    /// The producers, ordered by id.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = (ProducerId, &ProducerEntry)> {
        self.producers.iter().map(|(&producer_id, entry)| (producer_id, entry))
    }
}

/// After the last number comes zero.
fn follows(last: i32, next: i32) -> bool {
    next == last.checked_add(1).unwrap_or(0)
}

#[cfg(test)]
mod tests;
