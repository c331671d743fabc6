//! The producer's transactions beside its batches: which of them one takes along, and when it may
//! end.

use base::Instant;

use super::{Producer, ProducerOutput};
use crate::producer::outcome::{BatchOutcome, DeliveryError};
use crate::producer::transaction::{Operation, OperationId, TransactionError, Transactions};

const NOT_TRANSACTIONAL: TransactionError =
    TransactionError::Misuse("this producer has no transactional.id: give it one");

impl<T> Producer<T> {
    /// What stands in the way of a call that has no answer yet.
    pub fn transaction_complaint(&self) -> &str {
        self.transactions.as_ref().map_or("", |transactions| transactions.complaint())
    }

    pub(super) fn transact(&mut self, id: OperationId, operation: Operation) {
        let Some(transactions) = &mut self.transactions else {
            let refused = ProducerOutput::Transacted(id, Err(NOT_TRANSACTIONAL));
            return self.outputs.push_back(refused);
        };
        if operation == Operation::Commit {
            // Nothing of it lingers.
            self.hurry_up_to = self.next_number - 1;
        }
        transactions.handle(id, operation);
    }

    /// Fails what belongs to no transaction that can be committed, and asks the coordinator what is
    /// to be asked.
    pub(super) fn drive_transactions(&mut self, now: Instant) {
        self.reject_unsent();
        let is_idle = self.outstanding.is_empty() && self.in_flight.is_empty();
        let Some(transactions) = &mut self.transactions else { return };
        transactions.drive(is_idle, &mut self.cluster, now, &mut self.wake);
        if let Some(renumbering) = transactions.take_renumbering() {
            for lineage in self.lineages.values_mut() {
                lineage.renumber(renumbering.is_other_id);
            }
        }
    }

    /// Says what became of the program's calls, after the results of the batches that they waited
    /// for.
    pub(super) fn tell_of_transactions(&mut self) {
        let Some(transactions) = &mut self.transactions else { return };
        if let Some(error) = transactions.take_news() {
            if error.is_fatal() {
                self.failed.get_or_insert(error.into());
            } else {
                self.outputs.push_back(ProducerOutput::TransactionFailed(error));
            }
        }
        while let Some((id, result)) = transactions.poll_finished() {
            self.outputs.push_back(ProducerOutput::Transacted(id, result));
        }
    }

    /// A batch that has failed takes its transaction with it.
    pub(super) fn note_outcome(&mut self, outcome: &BatchOutcome) {
        let Some(transactions) = &mut self.transactions else { return };
        for (_, part) in outcome.parts(0) {
            if let BatchOutcome::Failed { error, .. } = part {
                transactions.handle_failed_batch(error);
            }
        }
    }

    fn reject_unsent(&mut self) {
        let rejection = self.transactions.as_ref().and_then(Transactions::rejection);
        let Some(rejection) = rejection else { return };
        let error = DeliveryError::Transaction(rejection);
        for partition in self.active.clone() {
            let mut settled = Vec::new();
            let lineage = self.lineage(&partition);
            lineage.fail_unsent(&error, &mut settled);
            if lineage.has_open() {
                self.outputs.push_back(ProducerOutput::Seal(partition.clone()));
            }
            self.settle(&partition, settled);
        }
    }
}
