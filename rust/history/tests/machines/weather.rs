//! How bad the weather is.

use std::time::Duration;

use base::{Rng, SplitMix64};

/// Chances in a thousand: of each frame, of each marker, or of each second.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Weather {
    pub(crate) connect_fails: u32,
    pub(crate) request_lost: u32,
    pub(crate) request_late: u32,
    pub(crate) request_repeated: u32,
    pub(crate) answer_lost: u32,
    pub(crate) connection_breaks: u32,
    pub(crate) marker_fails: u32,
    /// For some seconds all that a client writes is late.
    pub(crate) leader_is_far: u32,
    pub(crate) broker_dies: u32,
    pub(crate) client_dies: u32,
    pub(crate) client_sleeps: u32,
}

impl Weather {
    pub(crate) const CALM: Self = Self {
        connect_fails: 0,
        request_lost: 0,
        request_late: 0,
        request_repeated: 0,
        answer_lost: 0,
        connection_breaks: 0,
        marker_fails: 0,
        leader_is_far: 0,
        broker_dies: 0,
        client_dies: 0,
        client_sleeps: 0,
    };

    /// Some of each, more of one or the other.
    pub(crate) fn random(rng: &mut SplitMix64) -> Self {
        Self {
            connect_fails: rng.below(100),
            request_lost: rng.below(15),
            request_late: rng.below(25),
            request_repeated: rng.below(50),
            answer_lost: rng.below(25),
            connection_breaks: rng.below(25),
            marker_fails: rng.below(200),
            leader_is_far: rng.below(40),
            broker_dies: rng.below(300),
            client_dies: rng.below(120),
            client_sleeps: rng.below(60),
        }
    }
}

/// Whether something with this chance in a thousand happens.
pub(crate) fn happens(rng: &mut SplitMix64, chance: u32) -> bool {
    chance > 0 && rng.below(1000) < chance
}

/// Between none and so many milliseconds.
pub(crate) fn up_to_ms(rng: &mut SplitMix64, ms_max: u32) -> Duration {
    Duration::from_micros(u64::from(rng.below(ms_max * 1000 + 1)))
}
