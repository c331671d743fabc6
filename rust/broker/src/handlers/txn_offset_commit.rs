//! `TxnOffsetCommit` (key 28), v0-v5: stores how far a group will have come once a transaction is
//! committed (KIP-98).
//!
//! v2 adds leader epochs (KIP-320), v3 the member (KIP-447), v4 knows `TRANSACTION_ABORTABLE`; with
//! v5, which is transaction version 2, the group becomes part of the transaction by it (KIP-890).

use base::{ErrorCode, ProducerEpoch, ProducerId};
use metadata::internal_topic::OFFSETS_TOPIC;
use storage::{VerificationGuard, VerificationStart};
use wire::txn_offset_commit::{
    TxnOffsetCommitRequest, TxnOffsetCommitRequestTopic, TxnOffsetCommitResponse,
    TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
};

use crate::coordinator_runtime::Producer;
use crate::request::RequestContext;
use crate::transaction_verification::{
    Patience, TopicPartitions, TransactionSupport, TransactionalWrite,
};

/// From here on producers understand that a coordinator is loading (KAFKA-7296).
const LOADING_VERSION_MIN: i16 = 2;
/// What is written has no sequence numbers.
const NO_SEQUENCE: i32 = -1;

/// Lets the group's coordinator answer, once the transaction's coordinator knows of the group.
pub(crate) async fn handle(
    context: RequestContext,
    request: TxnOffsetCommitRequest,
) -> TxnOffsetCommitResponse {
    let refusal = refusal_of(context.api_version, &request);
    commit(&context, request).await.unwrap_or_else(refusal)
}

async fn commit(
    context: &RequestContext,
    request: TxnOffsetCommitRequest,
) -> Result<TxnOffsetCommitResponse, ErrorCode> {
    if request.group_id.is_empty() {
        return Err(ErrorCode::InvalidGroupId);
    }
    let guard = verify(context, &request).await.map_err(code_of_verification)?;
    let (client, group) = (context.client(), request.group_id.clone());
    context.broker.coordinator.ask_in_transaction(&client, &group, request, guard).await
}

/// Makes the partition that the group is kept in a part of the transaction, or finds out whether it
/// is one.
async fn verify(
    context: &RequestContext,
    request: &TxnOffsetCommitRequest,
) -> Result<VerificationGuard, ErrorCode> {
    let broker = &context.broker;
    let index = broker.coordinator.shard_of(&request.group_id)?;
    let partition = broker.partitions.by_name(OFFSETS_TOPIC, index);
    let partition = partition.map_err(|_| ErrorCode::NotCoordinator)?;
    let write = transactional_write(context.api_version, request);
    if !write.support.bumps_epoch() && !partition.verifies_transactions() {
        return Ok(VerificationGuard::NONE);
    }
    let start = VerificationStart {
        producer_id: write.producer.id,
        producer_epoch: write.producer.epoch,
        base_sequence: NO_SEQUENCE,
        supports_epoch_bump: write.support.bumps_epoch(),
    };
    let partitions = TopicPartitions::from([(OFFSETS_TOPIC.to_owned(), vec![index])]);
    let patience = Patience::new(broker);
    loop {
        let ended = broker.transactions.transaction_ended();
        tokio::pin!(ended);
        // Whatever ends from now on is noticed.
        ended.as_mut().enable();
        let begun = partition.begin_verification(&start, broker.clock.unix_ms());
        let guard = begun.map_err(|error| error.code)?;
        if guard == VerificationGuard::NONE {
            return Ok(guard);
        }
        let refusals = write.ask(broker, &context.client(), &partitions).await;
        if write.comes_too_early(&refusals) && patience.wait(ended).await {
            continue;
        }
        return refusals.into_values().next().map_or(Ok(guard), Err);
    }
}

fn transactional_write(version: i16, request: &TxnOffsetCommitRequest) -> TransactionalWrite {
    TransactionalWrite {
        transactional_id: request.transactional_id.clone(),
        producer: Producer {
            id: ProducerId(request.producer_id),
            epoch: ProducerEpoch(request.producer_epoch),
        },
        support: TransactionSupport::of_txn_offset_commit(version),
    }
}

/// As Kafka tells it: what passes is told as what sends nobody to look for the group's coordinator.
fn code_of_verification(code: ErrorCode) -> ErrorCode {
    match code {
        ErrorCode::NetworkException => ErrorCode::CoordinatorLoadInProgress,
        code => code,
    }
}

/// The answer if there is no coordinator to give it. A whole request has no error of its own, so
/// that each partition bears it.
fn refusal_of(
    version: i16,
    request: &TxnOffsetCommitRequest,
) -> impl FnOnce(ErrorCode) -> TxnOffsetCommitResponse + use<> {
    let topics = request.topics.iter().map(unanswered);
    let mut response = TxnOffsetCommitResponse { topics: topics.collect(), ..Default::default() };
    move |code| {
        let code = match code {
            ErrorCode::CoordinatorLoadInProgress if version < LOADING_VERSION_MIN => {
                ErrorCode::CoordinatorNotAvailable
            }
            code => code,
        };
        let partitions = response.topics.iter_mut().flat_map(|topic| &mut topic.partitions);
        partitions.for_each(|partition| partition.error_code = code.code());
        response
    }
}

fn unanswered(topic: &TxnOffsetCommitRequestTopic) -> TxnOffsetCommitResponseTopic {
    let partition =
        |index| TxnOffsetCommitResponsePartition { partition_index: index, error_code: 0 };
    TxnOffsetCommitResponseTopic {
        name: topic.name.clone(),
        partitions: topic.partitions.iter().map(|p| partition(p.partition_index)).collect(),
    }
}
