//! DescribeProducers: the producers that a partition knows, and since where each has a transaction
//! open. Each partition's leader is asked, or any broker that has a replica.

use std::collections::BTreeMap;
use std::time::Duration;

use base::{ErrorCode, NodeId, ProducerId, TopicPartition};
use wire::describe_producers::{
    self, DescribeProducersRequest, DescribeProducersResponse, TopicRequest,
};

use crate::admin::code;
use crate::inquiry::{Inquiry, Reading, Target};

/// A producer as a partition knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducerState {
    /// The producer.
    pub producer_id: ProducerId,
    /// Which incarnation of it has written last.
    pub producer_epoch: i32,
    /// The sequence number of the last record; -1 if the last thing was a marker.
    pub last_sequence: i32,
    /// When that was, in milliseconds since 1970.
    pub last_timestamp_ms: i64,
    /// The epoch of the coordinator that has written the last marker, if there was one.
    pub coordinator_epoch: Option<i32>,
    /// Where its open transaction begins, if it has one.
    pub transaction_start: Option<i64>,
}

/// Asks `node` about partitions; the numbers say nothing.
pub fn describe_producers(
    node: NodeId,
    partitions: &[(TopicPartition, i64)],
    timeout: Duration,
) -> Inquiry<DescribeProducersRequest, DescribeProducersResponse> {
    let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    for (name, _) in partitions {
        topics.entry(&name.topic).or_default().push(name.partition.0);
    }
    let topic = |(name, partition_indexes): (&str, _)| TopicRequest {
        name: name.to_owned(),
        partition_indexes,
    };
    let request = DescribeProducersRequest { topics: topics.into_iter().map(topic).collect() };
    Inquiry::new(Target::Node(node), request, timeout, Reading::Done)
}

/// What the answer says about a partition, by producer.
pub fn read_producers(
    response: &DescribeProducersResponse,
    partition: &TopicPartition,
) -> Result<Vec<ProducerState>, ErrorCode> {
    let topic = response.topics.iter().find(|topic| *topic.name == *partition.topic);
    let mut rows = topic.into_iter().flat_map(|topic| &topic.partitions);
    let row = rows.find(|row| row.partition_index == partition.partition.0);
    let row = row.ok_or(ErrorCode::UnknownServerError)?;
    match code(row.error_code) {
        ErrorCode::None => {}
        code => return Err(code),
    }
    let mut producers: Vec<_> = row.active_producers.iter().map(producer).collect();
    producers.sort_unstable_by_key(|producer| producer.producer_id);
    Ok(producers)
}

fn producer(row: &describe_producers::ProducerState) -> ProducerState {
    ProducerState {
        producer_id: ProducerId(row.producer_id),
        producer_epoch: row.producer_epoch,
        last_sequence: row.last_sequence,
        last_timestamp_ms: row.last_timestamp,
        coordinator_epoch: Some(row.coordinator_epoch).filter(|epoch| *epoch >= 0),
        transaction_start: Some(row.current_txn_start_offset).filter(|offset| *offset >= 0),
    }
}
