//! Groups that ask for too much, and brokers that have too little time: nobody else notices.

use std::time::Duration;

use base::ErrorCode;
use bytes::Bytes;
use wire::consumer_group_heartbeat::ConsumerGroupHeartbeatRequest;
use wire::create_partitions::CreatePartitionsTopic;
use wire::heartbeat::HeartbeatRequest;
use wire::{ApiKey, CreatePartitionsRequest, JoinGroupResponse, OffsetCommitRequest};

use crate::group_client::{COMMIT_BY_NAME, commit_request, join_request};
use crate::requests::assert_code;
use crate::test_broker::TestBroker;
use crate::test_client::TestClient;

/// All groups are in one shard.
const ONE_SHARD: &[(&str, &str)] = &[
    ("offsets.topic.num.partitions", "1"),
    ("group.initial.rebalance.delay.ms", "0"),
    ("group.min.session.timeout.ms", "100"),
];

/// A broker, and a group of one that has joined and is yet to sync: soft state, which a shard that
/// is loaded again has lost.
async fn start() -> (TestBroker, TestClient, JoinGroupResponse) {
    let broker = TestBroker::start(ONE_SHARD).await;
    let mut client = broker.connect().await;
    assert_eq!(client.try_create("t", 600, &[]).await.error_message, None);
    client.find_coordinator("g").await;
    let joined = client.join(&join_request("bystander", 30_000)).await;
    assert_code(joined.error_code, ErrorCode::None);
    (broker, client, joined)
}

/// The bystander goes on as if nothing had been.
async fn goes_on(mut client: TestClient, joined: &JoinGroupResponse) {
    let synced = client.sync("bystander", joined, &[(&joined.member_id, b"all")]).await;
    assert_code(synced.error_code, ErrorCode::None);
    assert_eq!(&synced.assignment[..], b"all");
    assert_code(client.commit("small", "t", 5).await, ErrorCode::None);
}

fn commit_of_all(metadata: &str) -> OffsetCommitRequest {
    let mut request = commit_request("g", "t", 5);
    let partitions = &mut request.topics[0].partitions;
    let first = partitions.remove(0);
    partitions.extend((0..600).map(|partition_index| {
        let committed_metadata = Some(metadata.to_owned());
        wire::offset_commit::OffsetCommitRequestPartition {
            partition_index,
            committed_metadata,
            ..first.clone()
        }
    }));
    request
}

#[tokio::test]
async fn a_commit_that_no_batch_can_hold_fails_alone() {
    let (_broker, mut client, joined) = start().await;
    let answer = client.call_in(COMMIT_BY_NAME, &commit_of_all(&"m".repeat(4_096))).await;
    for partition in &answer.topics[0].partitions {
        assert_code(partition.error_code, ErrorCode::UnknownServerError);
    }
    let answer = client.call_in(COMMIT_BY_NAME, &commit_of_all("m")).await;
    assert!(answer.topics[0].partitions.iter().all(|partition| partition.error_code == 0));
    goes_on(client, &joined).await;
}

#[tokio::test]
async fn a_subscription_that_no_batch_can_hold_fails_alone() {
    let (_broker, mut client, joined) = start().await;
    let names = (0..30_000).map(|number| format!("{number:0>40}")).collect();
    let request = ConsumerGroupHeartbeatRequest {
        group_id: "g".to_owned(),
        member_id: "greedy".to_owned(),
        rebalance_timeout_ms: 60_000,
        subscribed_topic_names: Some(names),
        topic_partitions: Some(Vec::new()),
        ..ConsumerGroupHeartbeatRequest::default()
    };
    assert_code(client.call(&request).await.error_code, ErrorCode::UnknownServerError);
    goes_on(client, &joined).await;
}

#[tokio::test]
async fn an_assignment_that_no_batch_can_hold_fails_alone() {
    let (_broker, mut client, joined) = start().await;
    let greedy = client.join(&join_request("g", 30_000)).await;
    let all: &'static [u8] = vec![0; 1_100_000].leak();
    let synced = client.sync("g", &greedy, &[(&greedy.member_id, all)]).await;
    assert_code(synced.error_code, ErrorCode::UnknownServerError);
    assert_code(client.heartbeat("g", &greedy).await, ErrorCode::RebalanceInProgress);
    goes_on(client, &joined).await;
}

#[tokio::test]
async fn a_member_may_have_the_longest_name_that_there_is() {
    let (_broker, mut client, joined) = start().await;
    let mut request = join_request("g", 30_000);
    request.group_instance_id = Some("i".repeat(32_767));
    let named = client.call(&request).await;
    assert_code(named.error_code, ErrorCode::None);
    assert!(named.member_id.starts_with("iiii"));
    goes_on(client, &joined).await;
}

#[tokio::test]
async fn members_give_the_memory_of_their_requests_back() {
    let settings = [("queued.max.request.bytes", "1000000"), ONE_SHARD[0], ONE_SHARD[1]];
    let broker = TestBroker::start(&settings).await;
    let mut client = broker.connect().await;
    client.find_coordinator("g").await;
    for group in ["g", "h", "i"] {
        let mut request = join_request(group, 30_000);
        request.protocols[0].metadata = Bytes::from(vec![7; 400_000]);
        let joined = client.join(&request).await;
        let all: &'static [u8] = vec![7; 400_000].leak();
        let synced = client.sync(group, &joined, &[(&joined.member_id, all)]).await;
        assert_code(synced.error_code, ErrorCode::None);
        assert_eq!(synced.assignment.len(), all.len());
    }
    // What the last answer was charged for is given back a moment after it has been read.
    while broker.server.free_request_bytes() < 1_000_000 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn partitions_of_the_coordinators_topic_are_as_many_as_there_are() {
    let (_broker, mut client, joined) = start().await;
    let name = "__consumer_offsets".to_owned();
    let topics = vec![CreatePartitionsTopic { name, count: 2, assignments: None }];
    let request = CreatePartitionsRequest { topics, ..CreatePartitionsRequest::default() };
    let answer = client.call(&request).await;
    assert_code(answer.results[0].error_code, ErrorCode::InvalidTopicException);
    goes_on(client, &joined).await;
}

/// The whole broker stands still for longer than a session, while a heartbeat has come.
#[tokio::test]
async fn after_a_stall_the_heartbeats_that_have_waited_count() {
    let (broker, mut client, _) = start().await;
    let joined = client.join(&join_request("g", 300)).await;
    client.sync("g", &joined, &[(&joined.member_id, b"all")]).await;
    let heartbeat = HeartbeatRequest {
        group_id: "g".to_owned(),
        generation_id: joined.generation_id,
        member_id: joined.member_id.clone(),
        ..HeartbeatRequest::default()
    };
    let version = ApiKey::Heartbeat.served().max;
    for _ in 0..5 {
        client.send(version, &heartbeat).await;
        // This test and the broker share a thread.
        std::thread::sleep(Duration::from_millis(400));
        let (_, answer) = client.receive::<HeartbeatRequest>(version).await;
        assert_code(answer.error_code, ErrorCode::None);
    }
    drop(broker);
}
