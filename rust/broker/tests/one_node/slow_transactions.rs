//! Transactions over a disk that hangs: whoever asks is told so in time, no reader of committed
//! records passes what may still be lost, and once the disk goes on everything has happened once.

use std::sync::Arc;
use std::time::Duration;

use base::{Clock, ErrorCode, SystemClock};
use wire::produce::ProduceRequest;
use wire::write_txn_markers::{WritableTxnMarker, WritableTxnMarkerTopic, WriteTxnMarkersRequest};
use wire::{EndTxnRequest, TxnOffsetCommitRequest};

use crate::batches::batch_at;
use crate::requests::{assert_code, list_offsets_request};
use crate::slow_disk::{Operation, SlowDisk};
use crate::test_broker::{self, TestBroker};
use crate::test_client::TestClient;
use crate::transactional_offsets::{NEW_COMMIT, settled};
use crate::transactional_producer::TransactionalProducer;

/// One shard of each coordinator, and nobody waits for long.
const SETTINGS: &[(&str, &str)] = &[
    ("transaction.state.log.num.partitions", "1"),
    ("offsets.topic.num.partitions", "1"),
    ("request.timeout.ms", "300"),
    ("offsets.commit.timeout.ms", "300"),
];
/// What a disk may hang in: the sync without which nothing counts, and the write of a partition,
/// behind which everything else of the directory waits.
const HANGS: [(Operation, &str); 2] = [(Operation::Sync, "/journal/"), (Operation::Write, "/t-0/")];
const LATEST: i64 = -1;
const READ_COMMITTED: i8 = 1;

/// A broker on a disk that can be held up, a topic `t` with a record that counts, and a producer.
async fn start() -> (SlowDisk, TestBroker, TestClient, TransactionalProducer) {
    let disk = SlowDisk::default();
    let server = test_broker::start(Arc::new(disk.clone()), SETTINGS).await.unwrap();
    let broker = TestBroker { server, disk: disk.below() };
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    let before = client.produce("t", batch_at(SystemClock.unix_ms(), &["before"])).await;
    assert_code(before.error_code, ErrorCode::None);
    let producer = TransactionalProducer::init(&mut client, "x").await;
    (disk, broker, client, producer)
}

/// An answer that comes although the disk hangs, and before whoever asked has given up.
async fn in_time<T>(answer: impl Future<Output = T>) -> T {
    const PATIENCE: Duration = Duration::from_secs(10);
    tokio::time::timeout(PATIENCE, answer)
        .await
        .expect("nobody waits for as long as the disk hangs")
}

impl TestClient {
    async fn last_stable_offset(&mut self) -> i64 {
        let mut request = list_offsets_request("t", LATEST);
        request.isolation_level = READ_COMMITTED;
        in_time(self.call(&request)).await.topics[0].partitions[0].offset
    }

    /// Sends a batch once.
    async fn try_write(&mut self, version: i16, request: &ProduceRequest) -> (ErrorCode, i64) {
        let answer = in_time(self.call_in(version, request)).await;
        let answer = &answer.responses[0].partition_responses[0];
        (ErrorCode::from_code(answer.error_code).unwrap(), answer.base_offset)
    }

    /// Sends a batch until it is known what has become of it.
    async fn write_in_the_end(&mut self, version: i16, request: &ProduceRequest) -> i64 {
        loop {
            match self.try_write(version, request).await {
                (ErrorCode::None, offset) => return offset,
                (ErrorCode::RequestTimedOut | ErrorCode::NotEnoughReplicas, _) => {}
                (code, _) => panic!("{code}"),
            }
        }
    }

    async fn try_end(&mut self, request: &EndTxnRequest) -> ErrorCode {
        ErrorCode::from_code(in_time(self.call(request)).await.error_code).unwrap()
    }

    async fn try_commit(&mut self, request: &TxnOffsetCommitRequest) -> ErrorCode {
        let answer = in_time(self.call_in(NEW_COMMIT, request)).await;
        ErrorCode::from_code(answer.topics[0].partitions[0].error_code).unwrap()
    }
}

fn impatient(request: ProduceRequest) -> ProduceRequest {
    ProduceRequest { timeout_ms: 300, ..request }
}

#[tokio::test]
async fn a_first_batch_whose_coordinator_cannot_write_is_refused_and_not_in_the_log() {
    let (disk, _broker, mut client, mut producer) = start().await;
    let (version, request) =
        (producer.produce_version(), impatient(producer.produce_request("t", &["a"])));
    let held_up = disk.hold_up(Operation::Sync, "/journal/");
    assert_eq!(client.try_write(version, &request).await.0, ErrorCode::NotEnoughReplicas);
    assert_eq!((client.log_end("t").await, client.last_stable_offset().await), (1, 1));
    drop(held_up);
    assert_eq!(client.write_in_the_end(version, &request).await, 1);
    producer.finish(&mut client, true).await;
    client.wait_for_transaction("x", "CompleteCommit").await;
    assert_eq!(client.read_committed("t").await, ["before", "a"]);
}

