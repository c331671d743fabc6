//! What is owed to the partitions of a transaction whose end is decided: a marker each, until the
//! last one is written, and then the record that says so.

use std::time::Duration;

use base::{ErrorCode, ProducerEpoch, ProducerId};
use metadata::MetadataImage;

use super::decision::{TransactionDecision, TransactionTimer};
use super::draft::Draft;
use super::expiry::Room;
use super::partitions::TopicPartitions;
use super::shard::TransactionShard;
use super::state::TransactionState;
use crate::now::Now;

/// When nothing has been heard of markers for so long they are sent again. To write one twice does
/// no harm.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// The pause after markers that could not be written, and how long it grows: a partition that has
/// no leader may have none for long.
const RETRY_BACKOFF_MIN: Duration = Duration::from_millis(100);
const RETRY_BACKOFF_MAX: Duration = Duration::from_secs(5);

/// Tells the markers of one transaction of a shard's life from those of every other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MarkersToken(pub u64);

/// Markers to be written: how a transaction has ended, for each of its partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Markers {
    /// Which transaction's.
    pub token: MarkersToken,
    /// Its id.
    pub transactional_id: String,
    /// Whose records they end.
    pub producer_id: ProducerId,
    /// The epoch of the markers: that of the records, or under version 2 the one behind it.
    pub producer_epoch: ProducerEpoch,
    /// Of the shard that sends them.
    pub coordinator_epoch: i32,
    /// Committed, or aborted.
    pub commit: bool,
    /// Of the protocol that the client spoke.
    pub transaction_version: i16,
    /// The partitions, by topic.
    pub partitions: Vec<(String, Vec<i32>)>,
}

/// What became of markers, or of some of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarkersOutcome {
    /// Which.
    pub token: MarkersToken,
    /// Of whose transaction.
    pub transactional_id: String,
    /// The partitions, by topic, each with its code.
    pub partitions: Vec<(String, Vec<(i32, ErrorCode)>)>,
}

/// Markers that have not been written yet, as far as the shard knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owed {
    token: MarkersToken,
    pub(super) partitions: TopicPartitions,
    failures: u32,
}

impl Owed {
    /// To all of these partitions that still are.
    fn new(token: u64, partitions: &TopicPartitions, image: &MetadataImage) -> Self {
        let mut partitions = partitions.clone();
        partitions.retain_existing(image);
        Self { token: MarkersToken(token), partitions, failures: 0 }
    }

    fn backoff(&self) -> Duration {
        let doubled = 2_u32.saturating_pow(self.failures.saturating_sub(1));
        RETRY_BACKOFF_MIN.saturating_mul(doubled).min(RETRY_BACKOFF_MAX)
    }

    /// Takes off what has been written; says whether anything could not be.
    fn settle(&mut self, outcome: &MarkersOutcome) -> bool {
        let mut has_failed = false;
        for (topic, partitions) in &outcome.partitions {
            for &(partition, error) in partitions {
                if is_settled(error) {
                    self.partitions.remove(topic, partition);
                } else {
                    has_failed |= self.partitions.contains(topic, partition);
                }
            }
        }
        has_failed
    }
}

/// Whether a partition needs no marker any more: it has it, or can never have one.
fn is_settled(error: ErrorCode) -> bool {
    matches!(
        error,
        ErrorCode::None | ErrorCode::UnsupportedForMessageFormat | ErrorCode::UnsupportedVersion
    )
}

fn timer(transactional_id: &str) -> TransactionTimer {
    TransactionTimer::Markers { transactional_id: transactional_id.to_owned() }
}

impl TransactionShard {
    /// Markers have been written, or could not be.
    pub fn on_markers(&mut self, now: Now, outcome: &MarkersOutcome) -> TransactionDecision {
        let mut decision = TransactionDecision::default();
        let MarkersOutcome { token, transactional_id, .. } = outcome;
        let Some(owed) = self.owed.get_mut(transactional_id) else { return decision };
        if owed.token != *token {
            // Of a transaction before: markers that were sent twice are answered twice.
            return decision;
        }
        let has_failed = owed.settle(outcome);
        if owed.partitions.is_empty() {
            let mut room = Room::new(&self.config);
            self.pursue_persisted(now, transactional_id, &mut room, &mut decision);
        } else if has_failed {
            owed.failures = owed.failures.saturating_add(1);
            decision.schedule(timer(transactional_id), now.instant + owed.backoff());
        }
        decision
    }

