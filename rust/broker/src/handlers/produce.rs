//! Produce (key 0), v3-v13: validates each batch in the request's own buffer and hands it to the
//! log.
//!
//! v8 adds per-record errors (KIP-467), v10 the leader's address (KIP-951), v11
//! `TRANSACTION_ABORTABLE`, v12 adds partitions to the transaction that they are written in
//! (KIP-890), v13 topic ids (KIP-516). The first half, [`submit`], runs in the order of the
//! connection's requests; the second, [`Submission::answer`], ends when the records are where
//! `acks` wants them.

mod transactional;

use std::sync::Arc;
use std::time::Duration;

use base::{ErrorCode, TopicId, Uuid};
use metadata::internal_topic::is_internal;
use records::{AppendOrigin, validate_produce};
use replica::RequiredAcks;
use storage::{AppendTerms, VerificationGuard};
use thiserror::Error;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};
use wire::Records;
use wire::produce::{
    BatchIndexAndErrorMessage, PartitionProduceData, PartitionProduceResponse, ProduceRequest,
    ProduceResponse, TopicProduceData, TopicProduceResponse,
};

use crate::errors::ProduceError;
use crate::partition::{AppendResult, Partition};
use crate::request::RequestContext;
use transactional::{Unverified, Verified, transactional_write};

/// The first version whose clients know zstd (KIP-110).
const ZSTD_VERSION_MIN: i16 = 7;
/// The first version that names topics by their ids.
const TOPIC_ID_VERSION_MIN: i16 = 13;
/// The client id that Kafka's own tools bear when they write to internal topics.
const ADMIN_CLIENT_ID: &str = "__admin_client";
/// The acks that wait for every in-sync replica.
const ACKS_ALL: i16 = -1;

/// A produce request in its order.
#[derive(Debug)]
pub(crate) enum Submission {
    /// Its batches are with the log.
    Submitted(Pending),
    /// The coordinator of its transaction is to be asked first.
    Unverified(Box<Unverified>),
}

/// A produce request whose batches are with the log.
#[derive(Debug)]
pub(crate) struct Pending {
    is_answered: bool,
    /// When to stop waiting for the other replicas; who does not wait for them needs none.
    deadline: Option<Instant>,
    topics: Vec<PendingTopic>,
}

#[derive(Debug)]
struct PendingTopic {
    name: String,
    topic_id: Uuid,
    partitions: Vec<(i32, Submitted)>,
}

type Submitted = Result<oneshot::Receiver<AppendResult>, ProduceError>;

/// A request with acks=0 failed: nobody can be told but by closing the connection, as Kafka does.
#[derive(Debug, Error)]
#[error("a produce request with acks=0 failed with error code {code}")]
pub(crate) struct UnansweredFailure {
    code: i16,
}

/// Validates the request and submits its batches, in the order of the requests of one connection.
pub(crate) fn submit(context: &RequestContext, request: ProduceRequest) -> Submission {
    match transactional_write(context, &request) {
        Ok(Some(write)) => transactional::submit(context, request, write),
        Ok(None) => Submission::Submitted(append(context, request, Ok(Verified::default()))),
        Err(error) => Submission::Submitted(append(context, request, Err(error))),
    }
}

/// Hands the batches to the log as far as their transactions allow it.
fn append(
    context: &RequestContext,
    request: ProduceRequest,
    verified: Result<Verified, ProduceError>,
) -> Pending {
    let timeout = Duration::from_millis(request.timeout_ms.max(0) as u64);
    let admitted = verified.and_then(|verified| Ok((required_acks(&request)?, verified)));
    let topics = request.topic_data.into_iter().enumerate();
    Pending {
        is_answered: request.acks != 0,
        deadline: (request.acks == ACKS_ALL).then(|| Instant::now() + timeout),
        topics: topics
            .map(|(place, topic)| append_topic(context, place, topic, &admitted))
            .collect(),
    }
}

/// Whose answer the request waits for.
fn required_acks(request: &ProduceRequest) -> Result<RequiredAcks, ProduceError> {
    RequiredAcks::from_wire(request.acks).ok_or_else(|| {
        let message = format!("acks must be 0, 1 or -1 (all), not {}", request.acks);
        ProduceError::new(ErrorCode::InvalidRequiredAcks, message)
    })
}

