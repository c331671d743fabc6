//! Transactions over brokers that lose their power, or whose disk fails, at every step.

use base::{Clock, ErrorCode, SystemClock};
use records::{BatchBuilder, CompressionType, ProducerStamp};
use storage::FaultyDisk;
use storage::disk::Fault;

use crate::requests::assert_code;
use crate::test_broker::TestBroker;
use crate::test_client::TestClient;
use crate::transactional_producer::TransactionalProducer;

const SETTINGS: &[(&str, &str)] = &[
    ("transaction.state.log.num.partitions", "1"),
    ("transaction.abort.timed.out.transaction.cleanup.interval.ms", "50"),
];

#[tokio::test]
async fn an_end_that_was_answered_is_brought_to_its_end_by_the_next_start() {
    for is_commit in [true, false] {
        let broker = TestBroker::start(SETTINGS).await;
        let mut client = broker.connect().await;
        client.create_topic("t", &[]).await;
        let mut producer = TransactionalProducer::init(&mut client, "x").await;
        producer.write(&mut client, "t", &["a", "b"]).await;
        producer.finish(&mut client, is_commit).await;
        // The markers may be on their way, or not.
        let broker = TestBroker::start_on(broker.cut_power().await, SETTINGS).await;
        let mut client = broker.connect().await;
        let state = if is_commit { "CompleteCommit" } else { "CompleteAbort" };
        client.wait_for_transaction("x", state).await;
        let expected: &[&str] = if is_commit { &["a", "b"] } else { &[] };
        assert_eq!(client.read_committed("t").await, expected);
        // The producer goes on as it was told.
        producer.write(&mut client, "t", &["c"]).await;
        producer.finish(&mut client, true).await;
        client.wait_for_transaction("x", "CompleteCommit").await;
        assert_eq!(client.read_committed("t").await, [expected, &["c"]].concat());
    }
}

#[tokio::test]
async fn what_was_open_when_the_power_failed_goes_on_or_is_aborted() {
    let broker = TestBroker::start(SETTINGS).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    let mut producer = TransactionalProducer::init(&mut client, "x").await;
    let mut zombie = TransactionalProducer::init(&mut client, "z").await;
    producer.write(&mut client, "t", &["a"]).await;
    zombie.write(&mut client, "t", &["z"]).await;
    let broker = TestBroker::start_on(broker.cut_power().await, SETTINGS).await;
    let mut client = broker.connect().await;
    producer.write(&mut client, "t", &["b"]).await;
    producer.finish(&mut client, true).await;
    TransactionalProducer::init(&mut client, "z").await;
    client.wait_for_transaction("x", "CompleteCommit").await;
    assert_eq!(client.read_committed("t").await, ["a", "b"]);
    assert_eq!(client.read_all("t").await, ["a", "z", "b"]);
}

/// Writes to the coordinator's log behind its back: its next batch is not where it was foreseen to
/// be, and it has to be loaded again.
async fn disturb_the_coordinator(broker: &TestBroker) {
    const TOMBSTONE_OF_Z: &[u8] = b"\0\0\0\x01z";
    let mut admin = TestClient::connect_as(broker.address(), "__admin_client").await;
    let mut batch = BatchBuilder::with_capacity(1_024, 1_024);
    batch.try_append(SystemClock.unix_ms(), Some(TOMBSTONE_OF_Z), None, &[]).unwrap();
    let batch = batch.finish(&ProducerStamp::NONE, CompressionType::None.into()).unwrap();
    let answer = admin.produce("__transaction_state", batch).await;
    assert_code(answer.error_code, ErrorCode::None);
}

#[tokio::test]
async fn an_end_that_its_coordinator_could_not_follow_is_one_when_it_is_loaded_again() {
    for is_commit in [true, false] {
        let broker = TestBroker::start(SETTINGS).await;
        let mut client = broker.connect().await;
        client.create_topic("t", &[]).await;
        let mut producer = TransactionalProducer::init(&mut client, "x").await;
        producer.write(&mut client, "t", &["a"]).await;
        disturb_the_coordinator(&broker).await;
        let answer = client.call(&producer.end_request(is_commit)).await;
        assert_code(answer.error_code, ErrorCode::NotCoordinator);
        // It is in the log all the same, and the same end may be asked for again.
        producer.finish(&mut client, is_commit).await;
        let state = if is_commit { "CompleteCommit" } else { "CompleteAbort" };
        client.wait_for_transaction("x", state).await;
        let expected: &[&str] = if is_commit { &["a"] } else { &[] };
        assert_eq!(client.read_committed("t").await, expected);
    }
}

/// A whole transaction and the start of another, over a disk of which one operation fails: the
/// broker answers what it can, and loses its power.
async fn run_with_fault(at: u64) -> (FaultyDisk, bool, bool) {
    let broker = TestBroker::start(SETTINGS).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    let mut producer = TransactionalProducer::init(&mut client, "x").await;
    let first = broker.disk.operations() + at;
    // A disk that has failed does not come back before the next start.
    (first..first + 200).for_each(|operation| broker.disk.fail_at(operation, Fault::Io));
    let request = producer.produce_request("t", &["a"]);
    let version = producer.produce_version();
    let response = client.call_in(version, &request).await;
    let is_written = response.responses[0].partition_responses[0].error_code == 0;
    let mut is_committed = false;
    if is_written {
        let answer = client.call(&producer.end_request(true)).await;
        is_committed = answer.error_code == ErrorCode::None.code();
    }
    let is_over = broker.disk.operations() < first;
    let disk = broker.cut_power().await;
    (disk, is_committed, is_over)
}

#[tokio::test]
async fn a_transaction_over_a_disk_that_fails_is_whole_or_void_after_the_next_start() {
    let mut at = 0;
    loop {
        let (disk, is_committed, is_over) = run_with_fault(at).await;
        let broker = TestBroker::start_on(disk, SETTINGS).await;
        let mut client = broker.connect().await;
        // Whatever was open is aborted by who comes next.
        let mut next = TransactionalProducer::init(&mut client, "x").await;
        next.write(&mut client, "t", &["next"]).await;
        next.finish(&mut client, true).await;
        client.wait_for_transaction("x", "CompleteCommit").await;
        let read = client.read_committed("t").await;
        let is_whole = read == ["a", "next"];
        assert!(is_whole || read == ["next"], "{read:?}, fault at {at}");
        assert!(is_whole || !is_committed, "a commit was lost, fault at {at}");
        if is_over {
            assert!(is_committed, "nothing has failed, and nothing was committed");
            return;
        }
        at += 1;
    }
}
