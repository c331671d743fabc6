//! How bad the weather is.

use std::time::Duration;

use base::{Rng, SplitMix64};

/// Chances in a thousand, of each message or each second.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Weather {
    pub(crate) lost: u32,
    pub(crate) repeated: u32,
    pub(crate) late: u32,
    pub(crate) marker_fails: u32,
    pub(crate) producer_dies: u32,
    pub(crate) producer_sleeps: u32,
    pub(crate) coordinator_restarts: u32,
    pub(crate) topic_is_deleted: u32,
}

impl Weather {
    /// Some of each, more of one or the other.
    pub(crate) fn random(rng: &mut SplitMix64) -> Self {
        Self {
            lost: rng.below(100),
            repeated: rng.below(60),
            late: rng.below(60),
            marker_fails: rng.below(200),
            producer_dies: rng.below(30),
            producer_sleeps: rng.below(30),
            coordinator_restarts: rng.below(60),
            topic_is_deleted: rng.below(20),
        }
    }

    /// Messages are lost, and neither repeated nor late. Before version 2 of the protocol a request
    /// that is late may belong to a transaction before, and nothing tells it from one of the
    /// present (KIP-890 says why); a client has to break its connection so that none is.
    pub(crate) fn in_order(self) -> Self {
        Self { repeated: 0, late: 0, ..self }
    }

    /// How long a message is under way.
    pub(crate) fn delay(&self, rng: &mut SplitMix64) -> Duration {
        if happens(rng, self.late) {
            Duration::from_millis(u64::from(rng.below(8_000)))
        } else {
            Duration::from_millis(1 + u64::from(rng.below(40)))
        }
    }
}

/// Whether something with this chance in a thousand happens.
pub(crate) fn happens(rng: &mut SplitMix64, chance: u32) -> bool {
    chance > 0 && rng.below(1000) < chance
}
