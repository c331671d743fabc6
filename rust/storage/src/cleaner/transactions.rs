//! Which transactions the cleaner passes, and whether their batches and markers may go.
//!
//! Batches of an aborted transaction go at once. A marker stays as long as a batch of its
//! transaction does: without it nobody could tell how the transaction ended. It then gets a delete
//! horizon, as a tombstone does (KIP-534), and goes after it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use base::{Offset, ProducerId};
use records::{BatchHeader, ControlRecord};

use crate::producer_state::AbortedTransaction;

/// The transactions at one place of the log.
#[derive(Clone, Debug, Default)]
pub(crate) struct CleanedTransactions {
    /// Those that begin later, in the order in which they do.
    aborted: VecDeque<AbortedTransaction>,
    /// Producers with an open transaction that will be aborted.
    ongoing_aborted: BTreeMap<ProducerId, OngoingAborted>,
    /// Producers with an open transaction that will be committed, of which a batch was passed.
    ongoing_committed: BTreeSet<ProducerId>,
    /// Aborted transactions whose marker was passed and of which a batch was.
    retained: Vec<AbortedTransaction>,
}

#[derive(Clone, Copy, Debug)]
struct OngoingAborted {
    transaction: AbortedTransaction,
    /// Whether a batch of it was passed.
    has_batches: bool,
}

impl CleanedTransactions {
    pub(crate) fn new(mut aborted: Vec<AbortedTransaction>) -> Self {
        aborted.sort_by_key(|transaction| transaction.first_offset);
        Self { aborted: aborted.into(), ..Self::default() }
    }

    /// Passes a batch of records. Whether they go: their transaction was aborted.
    pub(crate) fn pass_batch(&mut self, header: &BatchHeader) -> bool {
        self.begin_up_to(header.last_offset());
        if !header.attributes.is_transactional() {
            return false;
        }
        if let Some(aborted) = self.ongoing_aborted.get_mut(&header.producer_id) {
            aborted.has_batches = true;
            return true;
        }
        self.ongoing_committed.insert(header.producer_id);
        false
    }

    /// Passes a control batch, which may be empty. Whether it may go: no batch is left that it
    /// tells of.
    pub(crate) fn pass_control(
        &mut self,
        header: &BatchHeader,
        record: Option<&ControlRecord>,
    ) -> bool {
        self.begin_up_to(header.last_offset());
        match record {
            None => true,
            Some(ControlRecord::Abort { .. }) => {
                let aborted = self.ongoing_aborted.remove(&header.producer_id);
                let retained = aborted.filter(|aborted| aborted.has_batches);
                self.retained.extend(retained.map(|aborted| aborted.transaction));
                retained.is_none()
            }
            Some(ControlRecord::Commit { .. }) => {
                !self.ongoing_committed.remove(&header.producer_id)
            }
            Some(ControlRecord::LeaderChange { .. } | ControlRecord::Other { .. }) => false,
        }
    }

    /// The aborted transactions that readers of the cleaned log have to know: those whose marker
    /// was passed since the last call and stays. A reader that knew of one without a marker would
    /// leave out its producer's next transaction.
    pub(crate) fn take_retained(&mut self) -> Vec<AbortedTransaction> {
        std::mem::take(&mut self.retained)
    }

    fn begin_up_to(&mut self, offset: Offset) {
        while let Some(next) = self.aborted.pop_front_if(|next| next.first_offset <= offset) {
            let begun = OngoingAborted { transaction: next, has_batches: false };
            self.ongoing_aborted.entry(next.producer_id).or_insert(begun);
        }
    }
}

#[cfg(test)]
mod tests {
    use base::{LeaderEpoch, ProducerEpoch};
    use records::Attributes;

    use super::*;

    const ABORT: ControlRecord = ControlRecord::Abort { coordinator_epoch: 0 };
    const COMMIT: ControlRecord = ControlRecord::Commit { coordinator_epoch: 0 };

    fn header(producer: i64, offset: i64, transactional: bool) -> BatchHeader {
        BatchHeader {
            base_offset: Offset(offset),
            batch_length: 49,
            partition_leader_epoch: LeaderEpoch(0),
            crc: 0,
            attributes: Attributes::default().with_transactional(transactional),
            last_offset_delta: 0,
            base_timestamp: 0,
            max_timestamp: 0,
            producer_id: ProducerId(producer),
            producer_epoch: ProducerEpoch(0),
            base_sequence: 0,
            record_count: 1,
        }
    }

    fn aborted(transactions: &[(i64, i64)]) -> CleanedTransactions {
        let aborted = transactions.iter().map(|&(producer, first)| AbortedTransaction {
            producer_id: ProducerId(producer),
            first_offset: Offset(first),
            last_offset: Offset(first + 3),
            last_stable_offset: Offset(first + 4),
        });
        CleanedTransactions::new(aborted.collect())
    }

    #[test]
    fn batches_of_an_aborted_transaction_go_and_its_marker_once_they_are_gone() {
        let mut transactions = aborted(&[(1, 10)]);
        assert!(!transactions.pass_batch(&header(1, 5, true)), "the one before was committed");
        assert!(!transactions.pass_control(&header(1, 6, true), Some(&COMMIT)));
        assert!(transactions.pass_batch(&header(1, 10, true)));
        assert!(!transactions.pass_batch(&header(2, 11, true)), "another producer's");
        assert!(!transactions.pass_batch(&header(1, 12, false)), "in no transaction");
        assert!(transactions.take_retained().is_empty());
        assert!(!transactions.pass_control(&header(1, 13, true), Some(&ABORT)));
        let retained: Vec<i64> =
            transactions.take_retained().iter().map(|it| it.first_offset.0).collect();
        assert_eq!(retained, [10]);
        assert!(!transactions.pass_control(&header(2, 14, true), Some(&COMMIT)));
        assert!(!transactions.pass_batch(&header(1, 15, true)), "the next one");

        let mut later = aborted(&[(1, 10)]);
        assert!(later.pass_control(&header(1, 13, true), Some(&ABORT)));
        assert!(later.take_retained().is_empty(), "its marker may go, so it must");
    }

    #[test]
    fn a_commit_marker_may_go_once_no_batch_of_its_transaction_is_left() {
        let mut transactions = aborted(&[]);
        assert!(transactions.pass_control(&header(1, 3, true), Some(&COMMIT)));
        assert!(!transactions.pass_batch(&header(1, 4, true)));
        assert!(!transactions.pass_control(&header(1, 5, true), Some(&COMMIT)));
        assert!(transactions.pass_control(&header(1, 6, true), Some(&COMMIT)));
    }

    #[test]
    fn an_emptied_marker_may_go_and_other_control_records_stay() {
        let mut transactions = aborted(&[]);
        assert!(transactions.pass_control(&header(1, 3, true), None));
        let other = ControlRecord::Other { control_type: 9 };
        assert!(!transactions.pass_control(&header(-1, 4, false), Some(&other)));
    }

    #[test]
    fn aborted_transactions_begin_in_the_order_of_their_offsets() {
        let mut transactions = aborted(&[(1, 30), (2, 5), (1, 10)]);
        assert!(transactions.pass_batch(&header(2, 6, true)));
        assert!(!transactions.pass_batch(&header(1, 7, true)));
        assert!(!transactions.pass_control(&header(1, 8, true), Some(&COMMIT)));
        assert!(transactions.pass_batch(&header(1, 11, true)));
        assert!(!transactions.pass_control(&header(1, 12, true), Some(&ABORT)));
        assert!(transactions.pass_batch(&header(1, 31, true)));
    }
}
