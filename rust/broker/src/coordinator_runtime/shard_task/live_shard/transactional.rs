//! What a shard writes in producers' transactions, and the markers that end them (KIP-98).
//!
//! Whether a producer may still write only the log can say, which knows its epoch. So the shard
//! waits until the log has taken or refused what is to be written, before anything builds on it:
//! as long as a write takes, and not a sync. Whoever is answered waits for that, too, as ever.

use base::{ErrorCode, Offset};
use coordinator::ReplyToken;
use records::{AppendOrigin, ProduceBatch, ProduceRules, validate_produce};
use replica::RequiredAcks;
use storage::{AppendTerms, VerificationGuard};

use super::super::MarkerReply;
use super::{LiveShard, Source, code_for_clients};
use crate::coordinator_runtime::machine::{Machine, Producer};
use crate::errors::ProduceError;
use crate::transaction_marker::EndTransactionMarker;

/// The log, or who looks after it, says that nothing was written, and nothing is wrong here.
struct Refused(ErrorCode);

impl<M: Machine> LiveShard<'_, M> {
    /// Appends what a request's decision writes in a producer's transaction, and follows the
    /// decision if the log has taken that. If it has not, only the asker hears of it.
    pub(super) async fn take_in_transaction(
        &mut self,
        decision: M::Decision,
        producer: Producer,
        guard: VerificationGuard,
        token: ReplyToken,
    ) -> Result<(), ProduceError> {
        let now_ms = self.task.host.clock.unix_ms();
        let mut batch = self.task.new_batch();
        if let Err(error) = batch.add(now_ms, Some(producer), M::records(&decision)) {
            self.retract(&decision, Source::Request(token), &error);
            return Ok(());
        }
        let bytes = batch
            .finish()
            .map_err(|error| ProduceError::new(ErrorCode::UnknownServerError, error.to_string()))?;
        let origin = AppendOrigin::Coordinator;
        let rules = ProduceRules { origin, ..self.task.partition.produce_rules(now_ms, true) };
        let batch = validate_produce(&bytes, &rules)?;
        let terms = AppendTerms::Records { origin, guard };
        match self.append_alone(terms, batch).await? {
            Ok(()) => self.follow(decision),
            Err(Refused(code)) => self.answer(token, Err(code)),
        }
        Ok(())
    }

    /// Writes the marker that ends a producer's transaction, and takes it in.
    pub(super) async fn end_transaction(
        &mut self,
        marker: &EndTransactionMarker,
        reply: MarkerReply,
    ) -> Result<(), ProduceError> {
        let batch = marker.batch(self.task.host.clock.unix_ms());
        let terms = AppendTerms::Marker { transaction_version: marker.transaction_version };
        // Whoever has hung up needs no answer.
        match self.append_alone(terms, batch).await {
            Ok(Ok(())) => {
                self.shard.replay_marker(marker.producer_id, marker.is_commit);
                self.next_offset = self.batch_offset;
                drop(reply.send(Ok(self.task.partition.wait_for_log_end())));
            }
            Ok(Err(Refused(code))) => drop(reply.send(Err(code))),
            Err(error) => {
                drop(reply.send(Err(code_for_clients(error.code))));
                return Err(error);
            }
        }
        Ok(())
    }

    /// Appends a batch behind all that was decided before it, and waits until the log has it.
    async fn append_alone(
        &mut self,
        terms: AppendTerms,
        batch: ProduceBatch,
    ) -> Result<Result<(), Refused>, ProduceError> {
        self.append()?;
        if !self.outbox.is_empty() {
            return Ok(Err(Refused(code_for_clients(ErrorCode::RequestTimedOut))));
        }
        let deadline = self.commit_deadline();
        let (partition, directory) = (&self.task.partition, &self.task.host.directory);
        // Without acks the answer comes with the write, so whether there are enough replicas is
        // asked before. The wait for the commit is below.
        let submitted = partition.check_append(RequiredAcks::All).map_err(ProduceError::from);
        let submitted = submitted
            .and_then(|()| partition.append_on(terms, directory, batch, RequiredAcks::None));
        let mut appended = match submitted {
            Ok(appended) => appended,
            Err(error) if says_nothing_was_written(error.code) => {
                return Ok(Err(Refused(code_for_clients(error.code))));
            }
            Err(error) => return Err(error),
        };
        let patience = self.until(Some(deadline));
        let appended = match tokio::time::timeout(patience, &mut appended).await {
            Ok(Ok(Ok(appended))) => appended,
            Ok(Ok(Err(error))) if says_nothing_was_written(error.code) => {
                return Ok(Err(Refused(code_for_clients(error.code))));
            }
            Ok(Ok(Err(error))) => return Err(error),
            Ok(Err(_)) => return Err(ErrorCode::NotCoordinator.into()),
            // It may still be written, and is waited for before the log is read again.
            Err(_) => {
                self.in_flight.push(appended, self.batch_offset, deadline);
                return Err(ErrorCode::RequestTimedOut.into());
            }
        };
        if appended.base_offset != self.batch_offset {
            let message = format!(
                "somebody else writes to the partition: a batch of a transaction is at {} instead \
                 of {}",
                appended.base_offset, self.batch_offset
            );
            return Err(ProduceError::new(ErrorCode::NotCoordinator, message));
        }
        self.batch_offset = appended.last_offset.next();
        if let Some(committed) = self.task.partition.wait_for_log_end() {
            let last = Offset(self.batch_offset.0 - 1);
            self.in_flight.push(committed, last, self.commit_deadline());
        }
        Ok(Ok(()))
    }
}

/// Codes of a log that refuses a producer or its coordinator, of a partition with too few replicas,
/// and of a directory that has no room at the moment.
fn says_nothing_was_written(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::InvalidProducerEpoch
            | ErrorCode::InvalidTxnState
            | ErrorCode::OutOfOrderSequenceNumber
            | ErrorCode::TransactionCoordinatorFenced
            | ErrorCode::NotEnoughReplicas
            | ErrorCode::RequestTimedOut
    )
}
