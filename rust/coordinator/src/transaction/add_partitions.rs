//! AddPartitionsToTxn and AddOffsetsToTxn: what is part of a transaction, and whether something is.

use std::collections::BTreeSet;

use base::{ErrorCode, PartitionIndex};
use metadata::internal_topic::{OFFSETS_TOPIC, TRANSACTIONS_TOPIC, is_internal};
use wire::add_offsets_to_txn::{AddOffsetsToTxnRequest, AddOffsetsToTxnResponse};
use wire::add_partitions_to_txn::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnRequest, AddPartitionsToTxnResponse,
    AddPartitionsToTxnResult, AddPartitionsToTxnTopic, AddPartitionsToTxnTopicResult,
    AddPartitionsToTxnTransaction,
};

use super::decision::TransactionDecision;
use super::draft::{Draft, Producer};
use super::end_txn::understood;
use super::expiry::Room;
use super::partitions::TopicPartitions;
use super::shard::TransactionShard;
use super::state::TransactionState;
use super::version::TransactionVersion;
use crate::now::Now;
use crate::request::Client;

/// From here on a request has several transactions, and comes from a broker.
const BATCHED_VERSION: i16 = 4;
/// From here on the answer may be `PRODUCER_FENCED`.
const PRODUCER_FENCED_VERSION: i16 = 2;

impl TransactionShard {
    pub(super) fn add_partitions_to_txn(
        &mut self,
        now: Now,
        client: &Client,
        request: &AddPartitionsToTxnRequest,
        to: &mut TransactionDecision,
    ) -> AddPartitionsToTxnResponse {
        if client.api_version < BATCHED_VERSION {
            let transaction = AddPartitionsToTxnTransaction {
                transactional_id: request.v3_and_below_transactional_id.clone(),
                producer_id: request.v3_and_below_producer_id,
                producer_epoch: request.v3_and_below_producer_epoch,
                verify_only: false,
                topics: request.v3_and_below_topics.clone(),
            };
            let result = self.add_to_transaction(now, client, &transaction, to);
            let results_by_topic_v3_and_below = result.topic_results;
            return AddPartitionsToTxnResponse {
                results_by_topic_v3_and_below,
                ..AddPartitionsToTxnResponse::default()
            };
        }
        let mut seen = BTreeSet::new();
        let mut results = Vec::with_capacity(request.transactions.len());
        for transaction in &request.transactions {
            // An id that is there twice is as one that is asked for again too early: what was
            // decided of it does not show before it is replayed.
            results.push(if seen.insert(&transaction.transactional_id) {
                self.add_to_transaction(now, client, transaction, to)
            } else {
                result(transaction, |_, _| ErrorCode::ConcurrentTransactions)
            });
        }
        AddPartitionsToTxnResponse {
            results_by_transaction: results,
            ..AddPartitionsToTxnResponse::default()
        }
    }

    pub(super) fn add_offsets_to_txn(
        &mut self,
        now: Now,
        client: &Client,
        request: &AddOffsetsToTxnRequest,
        offsets_partition: i32,
        to: &mut TransactionDecision,
    ) -> AddOffsetsToTxnResponse {
        let mut partitions = TopicPartitions::default();
        partitions.add(OFFSETS_TOPIC, [offsets_partition]);
        let producer = Producer::new(request.producer_id, request.producer_epoch);
        // Under version 2 the group becomes part of the transaction with its offsets.
        let version = TransactionVersion::default();
        let added = self.add(now, &request.transactional_id, producer, &partitions, version, to);
        let error = added.err().unwrap_or(ErrorCode::None);
        let error = understood(error, client.api_version >= PRODUCER_FENCED_VERSION);
        AddOffsetsToTxnResponse { error_code: error.code(), ..AddOffsetsToTxnResponse::default() }
    }

    fn add_to_transaction(
        &mut self,
        now: Now,
        client: &Client,
        transaction: &AddPartitionsToTxnTransaction,
        to: &mut TransactionDecision,
    ) -> AddPartitionsToTxnResult {
        let AddPartitionsToTxnTransaction { transactional_id, topics, .. } = transaction;
        let refusal = |topic: &str, partition| self.refusal(client.api_version, topic, partition);
        let is_refused = |topic: &AddPartitionsToTxnTopic| {
            topic.partitions.iter().any(|&partition| refusal(&topic.name, partition).is_some())
        };
        if topics.iter().any(is_refused) {
            // All of them or none.
            return result(transaction, |topic, partition| {
                refusal(topic, partition).unwrap_or(ErrorCode::OperationNotAttempted)
            });
        }
        let producer = Producer::new(transaction.producer_id, transaction.producer_epoch);
        if transaction.verify_only {
            return match self.verified(transactional_id, producer) {
                Ok(added) => result(transaction, |topic, partition| {
                    if added.contains(topic, partition) {
                        ErrorCode::None
                    } else {
                        ErrorCode::TransactionAbortable
                    }
                }),
                Err(error) => result(transaction, |_, _| error),
            };
        }
        let partitions = partitions(topics);
        let version = TransactionVersion::of_add_partitions(client.api_version);
        let added = self.add(now, transactional_id, producer, &partitions, version, to);
        let error = added.err().unwrap_or(ErrorCode::None);
        let error = understood(error, client.api_version >= PRODUCER_FENCED_VERSION);
        result(transaction, |_, _| error)
    }

