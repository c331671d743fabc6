//! What a log remembers about idempotent producers (KIP-98): it answers a repeated batch with its
//! first offset, refuses a gap, fences an earlier epoch, and knows whose transaction is open. Pure:
//! it is told of every batch, and decides.

mod entry;
mod error;
mod snapshot;
mod transaction;
mod verification;

use std::collections::BTreeMap;

use base::{Offset, ProducerEpoch, ProducerId};
use records::{AppendOrigin, BatchHeader, ControlRecord, NO_SEQUENCE};

use self::verification::Verifications;

pub use entry::{BATCHES_PER_PRODUCER, BatchMetadata, ProducerEntry};
pub use error::ProducerError;
pub use snapshot::{SnapshotError, decode, encode};
pub use transaction::{
    AbortedTransaction, EndedTransaction, TransactionChange, UnstableTransactions,
};
pub use verification::{VerificationGuard, VerificationStart};

/// From this version on the epoch of a producer grows with each of its transactions (KIP-890).
const VERSION_WITH_EPOCH_BUMP: i16 = 2;

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
    verifications: Verifications,
}

impl ProducerState {
    /// The state with these producers.
    pub fn from_entries(entries: impl IntoIterator<Item = (ProducerId, ProducerEntry)>) -> Self {
        Self { producers: entries.into_iter().collect(), ..Self::default() }
    }

    /// Takes the producers of `other`, which were read anew from the log. What is being verified
    /// meanwhile stays so.
    pub fn replace_producers(&mut self, other: Self) {
        self.producers = other.producers;
    }

    /// Whether records that `origin` wants to append may be. `guard` is what the verification of
    /// their transaction was begun with; none if transactions need not be verified.
    ///
    /// A producer that is not known may begin with any sequence number: its state may have been
    /// deleted with its records, or have expired (KIP-360). But not if its epoch grows with each
    /// transaction: then the first one begins at zero (KIP-890).
    pub fn check(
        &self,
        header: &BatchHeader,
        origin: AppendOrigin,
        guard: Option<VerificationGuard>,
    ) -> Result<ProducerDecision, ProducerError> {
        let BatchHeader { producer_id, producer_epoch: epoch, base_sequence, .. } = *header;
        let unknown = ProducerEntry::default();
        let entry = self.producers.get(&producer_id).unwrap_or(&unknown);
        let current = entry.producer_epoch;
        if epoch < current {
            return Err(ProducerError::InvalidProducerEpoch { producer_id, epoch, current });
        }
        // What a coordinator writes for a producer has no sequence numbers.
        let has_sequence = origin == AppendOrigin::Client;
        if has_sequence
            && epoch == current
            && let Some(batch) = entry.find(base_sequence, header.last_sequence())
        {
            return Ok(ProducerDecision::Duplicate(batch));
        }
        let is_transactional = header.attributes.is_transactional();
        let needs_guard = is_transactional && !entry.is_in_transaction(epoch);
        if needs_guard && guard.is_some_and(|guard| !self.is_verified(producer_id, guard)) {
            return Err(ProducerError::NotInTransaction { producer_id });
        }
        if has_sequence {
            self.check_sequence(header, entry)?;
        }
        if entry.transaction_first_offset.is_some() && !is_transactional {
            return Err(ProducerError::TransactionIsOpen { producer_id });
        }
        Ok(ProducerDecision::Append)
    }

    /// Whether the marker of a producer that uses transactions of this version may be appended.
    ///
    /// From version 2 on its epoch is one above that of the transaction's records, so a marker that
    /// comes late is told from that of a later transaction. One that has been appended before may
    /// come again: its coordinator may not have heard of it (KIP-1228).
    pub fn check_marker(
        &self,
        header: &BatchHeader,
        coordinator_epoch: i32,
        transaction_version: i16,
    ) -> Result<(), ProducerError> {
        let (producer_id, epoch) = (header.producer_id, header.producer_epoch);
        let Some(entry) = self.producers.get(&producer_id) else { return Ok(()) };
        let current = entry.producer_epoch;
        let comes_again = epoch == current && entry.transaction_first_offset.is_none();
        let bumps = transaction_version >= VERSION_WITH_EPOCH_BUMP;
        let is_late = epoch < current || bumps && epoch == current && !comes_again;
        if is_late {
            return Err(ProducerError::LateMarker { producer_id, epoch, current });
        }
        if coordinator_epoch < entry.coordinator_epoch {
            let (epoch, current) = (coordinator_epoch, entry.coordinator_epoch);
            return Err(ProducerError::CoordinatorFenced { producer_id, epoch, current });
        }
        Ok(())
    }

