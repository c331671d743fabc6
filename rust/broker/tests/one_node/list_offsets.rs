//! ListOffsets: timestamps and the special positions.

use base::ErrorCode;
use wire::list_offsets::ListOffsetsPartition;

use crate::batches::{batch_at, builder};
use crate::requests::{assert_code, list_offsets_request};
use crate::test_broker::TestBroker;
use crate::test_client::TestClient;

/// Three batches, whose times do not rise.
async fn topic_of_three_batches(client: &mut TestClient) {
    client.create_topic("t", &[]).await;
    for (timestamp, values) in [(100, &["a", "b"][..]), (300, &["c"]), (200, &["d"])] {
        assert_eq!(client.produce("t", batch_at(timestamp, values)).await.error_code, 0);
    }
}

#[tokio::test]
async fn every_position_and_timestamp_finds_its_record() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    topic_of_three_batches(&mut client).await;
    for (asked, offset, timestamp, leader_epoch) in [
        (-1, 4, -1, 0),
        (-2, 0, -1, 0),
        (-3, 2, 300, 0),
        (-4, 0, -1, 0),
        (-5, -1, -1, -1),
        (-6, -1, -1, -1),
        (0, 0, 100, 0),
        (100, 0, 100, 0),
        (101, 2, 300, 0),
        (300, 2, 300, 0),
        (301, -1, -1, -1),
        (i64::MAX, -1, -1, -1),
    ] {
        let found = client.list_offset("t", asked).await;
        assert_code(found.error_code, ErrorCode::None);
        let told = (found.offset, found.timestamp, found.leader_epoch);
        assert_eq!(told, (offset, timestamp, leader_epoch), "asked for {asked}");
    }
}

#[tokio::test]
async fn a_timestamp_within_a_batch_finds_the_record_and_not_the_batch() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    let mut builder = builder(&["at 10"], 10);
    for timestamp in [20, 30] {
        builder.try_append(timestamp, None, Some(b"later"), &[]).unwrap();
    }
    let compression = records::CompressionType::Lz4.into();
    let batch = builder.finish(&records::ProducerStamp::NONE, compression).unwrap();
    client.produce("t", batch).await;
    let found = client.list_offset("t", 15).await;
    assert_eq!((found.offset, found.timestamp), (1, 20));
    let largest = client.list_offset("t", -3).await;
    assert_eq!((largest.offset, largest.timestamp), (2, 30));
}

#[tokio::test]
async fn an_empty_partition_begins_and_ends_at_0_and_has_no_timestamps() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    for (asked, offset) in [(-1, 0), (-2, 0), (-3, -1), (-4, 0), (0, -1)] {
        let found = client.list_offset("t", asked).await;
        assert_eq!((found.error_code, found.offset, found.timestamp), (0, offset, -1), "{asked}");
    }
}

#[tokio::test]
async fn each_partition_is_refused_for_its_own_reason() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    let unknown = client.list_offset("absent", -1).await;
    assert_code(unknown.error_code, ErrorCode::UnknownTopicOrPartition);
    let position = client.list_offset("t", -99).await;
    assert_code(position.error_code, ErrorCode::UnsupportedVersion);

    let mut request = list_offsets_request("t", -1);
    let partitions = &mut request.topics[0].partitions;
    partitions[0].current_leader_epoch = 5;
    partitions.push(ListOffsetsPartition { partition_index: 3, ..partitions[0].clone() });
    let answer = client.call(&request).await;
    let codes: Vec<_> = answer.topics[0].partitions.iter().map(|p| p.error_code).collect();
    let expected = [ErrorCode::UnknownLeaderEpoch, ErrorCode::UnknownTopicOrPartition];
    assert_eq!(codes, expected.map(ErrorCode::code));
}

#[tokio::test]
async fn a_partition_that_is_named_twice_is_refused() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    let mut request = list_offsets_request("t", -1);
    let twice = request.topics[0].partitions[0].clone();
    request.topics[0].partitions.push(twice);
    let answer = client.call(&request).await;
    for partition in &answer.topics[0].partitions {
        assert_code(partition.error_code, ErrorCode::InvalidRequest);
    }
}
