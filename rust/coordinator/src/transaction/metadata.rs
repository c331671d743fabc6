//! What is persisted of a transactional id: its producer and its last transaction.

use base::{ProducerEpoch, ProducerId};
use wire::transaction_log::{PartitionsSchema, TransactionLogValue};

use super::partitions::TopicPartitions;
use super::state::TransactionState;
use super::version::TransactionVersion;

/// A transactional id. Kafka's `TransactionMetadata`, as far as the log has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionMetadata {
    pub(super) producer_id: ProducerId,
    /// The id before the last change, so that who did not hear of a new one is known again.
    pub(super) previous_producer_id: ProducerId,
    /// The id from the end of this transaction on, since the epochs of the present one are used
    /// up.
    pub(super) next_producer_id: ProducerId,
    pub(super) producer_epoch: ProducerEpoch,
    pub(super) timeout_ms: i32,
    pub(super) state: TransactionState,
    /// What is in the transaction; none once it has ended.
    pub(super) partitions: TopicPartitions,
    /// When the transaction began; -1: none has.
    pub(super) start_ms: i64,
    pub(super) last_update_ms: i64,
    /// Of the client that the transaction is of.
    pub(super) client_version: TransactionVersion,
}

impl TransactionMetadata {
    /// The value of its record.
    pub(super) fn to_value(&self) -> TransactionLogValue {
        let list =
            |(topic, ids): (String, Vec<i32>)| PartitionsSchema { topic, partition_ids: ids };
        let partitions = self.partitions.to_lists().into_iter().map(list).collect();
        TransactionLogValue {
            producer_id: self.producer_id.0,
            previous_producer_id: self.previous_producer_id.0,
            next_producer_id: self.next_producer_id.0,
            producer_epoch: self.producer_epoch.0,
            next_producer_epoch: -1,
            transaction_timeout_ms: self.timeout_ms,
            transaction_status: self.state.id(),
            transaction_partitions: (self.state != TransactionState::Empty).then_some(partitions),
            transaction_last_update_timestamp_ms: self.last_update_ms,
            transaction_start_timestamp_ms: self.start_ms,
            client_transaction_version: self.client_version.0,
        }
    }

    /// What a value says; `None` if there is no such state.
    pub(super) fn from_value(value: &TransactionLogValue) -> Option<Self> {
        let state = TransactionState::from_id(value.transaction_status)?;
        let mut partitions = TopicPartitions::default();
        if state != TransactionState::Empty {
            for topic in value.transaction_partitions.iter().flatten() {
                partitions.add(&topic.topic, topic.partition_ids.iter().copied());
            }
        }
        Some(Self {
            producer_id: ProducerId(value.producer_id),
            previous_producer_id: ProducerId(value.previous_producer_id),
            next_producer_id: ProducerId(value.next_producer_id),
            producer_epoch: ProducerEpoch(value.producer_epoch),
            timeout_ms: value.transaction_timeout_ms,
            state,
            partitions,
            start_ms: value.transaction_start_timestamp_ms,
            last_update_ms: value.transaction_last_update_timestamp_ms,
            client_version: TransactionVersion(value.client_transaction_version),
        })
    }
}
