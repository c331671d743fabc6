//! What producers were told of their transactions, held against what the partitions show.

use std::collections::{BTreeMap, BTreeSet};

use crate::partition::PartitionLog;
use crate::requests::Producer;

/// A partition of the cluster.
pub(crate) type PartitionName = (String, i32);

/// A transaction as its producer sees it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// Its records that were acknowledged, and where.
    pub(crate) written: BTreeSet<(PartitionName, u32)>,
    /// Whether it was told that the transaction is committed, or that it is aborted.
    pub(crate) committed: Option<bool>,
}

#[derive(Debug, Default)]
pub(crate) struct Outcomes {
    pub(crate) transactions: BTreeMap<u64, Told>,
    /// Which session each producer id and epoch was given to.
    given: BTreeMap<Producer, (usize, u32)>,
}

impl Outcomes {
    /// A producer was told who it is: nobody else ever was.
    pub(crate) fn give(&mut self, producer: Producer, session: (usize, u32)) {
        let earlier = *self.given.entry(producer).or_insert(session);
        assert_eq!(earlier, session, "{producer:?} was given twice");
    }

    /// What is in partitions that were deleted is nobody's any more.
    pub(crate) fn check(&self, partitions: &BTreeMap<PartitionName, PartitionLog>) {
        let mut ends: BTreeMap<u64, BTreeSet<bool>> = BTreeMap::new();
        for (name, log) in partitions {
            let open: Vec<_> = log.open().collect();
            assert!(open.is_empty(), "{name:?} has a transaction that never ends: {open:?}");
            for (records, is_committed) in [(&log.committed, true), (&log.aborted, false)] {
                for (transaction, _) in records {
                    ends.entry(*transaction).or_default().insert(is_committed);
                }
            }
        }
        for (transaction, told) in &self.transactions {
            let end = ends.get(transaction).cloned().unwrap_or_default();
            assert!(end.len() <= 1, "transaction {transaction} is committed and aborted");
            if let Some(committed) = told.committed {
                assert!(!end.contains(&!committed), "{transaction} did not end as was told");
            }
            if told.committed == Some(true) {
                for (name, number) in &told.written {
                    let Some(log) = partitions.get(name) else { continue };
                    let is_there = log.committed.contains(&(*transaction, *number));
                    assert!(is_there, "record {number} of {transaction} is lost from {name:?}");
                }
            }
        }
    }
}
