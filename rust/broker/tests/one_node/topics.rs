//! CreateTopics, DeleteTopics and CreatePartitions.

use base::{ErrorCode, Uuid};
use wire::create_partitions::CreatePartitionsTopic;
use wire::create_topics::{CreatableReplicaAssignment, CreatableTopicResult};
use wire::delete_topics::{DeletableTopicResult, DeleteTopicState};
use wire::{CreatePartitionsRequest, CreateTopicsRequest, DeleteTopicsRequest};

use crate::batches::batch;
use crate::requests::{
    assert_code, create_request, fetch_partition, fetch_request, only_partition, produce_request,
};
use crate::test_broker::TestBroker;
use crate::test_client::TestClient;

impl TestClient {
    /// Deletes a topic that is there.
    pub(crate) async fn delete_topic(&mut self, name: &str) {
        let deleted = delete(self, Some(name), Uuid::ZERO).await;
        assert_code(deleted.error_code, ErrorCode::None);
    }
}

async fn delete(
    client: &mut TestClient,
    name: Option<&str>,
    topic_id: Uuid,
) -> DeletableTopicResult {
    let topics = vec![DeleteTopicState { name: name.map(str::to_owned), topic_id }];
    let request = DeleteTopicsRequest { topics, ..DeleteTopicsRequest::default() };
    client.call(&request).await.responses.into_iter().next().unwrap()
}

async fn create(client: &mut TestClient, request: &CreateTopicsRequest) -> CreatableTopicResult {
    client.call(request).await.topics.into_iter().next().unwrap()
}

#[tokio::test]
async fn a_created_topic_tells_its_id_and_size_and_takes_records() {
    let broker = TestBroker::start(&[("num.partitions", "4")]).await;
    let mut client = broker.connect().await;
    for (name, asked, partitions) in [("counted", 2, 2), ("by-default", -1, 4)] {
        let created = client.try_create(name, asked, &[]).await;
        assert_code(created.error_code, ErrorCode::None);
        assert_eq!((created.num_partitions, created.replication_factor), (partitions, 1));
        let topic = client.topic(name).await;
        assert_eq!(topic.topic_id, created.topic_id);
        for partition in 0..partitions {
            let request = produce_request(name, partition, -1, batch(&["a"]));
            assert_eq!(client.produce_with(&request).await.base_offset, 0);
        }
    }
}

#[tokio::test]
async fn a_topic_that_cannot_be_is_refused_with_the_reason() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("there", &[]).await;
    client.create_topic("with.dot", &[]).await;
    let long = "x".repeat(250);
    for (name, partitions, code) in [
        ("there", 1, ErrorCode::TopicAlreadyExists),
        ("with_dot", 1, ErrorCode::InvalidTopicException),
        ("", 1, ErrorCode::InvalidTopicException),
        ("..", 1, ErrorCode::InvalidTopicException),
        ("with space", 1, ErrorCode::InvalidTopicException),
        (&long, 1, ErrorCode::InvalidTopicException),
        ("none", 0, ErrorCode::InvalidPartitions),
        ("negative", -2, ErrorCode::InvalidPartitions),
    ] {
        let refused = client.try_create(name, partitions, &[]).await;
        assert_eq!(ErrorCode::from_code(refused.error_code), Some(code), "{name}");
        assert!(refused.error_message.is_some());
    }
    let mut request = create_request("twice-replicated", 1, &[]);
    request.topics[0].replication_factor = 2;
    let refused = create(&mut client, &request).await;
    assert_code(refused.error_code, ErrorCode::InvalidReplicationFactor);
}

#[tokio::test]
async fn the_default_replication_factor_counts_where_a_topic_names_none() {
    let broker = TestBroker::start(&[("default.replication.factor", "2")]).await;
    let mut client = broker.connect().await;
    for (replication_factor, code) in
        [(-1, ErrorCode::InvalidReplicationFactor), (1, ErrorCode::None)]
    {
        let mut request = create_request("t", 1, &[]);
        request.topics[0].replication_factor = replication_factor;
        assert_code(create(&mut client, &request).await.error_code, code);
    }
}

#[tokio::test]
async fn replicas_can_be_assigned_by_hand_to_brokers_that_exist() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    for (name, node, code) in
        [("here", 1, ErrorCode::None), ("elsewhere", 9, ErrorCode::InvalidReplicaAssignment)]
    {
        let mut request = create_request(name, -1, &[]);
        request.topics[0].assignments =
            vec![CreatableReplicaAssignment { partition_index: 0, broker_ids: vec![node] }];
        assert_code(create(&mut client, &request).await.error_code, code);
    }
}

#[tokio::test]
async fn validating_creates_nothing() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    let request = CreateTopicsRequest { validate_only: true, ..create_request("maybe", 1, &[]) };
    assert_code(create(&mut client, &request).await.error_code, ErrorCode::None);
    assert_code(client.topic("maybe").await.error_code, ErrorCode::UnknownTopicOrPartition);
}

#[tokio::test]
async fn a_topic_is_deleted_by_name_or_by_id() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("by-name", &[]).await;
    client.delete_topic("by-name").await;
    let id = client.create_topic("by-id", &[]).await;
    let deleted = delete(&mut client, None, id).await;
    assert_eq!((deleted.error_code, deleted.name.as_deref()), (0, Some("by-id")));
    for name in ["by-name", "by-id"] {
        assert_code(client.topic(name).await.error_code, ErrorCode::UnknownTopicOrPartition);
        let refused = client.produce(name, batch(&["late"])).await;
        assert_code(refused.error_code, ErrorCode::UnknownTopicOrPartition);
    }
    let again = delete(&mut client, Some("by-name"), Uuid::ZERO).await;
    assert_code(again.error_code, ErrorCode::UnknownTopicOrPartition);
    let again = delete(&mut client, None, id).await;
    assert_code(again.error_code, ErrorCode::UnknownTopicId);
}

