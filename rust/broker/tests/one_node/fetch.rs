//! Fetch: how long it waits and how much it brings.

use std::time::{Duration, Instant};

use base::ErrorCode;
use wire::FetchRequest;
use wire::fetch::FetchTopic;

use crate::batches::{batch, batch_of_bytes, batches_in, records_in};
use crate::requests::{
    FETCH_BY_NAME, LONG_WAIT_MS, assert_code, fetch_partition, fetch_request, only_partition,
    produce_request,
};
use crate::test_broker::TestBroker;
use crate::test_client::TestClient;

/// Far below [`LONG_WAIT_MS`], and long for a machine that does other things as well.
const PROMPT: Duration = Duration::from_secs(15);

fn waiting(request: FetchRequest, min_bytes: i32) -> FetchRequest {
    FetchRequest { max_wait_ms: LONG_WAIT_MS, min_bytes, ..request }
}

async fn receive(client: &mut TestClient) -> wire::fetch::PartitionData {
    let (_, response) = client.receive::<FetchRequest>(FETCH_BY_NAME).await;
    only_partition(response)
}

#[tokio::test]
async fn a_fetch_at_the_end_is_woken_by_the_append() {
    let broker = TestBroker::start(&[]).await;
    let (mut reader, mut writer) = (broker.connect().await, broker.connect().await);
    writer.create_topic("t", &[]).await;
    let started = Instant::now();
    reader.send(FETCH_BY_NAME, &waiting(fetch_request("t", 0), 1)).await;
    // Answered behind the fetch on the same connection, so this one shows that it waits.
    writer.append("t", &["woken"]).await;
    let fetched = receive(&mut reader).await;
    assert_eq!(records_in(fetched.records.as_ref(), 0), [(0, "woken".to_owned())]);
    assert!(started.elapsed() < PROMPT, "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_fetch_waits_for_min_bytes_over_several_appends() {
    let broker = TestBroker::start(&[]).await;
    let (mut reader, mut writer) = (broker.connect().await, broker.connect().await);
    writer.create_topic("t", &[]).await;
    let one = batch(&["a"]);
    let enough = i32::try_from(3 * one.len()).unwrap();
    reader.send(FETCH_BY_NAME, &waiting(fetch_request("t", 0), enough)).await;
    for _ in 0..3 {
        assert_code(writer.produce("t", one.clone()).await.error_code, ErrorCode::None);
    }
    let fetched = receive(&mut reader).await;
    assert_eq!(batches_in(fetched.records.as_ref()).len(), 3);
}

#[tokio::test]
async fn a_fetch_that_gets_too_little_answers_with_it_when_its_time_is_over() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    client.append("t", &["too little"]).await;
    for (offset, batches) in [(0, 1), (1, 0)] {
        let request =
            FetchRequest { max_wait_ms: 200, min_bytes: 1 << 20, ..fetch_request("t", offset) };
        let started = Instant::now();
        let fetched = only_partition(client.call_in(FETCH_BY_NAME, &request).await);
        assert!(started.elapsed() >= Duration::from_millis(200));
        assert_code(fetched.error_code, ErrorCode::None);
        assert_eq!(batches_in(fetched.records.as_ref()).len(), batches);
        assert_eq!(fetched.high_watermark, 1);
    }
}