    pub(super) fn on_markers_timer(&mut self, now: Now, id: &str, to: &mut TransactionDecision) {
        let mut room = Room::new(&self.config);
        self.pursue_persisted(now, id, &mut room, to);
    }

    /// Partitions have been deleted: they need no marker.
    pub(super) fn forget_deleted(&mut self, now: Now, to: &mut TransactionDecision) {
        let mut done = Vec::new();
        for (id, owed) in &mut self.owed {
            let was_done = owed.partitions.is_empty();
            owed.partitions.retain_existing(&self.image);
            if owed.partitions.is_empty() && !was_done {
                done.push(id.clone());
            }
        }
        let mut room = Room::new(&self.config);
        for id in done {
            self.pursue_persisted(now, &id, &mut room, to);
        }
    }

    /// The end of a transaction is decided: its partitions are to hear of it.
    pub(super) fn owe_markers(
        &mut self,
        now: Now,
        draft: Draft,
        room: &mut Room,
        to: &mut TransactionDecision,
    ) {
        let owed = Owed::new(self.tokens, &draft.metadata.partitions, &self.image);
        self.tokens += 1;
        self.owed.insert(draft.transactional_id.clone(), owed);
        self.pursue(now, draft, room, to);
    }

    /// As [`Self::owe_markers`], of what is persisted, and after a pause.
    pub(super) fn owe_markers_later(
        &mut self,
        now: Now,
        id: &str,
        pause: Duration,
        to: &mut TransactionDecision,
    ) {
        let Some(metadata) = self.transactions.get(id) else { return };
        let owed = Owed::new(self.tokens, &metadata.partitions, &self.image);
        self.tokens += 1;
        self.owed.insert(id.to_owned(), owed);
        to.schedule(timer(id), now.instant + pause);
    }

    fn pursue_persisted(
        &mut self,
        now: Now,
        id: &str,
        room: &mut Room,
        to: &mut TransactionDecision,
    ) {
        if let Some(draft) = self.draft(id) {
            self.pursue(now, draft, room, to);
        }
    }

    /// Sends what is owed, or, if nothing is, says that the transaction is complete.
    fn pursue(
        &mut self,
        now: Now,
        mut draft: Draft,
        room: &mut Room,
        to: &mut TransactionDecision,
    ) {
        let id = draft.transactional_id.clone();
        let Some(owed) = self.owed.get(&id) else { return };
        if !owed.partitions.is_empty() {
            to.markers.push(self.markers(&draft, owed));
            return to.schedule(timer(&id), now.instant + ANSWER_TIMEOUT);
        }
        draft.complete(now.unix_ms);
        if !room.takes(&self.record(&draft)) {
            // With the next decision.
            return to.schedule(timer(&id), now.instant);
        }
        self.owed.remove(&id);
        self.write(&draft, to);
        to.cancel(timer(&id));
    }

    fn markers(&self, draft: &Draft, owed: &Owed) -> Markers {
        let metadata = &draft.metadata;
        Markers {
            token: owed.token,
            transactional_id: draft.transactional_id.clone(),
            producer_id: metadata.producer_id,
            producer_epoch: metadata.producer_epoch,
            coordinator_epoch: self.coordinator_epoch,
            commit: metadata.state == TransactionState::PrepareCommit,
            transaction_version: metadata.client_version.0,
            partitions: owed.partitions.to_lists(),
        }
    }

    /// Nothing is owed any more, whatever was.
    pub(super) fn forget_markers(&mut self, id: &str, to: &mut TransactionDecision) {
        if self.owed.remove(id).is_some() {
            to.cancel(timer(id));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_between_markers_that_fail_doubles_up_to_a_limit() {
        let pause = |failures| {
            let owed =
                Owed { token: MarkersToken(0), partitions: TopicPartitions::default(), failures };
            owed.backoff().as_millis()
        };
        let pauses: Vec<u128> = [1, 2, 3, 6, 7, u32::MAX].into_iter().map(pause).collect();
        assert_eq!(pauses, [100, 200, 400, 3_200, 5_000, 5_000]);
    }
}
