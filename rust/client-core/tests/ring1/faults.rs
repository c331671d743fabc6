//! How bad the weather is.

use std::time::Duration;

use base::{Rng, SplitMix64};

/// Chances in a thousand, of each frame or each connect.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Faults {
    pub(crate) connect_fails: u32,
    pub(crate) request_lost: u32,
    pub(crate) response_lost: u32,
    pub(crate) response_repeated: u32,
    pub(crate) response_swapped: u32,
    pub(crate) connection_breaks: u32,
    pub(crate) leader_moves: u32,
    pub(crate) late: u32,
}

impl Faults {
    pub(crate) const NONE: Self = Self {
        connect_fails: 0,
        request_lost: 0,
        response_lost: 0,
        response_repeated: 0,
        response_swapped: 0,
        connection_breaks: 0,
        leader_moves: 0,
        late: 0,
    };

    /// Some of each, more of one or the other.
    pub(crate) fn random(rng: &mut SplitMix64) -> Self {
        Self {
            connect_fails: rng.below(200),
            request_lost: rng.below(60),
            response_lost: rng.below(100),
            response_repeated: rng.below(30),
            response_swapped: rng.below(30),
            connection_breaks: rng.below(60),
            leader_moves: rng.below(50),
            late: rng.below(40),
        }
    }
}

/// Whether something with this chance in a thousand happens.
pub(crate) fn happens(rng: &mut SplitMix64, chance: u32) -> bool {
    chance > 0 && rng.below(1000) < chance
}

/// How long a frame is under way.
pub(crate) fn delay(rng: &mut SplitMix64, faults: &Faults) -> Duration {
    if happens(rng, faults.late) {
        Duration::from_millis(u64::from(rng.below(5_000)))
    } else {
        Duration::from_micros(100 + u64::from(rng.below(3_000)))
    }
}
