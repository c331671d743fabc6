//! Taking back a decision whose records the log cannot hold, so that only the group at fault pays
//! for it.

use std::collections::BTreeSet;
use std::time::Duration;

use base::ErrorCode;

use crate::consumer::ConsumerGroup;
use crate::decision::{Decision, TimerKey};
use crate::now::Now;
use crate::record::CoordinatorRecord;
use crate::shard::Shard;

/// How long it takes until a timer is due again whose decision was taken back: long enough that
/// what fails every time costs next to nothing.
const RETRACTED_TIMER_PAUSE: Duration = Duration::from_secs(30);

impl Shard {
    /// Takes back a decision that has not been replayed. What is persisted of its groups is what it
    /// was. Their soft state has run ahead of it and begins anew, as if the shard had been loaded:
    /// whoever waits in it is sent to look for the coordinator again. Of the decision itself
    /// nothing may be used, and those it answers are for the host to refuse. `fired` is the timer
    /// that it followed from, if it did.
    pub fn retract(&mut self, now: Now, retracted: &Decision, fired: Option<TimerKey>) -> Decision {
        let mut decision = Decision::default();
        let groups: BTreeSet<&str> =
            retracted.records.iter().map(CoordinatorRecord::group).collect();
        for group in groups {
            self.begin_anew(now, group, &mut decision);
        }
        if let Some(key) = fired {
            decision.schedule(key, now.instant + RETRACTED_TIMER_PAUSE);
        }
        assert!(decision.records.is_empty(), "to take something back is not to write");
        decision
    }

    fn begin_anew(&mut self, now: Now, id: &str, decision: &mut Decision) {
        if let Some(classic) = self.remove_classic(id) {
            classic.dissolve(ErrorCode::NotCoordinator, decision);
        }
        self.rebalances.remove(id);
        // They were not told, and their time has not begun.
        self.asked_to_join.retain(
            |key| !matches!(key, TimerKey::ConsumerJoin { group, .. } if group.as_str() == id),
        );
        self.begin_soft_state(id);
        self.drop_if_unused(id);
        if let Some(classic) = self.classic.get_mut(id) {
            classic.on_loaded(now, &self.config, decision);
        }
    }
}

impl CoordinatorRecord {
    /// The group that it is about.
    pub(crate) fn group(&self) -> &str {
        match self {
            Self::OffsetCommit(key, _) => &key.group,
            Self::GroupMetadata(key, _) => &key.group,
            of_consumers => ConsumerGroup::of_record(of_consumers).unwrap_or_default(),
        }
    }
}