    /// Begins to verify a producer's transaction; [`VerificationGuard::NONE`] if it is open here
    /// already, and so was verified before.
    pub fn begin_verification(
        &mut self,
        start: &VerificationStart,
        now_ms: i64,
    ) -> Result<VerificationGuard, ProducerError> {
        let VerificationStart { producer_id, producer_epoch: epoch, .. } = *start;
        if let Some(entry) = self.producers.get(&producer_id) {
            let current = entry.producer_epoch;
            if epoch < current {
                return Err(ProducerError::InvalidProducerEpoch { producer_id, epoch, current });
            }
            if entry.is_in_transaction(epoch) {
                return Ok(VerificationGuard::NONE);
            }
        }
        Ok(self.verifications.begin(start, now_ms))
    }

    /// Remembers a batch that lies in the log, whoever wrote it there; `control` is what it says if
    /// it is a control batch. `now_ms` is when it was seen: a producer that sends old timestamps
    /// must not expire while it is busy.
    pub fn update(
        &mut self,
        header: &BatchHeader,
        control: Option<&ControlRecord>,
        now_ms: i64,
    ) -> Option<TransactionChange> {
        if !header.has_producer_id() {
            return None;
        }
        if header.attributes.is_control() {
            self.verifications.end_by_marker(header.producer_id, header.producer_epoch);
        } else if header.attributes.is_transactional() {
            self.verifications.end(header.producer_id);
        }
        let entry = self.producers.entry(header.producer_id).or_default();
        entry.update(header, control, now_ms)
    }

    /// Forgets the producers that were last seen `expiration_ms` before `now_ms` or earlier, unless
    /// a transaction of theirs is open.
    pub fn expire(&mut self, now_ms: i64, expiration_ms: i64) {
        self.producers.retain(|_, entry| {
            entry.transaction_first_offset.is_some()
                || now_ms.saturating_sub(entry.last_seen_ms) < expiration_ms
        });
        self.verifications.expire(now_ms, expiration_ms);
    }

    /// The producers, ordered by id.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = (ProducerId, &ProducerEntry)> {
        self.producers.iter().map(|(&producer_id, entry)| (producer_id, entry))
    }

    /// The open transactions: where each began, and whose it is.
    pub fn open_transactions(&self) -> impl Iterator<Item = (Offset, ProducerId)> {
        let first = |entry: &ProducerEntry| entry.transaction_first_offset;
        self.entries().filter_map(move |(producer_id, entry)| Some((first(entry)?, producer_id)))
    }

    /// One producer, if it is known.
    pub fn entry(&self, producer_id: ProducerId) -> Option<&ProducerEntry> {
        self.producers.get(&producer_id)
    }

    fn is_verified(&self, producer_id: ProducerId, guard: VerificationGuard) -> bool {
        let under_way = self.verifications.of(producer_id);
        guard != VerificationGuard::NONE && under_way.is_some_and(|it| it.guard == guard)
    }

    fn check_sequence(
        &self,
        header: &BatchHeader,
        entry: &ProducerEntry,
    ) -> Result<(), ProducerError> {
        let BatchHeader { producer_id, producer_epoch: epoch, base_sequence: sequence, .. } =
            *header;
        let is_unknown = entry.producer_epoch == ProducerEpoch::NONE;
        let last = if epoch == entry.producer_epoch { entry.last_sequence() } else { NO_SEQUENCE };
        let out_of_order = ProducerError::OutOfOrderSequence { producer_id, epoch, sequence, last };
        if let Some(verification) = self.verifications.of(producer_id) {
            if verification.supports_epoch_bump && sequence != 0 && entry.batches.is_empty() {
                return Err(out_of_order);
            }
            let lowest = verification.lowest_sequence;
            if sequence > lowest {
                let ahead =
                    ProducerError::AheadOfVerification { producer_id, epoch, sequence, lowest };
                return Err(ahead);
            }
        }
        if is_unknown || follows(last, sequence) { Ok(()) } else { Err(out_of_order) }
    }
}

/// After the last number comes zero.
fn follows(last: i32, next: i32) -> bool {
    next == last.checked_add(1).unwrap_or(0)
}

#[cfg(test)]
mod tests;
