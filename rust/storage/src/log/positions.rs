//! A log's positions, and the transactions that hold the last stable offset back: they change
//! together, under one lock.

use base::Offset;

use super::LogOffsets;
use crate::producer_state::UnstableTransactions;

/// The positions of a log. The last stable offset follows from the others and the transactions.
#[derive(Debug, Default)]
pub(super) struct Positions {
    offsets: LogOffsets,
    unstable: UnstableTransactions,
    /// Where the log ended when its transactions were last read from it.
    loaded_end: Offset,
}

impl Positions {
    pub(super) fn offsets(&self) -> LogOffsets {
        self.offsets
    }

    pub(super) fn unstable(&self) -> &UnstableTransactions {
        &self.unstable
    }

    /// Takes the transactions that were read from a log that ends at `log_end`.
    pub(super) fn load(&mut self, unstable: UnstableTransactions, log_end: Offset) {
        self.loaded_end = log_end;
        self.change(|_, of_log| *of_log = unstable);
    }

    /// Whether every transaction that has ended below the last stable offset stays so. What was
    /// read from a snapshot says which are open, and not by which markers the others have ended: a
    /// marker that is not replicated may be cut off, and its transaction may end differently.
    pub(super) fn is_settled(&self) -> bool {
        self.offsets.high_watermark >= self.loaded_end
    }

    /// Changes the positions and the transactions, and returns where the positions are then.
    ///
    /// A transaction whose beginning was deleted holds back nothing but the log's start, as in
    /// Kafka.
    pub(super) fn change(
        &mut self,
        change: impl FnOnce(&mut LogOffsets, &mut UnstableTransactions),
    ) -> LogOffsets {
        let mut next = self.offsets;
        change(&mut next, &mut self.unstable);
        self.unstable.replicated(next.high_watermark);
        let first_unstable = self.unstable.first_offset().unwrap_or(next.high_watermark);
        next.last_stable = first_unstable.min(next.high_watermark).max(next.log_start);
        self.offsets = next.checked();
        self.offsets
    }
}

#[cfg(test)]
mod tests {
    use base::ProducerId;

    use super::*;
    use crate::producer_state::{EndedTransaction, TransactionChange};

    #[test]
    fn the_last_stable_offset_is_the_high_watermark_or_the_first_transaction_below_it() {
        let mut positions = Positions::default();
        let mut last_stable = |high_watermark, change: Option<TransactionChange>| {
            let moved = positions.change(|offsets, unstable| {
                offsets.log_end = Offset(100);
                offsets.flushed = Offset(100);
                offsets.high_watermark = Offset(high_watermark);
                if let Some(change) = change {
                    unstable.apply(&change);
                }
            });
            moved.last_stable.0
        };
        assert_eq!(last_stable(10, None), 10);
        let (producer_id, first_offset) = (ProducerId(1), Offset(20));
        let began = TransactionChange::Began { producer_id, first_offset };
        assert_eq!(last_stable(15, Some(began)), 15);
        assert_eq!(last_stable(25, None), 20);
        let last_offset = Offset(30);
        let ended = EndedTransaction { producer_id, first_offset, last_offset, is_aborted: false };
        assert_eq!(last_stable(30, Some(TransactionChange::Ended(ended))), 20);
        assert_eq!(last_stable(31, None), 31);
    }

    #[test]
    fn what_was_read_is_settled_once_all_of_it_is_replicated() {
        let mut positions = Positions::default();
        positions.load(UnstableTransactions::default(), Offset(30));
        let mut is_settled_at = |high_watermark| {
            positions.change(|offsets, _| {
                offsets.log_end = Offset(40);
                offsets.flushed = Offset(40);
                offsets.high_watermark = Offset(high_watermark);
            });
            positions.is_settled()
        };
        assert!(!is_settled_at(29));
        assert!(is_settled_at(30));
    }

    #[test]
    fn a_transaction_whose_beginning_was_deleted_holds_back_the_log_start() {
        let mut positions = Positions::default();
        let moved = positions.change(|offsets, unstable| {
            *offsets = LogOffsets::empty_at(Offset(50));
            *unstable = UnstableTransactions::of_open([(Offset(20), ProducerId(1))]);
        });
        assert_eq!(moved, LogOffsets::empty_at(Offset(50)));
    }
}
