//! Produce within a transaction: the first batch on a partition waits until the transaction's
//! coordinator knows of the partition, and the requests behind it wait with it.

use std::collections::BTreeMap;

use base::{ErrorCode, ProducerId, TopicId};
use records::BatchHeader;
use storage::{VerificationGuard, VerificationStart};
use wire::Records;
use wire::produce::{PartitionProduceData, ProduceRequest};

use super::{Pending, Submission, append, check_not_internal, find};
use crate::coordinator_runtime::Producer;
use crate::errors::ProduceError;
use crate::produce_order::Turn;
use crate::request::RequestContext;
use crate::transaction_verification::{
    Patience, Refusals, TopicPartitions, TransactionSupport, TransactionalWrite,
};

/// A produce request that waits for its turn, and then for the coordinator.
#[derive(Debug)]
pub(crate) struct Unverified {
    turn: Turn,
    context: RequestContext,
    request: ProduceRequest,
    write: TransactionalWrite,
}

/// Where a batch stands in its request: the place of its topic, and its own there.
type Place = (usize, usize);

/// What is known of the batches of a request; those that it does not name need no verification.
#[derive(Debug, Default)]
pub(super) struct Verified {
    by_place: BTreeMap<Place, Result<VerificationGuard, ProduceError>>,
}

/// What has to be asked about a request.
#[derive(Debug, Default)]
struct Question {
    verified: Verified,
    /// The partitions whose transaction is not open yet.
    asked: Vec<(Place, (String, i32), VerificationGuard)>,
}

/// What the request writes in a transaction, if it does.
pub(super) fn transactional_write(
    context: &RequestContext,
    request: &ProduceRequest,
) -> Result<Option<TransactionalWrite>, ProduceError> {
    let batches = request.topic_data.iter().flat_map(|topic| &topic.partition_data);
    let mut producers = batches
        .filter_map(transactional_header)
        .map(|header| Producer { id: header.producer_id, epoch: header.producer_epoch });
    let Some(producer) = producers.next() else { return Ok(None) };
    let Some(transactional_id) = request.transactional_id.clone() else {
        let message = "a batch is part of a transaction, and the request names no transactional id";
        let code = ErrorCode::TransactionalIdAuthorizationFailed;
        return Err(ProduceError::new(code, message.to_owned()));
    };
    if producers.any(|other| other != producer) {
        let message = "the transactional batches are of more than one producer";
        return Err(ProduceError::new(ErrorCode::InvalidProducerIdMapping, message.to_owned()));
    }
    let support = TransactionSupport::of_produce(context.api_version);
    Ok(Some(TransactionalWrite { transactional_id, producer, support }))
}

/// Appends at once if all that is to be known is known and nobody waits, or takes a turn.
pub(super) fn submit(
    context: &RequestContext,
    request: ProduceRequest,
    write: TransactionalWrite,
) -> Submission {
    let order = &context.broker.produce_order;
    if order.is_idle(&write.transactional_id) {
        let question = Question::begin(context, &request, &write);
        if question.asked.is_empty() {
            return Submission::Submitted(append(context, request, Ok(question.verified)));
        }
    }
    let turn = order.take_turn(&write.transactional_id);
    let context = context.clone();
    Submission::Unverified(Box::new(Unverified { turn, context, request, write }))
}

impl Unverified {
    /// Asks the coordinator, and hands the batches to the log, before those of the next request.
    pub(super) async fn submit(mut self) -> Pending {
        self.turn.comes().await;
        let Self { turn: _turn, context, request, write } = self;
        let patience = Patience::new(&context.broker);
        let (question, refusals) = loop {
            let ended = context.broker.transactions.transaction_ended();
            tokio::pin!(ended);
            // Whatever ends from now on is noticed.
            ended.as_mut().enable();
            // The requests before may have opened the transaction.
            let question = Question::begin(&context, &request, &write);
            let refusals = question.ask(&context, &write).await;
            if !write.comes_too_early(&refusals) || !patience.wait(ended).await {
                break (question, refusals);
            }
        };
        append(&context, request, Ok(question.answered(&refusals, write.support)))
    }
}

impl Verified {
    /// What a batch is to be appended with, if it may be.
    pub(super) fn guard(
        &self,
        topic: usize,
        partition: usize,
    ) -> Result<VerificationGuard, ProduceError> {
        let verified = self.by_place.get(&(topic, partition)).cloned();
        verified.unwrap_or(Ok(VerificationGuard::NONE))
    }
}

