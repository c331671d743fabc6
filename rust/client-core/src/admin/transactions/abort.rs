//! WriteTxnMarkers: ends a transaction in one partition by force. Its leader is told what only a
//! coordinator tells otherwise, so this is for transactions that no coordinator knows any more.

use std::time::Duration;

use base::{ErrorCode, NodeId, ProducerEpoch, ProducerId, TopicPartition};
use wire::write_txn_markers::{
    WritableTxnMarker, WritableTxnMarkerTopic, WriteTxnMarkersRequest, WriteTxnMarkersResponse,
};

use super::ProducerState;
use crate::admin::code;
use crate::inquiry::{Inquiry, Reading, Target};

/// Names an open transaction in one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionToAbort {
    /// The partition.
    pub topic_partition: TopicPartition,
    /// The producer.
    pub producer_id: ProducerId,
    /// Which incarnation of it.
    pub producer_epoch: ProducerEpoch,
    /// The epoch of the coordinator that the partition has heard of last. Of none it has, 0 is no
    /// later than that of any.
    pub coordinator_epoch: i32,
}

impl TransactionToAbort {
    /// The transaction that begins at this offset, if a producer of the partition has one open
    /// there.
    pub fn starting_at(
        start: i64,
        topic_partition: &TopicPartition,
        producers: &[ProducerState],
    ) -> Option<Self> {
        let starts = |producer: &&ProducerState| producer.transaction_start == Some(start);
        let producer = producers.iter().find(starts)?;
        Some(Self {
            topic_partition: topic_partition.clone(),
            producer_id: producer.producer_id,
            // A wider number on the wire, and never a larger one.
            producer_epoch: ProducerEpoch(i16::try_from(producer.producer_epoch).ok()?),
            coordinator_epoch: producer.coordinator_epoch.unwrap_or(0),
        })
    }
}

/// Tells `leader` that the transaction is aborted.
pub fn abort_transaction(
    leader: NodeId,
    transaction: &TransactionToAbort,
    timeout: Duration,
) -> Inquiry<WriteTxnMarkersRequest, WriteTxnMarkersResponse> {
    let TransactionToAbort { topic_partition, producer_id, producer_epoch, coordinator_epoch } =
        transaction;
    let topic = WritableTxnMarkerTopic {
        name: topic_partition.topic.to_string(),
        partition_indexes: vec![topic_partition.partition.0],
    };
    let marker = WritableTxnMarker {
        producer_id: producer_id.0,
        producer_epoch: producer_epoch.0,
        transaction_result: false,
        topics: vec![topic],
        // Version 2 would ask for an epoch that is later than that of the transaction.
        transaction_version: 0,
        coordinator_epoch: *coordinator_epoch,
    };
    let request = WriteTxnMarkersRequest { markers: vec![marker] };
    Inquiry::new(Target::Node(leader), request, timeout, Reading::Done)
}

/// Whether the partition has taken the marker.
pub fn read_aborted(
    response: &WriteTxnMarkersResponse,
    partition: &TopicPartition,
) -> Result<(), ErrorCode> {
    let topics = response.markers.iter().flat_map(|marker| &marker.topics);
    let mut rows =
        topics.filter(|topic| *topic.name == *partition.topic).flat_map(|topic| &topic.partitions);
    let row = rows.find(|row| row.partition_index == partition.partition.0);
    match code(row.ok_or(ErrorCode::UnknownServerError)?.error_code) {
        ErrorCode::None => Ok(()),
        code => Err(code),
    }
}
