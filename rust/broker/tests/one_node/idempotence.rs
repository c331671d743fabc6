//! Idempotent producers: what is a repeat, what is a gap, and that a broker's end changes neither.

use base::{Clock, ErrorCode, SystemClock};
use records::CompressionType;
use storage::FaultyDisk;
use wire::describe_producers::{DescribeProducersRequest, TopicRequest};
use wire::{InitProducerIdRequest, ProduceRequest};

use crate::batches::{builder, idempotent_batch, stamp};
use crate::configs::{BROKER, SET, alter};
use crate::requests::{PRODUCE_BY_NAME, assert_code, produce_request};
use crate::test_broker::TestBroker;
use crate::test_client::TestClient;

fn init_request() -> InitProducerIdRequest {
    InitProducerIdRequest { transactional_id: None, ..InitProducerIdRequest::default() }
}

async fn new_producer(client: &mut TestClient) -> (i64, i16) {
    let answer = client.call(&init_request()).await;
    assert_code(answer.error_code, ErrorCode::None);
    (answer.producer_id, answer.producer_epoch)
}

/// Two records under consecutive sequence numbers.
async fn append_two(
    client: &mut TestClient,
    producer: (i64, i16),
    sequence: i32,
) -> Result<i64, ErrorCode> {
    let answer = client.produce("t", idempotent_batch(producer, sequence, &["a", "b"])).await;
    match ErrorCode::from_code(answer.error_code).unwrap() {
        ErrorCode::None => Ok(answer.base_offset),
        code => Err(code),
    }
}

#[tokio::test]
async fn every_producer_gets_an_id_of_its_own_and_epoch_0() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    let mut seen = std::collections::BTreeSet::new();
    for version in [0, 2, 4, 5] {
        let answer = client.call_in(version, &init_request()).await;
        assert_eq!((answer.error_code, answer.producer_epoch), (0, 0));
        assert!(seen.insert(answer.producer_id));
    }
    let disk = broker.kill().await;
    let broker = TestBroker::start_on(disk, &[]).await;
    let (after_crash, _) = new_producer(&mut broker.connect().await).await;
    assert!(seen.insert(after_crash), "an id was given twice");
}

#[tokio::test]
async fn a_repeat_of_one_of_the_last_five_batches_answers_with_its_first_offset() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    let producer = new_producer(&mut client).await;
    for n in 0..6 {
        assert_eq!(append_two(&mut client, producer, 2 * n).await, Ok(i64::from(2 * n)));
    }
    for n in 1..6 {
        assert_eq!(append_two(&mut client, producer, 2 * n).await, Ok(i64::from(2 * n)));
    }
    // The sixth last is forgotten.
    let forgotten = append_two(&mut client, producer, 0).await;
    assert_eq!(forgotten, Err(ErrorCode::OutOfOrderSequenceNumber));
    assert_eq!(client.log_end("t").await, 12);
    assert_eq!(append_two(&mut client, producer, 12).await, Ok(12));
}

#[tokio::test]
async fn a_repeat_right_behind_its_original_is_answered_alike() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    let producer = new_producer(&mut client).await;
    let batch = idempotent_batch(producer, 0, &["a", "b"]);
    let request = produce_request("t", 0, -1, batch);
    for _ in 0..2 {
        client.send(PRODUCE_BY_NAME, &request).await;
    }
    for _ in 0..2 {
        let (_, response) = client.receive::<ProduceRequest>(PRODUCE_BY_NAME).await;
        let answer = &response.responses[0].partition_responses[0];
        assert_eq!((answer.error_code, answer.base_offset), (0, 0));
    }
    let broker = TestBroker::start_on(broker.cut_power().await, &[]).await;
    assert_eq!(broker.connect().await.log_end("t").await, 2);
}

#[tokio::test]
async fn a_gap_is_refused_and_so_is_a_part_of_a_batch() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    let producer = new_producer(&mut client).await;
    assert_eq!(append_two(&mut client, producer, 0).await, Ok(0));
    for sequence in [3, 1, 100] {
        let refused = append_two(&mut client, producer, sequence).await;
        assert_eq!(refused, Err(ErrorCode::OutOfOrderSequenceNumber), "{sequence}");
    }
    assert_eq!(append_two(&mut client, producer, 2).await, Ok(2));
}

#[tokio::test]
async fn a_producer_that_the_partition_does_not_know_may_begin_anywhere() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    let producer = new_producer(&mut client).await;
    assert_eq!(append_two(&mut client, producer, 40).await, Ok(0));
    assert_eq!(append_two(&mut client, producer, 42).await, Ok(2));
}

