//! Committed offsets that nobody has committed.

use crate::anomaly::Anomaly;
use crate::evidence::Evidence;

pub(crate) fn strays(evidence: &Evidence) -> Vec<Anomaly> {
    let ledger = &evidence.ledger;
    let strays = evidence.offsets.stray.iter().map(|stray| {
        let fetch = &ledger.fetches[stray.fetch];
        Anomaly::StrayOffset {
            fetch: fetch.id,
            found: evidence.committed_offset(fetch.group, stray.partition, Some(stray.found)),
            undone: stray.undone.map(|commit| ledger.commits[commit].id),
        }
    });
    strays.collect()
}
