//! Batches that were sent in pieces, because they were too large for their broker: whoever waits
//! for one gets one result, when the last piece has its own.

use std::collections::BTreeMap;

use super::batch::{Batch, Owed};
use super::outcome::BatchOutcome;

/// A batch that has its result.
#[derive(Debug)]
pub(super) struct Settled<T> {
    pub(super) number: u64,
    pub(super) payload: T,
    pub(super) record_count: i32,
    pub(super) outcome: BatchOutcome,
}

/// The batches of a partition that are in pieces, by number.
#[derive(Debug)]
pub(super) struct Splits<T>(BTreeMap<u64, Split<T>>);

#[derive(Debug)]
struct Split<T> {
    payload: T,
    record_count: i32,
    /// The pieces that have no result.
    left: usize,
    /// By the place of their first record.
    outcomes: BTreeMap<u32, BatchOutcome>,
}

impl<T> Default for Splits<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T> Splits<T> {
    /// Takes down who waits for a batch that is sent in two pieces from now on.
    pub(super) fn split(&mut self, batch: Batch<T>) {
        let Batch { key, record_count, owed, .. } = batch;
        match owed {
            Owed::Whole(payload) => {
                let split = Split { payload, record_count, left: 2, outcomes: BTreeMap::new() };
                self.0.insert(key.number, split);
            }
            Owed::Piece => {
                let split = self.0.get_mut(&key.number).expect("a piece is one of a split batch");
                split.left += 1;
            }
            Owed::Nothing => unreachable!("a batch that has its result is not sent again"),
        }
    }

    /// Gives a batch its result, unless it has one: a batch whose time was over stays in flight
    /// without anybody waiting for it.
    pub(super) fn settle(
        &mut self,
        batch: &mut Batch<T>,
        outcome: BatchOutcome,
        settled: &mut Vec<Settled<T>>,
    ) {
        let number = batch.key.number;
        match std::mem::replace(&mut batch.owed, Owed::Nothing) {
            Owed::Nothing => {}
            Owed::Whole(payload) => {
                let record_count = batch.record_count;
                settled.push(Settled { number, payload, record_count, outcome });
            }
            Owed::Piece => {
                let split = self.0.get_mut(&number).expect("a piece is one of a split batch");
                split.outcomes.insert(batch.key.first_record, outcome);
                split.left -= 1;
                if split.left == 0 {
                    let split = self.0.remove(&number).expect("it was just there");
                    let Split { payload, record_count, outcomes, .. } = split;
                    let outcome = BatchOutcome::Split(outcomes.into_iter().collect());
                    settled.push(Settled { number, payload, record_count, outcome });
                }
            }
        }
    }
}
