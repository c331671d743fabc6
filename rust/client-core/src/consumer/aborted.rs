//! Leaves out the batches of aborted transactions, by the list that comes with a fetch (KIP-98).

use std::collections::BTreeSet;

use records::{ControlRecord, RecordBatch};
use wire::fetch::AbortedTransaction;

/// Walks with the batches of one fetched partition, in order.
#[derive(Debug)]
pub(super) struct AbortedFilter {
    /// Transactions that begin further on: first offset and producer, the nearest last.
    ahead: Vec<(i64, i64)>,
    /// The producers whose transaction is being walked through.
    inside: BTreeSet<i64>,
}

impl AbortedFilter {
    pub(super) fn new(aborted: &[AbortedTransaction]) -> Self {
        let mut ahead: Vec<_> = aborted.iter().map(|t| (t.first_offset, t.producer_id)).collect();
        ahead.sort_unstable_by(|a, b| b.cmp(a));
        Self { ahead, inside: BTreeSet::new() }
    }

    /// Whether the batch may be seen, as far as transactions go; control batches never are.
    pub(super) fn admits(&mut self, batch: &RecordBatch) -> bool {
        let header = batch.header();
        while let Some((_, producer)) =
            self.ahead.pop_if(|(first, _)| *first <= header.last_offset().0)
        {
            self.inside.insert(producer);
        }
        if header.attributes.is_control() {
            if is_abort_marker(batch) {
                self.inside.remove(&header.producer_id.0);
            }
            return false;
        }
        !(header.attributes.is_transactional() && self.inside.contains(&header.producer_id.0))
    }
}

/// A control batch that cannot be read ends no transaction: better to hide a record than to show
/// one that was aborted.
fn is_abort_marker(batch: &RecordBatch) -> bool {
    let Ok(records) = batch.records() else { return false };
    let Some(Ok(record)) = records.iter().next() else { return false };
    matches!(ControlRecord::parse(&record), Ok(ControlRecord::Abort { .. }))
}

#[cfg(test)]
mod tests;
