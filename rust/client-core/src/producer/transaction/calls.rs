//! The program's calls: what each may do in which state, and what became of them.

use std::collections::BTreeMap;

use base::TopicPartition;

use super::machine::{Finished, NOT_OPEN, Offsets, State, Transactions};
use super::{Operation, OperationId, TransactionError};
use crate::consumer::{GroupMetadata, OffsetAndMetadata};

/// How many calls of the program may wait for the same end.
const WAITING_MAX: usize = 1000;

const COMMITTING: TransactionError = TransactionError::Misuse(
    "the transaction is being committed: commit_transaction() again waits for it",
);
const ABORTING: TransactionError = TransactionError::Misuse(
    "the transaction is being aborted: abort_transaction() again waits for it",
);
const TOO_MANY: TransactionError =
    TransactionError::Misuse("too many calls wait for the coordinator already");

impl Transactions {
    /// The program calls; [`Self::poll_finished`] tells what became of it.
    pub(in crate::producer) fn handle(&mut self, id: OperationId, operation: Operation) {
        if let State::Lost(error) = &self.state {
            let error = error.clone();
            return self.finish(id, Err(error));
        }
        match operation {
            Operation::Init => self.handle_init(id),
            Operation::Begin => {
                let begun = self.may_begin();
                if begun.is_ok() {
                    self.state = State::Open;
                }
                self.finish(id, begun);
            }
            Operation::SendOffsets { group, offsets } => self.handle_offsets(id, group, offsets),
            Operation::Commit => match &self.state {
                State::Open => {
                    self.state = State::Committing;
                    self.wait(id);
                }
                State::Committing | State::Bumping { is_committed: true } => self.wait(id),
                State::Failed(error) => {
                    let error = error.clone();
                    self.finish(id, Err(error));
                }
                _ => self.finish(id, Err(NOT_OPEN)),
            },
            Operation::Abort => match &self.state {
                State::Open | State::Failed(_) => {
                    self.state = State::Aborting;
                    self.adding.clear();
                    self.drop_offsets(&TransactionError::Aborted);
                    self.wait(id);
                }
                State::Aborting | State::Bumping { is_committed: false } => self.wait(id),
                State::Committing | State::Bumping { is_committed: true } => {
                    self.finish(id, Err(COMMITTING));
                }
                _ => self.finish(id, Err(NOT_OPEN)),
            },
        }
    }

    /// What became of calls, in order.
    pub(in crate::producer) fn poll_finished(&mut self) -> Option<Finished> {
        self.finished.pop_front()
    }

    /// What stood in the way last.
    pub(in crate::producer) fn complaint(&self) -> &str {
        &self.last
    }

    fn handle_init(&mut self, id: OperationId) {
        match &self.state {
            State::New => {
                self.state = State::Initializing;
                self.wait(id);
            }
            State::Initializing => self.wait(id),
            State::Ready => self.finish(id, Ok(())),
            _ => {
                let refused = self.may_begin();
                self.finish(id, refused);
            }
        }
    }

    fn may_begin(&self) -> Result<(), TransactionError> {
        Err(match &self.state {
            State::Ready => return Ok(()),
            State::New | State::Initializing => {
                TransactionError::Misuse("init_transactions() comes before the first transaction")
            }
            State::Open => TransactionError::Misuse(
                "a transaction is open already: commit or abort it before the next one",
            ),
            State::Committing | State::Bumping { is_committed: true } => COMMITTING,
            State::Aborting | State::Bumping { is_committed: false } => ABORTING,
            State::Failed(error) | State::Lost(error) => error.clone(),
        })
    }

    fn handle_offsets(
        &mut self,
        id: OperationId,
        group: GroupMetadata,
        offsets: BTreeMap<TopicPartition, OffsetAndMetadata>,
    ) {
        match &self.state {
            State::Open if offsets.is_empty() => self.finish(id, Ok(())),
            State::Open if self.offsets.len() >= WAITING_MAX => self.finish(id, Err(TOO_MANY)),
            State::Open => self.offsets.push_back(Offsets { id, group, left: offsets }),
            State::Failed(error) => {
                let error = error.clone();
                self.finish(id, Err(error));
            }
            _ => self.finish(id, Err(NOT_OPEN)),
        }
    }

    pub(super) fn finish(&mut self, id: OperationId, result: Result<(), TransactionError>) {
        self.finished.push_back((id, result));
    }

    fn wait(&mut self, id: OperationId) {
        if self.waiting.len() >= WAITING_MAX {
            return self.finish(id, Err(TOO_MANY));
        }
        self.waiting.push(id);
    }

    pub(super) fn finish_waiting(&mut self, result: &Result<(), TransactionError>) {
        for id in std::mem::take(&mut self.waiting) {
            self.finish(id, result.clone());
        }
    }

    pub(super) fn drop_offsets(&mut self, error: &TransactionError) {
        for offsets in std::mem::take(&mut self.offsets) {
            self.finish(offsets.id, Err(error.clone()));
        }
    }
}
