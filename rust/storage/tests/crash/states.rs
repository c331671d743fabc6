//! The states that a disk may be left in by a power cut.

use std::collections::BTreeSet;

use base::{Rng, SplitMix64};
use storage::FaultyDisk;
use storage::disk::{Survivors, Torn};

/// Up to so many unsynced operations, each subset may be lost.
const SUBSETS_OF_MAX: usize = 12;

/// Beyond, so many seeded subsets are looked at.
const SEEDED_SUBSETS: usize = 1_000;

/// All states, in an order that does not change. The first two are the plainest: everything
/// survives, and nothing does.
pub(crate) fn states(disk: &FaultyDisk) -> Vec<Survivors> {
    let unsynced = disk.unsynced();
    let operations: Vec<u64> = unsynced.iter().map(|unsynced| unsynced.operation).collect();
    let mut states = vec![Survivors::all(), Survivors::synced(disk)];
    if operations.len() <= SUBSETS_OF_MAX {
        let full = (1_usize << operations.len()) - 1;
        states.extend((1..full).map(|mask| lost(&operations, |index| mask >> index & 1 == 1)));
    } else {
        let mut rng = SplitMix64::new(operations.len() as u64);
        for _ in 0..SEEDED_SUBSETS {
            let one_in = 1 + rng.below(8);
            states.push(lost(&operations, |_| rng.below(one_in) == 0));
        }
    }
    if let Some(last) = unsynced.iter().rev().find(|unsynced| unsynced.sectors > 0) {
        let others: BTreeSet<u64> =
            operations.iter().copied().filter(|&operation| operation != last.operation).collect();
        for sectors in 0..last.sectors {
            let torn = Some(Torn { operation: last.operation, sectors });
            states.push(Survivors { lost: BTreeSet::new(), torn });
            states.push(Survivors { lost: others.clone(), torn });
        }
    }
    states
}

fn lost(operations: &[u64], mut is_lost: impl FnMut(usize) -> bool) -> Survivors {
    let lost = operations.iter().enumerate().filter(|(index, _)| is_lost(*index));
    Survivors { lost: lost.map(|(_, &operation)| operation).collect(), torn: None }
}
