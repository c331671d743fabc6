//! The states of a transactional id, with Kafka's names and numbers.

use TransactionState::{
    CompleteAbort, CompleteCommit, Empty, Ongoing, PrepareAbort, PrepareCommit,
};

/// Where the last transaction of a transactional id stands.
///
/// Kafka has two more, `Dead` and `PrepareEpochFence`. It passes through them while a record is
/// being appended; here a record is replayed as soon as it is decided, and nobody is ever in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TransactionState {
    Empty,
    Ongoing,
    PrepareCommit,
    PrepareAbort,
    CompleteCommit,
    CompleteAbort,
}

/// States that Kafka knows and that are never persisted: one may ask for them, and finds nobody.
const TRANSIENT_NAMES: [&str; 2] = ["Dead", "PrepareEpochFence"];

impl TransactionState {
    const ALL: [Self; 6] =
        [Empty, Ongoing, PrepareCommit, PrepareAbort, CompleteCommit, CompleteAbort];

    /// The number in the log.
    pub(super) fn id(self) -> i8 {
        self as i8
    }

    pub(super) fn from_id(id: i8) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.id() == id)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Empty => "Empty",
            Ongoing => "Ongoing",
            PrepareCommit => "PrepareCommit",
            PrepareAbort => "PrepareAbort",
            CompleteCommit => "CompleteCommit",
            CompleteAbort => "CompleteAbort",
        }
    }

    /// Whether a state has this name.
    pub(super) fn is_known(name: &str) -> bool {
        TRANSIENT_NAMES.contains(&name) || Self::ALL.iter().any(|state| state.name() == name)
    }

    /// How it ends is decided, and not every partition knows it yet.
    pub(super) fn is_prepared(self) -> bool {
        matches!(self, PrepareCommit | PrepareAbort)
    }

    /// No transaction is under way.
    pub(super) fn is_idle(self) -> bool {
        matches!(self, Empty | CompleteCommit | CompleteAbort)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_have_kafkas_numbers_and_names() {
        let numbered: Vec<_> = (0..6)
            .map(|id| TransactionState::from_id(id).map(TransactionState::name).unwrap())
            .collect();
        let kafka = [
            "Empty",
            "Ongoing",
            "PrepareCommit",
            "PrepareAbort",
            "CompleteCommit",
            "CompleteAbort",
        ];
        assert_eq!(numbered, kafka);
        assert_eq!(TransactionState::from_id(6), None);
        assert_eq!(TransactionState::from_id(-1), None);
    }

    #[test]
    fn one_may_ask_for_the_states_that_are_never_persisted() {
        assert!(
            ["Ongoing", "Dead", "PrepareEpochFence"].map(TransactionState::is_known) == [true; 3]
        );
        assert!(!TransactionState::is_known("ongoing"));
    }
}