#[tokio::test]
async fn a_topic_is_not_deleted_by_name_and_id_at_once_nor_where_it_is_forbidden() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    let id = client.create_topic("t", &[]).await;
    let refused = delete(&mut client, Some("t"), id).await;
    assert_code(refused.error_code, ErrorCode::InvalidRequest);

    let disk = broker.stop().await;
    let broker = TestBroker::start_on(disk, &[("delete.topic.enable", "false")]).await;
    let mut client = broker.connect().await;
    let refused = delete(&mut client, Some("t"), Uuid::ZERO).await;
    assert_code(refused.error_code, ErrorCode::TopicDeletionDisabled);
    assert_code(client.topic("t").await.error_code, ErrorCode::None);
}

#[tokio::test]
async fn a_topic_of_the_same_name_is_another_topic() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    let old = client.create_topic("t", &[("max.message.bytes", "100")]).await;
    client.append("t", &["old"]).await;
    client.delete_topic("t").await;
    let new = client.create_topic("t", &[]).await;
    assert_ne!(old, new);
    assert_eq!(client.read("t", 0).await, []);
    assert_eq!(client.append("t", &["larger than the old limit".repeat(9).as_str()]).await, 0);

    let mut of_the_old = fetch_request("", 0);
    of_the_old.topics[0].topic_id = old;
    let fetched = only_partition(client.call(&of_the_old).await);
    assert_code(fetched.error_code, ErrorCode::UnknownTopicId);

    let broker = TestBroker::start_on(broker.kill().await, &[]).await;
    let mut client = broker.connect().await;
    assert_eq!(client.topic("t").await.topic_id, new);
    assert_eq!(client.read("t", 0).await.len(), 1);
}

async fn grow(client: &mut TestClient, name: &str, count: i32, validate_only: bool) -> i16 {
    let topics = vec![CreatePartitionsTopic { name: name.to_owned(), count, assignments: None }];
    let request =
        CreatePartitionsRequest { topics, validate_only, ..CreatePartitionsRequest::default() };
    client.call(&request).await.results[0].error_code
}

#[tokio::test]
async fn added_partitions_take_records_and_the_others_keep_theirs() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    client.append("t", &["kept"]).await;
    assert_code(grow(&mut client, "t", 3, false).await, ErrorCode::None);
    assert_eq!(client.topic("t").await.partitions.len(), 3);
    let request = produce_request("t", 2, -1, batch(&["new"]));
    assert_eq!(client.produce_with(&request).await.base_offset, 0);
    assert_eq!(client.read("t", 0).await, [(0, "kept".to_owned())]);
    let mut request = fetch_request("t", 0);
    request.topics[0].partitions = vec![fetch_partition(1, 0)];
    let empty = only_partition(client.call_in(12, &request).await);
    assert_eq!((empty.error_code, empty.high_watermark), (0, 0));
}

#[tokio::test]
async fn partitions_are_only_added_and_not_when_it_is_only_validated() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    assert_eq!(client.try_create("t", 3, &[]).await.error_code, 0);
    for (name, count, code) in [
        ("t", 2, ErrorCode::InvalidPartitions),
        ("t", 3, ErrorCode::InvalidPartitions),
        ("t", 0, ErrorCode::InvalidPartitions),
        ("absent", 3, ErrorCode::UnknownTopicOrPartition),
    ] {
        assert_code(grow(&mut client, name, count, false).await, code);
    }
    assert_code(grow(&mut client, "t", 9, true).await, ErrorCode::None);
    assert_eq!(client.topic("t").await.partitions.len(), 3);
}

#[tokio::test]
async fn a_topic_that_is_named_twice_in_a_request_is_refused_once() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("there", &[]).await;

    let mut request = create_request("new", 1, &[]);
    request.topics.push(request.topics[0].clone());
    let answer = client.call(&request).await;
    let codes: Vec<_> = answer.topics.iter().map(|topic| topic.error_code).collect();
    assert_eq!(codes, [ErrorCode::InvalidRequest.code()]);
    assert_code(client.topic("new").await.error_code, ErrorCode::UnknownTopicOrPartition);

    let grown = CreatePartitionsTopic { name: "there".to_owned(), count: 2, ..Default::default() };
    let topics = vec![grown.clone(), CreatePartitionsTopic { count: 3, ..grown }];
    let request = CreatePartitionsRequest { topics, ..CreatePartitionsRequest::default() };
    let answer = client.call(&request).await;
    let codes: Vec<_> = answer.results.iter().map(|topic| topic.error_code).collect();
    assert_eq!(codes, [ErrorCode::InvalidRequest.code()]);
    assert_eq!(client.topic("there").await.partitions.len(), 1);

    let twice = DeleteTopicState { name: Some("there".to_owned()), topic_id: Uuid::ZERO };
    let request = DeleteTopicsRequest {
        topics: vec![twice.clone(), twice],
        ..DeleteTopicsRequest::default()
    };
    for deleted in client.call(&request).await.responses {
        assert_code(deleted.error_code, ErrorCode::InvalidRequest);
    }
    assert_code(client.topic("there").await.error_code, ErrorCode::None);
}
