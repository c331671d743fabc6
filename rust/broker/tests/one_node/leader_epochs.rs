//! Leader epochs: an unclean stop begins a new one, and clients that believe in another are told.

use base::ErrorCode;
use wire::offset_for_leader_epoch::{
    EpochEndOffset, OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use wire::{MetadataRequest, OffsetForLeaderEpochRequest};

use crate::batches::batches_in;
use crate::requests::{FETCH_BY_NAME, assert_code, fetch_request, only_partition};
use crate::test_broker::TestBroker;
use crate::test_client::TestClient;

async fn end_of(
    client: &mut TestClient,
    leader_epoch: i32,
    current_leader_epoch: i32,
) -> EpochEndOffset {
    let asked = OffsetForLeaderPartition { partition: 0, current_leader_epoch, leader_epoch };
    let topics = vec![OffsetForLeaderTopic { topic: "t".to_owned(), partitions: vec![asked] }];
    let request = OffsetForLeaderEpochRequest { topics, ..OffsetForLeaderEpochRequest::default() };
    let topic = client.call(&request).await.topics.into_iter().next().unwrap();
    topic.partitions.into_iter().next().unwrap()
}

/// Two records in epoch 0, one in epoch 1, none in epoch 2.
async fn broker_in_its_third_epoch() -> TestBroker {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    client.append("t", &["a", "b"]).await;
    let broker = TestBroker::start_on(broker.kill().await, &[]).await;
    assert_eq!(broker.connect().await.append("t", &["c"]).await, 2);
    TestBroker::start_on(broker.cut_power().await, &[]).await
}

#[tokio::test]
async fn an_unclean_stop_begins_a_new_epoch_and_a_clean_one_does_not() {
    let broker = broker_in_its_third_epoch().await;
    let mut client = broker.connect().await;
    assert_eq!(client.topic("t").await.partitions[0].leader_epoch, 2);
    client.append("t", &["d"]).await;
    let broker = TestBroker::start_on(broker.stop().await, &[]).await;
    let mut client = broker.connect().await;
    assert_eq!(client.topic("t").await.partitions[0].leader_epoch, 2);
    let fetched = client.fetch("t", 0).await;
    let batches = batches_in(fetched.records.as_ref());
    let epochs: Vec<_> = batches.iter().map(|b| b.header().partition_leader_epoch.0).collect();
    assert_eq!(epochs, [0, 1, 2]);
}

#[tokio::test]
async fn each_epoch_ends_where_the_next_begins() {
    let broker = broker_in_its_third_epoch().await;
    let mut client = broker.connect().await;
    for (asked, epoch, end_offset) in [(0, 0, 2), (1, 1, 3), (2, 2, 3), (7, -1, -1)] {
        let end = end_of(&mut client, asked, -1).await;
        assert_code(end.error_code, ErrorCode::None);
        assert_eq!((end.leader_epoch, end.end_offset), (epoch, end_offset), "epoch {asked}");
    }
    client.append("t", &["d"]).await;
    assert_eq!(end_of(&mut client, 2, 2).await.end_offset, 4);
}

#[tokio::test]
async fn a_client_in_another_epoch_is_fenced_or_ahead() {
    let broker = broker_in_its_third_epoch().await;
    let mut client = broker.connect().await;
    for (current, code) in [
        (1, ErrorCode::FencedLeaderEpoch),
        (2, ErrorCode::None),
        (3, ErrorCode::UnknownLeaderEpoch),
    ] {
        assert_code(end_of(&mut client, 0, current).await.error_code, code);
        let mut request = fetch_request("t", 0);
        request.topics[0].partitions[0].current_leader_epoch = current;
        let fetched = only_partition(client.call_in(FETCH_BY_NAME, &request).await);
        assert_code(fetched.error_code, code);
    }
}

#[tokio::test]
async fn a_fetcher_that_is_fenced_is_told_the_leader_from_version_16() {
    let broker = broker_in_its_third_epoch().await;
    let mut client = broker.connect().await;
    let topic_id = client.topic("t").await.topic_id;
    let node = client.call(&MetadataRequest::default()).await.brokers.remove(0);
    for (version, current_epoch, told) in [
        (15, 1, None),
        (16, 1, Some((node.node_id, 2))),
        (18, 1, Some((node.node_id, 2))),
        (18, 2, None),
    ] {
        let mut request = fetch_request("t", 0);
        request.topics[0].topic_id = topic_id;
        request.topics[0].partitions[0].current_leader_epoch = current_epoch;
        let mut response = client.call_in(version, &request).await;
        let end_points = std::mem::take(&mut response.node_endpoints);
        let end_points: Vec<_> =
            end_points.into_iter().map(|e| (e.node_id, e.host, e.port)).collect();
        let leader = only_partition(response).current_leader;
        assert_eq!((leader.leader_id, leader.leader_epoch), told.unwrap_or((-1, -1)));
        let expected = told.map(|(id, _)| (id, node.host.clone(), node.port));
        assert_eq!(end_points, Vec::from_iter(expected), "version {version}");
    }
}

#[tokio::test]
async fn a_reader_whose_log_leaves_this_one_is_told_where() {
    let broker = broker_in_its_third_epoch().await;
    let mut client = broker.connect().await;
    for (offset, last_fetched_epoch, diverging) in
        [(2, 0, (-1, -1)), (3, 0, (0, 2)), (3, 1, (-1, -1)), (3, 2, (-1, -1))]
    {
        let mut request = fetch_request("t", offset);
        request.topics[0].partitions[0].last_fetched_epoch = last_fetched_epoch;
        let fetched = only_partition(client.call_in(FETCH_BY_NAME, &request).await);
        assert_code(fetched.error_code, ErrorCode::None);
        let told = (fetched.diverging_epoch.epoch, fetched.diverging_epoch.end_offset);
        assert_eq!(told, diverging, "offset {offset} of epoch {last_fetched_epoch}");
    }
}
