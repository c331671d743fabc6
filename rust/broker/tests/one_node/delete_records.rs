//! DeleteRecords: the start of a partition moves, and stays moved.

use base::ErrorCode;
use wire::DeleteRecordsRequest;
use wire::delete_records::{
    DeleteRecordsPartition, DeleteRecordsPartitionResult, DeleteRecordsTopic,
};

use crate::requests::assert_code;
use crate::test_broker::TestBroker;
use crate::test_client::TestClient;

async fn delete(client: &mut TestClient, topic: &str, offset: i64) -> DeleteRecordsPartitionResult {
    let partitions = vec![DeleteRecordsPartition { partition_index: 0, offset }];
    let request = DeleteRecordsRequest {
        topics: vec![DeleteRecordsTopic { name: topic.to_owned(), partitions }],
        timeout_ms: 30_000,
    };
    let topic = client.call(&request).await.topics.into_iter().next().unwrap();
    topic.partitions.into_iter().next().unwrap()
}

async fn broker_with_five_records() -> (TestBroker, TestClient) {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    client.append("t", &["a", "b", "c"]).await;
    client.append("t", &["d", "e"]).await;
    (broker, client)
}

#[tokio::test]
async fn what_lies_before_the_offset_is_gone() {
    let (_broker, mut client) = broker_with_five_records().await;
    let deleted = delete(&mut client, "t", 2).await;
    assert_eq!((deleted.error_code, deleted.low_watermark), (0, 2));
    assert_eq!(client.list_offset("t", -2).await.offset, 2);
    assert_code(client.fetch("t", 1).await.error_code, ErrorCode::OffsetOutOfRange);
    let fetched = client.fetch("t", 2).await;
    assert_eq!(fetched.log_start_offset, 2);
    assert_eq!(client.read("t", 2).await.len(), 3);
    // What is gone already is not brought back.
    assert_eq!(delete(&mut client, "t", 1).await.low_watermark, 2);
}

#[tokio::test]
async fn minus_one_deletes_all_that_is_committed_and_offsets_go_on() {
    let (_broker, mut client) = broker_with_five_records().await;
    assert_eq!(delete(&mut client, "t", -1).await.low_watermark, 5);
    assert_eq!(client.read("t", 5).await, []);
    assert_eq!(client.append("t", &["f"]).await, 5);
}

#[tokio::test]
async fn offsets_that_are_not_there_and_partitions_that_are_not_there_are_refused() {
    let (_broker, mut client) = broker_with_five_records().await;
    for (topic, offset, code) in [
        ("t", 6, ErrorCode::OffsetOutOfRange),
        ("t", -2, ErrorCode::OffsetOutOfRange),
        ("absent", 0, ErrorCode::UnknownTopicOrPartition),
    ] {
        let refused = delete(&mut client, topic, offset).await;
        assert_code(refused.error_code, code);
        assert_eq!(refused.low_watermark, -1);
    }
    assert_eq!(client.read("t", 0).await.len(), 5);
}

#[tokio::test]
async fn the_start_survives_a_power_cut() {
    let (broker, mut client) = broker_with_five_records().await;
    assert_eq!(delete(&mut client, "t", 4).await.low_watermark, 4);
    let broker = TestBroker::start_on(broker.cut_power().await, &[]).await;
    let mut client = broker.connect().await;
    assert_eq!(client.list_offset("t", -2).await.offset, 4);
    assert_eq!(client.read("t", 4).await, [(4, "e".to_owned())]);
}
