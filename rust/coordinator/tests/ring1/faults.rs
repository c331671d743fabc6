//! How bad the weather is.

use std::time::Duration;

use base::{Rng, SplitMix64};

/// Chances in a thousand, of each message or each second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Faults {
    pub(crate) lost: u32,
    pub(crate) repeated: u32,
    pub(crate) late: u32,
    pub(crate) member_dies: u32,
    pub(crate) member_leaves: u32,
    pub(crate) coordinator_restarts: u32,
    pub(crate) member_changes_its_mind: u32,
    pub(crate) topics_change: u32,
    /// A producer does not hear of the end of its transaction.
    pub(crate) producer_is_fenced: u32,
}

impl Faults {
    pub(crate) const NONE: Self = Self {
        lost: 0,
        repeated: 0,
        late: 0,
        member_dies: 0,
        member_leaves: 0,
        coordinator_restarts: 0,
        member_changes_its_mind: 0,
        topics_change: 0,
        producer_is_fenced: 0,
    };

    /// Some of each, more of one or the other.
    pub(crate) fn random(rng: &mut SplitMix64) -> Self {
        Self {
            lost: rng.below(100),
            repeated: rng.below(60),
            late: rng.below(60),
            member_dies: rng.below(20),
            member_leaves: rng.below(20),
            coordinator_restarts: rng.below(30),
            member_changes_its_mind: rng.below(20),
            topics_change: rng.below(60),
            producer_is_fenced: rng.below(500),
        }
    }
}

/// Whether something with this chance in a thousand happens.
pub(crate) fn happens(rng: &mut SplitMix64, chance: u32) -> bool {
    chance > 0 && rng.below(1000) < chance
}

/// How long a message is under way.
pub(crate) fn delay(rng: &mut SplitMix64, faults: &Faults) -> Duration {
    if happens(rng, faults.late) {
        Duration::from_millis(u64::from(rng.below(20_000)))
    } else {
        Duration::from_micros(100 + u64::from(rng.below(5_000)))
    }
}
