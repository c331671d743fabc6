//! What is owed to the partitions of a transaction whose end is decided: a marker each, until the
//! last one is written, and then the record that says so.

use std::collections::BTreeMap;
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

/// The pause after markers that could not be written, and how long it grows: a partition that has
/// no leader may have none for long.
const RETRY_BACKOFF_MIN: Duration = Duration::from_millis(100);
const RETRY_BACKOFF_MAX: Duration = Duration::from_secs(5);

/// Tells markers from all others that a shard has sent in its life, those of the same transaction
/// among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MarkersToken(pub u64);

/// Markers to be written: how a transaction has ended, for each of its partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Markers {
    /// Which.
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

/// What a transaction whose end is decided still waits for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Owed {
    /// To be sent: for the first time, or again.
    unsent: TopicPartitions,
    /// Sent, and nothing has been heard of them. They are not sent again before: two markers on
    /// their way could end two transactions.
    under_way: BTreeMap<MarkersToken, TopicPartitions>,
    failures: u32,
}

impl Owed {
    /// To all of these partitions that still are.
    fn new(partitions: &TopicPartitions, image: &MetadataImage) -> Self {
        let mut unsent = partitions.clone();
        unsent.retain_existing(image);
        Self { unsent, ..Self::default() }
    }

    fn is_nothing(&self) -> bool {
        self.unsent.is_empty() && self.under_way.is_empty()
    }

    /// Every partition that has no marker yet, as far as is known.
    pub(super) fn partitions(&self) -> TopicPartitions {
        let mut all = self.unsent.clone();
        self.under_way.values().for_each(|sent| all.add_all(sent));
        all
    }

    fn retain_existing(&mut self, image: &MetadataImage) {
        self.unsent.retain_existing(image);
        self.under_way.retain(|_, sent| {
            sent.retain_existing(image);
            !sent.is_empty()
        });
    }

    /// Takes off what has been written; says whether anything could not be. What became of markers
    /// that were answered before, or are of another transaction, changes nothing.
    fn settle(&mut self, outcome: &MarkersOutcome) -> bool {
        let Some(sent) = self.under_way.get_mut(&outcome.token) else { return false };
        let mut has_failed = false;
        for (topic, partitions) in &outcome.partitions {
            for &(partition, error) in partitions {
                if sent.remove(topic, partition) && !is_settled(error) {
                    self.unsent.add(topic, [partition]);
                    has_failed = true;
                }
            }
        }
        if sent.is_empty() {
            self.under_way.remove(&outcome.token);
        }
        has_failed
    }

    /// How long to wait after one failure more.
    fn next_backoff(&mut self) -> Duration {
        let doubled = 2_u32.saturating_pow(self.failures);
        self.failures = self.failures.saturating_add(1);
        RETRY_BACKOFF_MIN.saturating_mul(doubled).min(RETRY_BACKOFF_MAX)
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
        let id = &outcome.transactional_id;
        let Some(owed) = self.owed.get_mut(id) else { return decision };
        if owed.settle(outcome) {
            let at = now.instant + owed.next_backoff();
            decision.schedule(timer(id), at);
        } else if owed.is_nothing() {
            self.pursue_persisted(now, id, &mut Room::new(&self.config), &mut decision);
        }
        decision
    }

    pub(super) fn on_markers_timer(&mut self, now: Now, id: &str, to: &mut TransactionDecision) {
        self.pursue_persisted(now, id, &mut Room::new(&self.config), to);
    }

    /// Partitions have been deleted: they need no marker.
    pub(super) fn forget_deleted(&mut self, now: Now, to: &mut TransactionDecision) {
        let mut done = Vec::new();
        for (id, owed) in &mut self.owed {
            let was_nothing = owed.is_nothing();
            owed.retain_existing(&self.image);
            if owed.is_nothing() && !was_nothing {
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
        let owed = Owed::new(&draft.metadata.partitions, &self.image);
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
        let owed = Owed::new(&metadata.partitions, &self.image);
        self.owed.insert(id.to_owned(), owed);
        to.schedule(timer(id), now.instant + pause);
    }

    /// Nothing is owed any more, whatever was.
    pub(super) fn forget_markers(&mut self, id: &str, to: &mut TransactionDecision) {
        if self.owed.remove(id).is_some() {
            to.cancel(timer(id));
        }
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
        let Some(owed) = self.owed.get_mut(&id) else { return };
        let unsent = std::mem::take(&mut owed.unsent);
        if !unsent.is_empty() {
            let token = MarkersToken(self.tokens);
            self.tokens += 1;
            let markers = markers(&draft, token, self.coordinator_epoch, &unsent);
            owed.under_way.insert(token, unsent);
            return to.markers.push(markers);
        }
        if !owed.is_nothing() {
            return;
        }
        draft.complete(now.unix_ms);
        if !room.takes(&self.record(&draft)) && !to.records.is_empty() {
            // With the next decision.
            return to.schedule(timer(&id), now.instant);
        }
        self.write(&draft, to);
        self.forget_markers(&id, to);
    }
}

fn markers(
    draft: &Draft,
    token: MarkersToken,
    coordinator_epoch: i32,
    partitions: &TopicPartitions,
) -> Markers {
    let metadata = &draft.metadata;
    Markers {
        token,
        transactional_id: draft.transactional_id.clone(),
        producer_id: metadata.producer_id,
        producer_epoch: metadata.producer_epoch,
        coordinator_epoch,
        commit: metadata.state == TransactionState::PrepareCommit,
        transaction_version: metadata.client_version.0,
        partitions: partitions.to_lists(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_between_markers_that_fail_doubles_up_to_a_limit() {
        let mut owed = Owed::default();
        let pauses: Vec<u128> = (0..7).map(|_| owed.next_backoff().as_millis()).collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1_600, 3_200, 5_000]);
        owed.failures = u32::MAX;
        assert_eq!(owed.next_backoff().as_millis(), 5_000);
    }

    #[test]
    fn only_the_first_word_about_markers_counts() {
        let mut unsent = TopicPartitions::default();
        unsent.add("t", [0, 1]);
        let token = MarkersToken(3);
        let mut owed = Owed { under_way: BTreeMap::from([(token, unsent)]), ..Owed::default() };
        let outcome = |token, codes: &[(i32, ErrorCode)]| MarkersOutcome {
            token,
            transactional_id: "x".into(),
            partitions: vec![("t".into(), codes.to_vec())],
        };
        let failed = outcome(token, &[(1, ErrorCode::NotLeaderOrFollower)]);
        assert!(!owed.settle(&outcome(MarkersToken(2), &[(0, ErrorCode::None)])));
        assert!(owed.settle(&failed) && !owed.settle(&failed));
        assert!(!owed.settle(&outcome(token, &[(0, ErrorCode::None), (1, ErrorCode::None)])));
        assert_eq!(owed.partitions().to_lists(), [("t".to_owned(), vec![1])]);
        assert!(owed.under_way.is_empty() && !owed.is_nothing());
    }
}
