//! The states of a classic group.
//!
//! ```text
//!            join              all joined, or time is up        the leader's sync
//! Empty ------------> PreparingRebalance ---------> CompletingRebalance ------> Stable
//!   ^                    |      ^                            |                    |
//!   +--------------------+      +----------------------------+--------------------+
//!        nobody is left            a member joins, leaves, or is not heard of
//! ```
//!
//! `Dead` is what an unknown group is called on the wire: a group that dies is removed.

use std::fmt;

/// Where a group stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Nobody is in it. It may have offsets.
    Empty,
    /// Its members are asked to join.
    PreparingRebalance,
    /// All have joined; the leader is to tell who is assigned what.
    CompletingRebalance,
    /// Everybody has, or can ask for, its assignment.
    Stable,
}

/// The state of a group that is not there.
pub(crate) const DEAD: &str = "Dead";

impl State {
    /// Whether a group may pass from this state to `next`.
    pub(crate) fn can_become(self, next: Self) -> bool {
        use State::{CompletingRebalance, Empty, PreparingRebalance, Stable};
        matches!(
            (self, next),
            (Empty | CompletingRebalance | Stable, PreparingRebalance)
                | (PreparingRebalance, Empty | CompletingRebalance)
                | (CompletingRebalance, Stable)
        )
    }
}

/// As Kafka spells it.
impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "Empty",
            Self::PreparingRebalance => "PreparingRebalance",
            Self::CompletingRebalance => "CompletingRebalance",
            Self::Stable => "Stable",
        })
    }
}
