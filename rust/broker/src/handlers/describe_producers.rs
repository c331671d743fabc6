//! `DescribeProducers` (key 61), v0: who writes to a partition, and whose transaction is open there
//! since when (KIP-664).

use base::ProducerId;
use metadata::controller::validate_topic_name;
use storage::ProducerEntry;
use wire::describe_producers::{
    DescribeProducersRequest, DescribeProducersResponse, PartitionResponse, ProducerState,
    TopicRequest, TopicResponse,
};

use crate::request::RequestContext;

/// What a log remembers of its producers, by their ids.
pub(crate) fn handle(
    context: &RequestContext,
    request: &DescribeProducersRequest,
) -> DescribeProducersResponse {
    let topics = request.topics.iter().map(|topic| {
        let indexes = topic.partition_indexes.iter();
        let partitions = indexes.map(|&index| partition(context, topic, index));
        TopicResponse { name: topic.name.clone(), partitions: partitions.collect() }
    });
    DescribeProducersResponse { throttle_time_ms: 0, topics: topics.collect() }
}

fn partition(context: &RequestContext, topic: &TopicRequest, index: i32) -> PartitionResponse {
    let answer = PartitionResponse { partition_index: index, ..PartitionResponse::default() };
    if let Err(rejection) = validate_topic_name(&topic.name) {
        let (error_code, message) = (rejection.code.code(), rejection.message);
        return PartitionResponse { error_code, error_message: Some(message), ..answer };
    }
    match context.broker.partitions.by_name(&topic.name, index) {
        Ok(partition) => {
            let producers = partition.producers().into_iter();
            let active_producers = producers.map(|(id, entry)| producer(id, &entry)).collect();
            PartitionResponse { active_producers, ..answer }
        }
        Err(code) => PartitionResponse { error_code: code.code(), ..answer },
    }
}

fn producer(producer_id: ProducerId, entry: &ProducerEntry) -> ProducerState {
    ProducerState {
        producer_id: producer_id.0,
        producer_epoch: i32::from(entry.producer_epoch.0),
        last_sequence: entry.last_sequence(),
        last_timestamp: entry.last_seen_ms,
        coordinator_epoch: entry.coordinator_epoch,
        current_txn_start_offset: entry.transaction_first_offset.map_or(-1, |offset| offset.0),
    }
}
