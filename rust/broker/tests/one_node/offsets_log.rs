//! What lies in `__consumer_offsets`: what the coordinator has written, and what others may have.

use std::sync::Arc;

use base::{ErrorCode, Offset};
use bytes::Bytes;
use coordinator::CoordinatorRecord;
use records::{BatchBuilder, CompressionType, ProducerStamp};
use wire::DescribeLogDirsRequest;
use wire::coordinator_records::{OffsetCommitKey, OffsetCommitValue};

use crate::batches::{TIMESTAMP_MS, batches_in};
use crate::requests::{PRODUCE_BY_NAME, assert_code, produce_request};
use crate::slow_disk::{Operation, SlowDisk};
use crate::test_broker::{self, TestBroker};
use crate::test_client::TestClient;

const OFFSETS_TOPIC: &str = "__consumer_offsets";
const ONE_SHARD: &[(&str, &str)] = &[
    ("offsets.topic.num.partitions", "1"),
    ("offsets.commit.timeout.ms", "300"),
    // No two batches are read at once.
    ("offsets.load.buffer.size", "100"),
];
/// As whom Kafka's own tools write to internal topics.
const ADMIN_CLIENT: &str = "__admin_client";

/// The offsets of all commits in the log of the only shard.
pub(crate) async fn commits_in_the_log(client: &mut TestClient) -> Vec<i64> {
    let mut commits = Vec::new();
    let mut next = Offset::ZERO;
    loop {
        let fetched = client.fetch(OFFSETS_TOPIC, next.0).await;
        assert_code(fetched.error_code, ErrorCode::None);
        let batches = batches_in(fetched.records.as_ref());
        let Some(last) = batches.last() else { return commits };
        next = last.header().next_offset();
        for batch in batches {
            for record in batch.records().unwrap().owned() {
                let record = record.unwrap();
                let decoded = CoordinatorRecord::decode(record.key.unwrap(), record.value);
                if let Some(CoordinatorRecord::OffsetCommit(_, Some(value))) = decoded.unwrap() {
                    commits.push(value.offset);
                }
            }
        }
    }
}

/// How much the only shard has written.
async fn size_of_the_log(client: &mut TestClient) -> i64 {
    let described = client.call(&DescribeLogDirsRequest { topics: None }).await;
    let mut topics = described.results[0].topics.iter();
    let topic = topics.find(|topic| topic.name == OFFSETS_TOPIC);
    topic.map_or(0, |topic| topic.partitions[0].partition_size)
}

/// A batch of commits by one group, one after the other, as a foreign tool would write it.
fn commits(group: &str, offsets: &[i64], compression: CompressionType) -> Bytes {
    let mut builder = BatchBuilder::with_capacity(usize::MAX, 1024);
    for &offset in offsets {
        let key = OffsetCommitKey { group: group.to_owned(), topic: "t".to_owned(), partition: 0 };
        let value = OffsetCommitValue { offset, ..OffsetCommitValue::default() };
        let (key, value) = CoordinatorRecord::OffsetCommit(key, Some(value)).encode().unwrap();
        builder.try_append(TIMESTAMP_MS, Some(&key), value.as_deref(), &[]).unwrap();
    }
    builder.finish(&ProducerStamp::NONE, compression.into()).unwrap()
}

#[tokio::test]
async fn offsets_that_others_have_written_are_loaded_whatever_they_were_compressed_with() {
    let mut broker = TestBroker::start(ONE_SHARD).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    client.find_coordinator("g").await;
    let mut admin = TestClient::connect_as(broker.address(), ADMIN_CLIENT).await;
    let groups: Vec<String> =
        CompressionType::ALL.iter().map(|codec| format!("{codec:?}")).collect();
    for (codec, group) in CompressionType::ALL.into_iter().zip(&groups) {
        for offsets in [[1, 2, 3], [40, 50, 60]] {
            let answer = admin.produce(OFFSETS_TOPIC, commits(group, &offsets, codec)).await;
            assert_code(answer.error_code, ErrorCode::None);
        }
    }
    // Nobody has asked the shard yet: it is loaded now, and with every start.
    for crashes in [false, true] {
        for group in &groups {
            assert_eq!(client.committed_in_the_end(group, "t").await, 60, "{group}");
        }
        let disk = if crashes { broker.kill().await } else { broker.stop().await };
        broker = TestBroker::start_on(disk, ONE_SHARD).await;
        client = broker.connect().await;
    }
    assert_eq!(client.committed_in_the_end("Gzip", "t").await, 60);
    assert_code(client.commit("Gzip", "t", 61).await, ErrorCode::None);
    assert_eq!(client.committed("Gzip", "t").await, 61);
}

#[tokio::test]
async fn the_coordinators_own_batches_are_compressed_as_it_is_told_and_loaded() {
    for (id, codec) in ["0", "1", "2", "3", "4"].into_iter().zip(CompressionType::ALL) {
        let settings = [ONE_SHARD, &[("offsets.topic.compression.codec", id)]].concat();
        let broker = TestBroker::start(&settings).await;
        let mut client = broker.connect().await;
        client.create_topic("t", &[]).await;
        client.find_coordinator("g").await;
        for offset in [1, 2, 3] {
            assert_code(client.commit("g", "t", offset).await, ErrorCode::None);
        }
        let fetched = client.fetch(OFFSETS_TOPIC, 0).await;
        for batch in batches_in(fetched.records.as_ref()) {
            let attributes = batch.header().attributes;
            assert_eq!(attributes.compression().unwrap(), codec);
        }
        let broker = TestBroker::start_on(broker.kill().await, &settings).await;
        assert_eq!(broker.connect().await.committed_in_the_end("g", "t").await, 3, "{codec:?}");
    }
}

#[tokio::test]
async fn what_was_loaded_and_is_not_below_the_high_watermark_yet_is_shown_to_nobody() {
    let disk = SlowDisk::default();
    let server = test_broker::start(Arc::new(disk.clone()), ONE_SHARD).await.unwrap();
    let broker = TestBroker { server, disk: disk.below() };
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    client.find_coordinator("g").await;
    let mut admin = TestClient::connect_as(broker.address(), ADMIN_CLIENT).await;
    let held_up = disk.hold_up(Operation::Sync, "/journal/");
    let batch = commits("g", &[77], CompressionType::None);
    let unsafe_write = produce_request(OFFSETS_TOPIC, 0, 0, batch);
    admin.send(PRODUCE_BY_NAME, &unsafe_write).await;
    while size_of_the_log(&mut client).await == 0 {}
    // The shard is loaded when it is asked, and reads the commit.
    let mut code = client.fetch_group("g", "t").await.error_code;
    while code == ErrorCode::CoordinatorLoadInProgress.code() {
        code = client.fetch_group("g", "t").await.error_code;
    }
    assert_code(code, ErrorCode::CoordinatorNotAvailable);
    drop(held_up);
    assert_eq!(client.committed_in_the_end("g", "t").await, 77);
}
