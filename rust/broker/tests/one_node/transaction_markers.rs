//! Transactions in a partition: what readers see of them when, and how markers end them.

use base::ErrorCode;
use bytes::Bytes;
use records::{CompressionType, ProducerStamp};
use wire::ProduceRequest;
use wire::describe_producers::{DescribeProducersRequest, PartitionResponse, TopicRequest};
use wire::fetch::{FetchRequest, PartitionData};
use wire::write_txn_markers::{WritableTxnMarker, WritableTxnMarkerTopic, WriteTxnMarkersRequest};

use crate::batches::{TIMESTAMP_MS, builder, records_in, stamp};
use crate::requests::{
    FETCH_BY_NAME, LONG_WAIT_MS, assert_code, fetch_request, list_offsets_request, only_partition,
    produce_request,
};
use crate::test_broker::TestBroker;
use crate::test_client::TestClient;
use crate::transactional_producer::OLD_PRODUCE;

const READ_COMMITTED: i8 = 1;
const LATEST: i64 = -1;

/// Nobody coordinates the transactions of these tests.
const UNVERIFIED: [(&str, &str); 1] = [("transaction.partition.verification.enable", "false")];

type Producer = (i64, i16);

fn transactional_batch(producer: Producer, base_sequence: i32, values: &[&str]) -> Bytes {
    let stamp = ProducerStamp { transactional: true, ..stamp(producer, base_sequence) };
    builder(values, TIMESTAMP_MS).finish(&stamp, CompressionType::None.into()).unwrap()
}

/// A marker that ends a producer's transaction on the partition 0 of `t`.
fn marker((producer_id, producer_epoch): Producer, is_commit: bool) -> WritableTxnMarker {
    let topic = WritableTxnMarkerTopic { name: "t".to_owned(), partition_indexes: vec![0] };
    WritableTxnMarker {
        producer_id,
        producer_epoch,
        transaction_result: is_commit,
        topics: vec![topic],
        coordinator_epoch: 5,
        transaction_version: 2,
    }
}

fn fetch_committed(offset: i64) -> FetchRequest {
    FetchRequest { isolation_level: READ_COMMITTED, ..fetch_request("t", offset) }
}

impl TestClient {
    async fn put(&mut self, producer: Producer, sequence: i32, values: &[&str]) -> ErrorCode {
        let batch = transactional_batch(producer, sequence, values);
        let request = ProduceRequest {
            transactional_id: Some("nobody's".to_owned()),
            ..produce_request("t", 0, -1, batch)
        };
        // Of newer clients the coordinator would be asked all the same.
        let answer = self.call_in(OLD_PRODUCE, &request).await;
        ErrorCode::from_code(answer.responses[0].partition_responses[0].error_code).unwrap()
    }

    /// Writes markers, and gives the code of each partition.
    async fn write(&mut self, markers: Vec<WritableTxnMarker>) -> Vec<ErrorCode> {
        let answer = self.call(&WriteTxnMarkersRequest { markers }).await;
        let topics = answer.markers.iter().flat_map(|marker| &marker.topics);
        let codes = topics.flat_map(|topic| &topic.partitions).map(|found| found.error_code);
        codes.map(|code| ErrorCode::from_code(code).unwrap()).collect()
    }

    async fn end(&mut self, producer: Producer, is_commit: bool) {
        assert_eq!(self.write(vec![marker(producer, is_commit)]).await, [ErrorCode::None]);
    }

    async fn fetch_stable(&mut self, offset: i64) -> PartitionData {
        only_partition(self.call_in(FETCH_BY_NAME, &fetch_committed(offset)).await)
    }

    async fn describe(&mut self, topic: &str, partition: i32) -> PartitionResponse {
        let asked = TopicRequest { name: topic.to_owned(), partition_indexes: vec![partition] };
        let answer = self.call(&DescribeProducersRequest { topics: vec![asked] }).await;
        answer.topics.into_iter().next().unwrap().partitions.into_iter().next().unwrap()
    }
}

/// A broker with the topic `t`.
async fn start() -> (TestBroker, TestClient) {
    let broker = TestBroker::start(&UNVERIFIED).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    (broker, client)
}

fn aborted(found: &PartitionData) -> Vec<(i64, i64)> {
    let aborted = found.aborted_transactions.as_ref().unwrap();
    aborted.iter().map(|it| (it.producer_id, it.first_offset)).collect()
}

#[tokio::test]
async fn committed_records_are_read_once_the_marker_is_there() {
    let (_broker, mut client) = start().await;
    assert_eq!(client.put((7, 0), 0, &["a", "b"]).await, ErrorCode::None);
    let open = client.fetch_stable(0).await;
    assert_eq!((open.high_watermark, open.last_stable_offset), (2, 0));
    assert_eq!(records_in(open.records.as_ref(), 0), []);
    let all = only_partition(client.call_in(FETCH_BY_NAME, &fetch_request("t", 0)).await);
    assert_eq!(records_in(all.records.as_ref(), 0).len(), 2, "for who reads everything");
    assert_eq!(all.aborted_transactions, None);
    client.end((7, 1), true).await;
    let ended = client.fetch_stable(0).await;
    assert_eq!((ended.high_watermark, ended.last_stable_offset), (3, 3));
    assert_eq!(aborted(&ended), []);
    assert!(ended.records.is_some_and(|records| !records.as_bytes().unwrap().is_empty()));
}

