//! A producer: it begins, writes, ends, and does again what it has no answer to, as KIP-98 and
//! KIP-890 say.

use base::{ErrorCode, Rng, SplitMix64};

use crate::outcomes::PartitionName;
use crate::requests::{NONE, Producer};

/// What it does next, or waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// To be told its id and epoch.
    Begin,
    /// To make its partitions part of the transaction; under version 2 its writes do that.
    Add,
    /// To write the rest of its records.
    Write(usize),
    /// To commit, or to abort.
    End(bool),
    /// Nothing: the weather is over, and so is its last transaction.
    Rest,
}

#[derive(Clone, Debug)]
pub(crate) struct ProducerClient {
    pub(crate) transactional_id: String,
    /// Counts its lives: a new one knows nothing of the one before.
    pub(crate) session: u32,
    pub(crate) identity: Producer,
    /// Who it says it is when it begins: after an error, who it was.
    pub(crate) expected: Producer,
    pub(crate) step: Step,
    /// The request whose answer it waits for.
    pub(crate) request: u64,
    pub(crate) transaction: u64,
    pub(crate) plan: Vec<PartitionName>,
}

impl ProducerClient {
    pub(crate) fn new(transactional_id: &str) -> Self {
        Self {
            transactional_id: transactional_id.to_owned(),
            session: 0,
            identity: NONE,
            expected: NONE,
            step: Step::Begin,
            request: 0,
            transaction: 0,
            plan: Vec::new(),
        }
    }

    /// It dies, and another takes its place.
    pub(crate) fn begin_anew(&mut self) {
        self.session += 1;
        (self.identity, self.expected, self.step) = (NONE, NONE, Step::Begin);
    }

    /// It goes on after an error, with its next epoch.
    pub(crate) fn go_on(&mut self) {
        (self.expected, self.step) = (self.identity, Step::Begin);
    }

    /// The next transaction.
    pub(crate) fn plan(
        &mut self,
        transaction: u64,
        partitions: &[PartitionName],
        adds: bool,
        rng: &mut SplitMix64,
    ) {
        self.transaction = transaction;
        self.plan = (0..=rng.below(4))
            .filter_map(|_| {
                let count = u32::try_from(partitions.len()).unwrap();
                (count > 0).then(|| partitions[rng.below(count) as usize].clone())
            })
            .collect();
        self.step = match (self.plan.is_empty(), adds) {
            (true, true) => Step::Rest,
            (true, false) => Step::End(false),
            (false, true) => Step::Add,
            (false, false) => Step::Write(0),
        };
    }

    /// After a write: the next one, or the end.
    pub(crate) fn has_written(&mut self, number: usize, rng: &mut SplitMix64) {
        self.step = if number + 1 < self.plan.len() {
            Step::Write(number + 1)
        } else {
            Step::End(rng.below(4) > 0)
        };
    }
}

/// Whether to send the same again after a while.
pub(crate) fn is_retriable(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::ConcurrentTransactions
            | ErrorCode::CoordinatorLoadInProgress
            | ErrorCode::NotCoordinator
    )
}
