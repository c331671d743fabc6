//! Fetch: from where it reads, and what it is told about positions that are not there.

use base::{ErrorCode, Uuid};
use wire::FetchRequest;
use wire::fetch::FetchTopic;

use crate::batches::{batch, batches_in, records_in};
use crate::requests::{
    FETCH_BY_NAME, LONG_WAIT_MS, assert_code, fetch_partition, fetch_request, only_partition,
};
use crate::test_broker::TestBroker;

fn by_id(topic_id: Uuid, partition: i32) -> FetchRequest {
    let partitions = vec![fetch_partition(partition, 0)];
    let topics = vec![FetchTopic { topic_id, partitions, ..FetchTopic::default() }];
    FetchRequest { max_wait_ms: 0, topics, ..FetchRequest::default() }
}

#[tokio::test]
async fn what_comes_back_is_what_was_sent_in_every_version() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    let id = client.create_topic("t", &[]).await;
    client.append("t", &["a", "b"]).await;
    client.append("t", &["c"]).await;
    let expected = [(0, "a".to_owned()), (1, "b".to_owned()), (2, "c".to_owned())];
    for version in 4..=18 {
        let request = if version < 13 { fetch_request("t", 0) } else { by_id(id, 0) };
        let response = client.call_in(version, &request).await;
        let fetched = only_partition(response);
        assert_eq!(records_in(fetched.records.as_ref(), 0), expected, "v{version}");
        assert_eq!((fetched.high_watermark, fetched.last_stable_offset), (3, 3));
        assert_eq!(fetched.aborted_transactions, None);
    }
}

#[tokio::test]
async fn an_offset_within_a_batch_brings_the_whole_batch() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    client.append("t", &["a", "b", "c"]).await;
    client.append("t", &["d"]).await;
    let fetched = client.fetch("t", 2).await;
    let batches = batches_in(fetched.records.as_ref());
    let bases: Vec<_> = batches.iter().map(|batch| batch.header().base_offset.0).collect();
    assert_eq!(bases, [0, 3]);
}

#[tokio::test]
async fn an_offset_that_is_not_there_is_out_of_range_at_once() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    client.append("t", &["a"]).await;
    for offset in [2, i64::MAX, -1, i64::MIN] {
        let request = FetchRequest { max_wait_ms: LONG_WAIT_MS, ..fetch_request("t", offset) };
        let fetched = only_partition(client.call_in(FETCH_BY_NAME, &request).await);
        assert_code(fetched.error_code, ErrorCode::OffsetOutOfRange);
        assert_eq!(fetched.high_watermark, -1);
        assert!(batches_in(fetched.records.as_ref()).is_empty());
    }
}

#[tokio::test]
async fn what_is_unknown_is_told_by_the_name_that_was_asked_for() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    let id = client.create_topic("t", &[]).await;
    let absent = client.fetch("absent", 0).await;
    assert_code(absent.error_code, ErrorCode::UnknownTopicOrPartition);
    for (request, code) in [
        (by_id(Uuid([9; 16]), 0), ErrorCode::UnknownTopicId),
        (by_id(Uuid::ZERO, 0), ErrorCode::UnknownTopicId),
        (by_id(id, 5), ErrorCode::UnknownTopicOrPartition),
        (by_id(id, -1), ErrorCode::UnknownTopicOrPartition),
    ] {
        assert_code(only_partition(client.call(&request).await).error_code, code);
    }
}

#[tokio::test]
async fn a_reader_of_committed_records_gets_an_empty_list_of_aborted_transactions() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    client.append("t", &["a"]).await;
    let request = FetchRequest { isolation_level: 1, ..fetch_request("t", 0) };
    let fetched = only_partition(client.call_in(FETCH_BY_NAME, &request).await);
    assert_eq!(fetched.aborted_transactions, Some(Vec::new()));
    assert_eq!(records_in(fetched.records.as_ref(), 0).len(), 1);
}

#[tokio::test]
async fn a_disk_that_is_not_in_memory_is_waited_for() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    for _ in 0..20 {
        client.produce("t", batch(&["cold"])).await;
    }
    broker.disk.set_cold(true);
    assert_eq!(client.read("t", 3).await.len(), 17);
}
