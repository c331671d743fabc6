//! The crash test: scripted histories over a disk that loses power at every operation, and what
//! must be true afterwards.
//!
//! ```text
//! history --> log directory, cut at operation n --> every state the disk may be left in
//!                                                        |
//! invariants <-- what logs serve <-- recovery (cut, repeated) <--+
//! ```
//!
//! By default each cut is looked at in a seeded sample of states; `OTTLA_CRASH_STATES=all` looks at
//! each subset of up to 12 operations lost, at 1,000 seeded ones beyond that, and at the last write
//! torn at every sector. A failure prints the one command that replays it.

mod clock;
mod history;
mod invariants;
mod model;
mod replay;
mod states;
mod topics;
mod world;

use crate::history::HISTORIES;
use crate::replay::{Budget, Case, check_case, check_history};

macro_rules! histories {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            check_history(stringify!($name), Budget::from_environment());
        })*

        #[test]
        fn every_history_is_a_test() {
            let tested = [$(stringify!($name)),*];
            let scripted: Vec<&str> = HISTORIES.iter().map(|(name, _)| *name).collect();
            assert_eq!(tested.as_slice(), scripted);
        }
    };
}

histories! {
    one_partition
    many_partitions
    segments_roll
    large_appends_sync_their_segments
    the_ring_wraps_and_grows
    retention_moves_the_log_start
    records_are_deleted
    the_end_is_truncated
    topics_are_deleted_and_made_again
    durability_is_raised
    flush_messages_asks_for_syncs
    a_clean_stop_comes_between
    keys_are_compacted
    deleted_keys_stay_deleted
    logs_change_while_they_are_compacted
    a_compacted_log_is_stopped_and_truncated
    transactions_begin_and_end
    transactions_are_cut_off_and_stopped
    aborted_transactions_are_compacted
}

/// Replays what a failure printed: `OTTLA_CRASH_CASE='history seed cut state second-cut
/// second-state'`.
#[test]
fn replay_one_case() {
    if let Ok(text) = std::env::var("OTTLA_CRASH_CASE") {
        let case: Case = text.parse().expect("six words: a history and five numbers");
        if let Err(violation) = check_case(&case) {
            panic!("{case}: {violation}");
        }
    }
}
