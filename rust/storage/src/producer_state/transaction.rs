//! Transactions in one log: those that hold the last stable offset back, and those that were
//! aborted.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use base::{Offset, ProducerId};

/// What a batch has done to its producer's transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionChange {
    /// It is the transaction's first in this log.
    Began {
        /// The producer.
        producer_id: ProducerId,
        /// The offset of the batch.
        first_offset: Offset,
    },
    /// It is the marker that ends it.
    Ended(EndedTransaction),
}

/// A transaction whose marker is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndedTransaction {
    /// The producer.
    pub producer_id: ProducerId,
    /// Where its first batch begins.
    pub first_offset: Offset,
    /// The offset of its marker.
    pub last_offset: Offset,
    /// Whether its records are void.
    pub is_aborted: bool,
}

/// A transaction that was aborted, as readers and the transaction index know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AbortedTransaction {
    /// The producer.
    pub producer_id: ProducerId,
    /// Where its first batch begins.
    pub first_offset: Offset,
    /// The offset of its marker.
    pub last_offset: Offset,
    /// Where the first transaction began that was open then, or the offset behind the marker:
    /// transactions that were aborted later begin there at the soonest.
    pub last_stable_offset: Offset,
}

/// The transactions above which no reader of committed records may go: those that are open, and
/// those that have ended by a marker that is not replicated yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnstableTransactions {
    /// Where each open transaction began, and whose it is.
    open: BTreeMap<Offset, ProducerId>,
    /// Those that have ended, in the order of their markers: the marker's offset, and where it
    /// began.
    ended: VecDeque<(Offset, Offset)>,
    /// Where they began.
    ended_first_offsets: BTreeSet<Offset>,
}

impl UnstableTransactions {
    /// Those that are open, by where they began.
    pub fn of_open(open: impl IntoIterator<Item = (Offset, ProducerId)>) -> Self {
        Self { open: open.into_iter().collect(), ..Self::default() }
    }

    /// Takes in what a batch has done.
    pub fn apply(&mut self, change: &TransactionChange) {
        match *change {
            TransactionChange::Began { producer_id, first_offset } => {
                self.open.insert(first_offset, producer_id);
            }
            TransactionChange::Ended(ended) => {
                self.open.remove(&ended.first_offset);
                self.ended.push_back((ended.last_offset, ended.first_offset));
                self.ended_first_offsets.insert(ended.first_offset);
            }
        }
    }

    /// Everything below `high_watermark` is replicated.
    pub fn replicated(&mut self, high_watermark: Offset) {
        while let Some((_, first)) = self.ended.pop_front_if(|(last, _)| *last < high_watermark) {
            self.ended_first_offsets.remove(&first);
        }
    }

    /// Where the first of them began.
    pub fn first_offset(&self) -> Option<Offset> {
        let open = self.first_open().map(|(first_offset, _)| first_offset);
        let ended = self.ended_first_offsets.first().copied();
        open.into_iter().chain(ended).min()
    }

    /// The open transaction that began first: where, and whose it is.
    pub fn first_open(&self) -> Option<(Offset, ProducerId)> {
        self.open.first_key_value().map(|(&first_offset, &producer_id)| (first_offset, producer_id))
    }

    /// A transaction that is about to end, if it is aborted, as the index is to know it.
    pub fn aborted(&self, ended: &EndedTransaction) -> Option<AbortedTransaction> {
        let EndedTransaction { producer_id, first_offset, last_offset, is_aborted } = *ended;
        let mut others = self.open.keys().filter(|&&first| first != first_offset);
        let last_stable_offset = others.next().copied().unwrap_or(last_offset.next());
        is_aborted.then_some(AbortedTransaction {
            producer_id,
            first_offset,
            last_offset,
            last_stable_offset,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn began(producer: i64, first: i64) -> TransactionChange {
        let (producer_id, first_offset) = (ProducerId(producer), Offset(first));
        TransactionChange::Began { producer_id, first_offset }
    }

    fn ended(producer: i64, first: i64, last: i64) -> EndedTransaction {
        EndedTransaction {
            producer_id: ProducerId(producer),
            first_offset: Offset(first),
            last_offset: Offset(last),
            is_aborted: true,
        }
    }

    fn first(unstable: &UnstableTransactions) -> Option<i64> {
        unstable.first_offset().map(|offset| offset.0)
    }

    #[test]
    fn an_open_transaction_is_unstable_until_its_marker_is_replicated() {
        let mut unstable = UnstableTransactions::default();
        assert_eq!(first(&unstable), None);
        unstable.apply(&began(1, 10));
        unstable.apply(&began(2, 20));
        unstable.replicated(Offset(25));
        assert_eq!(first(&unstable), Some(10), "it is open, whatever is replicated");
        unstable.apply(&TransactionChange::Ended(ended(1, 10, 30)));
        assert_eq!(first(&unstable), Some(10));
        unstable.replicated(Offset(30));
        assert_eq!(first(&unstable), Some(10), "the marker at 30 is not below 30");
        unstable.replicated(Offset(31));
        assert_eq!(first(&unstable), Some(20));
        unstable.apply(&TransactionChange::Ended(ended(2, 20, 31)));
        unstable.replicated(Offset(32));
        assert_eq!(unstable, UnstableTransactions::default());
    }

    #[test]
    fn transactions_become_stable_in_the_order_of_their_markers() {
        let mut unstable =
            UnstableTransactions::of_open([(Offset(1), ProducerId(1)), (Offset(2), ProducerId(2))]);
        unstable.apply(&TransactionChange::Ended(ended(2, 2, 5)));
        unstable.apply(&TransactionChange::Ended(ended(1, 1, 6)));
        unstable.replicated(Offset(6));
        assert_eq!(first(&unstable), Some(1), "the one that began first ended last");
        unstable.replicated(Offset(7));
        assert_eq!(first(&unstable), None);
    }

    #[test]
    fn an_aborted_transaction_knows_the_first_one_that_was_open_besides() {
        let mut unstable = UnstableTransactions::default();
        unstable.apply(&began(1, 10));
        let last_stable = |unstable: &UnstableTransactions, ended: &EndedTransaction| {
            unstable.aborted(ended).map(|aborted| aborted.last_stable_offset.0)
        };
        assert_eq!(last_stable(&unstable, &ended(1, 10, 30)), Some(31));
        unstable.apply(&began(2, 20));
        unstable.apply(&began(3, 25));
        assert_eq!(last_stable(&unstable, &ended(1, 10, 30)), Some(20));
        assert_eq!(last_stable(&unstable, &ended(2, 20, 30)), Some(10));
        let committed = EndedTransaction { is_aborted: false, ..ended(1, 10, 30) };
        assert_eq!(unstable.aborted(&committed), None);
    }
}
