//! A producer's transactions, as a program asks for them.

use std::collections::BTreeMap;

use base::TopicPartition;
use client_core::consumer::{GroupMetadata, OffsetAndMetadata};
use client_core::producer::{
    DeliveryError, Operation, OperationId, ProducerInput, TransactionError,
};
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::Producer;
use crate::error::SendError;

const NOT_OPEN: TransactionError =
    TransactionError::Misuse("no transaction is open: begin_transaction() comes first");

const NOT_TRANSACTIONAL: &str = "this producer has no transactional.id: give it one";

type Waiter = oneshot::Sender<Result<(), TransactionError>>;

/// The calls that wait for the driver; none once it has stopped.
#[derive(Debug)]
pub(super) struct Operations(Mutex<Option<Pending>>);

#[derive(Debug, Default)]
struct Pending {
    last_id: u64,
    waiters: BTreeMap<OperationId, Waiter>,
}

impl Default for Operations {
    fn default() -> Self {
        Self(Mutex::new(Some(Pending::default())))
    }
}

impl Operations {
    /// What came of a call; who has stopped waiting need not know.
    pub(super) fn finish(&self, id: OperationId, result: Result<(), TransactionError>) {
        let waiter = self.0.lock().as_mut().and_then(|pending| pending.waiters.remove(&id));
        if let Some(waiter) = waiter {
            let _ = waiter.send(result);
        }
    }

    /// Nobody will answer any more.
    pub(super) fn stop(&self) {
        *self.0.lock() = None;
    }

    fn begin(&self) -> Option<(OperationId, oneshot::Receiver<Result<(), TransactionError>>)> {
        let (sender, receiver) = oneshot::channel();
        let mut pending = self.0.lock();
        let pending = pending.as_mut()?;
        pending.last_id += 1;
        let id = OperationId(pending.last_id);
        pending.waiters.insert(id, sender);
        Some((id, receiver))
    }

    fn forget(&self, id: OperationId) {
        if let Some(pending) = self.0.lock().as_mut() {
            pending.waiters.remove(&id);
        }
    }
}

impl Producer {
    /// Gets an id from the coordinator, and fences off whoever has had the `transactional.id`
    /// before; a transaction that it has left open is aborted. Once, before the first transaction.
    pub async fn init_transactions(&self) -> Result<(), TransactionError> {
        self.operate(Operation::Init).await
    }

    /// Begins a transaction: everything that is sent from now on belongs to it.
    pub async fn begin_transaction(&self) -> Result<(), TransactionError> {
        self.operate(Operation::Begin).await?;
        self.shared.gate.open();
        Ok(())
    }

    /// Commits offsets of a group with the transaction (KIP-447): they count once it is committed,
    /// and fail it if the member is not one of the group any more.
    pub async fn send_offsets(
        &self,
        group: GroupMetadata,
        offsets: BTreeMap<TopicPartition, OffsetAndMetadata>,
    ) -> Result<(), TransactionError> {
        self.operate(Operation::SendOffsets { group, offsets }).await
    }

    /// Makes what was sent in the transaction visible, all of it, or fails. After
    /// [`TransactionError::TimedOut`] the same call waits on.
    pub async fn commit_transaction(&self) -> Result<(), TransactionError> {
        self.shut()?;
        // What is not in a batch yet belongs to it, too.
        self.shared.tell(ProducerInput::Flush(None));
        self.shared.early_placed().await;
        let committed = self.operate(Operation::Commit).await;
        match &committed {
            Ok(()) => drop(self.shared.tally.take()),
            Err(error @ TransactionError::Abortable { .. }) => {
                self.shared.gate.shut(error.clone());
            }
            Err(_) => {}
        }
        committed
    }

    /// Sees to it that nothing of the transaction is ever seen by who reads what is committed.
    /// After [`TransactionError::TimedOut`] the same call waits on.
    pub async fn abort_transaction(&self) -> Result<(), TransactionError> {
        self.shut()?;
        self.shared.fail_early(&TransactionError::Aborted.into());
        self.operate(Operation::Abort).await?;
        self.shared.gate.shut(NOT_OPEN);
        // What became of its records is of no interest to the next flush.
        drop(self.shared.tally.take());
        Ok(())
    }

    /// Takes no more records into the transaction.
    fn shut(&self) -> Result<(), TransactionError> {
        if self.shared.config.transactional_id.is_none() {
            return Err(TransactionError::Misuse(NOT_TRANSACTIONAL));
        }
        self.shared.gate.shut(NOT_OPEN);
        Ok(())
    }

    async fn operate(&self, operation: Operation) -> Result<(), TransactionError> {
        let what = operation.verb();
        let operations = &self.shared.operations;
        let Some((id, answer)) = operations.begin() else { return Err(TransactionError::Closed) };
        self.shared.tell(ProducerInput::Transact(id, operation));
        let waited = self.shared.config.block_max;
        let Ok(answer) = timeout(waited, answer).await else {
            operations.forget(id);
            let transactional_id = self.shared.config.transactional_id.clone().unwrap_or_default();
            let last = self.shared.transaction_complaint();
            return Err(TransactionError::TimedOut { transactional_id, what, waited, last });
        };
        let result = answer.unwrap_or(Err(TransactionError::Closed));
        // The driver shuts the gate as well, but in its own time.
        if let Some(error) = result.as_ref().err().filter(|error| error.is_fatal()) {
            self.shared.gate.shut(error.clone());
        }
        result
    }
}

impl super::machine::Shared {
    /// A record that was not taken belongs to the transaction all the same: without it there is
    /// nothing to be committed.
    pub(super) fn note_refusal(&self, error: &SendError) {
        let is_its_own = matches!(error, SendError::Closed(_) | SendError::Transaction(_));
        if self.config.transactional_id.is_some() && !is_its_own {
            let (code, reason) = (error.code(), error.to_string());
            self.tell(ProducerInput::FailTransaction { code, reason });
        }
    }

    /// The same for one that was taken, and had no place to go.
    pub(super) fn note_unplaced(&self, error: &DeliveryError) {
        let is_its_own = matches!(error, DeliveryError::Transaction(_));
        if self.config.transactional_id.is_some() && !is_its_own {
            let (code, reason) = (error.code(), error.to_string());
            self.tell(ProducerInput::FailTransaction { code, reason });
        }
    }
}
