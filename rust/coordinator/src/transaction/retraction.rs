//! Taking back a decision whose records the log cannot hold, so that only the transactional ids at
//! fault pay for it.

use std::collections::BTreeSet;
use std::time::Duration;

use super::decision::{TransactionDecision, TransactionTimer};
use super::shard::TransactionShard;
use crate::now::Now;

/// How long it takes until a timer is due again whose decision was taken back: long enough that
/// what fails every time costs next to nothing.
const RETRACTED_TIMER_PAUSE: Duration = Duration::from_secs(30);

impl TransactionShard {
    /// Takes back a decision that has not been replayed. What is persisted of its ids is what it
    /// was; their soft state begins anew, as if the shard had been loaded. Of the decision itself
    /// nothing may be used, and those it answers are for the host to refuse. `fired` is the timer
    /// that it followed from, if it did.
    pub fn retract(
        &mut self,
        now: Now,
        retracted: &TransactionDecision,
        fired: Option<TransactionTimer>,
    ) -> TransactionDecision {
        let mut decision = TransactionDecision::default();
        let ids: BTreeSet<&String> =
            retracted.records.iter().map(|record| &record.transactional_id).collect();
        for id in ids {
            self.last_producers.remove(id);
            self.forget_markers(id, &mut decision);
            if self.transactions.get(id).is_some_and(|metadata| metadata.state.is_prepared()) {
                self.owe_markers_later(now, id, RETRACTED_TIMER_PAUSE, &mut decision);
            }
        }
        let sweep = fired.filter(|key| !matches!(key, TransactionTimer::Markers { .. }));
        if let Some(key) = sweep {
            decision.schedule(key, now.instant + RETRACTED_TIMER_PAUSE);
        }
        decision
    }
}
