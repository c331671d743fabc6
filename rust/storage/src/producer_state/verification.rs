//! Verification of transactions (KIP-890): before the first batch of a transaction is appended, the
//! transaction's coordinator is asked whether it knows of the partition.
//!
//! ```text
//! begin --> guard --> coordinator: "yes" --> append with the guard --> the transaction is open
//!                          meanwhile a marker may have ended it: then the guard is void
//! ```
//!
//! A producer whose epoch grows with each transaction may write while the marker of its last one is
//! still under way. That marker is of the new epoch, and voids nothing of it (KAFKA-18575).
//!
//! Without the guard an answer that is late could let in a batch of a transaction that is over, and
//! nobody would ever end it again.

use std::collections::BTreeMap;

use base::{ProducerEpoch, ProducerId};

/// Stands for one verification of one log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VerificationGuard(u64);

impl VerificationGuard {
    /// Nothing was verified: either nothing had to be, or the transaction was open already.
    pub const NONE: Self = Self(0);
}

/// The verifications that are under way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Verifications {
    of_producer: BTreeMap<ProducerId, Verification>,
    last_guard: u64,
}

/// A verification that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verification {
    pub(super) guard: VerificationGuard,
    /// The lowest sequence number that was seen: if its batch fails, none that follows it may get
    /// ahead, or it could never be appended.
    pub(super) lowest_sequence: i32,
    /// Whether the producer's epoch grows with each transaction: then each begins at zero.
    pub(super) supports_epoch_bump: bool,
    epoch: ProducerEpoch,
    begun_ms: i64,
}

/// What is to be verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerificationStart {
    /// The producer.
    pub producer_id: ProducerId,
    /// Its epoch.
    pub producer_epoch: ProducerEpoch,
    /// The sequence number of the first batch.
    pub base_sequence: i32,
    /// Whether the producer's epoch grows with each transaction (transaction version 2).
    pub supports_epoch_bump: bool,
}

impl Verifications {
    /// The verification of the producer, which is begun unless one is under way.
    pub(super) fn begin(&mut self, start: &VerificationStart, now_ms: i64) -> VerificationGuard {
        let VerificationStart { producer_id, producer_epoch, base_sequence, .. } = *start;
        let last_guard = &mut self.last_guard;
        let verification = self.of_producer.entry(producer_id).or_insert_with(|| {
            *last_guard += 1;
            Verification {
                guard: VerificationGuard(*last_guard),
                lowest_sequence: base_sequence,
                supports_epoch_bump: start.supports_epoch_bump,
                epoch: producer_epoch,
                begun_ms: now_ms,
            }
        });
        let is_lower =
            producer_epoch == verification.epoch && base_sequence < verification.lowest_sequence;
        if is_lower || producer_epoch > verification.epoch {
            verification.epoch = producer_epoch;
            verification.lowest_sequence = base_sequence;
            verification.supports_epoch_bump = start.supports_epoch_bump;
        }
        verification.guard
    }

    pub(super) fn of(&self, producer_id: ProducerId) -> Option<&Verification> {
        self.of_producer.get(&producer_id)
    }

    /// The producer's transaction has begun here: guards from before are void.
    pub(super) fn end(&mut self, producer_id: ProducerId) {
        self.of_producer.remove(&producer_id);
    }

    /// A transaction has ended by a marker of this epoch: guards of it are void, those of the
    /// transaction behind it are not.
    pub(super) fn end_by_marker(&mut self, producer_id: ProducerId, marker_epoch: ProducerEpoch) {
        let is_of_next = |it: &Verification| it.supports_epoch_bump && it.epoch >= marker_epoch;
        if self.of(producer_id).is_some_and(|verification| !is_of_next(verification)) {
            self.end(producer_id);
        }
    }

    /// Forgets those that were begun `expiration_ms` before `now_ms` or earlier.
    pub(super) fn expire(&mut self, now_ms: i64, expiration_ms: i64) {
        self.of_producer.retain(|_, begun| now_ms.saturating_sub(begun.begun_ms) < expiration_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(producer: i64, epoch: i16, base_sequence: i32) -> VerificationStart {
        VerificationStart {
            producer_id: ProducerId(producer),
            producer_epoch: ProducerEpoch(epoch),
            base_sequence,
            supports_epoch_bump: true,
        }
    }

    #[test]
    fn each_verification_has_a_guard_of_its_own_until_it_ends() {
        let mut verifications = Verifications::default();
        let first = verifications.begin(&start(1, 0, 0), 0);
        assert_ne!(first, VerificationGuard::NONE);
        assert_eq!(verifications.begin(&start(1, 0, 5), 0), first);
        let other = verifications.begin(&start(2, 0, 0), 0);
        assert_ne!(other, first);
        verifications.end(ProducerId(1));
        assert_eq!(verifications.of(ProducerId(1)), None);
        let again = verifications.begin(&start(1, 0, 0), 0);
        assert!(![first, other].contains(&again));
    }

    #[test]
    fn the_lowest_sequence_of_the_latest_epoch_is_remembered() {
        let mut verifications = Verifications::default();
        let mut lowest = |epoch, sequence| {
            verifications.begin(&start(1, epoch, sequence), 0);
            verifications.of(ProducerId(1)).unwrap().lowest_sequence
        };
        assert_eq!(lowest(3, 10), 10);
        assert_eq!(lowest(3, 12), 10);
        assert_eq!(lowest(3, 4), 4);
        assert_eq!(lowest(2, 0), 4, "an earlier epoch does not count");
        assert_eq!(lowest(4, 7), 7);
    }

    #[test]
    fn what_is_never_appended_is_forgotten() {
        let mut verifications = Verifications::default();
        verifications.begin(&start(1, 0, 0), 1_000);
        verifications.begin(&start(2, 0, 0), 1_500);
        verifications.expire(2_000, 1_000);
        assert_eq!(verifications.of(ProducerId(1)), None);
        assert!(verifications.of(ProducerId(2)).is_some());
    }
}