#[tokio::test]
async fn a_fetch_that_asks_for_more_than_it_takes_is_content_with_what_it_takes() {
    let broker = TestBroker::start(&[("fetch.max.bytes", "1024")]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    for _ in 0..3 {
        client.produce("t", batch_of_bytes(1000)).await;
    }
    let started = Instant::now();
    let of_client = FetchRequest { max_bytes: 1024, ..waiting(fetch_request("t", 0), 2000) };
    let of_broker = waiting(fetch_request("t", 0), 2000);
    for request in [of_client, of_broker] {
        let fetched = only_partition(client.call_in(FETCH_BY_NAME, &request).await);
        assert_eq!(batches_in(fetched.records.as_ref()).len(), 1);
    }
    assert!(started.elapsed() < PROMPT, "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_fetch_that_leaves_records_out_does_not_wait_for_more() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[("segment.bytes", "1048576")]).await;
    // Two of these fill a segment.
    for _ in 0..3 {
        client.produce("t", batch_of_bytes(500_000)).await;
    }
    let started = Instant::now();
    let wanted = 900_000;
    let at_the_end_of_a_segment = waiting(fetch_request("t", 1), wanted);
    let without_room = FetchRequest { max_bytes: wanted, ..waiting(fetch_request("t", 0), wanted) };
    for request in [at_the_end_of_a_segment, without_room] {
        let fetched = only_partition(client.call_in(FETCH_BY_NAME, &request).await);
        assert_eq!(batches_in(fetched.records.as_ref()).len(), 1);
    }
    assert!(started.elapsed() < PROMPT, "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_partition_brings_whole_batches_up_to_its_limit() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    let one = batch_of_bytes(1000);
    for _ in 0..4 {
        client.produce("t", one.clone()).await;
    }
    let mut request = fetch_request("t", 0);
    for (limit, batches) in [(one.len() * 2, 2), (one.len() * 3 - 1, 2), (one.len() * 9, 4)] {
        request.topics[0].partitions[0].partition_max_bytes = i32::try_from(limit).unwrap();
        let fetched = only_partition(client.call_in(FETCH_BY_NAME, &request).await);
        assert_eq!(batches_in(fetched.records.as_ref()).len(), batches, "{limit}");
    }
}

#[tokio::test]
async fn the_first_batch_comes_whatever_its_size_and_the_next_partition_waits_its_turn() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    assert_eq!(client.try_create("t", 3, &[]).await.error_code, 0);
    for partition in [1, 2] {
        client.produce_with(&produce_request("t", partition, -1, batch_of_bytes(5000))).await;
    }
    let partitions = (0..3).map(|partition| fetch_partition(partition, 0)).collect();
    let request = FetchRequest {
        max_bytes: 100,
        topics: vec![FetchTopic { partitions, topic: "t".to_owned(), ..FetchTopic::default() }],
        ..fetch_request("t", 0)
    };
    let response = client.call_in(FETCH_BY_NAME, &request).await;
    let counts = response.responses[0].partitions.iter().map(|partition| {
        assert_code(partition.error_code, ErrorCode::None);
        batches_in(partition.records.as_ref()).len()
    });
    assert_eq!(counts.collect::<Vec<_>>(), [0, 1, 0]);
}

#[tokio::test]
async fn an_error_in_one_partition_is_told_at_once_though_the_others_wait() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    let mut request = waiting(fetch_request("t", 0), 1);
    request.topics[0].partitions.push(fetch_partition(7, 0));
    let started = Instant::now();
    let response = client.call_in(FETCH_BY_NAME, &request).await;
    assert!(started.elapsed() < PROMPT, "{:?}", started.elapsed());
    let codes: Vec<_> = response.responses[0].partitions.iter().map(|p| p.error_code).collect();
    assert_eq!(codes, [0, ErrorCode::UnknownTopicOrPartition.code()]);
}

#[tokio::test]
async fn a_fetch_that_waits_hears_that_its_topic_was_deleted() {
    let broker = TestBroker::start(&[]).await;
    let (mut reader, mut admin) = (broker.connect().await, broker.connect().await);
    admin.create_topic("t", &[]).await;
    let started = Instant::now();
    reader.send(FETCH_BY_NAME, &waiting(fetch_request("t", 0), 1)).await;
    admin.delete_topic("t").await;
    let fetched = receive(&mut reader).await;
    assert_code(fetched.error_code, ErrorCode::UnknownTopicOrPartition);
    assert!(started.elapsed() < PROMPT, "{:?}", started.elapsed());
}

#[tokio::test]
async fn every_answer_says_session_0_and_a_session_that_goes_on_is_unknown() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    for session_epoch in [-1, 0] {
        let request = FetchRequest { session_epoch, ..fetch_request("t", 0) };
        let response = client.call_in(FETCH_BY_NAME, &request).await;
        assert_eq!((response.error_code, response.session_id), (0, 0));
    }
    let request = FetchRequest { session_id: 5, session_epoch: 1, ..fetch_request("t", 0) };
    let response = client.call_in(FETCH_BY_NAME, &request).await;
    assert_code(response.error_code, ErrorCode::FetchSessionIdNotFound);
    assert_eq!(response.responses, []);
}

#[tokio::test]
async fn a_fetch_gathers_min_bytes_from_all_its_partitions() {
    let broker = TestBroker::start(&[]).await;
    let (mut reader, mut writer) = (broker.connect().await, broker.connect().await);
    assert_code(writer.try_create("t", 3, &[]).await.error_code, ErrorCode::None);
    let one = batch(&["a"]);
    let mut request = waiting(fetch_request("t", 0), i32::try_from(4 * one.len()).unwrap());
    request.topics[0].partitions = (0..3).map(|partition| fetch_partition(partition, 0)).collect();
    // What is there before the fetch comes counts as well.
    writer.produce_with(&produce_request("t", 2, -1, one.clone())).await;
    reader.send(FETCH_BY_NAME, &request).await;
    for partition in [2, 0, 2] {
        writer.produce_with(&produce_request("t", partition, -1, one.clone())).await;
    }
    let (_, response) = reader.receive::<FetchRequest>(FETCH_BY_NAME).await;
    let partitions = &response.responses[0].partitions;
    let batches = partitions.iter().map(|p| batches_in(p.records.as_ref()).len());
    assert_eq!(batches.collect::<Vec<_>>(), [1, 0, 3]);
}

#[tokio::test]
async fn a_fetch_that_finds_no_place_to_wait_is_answered_and_its_client_asked_to_stay_away() {
    let broker = TestBroker::start(&[("queued.max.request.bytes", "16000")]).await;
    let (mut reader, mut writer) = (broker.connect().await, broker.connect().await);
    writer.create_topic("t", &[]).await;
    let small = waiting(fetch_request("t", 0), 1);
    let mut large = small.clone();
    large.topics[0].partitions = vec![fetch_partition(0, 0); 20];
    for (max_wait_ms, throttle_time_ms) in [(LONG_WAIT_MS, 100), (50, 50)] {
        let request = FetchRequest { max_wait_ms, ..large.clone() };
        let response = reader.call_in(FETCH_BY_NAME, &request).await;
        assert_eq!(response.throttle_time_ms, throttle_time_ms);
        assert_eq!(response.responses[0].partitions.len(), 20);
    }
    reader.send(FETCH_BY_NAME, &small).await;
    writer.append("t", &["a"]).await;
    let (_, response) = reader.receive::<FetchRequest>(FETCH_BY_NAME).await;
    assert_eq!(response.throttle_time_ms, 0, "for a small one there is a place");
    assert_eq!(batches_in(only_partition(response).records.as_ref()).len(), 1);
}
