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
    /// A request that is under way comes to the broker although its connection was closed.
    pub(crate) request_outlives: u32,
    /// The broker is killed and comes back.
    pub(crate) broker_restarts: u32,
    /// What a produce request appends is not replicated, and the leader says so.
    pub(crate) replicas_lag: u32,
    /// A produce request is refused, with one of the codes of a broker that is not well.
    pub(crate) batch_refused: u32,
    /// A partition's old batches are deleted, and who wrote them is forgotten.
    pub(crate) producers_forgotten: u32,
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
        request_outlives: 0,
        broker_restarts: 0,
        replicas_lag: 0,
        batch_refused: 0,
        producers_forgotten: 0,
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
            ..Self::NONE
        }
    }

    /// The same, and brokers are in trouble as well. A broker that forgets a producer could not
    /// tell what comes late of it, so there is one or the other.
    pub(crate) fn with_trouble(rng: &mut SplitMix64) -> Self {
        let forgets = rng.below(2) == 0;
        let (forgotten, outlives) = (rng.below(60), rng.below(1000));
        Self {
            request_outlives: if forgets { 0 } else { outlives },
            broker_restarts: rng.below(30),
            replicas_lag: rng.below(150),
            batch_refused: rng.below(30),
            producers_forgotten: if forgets { forgotten } else { 0 },
            ..Self::random(rng)
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
