//! Where the coordinator is found, the topic behind it, and what becomes of it when the disk fails
//! or the broker stops.

use std::time::Duration;

use base::ErrorCode;
use storage::disk::Fault;
use wire::find_coordinator::FindCoordinatorRequest;
use wire::list_groups::ListGroupsRequest;
use wire::{ApiKey, JoinGroupRequest, Request};

use crate::batches::batch;
use crate::group_client::join_request;
use crate::requests::assert_code;
use crate::test_broker::TestBroker;

const OFFSETS_TOPIC: &str = "__consumer_offsets";

#[tokio::test]
async fn the_first_who_looks_for_a_coordinator_finds_it() {
    for version in 0..=FindCoordinatorRequest::API.served().max {
        let broker = TestBroker::start(&[]).await;
        let mut client = broker.connect().await;
        let mut request = FindCoordinatorRequest::default();
        if version < 4 {
            request.key = "g".to_owned();
        } else {
            request.coordinator_keys = vec!["g".to_owned(), "h".to_owned()];
        }
        let answer = client.call_in(version, &request).await;
        let port = i32::from(broker.address().port());
        if version < 4 {
            assert_code(answer.error_code, ErrorCode::None);
            assert_eq!((answer.node_id, answer.host.as_str(), answer.port), (1, "127.0.0.1", port));
        } else {
            let keys: Vec<_> = answer.coordinators.iter().map(|found| found.key.as_str()).collect();
            assert_eq!(keys, ["g", "h"]);
            for found in &answer.coordinators {
                assert_code(found.error_code, ErrorCode::None);
                assert_eq!((found.node_id, found.port), (1, port));
            }
        }
        let topic = client.topic(OFFSETS_TOPIC).await;
        assert_eq!((topic.is_internal, topic.partitions.len()), (true, 50));
    }
}

#[tokio::test]
async fn the_topic_of_the_coordinator_is_the_one_that_the_brokers_keys_want() {
    let settings = [("offsets.topic.num.partitions", "3")];
    let broker = TestBroker::start(&settings).await;
    let mut client = broker.connect().await;
    // Whoever asks for it first: here a client that only wants to see it.
    let mut request = wire::MetadataRequest::default();
    let name = Some(OFFSETS_TOPIC.to_owned());
    request.topics =
        Some(vec![wire::metadata::MetadataRequestTopic { name, ..Default::default() }]);
    let answer = client.call(&request).await;
    assert_eq!(answer.topics[0].partitions.len(), 3);
    client.find_coordinator("g").await;
    assert_eq!(client.topic(OFFSETS_TOPIC).await.topic_id, answer.topics[0].topic_id);
    for (key, expected) in [
        ("cleanup.policy", "compact"),
        ("compression.type", "producer"),
        ("segment.bytes", "104857600"),
    ] {
        let value = client.topic_config(OFFSETS_TOPIC, key).await;
        assert_eq!(value.as_deref(), Some(expected), "{key}");
    }
}

#[tokio::test]
async fn a_replication_factor_that_was_asked_for_is_not_lowered() {
    let broker = TestBroker::start(&[("offsets.topic.replication.factor", "3")]).await;
    let mut client = broker.connect().await;
    let coordinator_keys = vec!["g".to_owned()];
    let answer = client
        .call(&FindCoordinatorRequest { coordinator_keys, ..FindCoordinatorRequest::default() })
        .await;
    assert_code(answer.coordinators[0].error_code, ErrorCode::CoordinatorNotAvailable);
}

#[tokio::test]
async fn other_coordinators_are_not_there_yet() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    for (version, key_type, expected) in [
        (6, 2, ErrorCode::CoordinatorNotAvailable),
        (5, 2, ErrorCode::InvalidRequest),
        (6, 3, ErrorCode::InvalidRequest),
    ] {
        let coordinator_keys = vec!["g".to_owned()];
        let request = FindCoordinatorRequest {
            key_type,
            coordinator_keys,
            ..FindCoordinatorRequest::default()
        };
        let answer = client.call_in(version, &request).await;
        assert_code(answer.coordinators[0].error_code, expected);
    }
}

#[tokio::test]
async fn whoever_asks_for_a_group_before_there_is_a_coordinator_is_told_to_look_for_one() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    assert_code(client.commit("g", "t", 1).await, ErrorCode::CoordinatorNotAvailable);
    let joined = client.call(&join_request("g", 10_000)).await;
    assert_code(joined.error_code, ErrorCode::CoordinatorNotAvailable);
    assert_eq!(client.call(&ListGroupsRequest::default()).await.groups, []);
}

#[tokio::test]
async fn a_failing_disk_takes_the_coordinator_with_it_and_says_so() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    client.find_coordinator("g").await;
    assert_code(client.commit("g", "t", 1).await, ErrorCode::None);
    let next = broker.disk.operations();
    (next..next + 20).for_each(|operation| broker.disk.fail_at(operation, Fault::Io));
    assert_code(client.commit("g", "t", 2).await, ErrorCode::NotCoordinator);
    let mut code = client.commit("g", "t", 3).await;
    while code == ErrorCode::CoordinatorLoadInProgress.code() {
        code = client.commit("g", "t", 3).await;
    }
    assert_code(code, ErrorCode::NotCoordinator);
}

#[tokio::test]
async fn nobody_else_writes_to_the_topic_of_the_coordinator() {
    let broker = TestBroker::start(&[("offsets.topic.num.partitions", "1")]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    client.find_coordinator("g").await;
    assert_code(client.commit("g", "t", 1).await, ErrorCode::None);
    let refused = client.produce(OFFSETS_TOPIC, batch(&["garbage"])).await;
    assert_code(refused.error_code, ErrorCode::InvalidTopicException);
    assert_eq!(client.committed("g", "t").await, 1);
}

#[tokio::test]
async fn groups_begin_anew_when_their_topic_was_deleted() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    client.find_coordinator("g").await;
    assert_code(client.commit("g", "t", 1).await, ErrorCode::None);
    client.delete_topic(OFFSETS_TOPIC).await;
    assert_code(client.commit("g", "t", 2).await, ErrorCode::CoordinatorNotAvailable);
    client.find_coordinator("g").await;
    assert_eq!(client.committed("g", "t").await, -1);
    assert_code(client.commit("g", "t", 3).await, ErrorCode::None);
    assert_eq!(client.committed("g", "t").await, 3);
}

/// A stop does not wait for members that never come.
#[tokio::test]
async fn a_member_that_waits_for_others_is_told_when_the_broker_stops() {
    let broker = TestBroker::start(&[("group.initial.rebalance.delay.ms", "300000")]).await;
    let mut client = broker.connect().await;
    client.find_coordinator("g").await;
    let request = join_request("g", 10_000);
    let id = client.call(&request).await.member_id;
    let version = ApiKey::JoinGroup.served().max;
    client.send(version, &JoinGroupRequest { member_id: id, ..request }).await;
    // The connection answers in order: when this is answered, the other has been read.
    let mut other = broker.connect().await;
    while other.describe_group("g").await.members.is_empty() {
        tokio::task::yield_now().await;
    }
    let stopping = std::time::Instant::now();
    let stopped = tokio::spawn(broker.stop());
    let (_, answer) = client.receive::<JoinGroupRequest>(version).await;
    assert_code(answer.error_code, ErrorCode::NotCoordinator);
    stopped.await.unwrap();
    assert!(stopping.elapsed() < Duration::from_secs(8), "{:?}", stopping.elapsed());
}