impl Question {
    /// Begins to verify each partition on which the producer has no open transaction. One that is
    /// not there, or not for clients, is found out when it is to be appended to.
    fn begin(
        context: &RequestContext,
        request: &ProduceRequest,
        write: &TransactionalWrite,
    ) -> Self {
        let mut question = Self::default();
        for (topic_place, topic) in request.topic_data.iter().enumerate() {
            for (place, data) in topic.partition_data.iter().enumerate() {
                let Some(header) = transactional_header(data) else { continue };
                let found = find(context, &topic.name, TopicId(topic.topic_id), data.index);
                let Ok(partition) = found else { continue };
                if check_not_internal(context, &partition).is_err() {
                    continue;
                }
                let start = VerificationStart {
                    producer_id: header.producer_id,
                    producer_epoch: header.producer_epoch,
                    base_sequence: header.base_sequence,
                    supports_epoch_bump: write.support.bumps_epoch(),
                };
                if !write.support.bumps_epoch() && !partition.verifies_transactions() {
                    continue;
                }
                let place = (topic_place, place);
                match partition.begin_verification(&start, context.broker.clock.unix_ms()) {
                    Ok(VerificationGuard::NONE) => {}
                    Ok(guard) => {
                        let name = partition.topic().to_string();
                        question.asked.push((place, (name, data.index), guard));
                    }
                    Err(error) => drop(question.verified.by_place.insert(place, Err(error))),
                }
            }
        }
        question
    }

    async fn ask(&self, context: &RequestContext, write: &TransactionalWrite) -> Refusals {
        if self.asked.is_empty() {
            return Refusals::new();
        }
        let mut partitions = TopicPartitions::new();
        for (_, (topic, index), _) in &self.asked {
            partitions.entry(topic.clone()).or_default().push(*index);
        }
        write.ask(&context.broker, &context.client(), &partitions).await
    }

    fn answered(self, refusals: &Refusals, support: TransactionSupport) -> Verified {
        let Self { mut verified, asked } = self;
        for (place, partition, guard) in asked {
            let refusal = refusals.get(&partition);
            let known = refusal.map_or(Ok(guard), |code| Err(refused(*code, support)));
            verified.by_place.insert(place, known);
        }
        verified
    }
}

/// The header of a batch that says to be part of a transaction. One that cannot be read is refused
/// when it is validated.
fn transactional_header(data: &PartitionProduceData) -> Option<BatchHeader> {
    let Some(Records::Bytes(bytes)) = &data.records else { return None };
    let header = BatchHeader::parse(bytes).ok()?;
    let is_transactional = header.attributes.is_transactional();
    (is_transactional && header.producer_id != ProducerId::NONE).then_some(header)
}

/// A refusal as producers understand it. What passes is told as `NOT_ENOUGH_REPLICAS` to those who
/// would not try again otherwise: it is the one that does not send them to look for the leader.
fn refused(code: ErrorCode, support: TransactionSupport) -> ProduceError {
    match code {
        ErrorCode::ConcurrentTransactions if support.bumps_epoch() => code.into(),
        ErrorCode::ConcurrentTransactions
        | ErrorCode::NetworkException
        | ErrorCode::CoordinatorLoadInProgress
        | ErrorCode::CoordinatorNotAvailable
        | ErrorCode::NotCoordinator => {
            let message = format!(
                "Unable to verify the partition has been added to the transaction. Underlying \
                 error: {code}"
            );
            ProduceError::new(ErrorCode::NotEnoughReplicas, message)
        }
        ErrorCode::InvalidTxnState => {
            let message = "Partition was not added to the transaction";
            ProduceError::new(code, message.to_owned())
        }
        code => code.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_told_as_something_that_every_producer_tries_again() {
        use ErrorCode as Code;
        for (code, support, expected) in [
            (Code::NotCoordinator, TransactionSupport::Add, Code::NotEnoughReplicas),
            (Code::CoordinatorLoadInProgress, TransactionSupport::Verify, Code::NotEnoughReplicas),
            (Code::ConcurrentTransactions, TransactionSupport::Verify, Code::NotEnoughReplicas),
            (Code::ConcurrentTransactions, TransactionSupport::Add, Code::ConcurrentTransactions),
            (Code::InvalidTxnState, TransactionSupport::Verify, Code::InvalidTxnState),
            (Code::InvalidProducerEpoch, TransactionSupport::Add, Code::InvalidProducerEpoch),
        ] {
            assert_eq!(refused(code, support).code, expected, "{code}");
        }
    }
}