#[tokio::test]
async fn an_epoch_fences_the_one_before_and_begins_at_0() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    let (id, epoch) = new_producer(&mut client).await;
    assert_eq!(append_two(&mut client, (id, epoch), 0).await, Ok(0));
    let bumped = (id, epoch + 1);
    let late = append_two(&mut client, bumped, 2).await;
    assert_eq!(late, Err(ErrorCode::OutOfOrderSequenceNumber));
    assert_eq!(append_two(&mut client, bumped, 0).await, Ok(2));
    let fenced = append_two(&mut client, (id, epoch), 2).await;
    assert_eq!(fenced, Err(ErrorCode::InvalidProducerEpoch));
}

#[tokio::test]
async fn the_sequence_goes_on_at_0_behind_its_largest_number() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    let producer = new_producer(&mut client).await;
    assert_eq!(append_two(&mut client, producer, i32::MAX - 1).await, Ok(0));
    assert_eq!(append_two(&mut client, producer, 0).await, Ok(2));
    assert_eq!(append_two(&mut client, producer, i32::MAX - 1).await, Ok(0));
}

#[tokio::test]
async fn each_partition_counts_on_its_own() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    assert_eq!(client.try_create("t", 2, &[]).await.error_code, 0);
    let producer = new_producer(&mut client).await;
    for partition in [0, 1] {
        for (sequence, base_offset) in [(0, 0), (1, 1), (0, 0)] {
            let batch = idempotent_batch(producer, sequence, &["a"]);
            let request = produce_request("t", partition, -1, batch);
            assert_eq!(client.produce_with(&request).await.base_offset, base_offset);
        }
    }
}

/// What a producer may rely on when the broker comes back.
async fn expect_the_same_producer(disk: FaultyDisk, producer: (i64, i16)) {
    let broker = TestBroker::start_on(disk, &[]).await;
    let mut client = broker.connect().await;
    for n in 1..6 {
        assert_eq!(append_two(&mut client, producer, 2 * n).await, Ok(i64::from(2 * n)));
    }
    let gap = append_two(&mut client, producer, 20).await;
    assert_eq!(gap, Err(ErrorCode::OutOfOrderSequenceNumber));
    let fenced = append_two(&mut client, (producer.0, -1), 12).await;
    assert!(fenced.is_err(), "an id without an epoch is no producer");
    assert_eq!(append_two(&mut client, producer, 12).await, Ok(12));
    assert_eq!(client.log_end("t").await, 14);
}

async fn broker_with_six_batches() -> (TestBroker, (i64, i16)) {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    let producer = new_producer(&mut client).await;
    for n in 0..6 {
        assert_eq!(append_two(&mut client, producer, 2 * n).await, Ok(i64::from(2 * n)));
    }
    (broker, producer)
}

#[tokio::test]
async fn a_restart_forgets_no_producer() {
    let (broker, producer) = broker_with_six_batches().await;
    expect_the_same_producer(broker.stop().await, producer).await;
}

#[tokio::test]
async fn a_killed_broker_forgets_no_producer() {
    let (broker, producer) = broker_with_six_batches().await;
    expect_the_same_producer(broker.kill().await, producer).await;
}

#[tokio::test]
async fn a_power_cut_forgets_no_producer() {
    let (broker, producer) = broker_with_six_batches().await;
    expect_the_same_producer(broker.cut_power().await, producer).await;
}

#[tokio::test]
async fn how_long_silent_producers_are_remembered_can_be_changed_while_the_broker_runs() {
    let broker = TestBroker::start(&[("log.retention.check.interval.ms", "10")]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    let batch = builder(&["a"], SystemClock.unix_ms());
    let batch = batch.finish(&stamp((7, 0), 0), CompressionType::None.into()).unwrap();
    assert_code(client.produce("t", batch).await.error_code, ErrorCode::None);
    assert_eq!(known_producers(&mut client).await, [7]);
    let changes = [("producer.id.expiration.ms", SET, Some("1"))];
    assert_code(
        alter(&mut client, (BROKER, ""), &changes, false).await.error_code,
        ErrorCode::None,
    );
    while !known_producers(&mut client).await.is_empty() {
        tokio::task::yield_now().await;
    }
}

async fn known_producers(client: &mut TestClient) -> Vec<i64> {
    let asked = TopicRequest { name: "t".to_owned(), partition_indexes: vec![0] };
    let answer = client.call(&DescribeProducersRequest { topics: vec![asked] }).await;
    let producers = answer.topics[0].partitions[0].active_producers.iter();
    producers.map(|producer| producer.producer_id).collect()
}
