//! A producer's transactions, as a program asks for them.

use std::collections::BTreeMap;

use base::TopicPartition;
use client_core::consumer::{GroupMetadata, OffsetAndMetadata};
use client_core::producer::{
    DeliveryError, Operation, OperationId, ProducerInput, TransactionError,
};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::timeout;

use super::Producer;
use crate::error::SendError;

const NOT_OPEN: TransactionError =
    TransactionError::Misuse("no transaction is open: begin_transaction() comes first");

const NOT_TRANSACTIONAL: &str = "this producer has no transactional.id: give it one";

/// What came of a call; nothing yet.
type Outcome = Option<Result<(), TransactionError>>;

/// The calls that wait for the driver; none once it has stopped.
#[derive(Debug)]
pub(super) struct Operations(Mutex<Option<Pending>>);

#[derive(Debug, Default)]
struct Pending {
    last_id: u64,
    waiters: BTreeMap<OperationId, watch::Sender<Outcome>>,
    /// How the transaction ends, as long as nobody has heard of it: who was told that it takes too
    /// long, or was interrupted, asks again, and it may be over by then.
    unheard_end: Option<Call>,
}

/// A call that the driver has been told of, or is to be.
#[derive(Clone, Debug)]
struct Call {
    id: OperationId,
    verb: &'static str,
    outcome: watch::Receiver<Outcome>,
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
            waiter.send_replace(Some(result));
        }
    }

    /// Nobody will answer any more.
    pub(super) fn stop(&self) {
        *self.0.lock() = None;
    }

    /// The call of this operation, and whether the driver is to be told of it: the end of a
    /// transaction that was asked for before and not heard of is waited for.
    fn begin(&self, operation: &Operation) -> Option<(Call, bool)> {
        let (verb, is_end) =
            (operation.verb(), matches!(operation, Operation::Commit | Operation::Abort));
        let mut pending = self.0.lock();
        let pending = pending.as_mut()?;
        if let Some(call) = pending.unheard_end.as_ref().filter(|call| call.verb == verb) {
            return Some((call.clone(), false));
        }
        pending.last_id += 1;
        let id = OperationId(pending.last_id);
        let (sender, outcome) = watch::channel(None);
        pending.waiters.insert(id, sender);
        let call = Call { id, verb, outcome };
        if is_end && pending.unheard_end.as_ref().is_none_or(Call::has_failed) {
            pending.unheard_end = Some(call.clone());
        }
        Some((call, true))
    }

    /// The program knows what came of a call.
    fn note_heard(&self, id: OperationId) {
        if let Some(pending) = self.0.lock().as_mut() {
            pending.unheard_end.take_if(|call| call.id == id);
        }
    }

    /// Whether a commit is under way, or over, that nobody has heard of.
    fn has_unheard_commit(&self) -> bool {
        let pending = self.0.lock();
        let unheard = pending.as_ref().and_then(|pending| pending.unheard_end.as_ref());
        unheard.is_some_and(|call| call.verb == Operation::Commit.verb())
    }

    /// Another transaction has begun: nobody asks how the one before has ended.
    fn forget_end(&self) {
        if let Some(pending) = self.0.lock().as_mut() {
            pending.unheard_end = None;
        }
    }
}

impl Call {
    /// What comes of it.
    async fn finished(&mut self) -> Result<(), TransactionError> {
        let outcome = self.outcome.wait_for(Option::is_some).await;
        let outcome = outcome.ok().and_then(|outcome| outcome.clone());
        outcome.unwrap_or(Err(TransactionError::Closed))
    }

    fn has_failed(&self) -> bool {
        matches!(*self.outcome.borrow(), Some(Err(_)))
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
        self.shared.operations.forget_end();
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

    /// Ends what a program leaves behind: it is committed if that is under way, or else aborted.
    pub(super) async fn end_transaction(&self) {
        if self.shared.operations.has_unheard_commit() {
            // What came of it nobody asks any more, unless it is that it can only be aborted.
            let _ = self.commit_transaction().await;
        }
        if self.shared.config.transactional_id.is_some() && self.shared.gate.has_transaction() {
            let _ = self.abort_transaction().await;
        }
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
        let operations = &self.shared.operations;
        let begun = operations.begin(&operation);
        let Some((mut call, is_new)) = begun else { return Err(TransactionError::Closed) };
        if is_new {
            self.shared.tell(ProducerInput::Transact(call.id, operation));
        }
        let waited = self.shared.config.block_max;
        let Ok(result) = timeout(waited, call.finished()).await else {
            let transactional_id = self.shared.config.transactional_id.clone().unwrap_or_default();
            let (what, last) = (call.verb, self.shared.transaction_complaint());
            return Err(TransactionError::TimedOut { transactional_id, what, waited, last });
        };
        operations.note_heard(call.id);
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
