//! The requests that most tests need: to one partition, and all else left at its default.

use base::{ErrorCode, Uuid};
use bytes::Bytes;
use wire::create_topics::{
    CreatableTopic, CreatableTopicConfig, CreatableTopicResult, CreateTopicsRequest,
};
use wire::fetch::{FetchPartition, FetchRequest, FetchTopic, PartitionData};
use wire::list_offsets::{
    ListOffsetsPartition, ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsTopic,
};
use wire::metadata::{MetadataRequest, MetadataRequestTopic, MetadataResponseTopic};
use wire::produce::{
    PartitionProduceData, PartitionProduceResponse, ProduceRequest, TopicProduceData,
};
use wire::{FetchResponse, Records};

use crate::batches::{batch, records_in};
use crate::test_client::TestClient;

/// The last versions that name topics; later ones use ids.
pub(crate) const PRODUCE_BY_NAME: i16 = 12;
pub(crate) const FETCH_BY_NAME: i16 = 12;

/// Longer than any test: who waits for so long has missed its wake-up.
pub(crate) const LONG_WAIT_MS: i32 = 25_000;

/// A request to write one batch to one partition.
pub(crate) fn produce_request(
    topic: &str,
    partition: i32,
    acks: i16,
    batch: Bytes,
) -> ProduceRequest {
    let data = PartitionProduceData { index: partition, records: Some(Records::Bytes(batch)) };
    let name = topic.to_owned();
    let topic_data =
        vec![TopicProduceData { name, partition_data: vec![data], ..TopicProduceData::default() }];
    ProduceRequest { acks, timeout_ms: 30_000, topic_data, ..ProduceRequest::default() }
}

/// A request to read one partition, which does not wait.
pub(crate) fn fetch_request(topic: &str, offset: i64) -> FetchRequest {
    let partitions = vec![fetch_partition(0, offset)];
    FetchRequest {
        max_wait_ms: 0,
        min_bytes: 1,
        topics: vec![FetchTopic { topic: topic.to_owned(), partitions, ..FetchTopic::default() }],
        ..FetchRequest::default()
    }
}

/// One partition of a fetch, with ample room.
pub(crate) fn fetch_partition(partition: i32, offset: i64) -> FetchPartition {
    FetchPartition {
        partition,
        fetch_offset: offset,
        partition_max_bytes: 1 << 20,
        ..FetchPartition::default()
    }
}

/// A request to look up one position of one partition.
pub(crate) fn list_offsets_request(topic: &str, timestamp: i64) -> ListOffsetsRequest {
    let partitions = vec![ListOffsetsPartition { timestamp, ..ListOffsetsPartition::default() }];
    ListOffsetsRequest {
        replica_id: -1,
        topics: vec![ListOffsetsTopic { name: topic.to_owned(), partitions }],
        ..ListOffsetsRequest::default()
    }
}

/// A request to create one topic.
pub(crate) fn create_request(
    name: &str,
    partitions: i32,
    configs: &[(&str, &str)],
) -> CreateTopicsRequest {
    let configs = configs.iter().map(|(name, value)| CreatableTopicConfig {
        name: (*name).to_owned(),
        value: Some((*value).to_owned()),
    });
    let topic = CreatableTopic {
        name: name.to_owned(),
        num_partitions: partitions,
        replication_factor: -1,
        configs: configs.collect(),
        ..CreatableTopic::default()
    };
    CreateTopicsRequest { topics: vec![topic], ..CreateTopicsRequest::default() }
}

/// The only partition of a fetch's answer.
pub(crate) fn only_partition(response: FetchResponse) -> PartitionData {
    assert_eq!(response.error_code, 0);
    response.responses.into_iter().next().unwrap().partitions.into_iter().next().unwrap()
}

/// Asserts that an answer bears this code, by its name.
#[track_caller]
pub(crate) fn assert_code(code: i16, expected: ErrorCode) {
    assert_eq!(ErrorCode::from_code(code), Some(expected));
}

impl TestClient {
    /// Creates a topic of one partition and gives its id.
    pub(crate) async fn create_topic(&mut self, name: &str, configs: &[(&str, &str)]) -> Uuid {
        let created = self.try_create(name, 1, configs).await;
        assert_eq!(created.error_message, None);
        created.topic_id
    }

    /// Asks for a topic.
    pub(crate) async fn try_create(
        &mut self,
        name: &str,
        partitions: i32,
        configs: &[(&str, &str)],
    ) -> CreatableTopicResult {
        let response = self.call(&create_request(name, partitions, configs)).await;
        response.topics.into_iter().next().unwrap()
    }

    /// What the metadata says of one topic, which is not created.
    pub(crate) async fn topic(&mut self, name: &str) -> MetadataResponseTopic {
        let topic = MetadataRequestTopic { name: Some(name.to_owned()), topic_id: Uuid::ZERO };
        let request = MetadataRequest {
            topics: Some(vec![topic]),
            allow_auto_topic_creation: false,
            ..MetadataRequest::default()
        };
        self.call(&request).await.topics.into_iter().next().unwrap()
    }

    /// Writes one batch to partition 0 with acks=all.
    pub(crate) async fn produce(&mut self, topic: &str, batch: Bytes) -> PartitionProduceResponse {
        self.produce_with(&produce_request(topic, 0, -1, batch)).await
    }

    /// Sends a request about one partition.
    pub(crate) async fn produce_with(
        &mut self,
        request: &ProduceRequest,
    ) -> PartitionProduceResponse {
        let response = self.call_in(PRODUCE_BY_NAME, request).await;
        let topic = response.responses.into_iter().next().unwrap();
        topic.partition_responses.into_iter().next().unwrap()
    }

    /// Writes these values to partition 0, and gives the first one's offset.
    pub(crate) async fn append(&mut self, topic: &str, values: &[&str]) -> i64 {
        let answer = self.produce(topic, batch(values)).await;
        assert_code(answer.error_code, ErrorCode::None);
        answer.base_offset
    }

    /// What partition 0 has from `offset` on.
    pub(crate) async fn fetch(&mut self, topic: &str, offset: i64) -> PartitionData {
        only_partition(self.call_in(FETCH_BY_NAME, &fetch_request(topic, offset)).await)
    }

    /// The values of partition 0, from `offset` on, with their offsets.
    pub(crate) async fn read(&mut self, topic: &str, offset: i64) -> Vec<(i64, String)> {
        let fetched = self.fetch(topic, offset).await;
        assert_code(fetched.error_code, ErrorCode::None);
        records_in(fetched.records.as_ref(), offset)
    }

    /// Looks up a position of partition 0.
    pub(crate) async fn list_offset(
        &mut self,
        topic: &str,
        timestamp: i64,
    ) -> ListOffsetsPartitionResponse {
        let response = self.call(&list_offsets_request(topic, timestamp)).await;
        response.topics.into_iter().next().unwrap().partitions.into_iter().next().unwrap()
    }

    /// The end of partition 0.
    pub(crate) async fn log_end(&mut self, topic: &str) -> i64 {
        self.list_offset(topic, -1).await.offset
    }
}
