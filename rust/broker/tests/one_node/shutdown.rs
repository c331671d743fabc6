//! A stop in order: what was accepted is answered, and what was answered is there.

use std::time::{Duration, Instant};

use wire::{FetchRequest, ProduceRequest};

use crate::batches::batch;
use crate::requests::{
    FETCH_BY_NAME, LONG_WAIT_MS, PRODUCE_BY_NAME, fetch_request, produce_request,
};
use crate::test_broker::TestBroker;

#[tokio::test]
async fn what_was_answered_before_the_end_of_the_connection_is_there_afterwards() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    for n in 0..200 {
        let request = produce_request("t", 0, -1, batch(&[&n.to_string()]));
        client.send(PRODUCE_BY_NAME, &request).await;
    }
    // The first answer shows that the broker is in the middle of them.
    client.receive::<ProduceRequest>(PRODUCE_BY_NAME).await;
    let stopping = tokio::spawn(broker.stop());
    let mut answered = 1;
    while let Some(frame) = client.read_frame().await {
        let (_, response) =
            wire::decode_response::<ProduceRequest>(frame, PRODUCE_BY_NAME).unwrap();
        let partition = &response.responses[0].partition_responses[0];
        assert_eq!((partition.error_code, partition.base_offset), (0, answered));
        answered += 1;
    }
    let broker = TestBroker::start_on(stopping.await.unwrap(), &[]).await;
    assert!(broker.server.recovery().clean);
    let there = broker.connect().await.log_end("t").await;
    assert_eq!(there, answered, "every record that was appended was answered");
}

#[tokio::test]
async fn a_fetch_that_waits_is_answered_and_does_not_hold_the_stop_up() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    let request = FetchRequest { max_wait_ms: LONG_WAIT_MS, ..fetch_request("t", 0) };
    client.send(FETCH_BY_NAME, &request).await;
    // Another request on the same connection is only read behind the first one.
    let mut other = broker.connect().await;
    other.append("t", &["seen"]).await;
    client.receive::<FetchRequest>(FETCH_BY_NAME).await;
    let mut request = request;
    request.topics[0].partitions[0].fetch_offset = 1;
    client.send(FETCH_BY_NAME, &request).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let started = Instant::now();
    let stopping = tokio::spawn(broker.stop());
    let (_, response) = client.receive::<FetchRequest>(FETCH_BY_NAME).await;
    assert_eq!(response.error_code, 0);
    client.expect_closed().await;
    stopping.await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_broker_that_has_stopped_accepts_nobody() {
    let broker = TestBroker::start(&[]).await;
    let address = broker.address();
    broker.stop().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
