//! Transactions that nobody will ever end: a partition has let one in that no coordinator knows. It
//! is counted when it is late, told of, and ended by force.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use base::{Clock, ErrorCode, Instant, SystemClock};
use storage::FaultyDisk;
use wire::ProduceRequest;
use wire::describe_producers::{DescribeProducersRequest, ProducerState, TopicRequest};
use wire::list_transactions::ListTransactionsRequest;
use wire::write_txn_markers::{WritableTxnMarker, WritableTxnMarkerTopic, WriteTxnMarkersRequest};

use crate::batches::transactional_batch;
use crate::requests::{assert_code, produce_request};
use crate::test_broker::{self, TestBroker};
use crate::test_client::TestClient;
use crate::transactional_producer::OLD_PRODUCE;

/// As brokers before Kafka 3.6 let them in.
const SETTINGS: &[(&str, &str)] = &[
    ("transaction.partition.verification.enable", "false"),
    ("transaction.max.timeout.ms", "60000"),
];
/// Five minutes are added to the longest time that a transaction may take.
const LATE_MS: i64 = 60_000 + 5 * 60_000;
const MINUTE_MS: i64 = 60_000;

impl TestClient {
    /// Begins a transaction in partition 0.
    async fn begin(&mut self, topic: &str, producer: (i64, i16)) {
        let request = ProduceRequest {
            transactional_id: Some("nobody's".to_owned()),
            ..produce_request(topic, 0, -1, transactional_batch(producer, 0, &["hanging"]))
        };
        let answer = self.call_in(OLD_PRODUCE, &request).await;
        assert_code(answer.responses[0].partition_responses[0].error_code, ErrorCode::None);
    }

    async fn open_producers(&mut self, topic: &str) -> Vec<ProducerState> {
        let asked = TopicRequest { name: topic.to_owned(), partition_indexes: vec![0] };
        let answer = self.call(&DescribeProducersRequest { topics: vec![asked] }).await;
        let mut producers = answer.topics[0].partitions[0].active_producers.clone();
        producers.retain(|producer| producer.current_txn_start_offset >= 0);
        producers
    }

    /// Ends a transaction as an operator does, by what its partition says of it.
    async fn abort(&mut self, topic: &str, producer: &ProducerState) {
        let of_topic =
            WritableTxnMarkerTopic { name: topic.to_owned(), partition_indexes: vec![0] };
        let marker = WritableTxnMarker {
            producer_id: producer.producer_id,
            producer_epoch: i16::try_from(producer.producer_epoch).unwrap(),
            transaction_result: false,
            topics: vec![of_topic],
            coordinator_epoch: producer.coordinator_epoch.max(0),
            transaction_version: 0,
        };
        let answer = self.call(&WriteTxnMarkersRequest { markers: vec![marker] }).await;
        assert_code(answer.markers[0].topics[0].partitions[0].error_code, ErrorCode::None);
    }
}

#[tokio::test]
async fn a_hanging_transaction_is_told_of_and_its_end_lets_readers_on() {
    let broker = TestBroker::start(SETTINGS).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    client.begin("t", (7, 0)).await;
    assert_eq!(client.append("t", &["behind"]).await, 1);
    assert_eq!(client.read_committed("t").await, Vec::<String>::new());
    let [hanging] = &client.open_producers("t").await[..] else { panic!("one is open") };
    assert_eq!((hanging.producer_id, hanging.producer_epoch), (7, 0));
    assert_eq!((hanging.current_txn_start_offset, hanging.coordinator_epoch), (0, -1));
    let of_producer =
        ListTransactionsRequest { producer_id_filters: vec![7], ..Default::default() };
    let known = client.call(&of_producer).await;
    assert_eq!((known.error_code, known.transaction_states), (0, Vec::new()));
    client.abort("t", hanging).await;
    assert_eq!(client.open_producers("t").await, []);
    assert_eq!(client.read_committed("t").await, ["behind"]);
    assert_eq!(client.read_all("t").await, ["hanging", "behind"]);
}

/// A clock that can be put forward.
#[derive(Debug, Default)]
struct ForwardClock {
    ahead_ms: AtomicI64,
}

impl Clock for ForwardClock {
    fn now(&self) -> Instant {
        SystemClock.now()
    }

    fn unix_ms(&self) -> i64 {
        SystemClock.unix_ms() + self.ahead_ms.load(Ordering::Relaxed)
    }
}

#[tokio::test]
async fn partitions_with_late_transactions_are_counted_until_those_end() {
    let clock = Arc::new(ForwardClock::default());
    let disk = FaultyDisk::new();
    let server = test_broker::start_at(clock.clone(), Arc::new(disk.clone()), SETTINGS).await;
    let broker = TestBroker { server: server.unwrap(), disk };
    let late = || broker.server.partitions_with_late_transactions();
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    client.create_topic("u", &[]).await;
    client.begin("t", (7, 0)).await;
    client.begin("t", (8, 0)).await;
    clock.ahead_ms.fetch_add(LATE_MS - MINUTE_MS, Ordering::Relaxed);
    assert_eq!(late(), 0, "they may still come to their end");
    client.begin("u", (7, 0)).await;
    clock.ahead_ms.fetch_add(2 * MINUTE_MS, Ordering::Relaxed);
    assert_eq!(late(), 1, "partitions are counted, and not transactions");
    for producer in client.open_producers("t").await {
        assert_eq!(late(), 1);
        client.abort("t", &producer).await;
    }
    assert_eq!(late(), 0, "that of `u` is young");
    clock.ahead_ms.fetch_add(LATE_MS, Ordering::Relaxed);
    assert_eq!(late(), 1);
    let hanging = client.open_producers("u").await.remove(0);
    client.abort("u", &hanging).await;
    assert_eq!(late(), 0);
}