#[tokio::test]
async fn a_batch_on_a_disk_that_hangs_is_late_and_written_once() {
    for (operation, part) in HANGS {
        let (disk, _broker, mut client, mut producer) = start().await;
        producer.write(&mut client, "t", &["a"]).await;
        let (version, request) =
            (producer.produce_version(), impatient(producer.produce_request("t", &["b"])));
        let held_up = disk.hold_up(operation, part);
        for _ in 0..2 {
            let (code, _) = client.try_write(version, &request).await;
            assert_eq!(code, ErrorCode::RequestTimedOut, "{operation:?}");
            assert_eq!(client.last_stable_offset().await, 1);
            assert_eq!(in_time(client.read_committed("t")).await, ["before"]);
        }
        drop(held_up);
        assert_eq!(client.write_in_the_end(version, &request).await, 2, "{operation:?}");
        producer.finish(&mut client, true).await;
        client.wait_for_transaction("x", "CompleteCommit").await;
        assert_eq!(client.read_committed("t").await, ["before", "a", "b"]);
    }
}

#[tokio::test]
async fn an_end_on_a_disk_that_hangs_is_late_and_no_reader_passes_it_before_it_is_certain() {
    let holds = [HANGS[0], (Operation::Write, "/__transaction_state-0/")];
    for ((operation, part), is_commit) in holds.into_iter().zip([true, false]) {
        let (disk, _broker, mut client, mut producer) = start().await;
        producer.write(&mut client, "t", &["a"]).await;
        let held_up = disk.hold_up(operation, part);
        for _ in 0..2 {
            let code = client.try_end(&producer.end_request(is_commit)).await;
            assert_eq!(code, ErrorCode::CoordinatorNotAvailable, "{operation:?}");
            assert_eq!(client.last_stable_offset().await, 1);
            assert_eq!(in_time(client.read_committed("t")).await, ["before"]);
        }
        let described = in_time(client.describe_unknown("x")).await;
        assert_code(described, ErrorCode::CoordinatorNotAvailable);
        drop(held_up);
        producer.finish(&mut client, is_commit).await;
        let (state, expected): (_, &[_]) = if is_commit {
            ("CompleteCommit", &["before", "a"])
        } else {
            ("CompleteAbort", &["before"])
        };
        client.wait_for_transaction("x", state).await;
        assert_eq!(client.read_committed("t").await, expected);
        // One marker, and no more.
        assert_eq!(client.log_end("t").await, 3, "{operation:?}");
    }
}

#[tokio::test]
async fn a_power_cut_takes_an_end_with_it_of_which_nobody_was_told() {
    let (disk, broker, mut client, mut producer) = start().await;
    producer.write(&mut client, "t", &["a"]).await;
    let held_up = disk.hold_up(Operation::Sync, "/journal/");
    let code = client.try_end(&producer.end_request(true)).await;
    assert_eq!(code, ErrorCode::CoordinatorNotAvailable);
    broker.disk.crash();
    drop(held_up);
    let broker = TestBroker::start_on(broker.cut_power().await, SETTINGS).await;
    let mut client = broker.connect().await;
    client.wait_for_transaction("x", "Ongoing").await;
    assert_eq!(client.read_committed("t").await, ["before"]);
    producer.finish(&mut client, false).await;
    client.wait_for_transaction("x", "CompleteAbort").await;
    assert_eq!(client.read_committed("t").await, ["before"]);
}

#[tokio::test]
async fn a_marker_on_a_disk_that_hangs_is_late_and_ends_nothing_before_it_is_certain() {
    for (operation, part) in HANGS {
        let (disk, _broker, mut client, mut producer) = start().await;
        producer.write(&mut client, "t", &["a"]).await;
        let topic = WritableTxnMarkerTopic { name: "t".to_owned(), partition_indexes: vec![0] };
        let marker = WritableTxnMarker {
            producer_id: producer.producer.0,
            producer_epoch: producer.producer.1 + 1,
            transaction_result: true,
            topics: vec![topic],
            coordinator_epoch: 0,
            transaction_version: 2,
        };
        let request = WriteTxnMarkersRequest { markers: vec![marker] };
        let held_up = disk.hold_up(operation, part);
        let answer = in_time(client.call(&request)).await;
        let code = answer.markers[0].topics[0].partitions[0].error_code;
        assert_code(code, ErrorCode::RequestTimedOut);
        assert_eq!(client.last_stable_offset().await, 1, "{operation:?}");
        drop(held_up);
        while client.last_stable_offset().await < 3 {
            tokio::task::yield_now().await;
        }
        assert_eq!(client.read_committed("t").await, ["before", "a"]);
    }
}

#[tokio::test]
async fn offsets_on_a_disk_that_hangs_are_late_and_count_once() {
    for (operation, part) in [HANGS[0], (Operation::Write, "/__consumer_offsets-0/")] {
        let (disk, _broker, mut client, mut producer) = start().await;
        client.find_coordinator("g").await;
        producer.commit(&mut client, "g", 4).await;
        let held_up = disk.hold_up(operation, part);
        let request = producer.commit_request("g", 5);
        let code = client.try_commit(&request).await;
        assert_eq!(code, ErrorCode::CoordinatorNotAvailable, "{operation:?}");
        drop(held_up);
        loop {
            match client.try_commit(&request).await {
                ErrorCode::None => break,
                ErrorCode::CoordinatorNotAvailable
                | ErrorCode::CoordinatorLoadInProgress
                | ErrorCode::NotCoordinator => {}
                code => panic!("{code}, {operation:?}"),
            }
        }
        producer.finish(&mut client, true).await;
        assert_eq!(settled(&mut client, "g").await, 5, "{operation:?}");
    }
}
