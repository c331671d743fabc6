//! A log's positions, and the transactions that hold the last stable offset back: they change
//! together, under one lock.

use super::LogOffsets;
use crate::producer_state::UnstableTransactions;

/// The positions of a log. The last stable offset follows from the others and the transactions.
#[derive(Debug, Default)]
pub(super) struct Positions {
    offsets: LogOffsets,
    unstable: UnstableTransactions,
}

impl Positions {
    pub(super) fn offsets(&self) -> LogOffsets {
        self.offsets
    }

    pub(super) fn unstable(&self) -> &UnstableTransactions {
        &self.unstable
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
    use base::{Offset, ProducerId};

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
    fn a_transaction_whose_beginning_was_deleted_holds_back_the_log_start() {
        let mut positions = Positions::default();
        let moved = positions.change(|offsets, unstable| {
            *offsets = LogOffsets::empty_at(Offset(50));
            *unstable = UnstableTransactions::of_open([(Offset(20), ProducerId(1))]);
        });
        assert_eq!(moved, LogOffsets::empty_at(Offset(50)));
    }
}