fn append_topic(
    context: &RequestContext,
    place: usize,
    topic: TopicProduceData,
    admitted: &Result<(RequiredAcks, Verified), ProduceError>,
) -> PendingTopic {
    let id = TopicId(topic.topic_id);
    let partitions = topic.partition_data.into_iter().enumerate().map(|(number, data)| {
        let index = data.index;
        let submitted = admitted.as_ref().map_err(Clone::clone).and_then(|(acks, verified)| {
            let partition = find(context, &topic.name, id, index)?;
            check_not_internal(context, &partition)?;
            let guard = verified.guard(place, number)?;
            append_partition(context, &partition, data, *acks, guard)
        });
        (index, submitted)
    });
    PendingTopic { partitions: partitions.collect(), name: topic.name, topic_id: topic.topic_id }
}

fn find(
    context: &RequestContext,
    name: &str,
    id: TopicId,
    index: i32,
) -> Result<Arc<Partition>, ErrorCode> {
    if context.api_version >= TOPIC_ID_VERSION_MIN {
        context.broker.partitions.by_id(id, index)
    } else {
        context.broker.partitions.by_name(name, index)
    }
}

/// Only the broker writes to its own topics, and whoever says to be its operator.
fn check_not_internal(context: &RequestContext, partition: &Partition) -> Result<(), ProduceError> {
    if context.client_id == ADMIN_CLIENT_ID || !is_internal(partition.topic()) {
        return Ok(());
    }
    let message = format!("{} belongs to the brokers", partition.topic());
    Err(ProduceError::new(ErrorCode::InvalidTopicException, message))
}

fn append_partition(
    context: &RequestContext,
    partition: &Arc<Partition>,
    data: PartitionProduceData,
    acks: RequiredAcks,
    guard: VerificationGuard,
) -> Submitted {
    let Some(Records::Bytes(bytes)) = data.records else {
        let message = "the request holds no records for this partition".to_owned();
        return Err(ProduceError::new(ErrorCode::InvalidRecord, message));
    };
    let zstd_allowed = context.api_version >= ZSTD_VERSION_MIN;
    let rules = partition.produce_rules(context.broker.clock.unix_ms(), zstd_allowed);
    let batch = validate_produce(&bytes, &rules)?;
    let terms = AppendTerms::Records { origin: AppendOrigin::Client, guard };
    partition.append_on(terms, &context.broker.directory, batch, acks)
}

impl Submission {
    /// Waits for the records, and answers; none is the silence that acks=0 asks for.
    pub(crate) async fn answer(self) -> Result<Option<ProduceResponse>, UnansweredFailure> {
        match self {
            Self::Submitted(pending) => pending.answer().await,
            Self::Unverified(unverified) => unverified.submit().await.answer().await,
        }
    }
}

impl Pending {
    async fn answer(self) -> Result<Option<ProduceResponse>, UnansweredFailure> {
        let mut response = ProduceResponse::default();
        for topic in self.topics {
            let mut partition_responses = Vec::with_capacity(topic.partitions.len());
            for (index, submitted) in topic.partitions {
                let result = appended(submitted, self.deadline).await;
                partition_responses.push(partition_response(index, result));
            }
            let (name, topic_id) = (topic.name, topic.topic_id);
            response.responses.push(TopicProduceResponse { name, topic_id, partition_responses });
        }
        if self.is_answered {
            return Ok(Some(response));
        }
        let mut partitions = response.responses.iter().flat_map(|t| &t.partition_responses);
        match partitions.find(|partition| partition.error_code != ErrorCode::None.code()) {
            None => Ok(None),
            Some(failed) => Err(UnansweredFailure { code: failed.error_code }),
        }
    }
}

async fn appended(submitted: Submitted, deadline: Option<Instant>) -> AppendResult {
    let answer = submitted?;
    let answer = match deadline {
        Some(deadline) => timeout_at(deadline, answer).await,
        None => Ok(answer.await),
    };
    match answer {
        Ok(Ok(result)) => result,
        // The partition has gone, and those who waited for it with it.
        Ok(Err(_)) => Err(ErrorCode::NotLeaderOrFollower.into()),
        Err(_) => Err(ErrorCode::RequestTimedOut.into()),
    }
}

fn partition_response(index: i32, result: AppendResult) -> PartitionProduceResponse {
    let answer = PartitionProduceResponse { index, ..PartitionProduceResponse::default() };
    match result {
        Ok(appended) => PartitionProduceResponse {
            base_offset: appended.base_offset.0,
            log_append_time_ms: appended.log_append_time_ms.unwrap_or(-1),
            log_start_offset: appended.log_start.0,
            ..answer
        },
        Err(error) => PartitionProduceResponse {
            error_code: error.code.code(),
            base_offset: -1,
            record_errors: error.records.into_iter().map(record_error).collect(),
            error_message: error.message,
            ..answer
        },
    }
}

fn record_error((batch_index, message): (i32, String)) -> BatchIndexAndErrorMessage {
    BatchIndexAndErrorMessage { batch_index, batch_index_error_message: Some(message) }
}