    /// Why a partition can be in no transaction that whoever speaks this version names it for.
    /// What transactions are kept in can be in none: nobody but its coordinator writes there, and a
    /// marker would be something that it knows nothing of.
    fn refusal(&self, api_version: i16, topic: &str, partition: i32) -> Option<ErrorCode> {
        let is_from_client = api_version < BATCHED_VERSION;
        if topic == TRANSACTIONS_TOPIC || is_from_client && is_internal(topic) {
            return Some(ErrorCode::TopicAuthorizationFailed);
        }
        let topic = self.image.topic_by_name(topic);
        let exists =
            topic.is_some_and(|topic| topic.partition(PartitionIndex(partition)).is_some());
        (!exists).then_some(ErrorCode::UnknownTopicOrPartition)
    }

    /// What the producer's transaction has.
    fn verified(
        &self,
        transactional_id: &str,
        producer: Producer,
    ) -> Result<&TopicPartitions, ErrorCode> {
        if transactional_id.is_empty() {
            return Err(ErrorCode::InvalidRequest);
        }
        let metadata = self.transactions.get(transactional_id);
        let metadata = metadata.ok_or(ErrorCode::InvalidProducerIdMapping)?;
        check_producer(
            Producer { id: metadata.producer_id, epoch: metadata.producer_epoch },
            producer,
        )?;
        if metadata.state.is_prepared() {
            return Err(ErrorCode::ConcurrentTransactions);
        }
        Ok(&metadata.partitions)
    }

    fn add(
        &mut self,
        now: Now,
        transactional_id: &str,
        producer: Producer,
        partitions: &TopicPartitions,
        version: TransactionVersion,
        to: &mut TransactionDecision,
    ) -> Result<(), ErrorCode> {
        if transactional_id.is_empty() {
            return Err(ErrorCode::InvalidRequest);
        }
        let draft = self.draft(transactional_id);
        let mut draft: Draft = draft.ok_or(ErrorCode::InvalidProducerIdMapping)?;
        if draft.state().is_prepared() {
            return Err(ErrorCode::ConcurrentTransactions);
        }
        check_producer(draft.producer(), producer)?;
        let is_ongoing = draft.state() == TransactionState::Ongoing;
        if is_ongoing && draft.metadata.partitions.contains_all(partitions) {
            return Ok(());
        }
        self.check_log_has_place_for(version)?;
        draft.add_partitions(partitions, version, now.unix_ms);
        if !Room::new(&self.config).takes(&self.record(&draft)) {
            return Err(ErrorCode::UnknownServerError);
        }
        self.write(&draft, to);
        Ok(())
    }
}

fn check_producer(known: Producer, producer: Producer) -> Result<(), ErrorCode> {
    if known.id != producer.id {
        return Err(ErrorCode::InvalidProducerIdMapping);
    }
    if known.epoch != producer.epoch {
        return Err(ErrorCode::ProducerFenced);
    }
    Ok(())
}

fn partitions(topics: &[AddPartitionsToTxnTopic]) -> TopicPartitions {
    let mut partitions = TopicPartitions::default();
    for topic in topics {
        partitions.add(&topic.name, topic.partitions.iter().copied());
    }
    partitions
}

/// A code a partition, in the order in which they were named.
fn result(
    transaction: &AddPartitionsToTxnTransaction,
    code: impl Fn(&str, i32) -> ErrorCode,
) -> AddPartitionsToTxnResult {
    let topic = |topic: &AddPartitionsToTxnTopic| {
        let partition = |&partition_index: &i32| AddPartitionsToTxnPartitionResult {
            partition_index,
            partition_error_code: code(&topic.name, partition_index).code(),
        };
        AddPartitionsToTxnTopicResult {
            name: topic.name.clone(),
            results_by_partition: topic.partitions.iter().map(partition).collect(),
        }
    };
    AddPartitionsToTxnResult {
        transactional_id: transaction.transactional_id.clone(),
        topic_results: transaction.topics.iter().map(topic).collect(),
    }
}