#[tokio::test]
async fn a_waiting_reader_of_committed_records_is_woken_by_the_marker_and_by_nothing_else() {
    let (broker, mut client) = start().await;
    assert_eq!(client.put((7, 0), 0, &["a"]).await, ErrorCode::None);
    let mut reader = broker.connect().await;
    let request = FetchRequest { max_wait_ms: LONG_WAIT_MS, ..fetch_committed(0) };
    reader.send(FETCH_BY_NAME, &request).await;
    let mut other = broker.connect().await;
    let request = FetchRequest { max_wait_ms: LONG_WAIT_MS, ..fetch_request("t", 1) };
    other.send(FETCH_BY_NAME, &request).await;
    assert_eq!(client.produce("t", crate::batches::batch(&["b"])).await.error_code, 0);
    let (_, everything) = other.receive::<FetchRequest>(FETCH_BY_NAME).await;
    assert_eq!(records_in(only_partition(everything).records.as_ref(), 1).len(), 1);
    client.end((7, 1), false).await;
    let (_, committed) = reader.receive::<FetchRequest>(FETCH_BY_NAME).await;
    let found = only_partition(committed);
    assert_eq!((found.last_stable_offset, aborted(&found)), (3, vec![(7, 0)]));
}

#[tokio::test]
async fn the_latest_offset_of_committed_records_is_the_last_stable_one() {
    let (_broker, mut client) = start().await;
    assert_eq!(client.produce("t", crate::batches::batch(&["a"])).await.error_code, 0);
    assert_eq!(client.put((7, 0), 0, &["b"]).await, ErrorCode::None);
    let mut request = list_offsets_request("t", LATEST);
    assert_eq!(client.call(&request).await.topics[0].partitions[0].offset, 2);
    request.isolation_level = READ_COMMITTED;
    assert_eq!(client.call(&request).await.topics[0].partitions[0].offset, 1);
    client.end((7, 1), true).await;
    assert_eq!(client.call(&request).await.topics[0].partitions[0].offset, 3);
}

#[tokio::test]
async fn producers_are_described_with_their_open_transactions() {
    let (_broker, mut client) = start().await;
    assert_eq!(client.put((7, 0), 0, &["a", "b"]).await, ErrorCode::None);
    client.end((7, 1), true).await;
    assert_eq!(client.put((7, 1), 0, &["c"]).await, ErrorCode::None);
    assert_eq!(client.put((8, 3), 0, &["d"]).await, ErrorCode::None);
    client.end((8, 4), false).await;
    let described = client.describe("t", 0).await;
    assert_code(described.error_code, ErrorCode::None);
    let found: Vec<(i64, i32, i32, i32, i64)> = described
        .active_producers
        .iter()
        .map(|it| {
            let ids = (it.producer_id, it.producer_epoch);
            (ids.0, ids.1, it.last_sequence, it.coordinator_epoch, it.current_txn_start_offset)
        })
        .collect();
    assert_eq!(found, [(7, 1, 0, 5, 3), (8, 4, -1, 5, -1)]);
    assert!(described.active_producers.iter().all(|it| it.last_timestamp >= TIMESTAMP_MS));
    let missing = client.describe("t", 9).await;
    assert_code(missing.error_code, ErrorCode::UnknownTopicOrPartition);
    let invalid = client.describe("a b", 0).await;
    assert_code(invalid.error_code, ErrorCode::InvalidTopicException);
    assert!(invalid.error_message.is_some());
}

#[tokio::test]
async fn a_marker_that_ends_nothing_here_says_why() {
    let (_broker, mut client) = start().await;
    assert_eq!(client.put((7, 3), 0, &["a"]).await, ErrorCode::None);
    let elsewhere = WritableTxnMarkerTopic { name: "u".to_owned(), partition_indexes: vec![0] };
    let elsewhere = WritableTxnMarker { topics: vec![elsewhere], ..marker((7, 4), true) };
    let late = marker((7, 3), true);
    let codes = client.write(vec![elsewhere, late]).await;
    assert_eq!(codes, [ErrorCode::UnknownTopicOrPartition, ErrorCode::InvalidProducerEpoch]);
    client.end((7, 4), true).await;
    client.end((7, 4), true).await;
    let zombie = WritableTxnMarker { coordinator_epoch: 4, ..marker((7, 5), true) };
    let codes = client.write(vec![zombie]).await;
    assert_eq!(codes, [ErrorCode::TransactionCoordinatorFenced]);
    assert_eq!(client.write(Vec::new()).await, []);
    assert_eq!(client.put((7, 3), 1, &["b"]).await, ErrorCode::InvalidProducerEpoch);
}

#[tokio::test]
async fn transactions_are_what_they_were_after_a_broker_was_killed() {
    let (broker, mut client) = start().await;
    assert_eq!(client.put((7, 0), 0, &["a"]).await, ErrorCode::None);
    client.end((7, 1), false).await;
    assert_eq!(client.put((8, 0), 0, &["b"]).await, ErrorCode::None);
    assert_eq!(client.produce("t", crate::batches::batch(&["c"])).await.error_code, 0);
    let before = client.fetch_stable(0).await;
    assert_eq!((before.last_stable_offset, aborted(&before)), (2, vec![(7, 0)]));
    let disk = broker.cut_power().await;
    let broker = TestBroker::start_on(disk, &UNVERIFIED).await;
    let mut client = broker.connect().await;
    let open = client.fetch_stable(0).await;
    assert_eq!((open.last_stable_offset, aborted(&open)), (2, vec![(7, 0)]));
    assert_eq!(client.put((8, 0), 1, &["d"]).await, ErrorCode::None);
    client.end((8, 1), true).await;
    let disk = broker.kill().await;
    let broker = TestBroker::start_on(disk, &UNVERIFIED).await;
    let mut client = broker.connect().await;
    let ended = client.fetch_stable(0).await;
    assert_eq!((ended.last_stable_offset, aborted(&ended)), (6, vec![(7, 0)]));
}
