//! Produce: when it is answered, and in which order.

use base::{ErrorCode, Uuid};
use records::{CompressionType, ProducerStamp, TimestampType};
use wire::produce::{PartitionProduceData, ProduceRequest, TopicProduceData};
use wire::{MetadataRequest, Records};

use crate::batches::{TIMESTAMP_MS, batch, batches_in, builder};
use crate::requests::{
    FETCH_BY_NAME, PRODUCE_BY_NAME, assert_code, fetch_request, produce_request,
};
use crate::test_broker::TestBroker;

#[tokio::test]
async fn acks_1_and_all_are_answered_with_the_first_offset() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    for (acks, base_offset) in [(1, 0), (-1, 2), (1, 4)] {
        let request = produce_request("t", 0, acks, batch(&["a", "b"]));
        let answer = client.produce_with(&request).await;
        assert_code(answer.error_code, ErrorCode::None);
        assert_eq!((answer.base_offset, answer.log_start_offset), (base_offset, 0));
        assert_eq!(answer.log_append_time_ms, -1);
    }
}

#[tokio::test]
async fn every_version_writes_and_answers() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    let id = client.create_topic("t", &[]).await;
    for version in 3..=13 {
        let mut request = produce_request("t", 0, -1, batch(&["a"]));
        if version >= 13 {
            let topic = &mut request.topic_data[0];
            (topic.name, topic.topic_id) = (String::new(), id);
        }
        let answer = client.call_in(version, &request).await;
        let partition = &answer.responses[0].partition_responses[0];
        assert_eq!((partition.error_code, partition.base_offset), (0, i64::from(version) - 3));
    }
}

#[tokio::test]
async fn acks_0_is_silent_and_the_records_are_there() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    // Who does not wait has no use for a time-out, and may leave it at 0.
    let silent = ProduceRequest { timeout_ms: 0, ..produce_request("t", 0, 0, batch(&["silent"])) };
    for _ in 0..3 {
        client.send(PRODUCE_BY_NAME, &silent).await;
    }
    // The next answer on the connection is this one's.
    assert_eq!(client.append("t", &["loud"]).await, 3);
    assert_eq!(client.read("t", 2).await, [(2, "silent".to_owned()), (3, "loud".to_owned())]);
}

#[tokio::test]
async fn acks_0_that_fails_closes_its_connection_and_no_other() {
    let broker = TestBroker::start(&[]).await;
    let (mut failing, mut other) = (broker.connect().await, broker.connect().await);
    other.create_topic("t", &[]).await;
    let request = produce_request("absent", 0, 0, batch(&["lost"]));
    failing.send(PRODUCE_BY_NAME, &request).await;
    failing.expect_closed().await;
    assert_eq!(other.append("t", &["kept"]).await, 0);
}

#[tokio::test]
async fn acks_1_is_answered_by_the_append_whatever_the_timeout() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    let request = ProduceRequest { timeout_ms: 0, ..produce_request("t", 0, 1, batch(&["a"])) };
    assert_code(client.produce_with(&request).await.error_code, ErrorCode::None);
}

#[tokio::test]
async fn acks_that_do_not_exist_are_refused() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    for acks in [2, -2, i16::MAX] {
        let answer = client.produce_with(&produce_request("t", 0, acks, batch(&["a"]))).await;
        assert_code(answer.error_code, ErrorCode::InvalidRequiredAcks);
    }
    assert_eq!(client.log_end("t").await, 0);
}

#[tokio::test]
async fn min_insync_replicas_asks_for_no_more_replicas_than_there_are() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[("min.insync.replicas", "2")]).await;
    assert_eq!(client.append("t", &["a"]).await, 0);
}

#[tokio::test]
async fn requests_on_one_connection_are_appended_and_answered_in_their_order() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    let mut sent = Vec::new();
    for n in 0..100 {
        let value = n.to_string();
        let request = produce_request("t", 0, -1, batch(&[&value]));
        sent.push(client.send(PRODUCE_BY_NAME, &request).await);
    }
    for (n, sent) in (0..).zip(sent) {
        let (answered, response) = client.receive::<ProduceRequest>(PRODUCE_BY_NAME).await;
        let base_offset = response.responses[0].partition_responses[0].base_offset;
        assert_eq!((answered, base_offset), (sent, n));
    }
    let expected: Vec<_> = (0..100).map(|n| (n, n.to_string())).collect();
    assert_eq!(client.read("t", 0).await, expected);
}

#[tokio::test]
async fn an_answer_that_waits_is_not_overtaken_on_its_connection() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    let long_poll = wire::FetchRequest { max_wait_ms: 300, ..fetch_request("t", 0) };
    let first = client.send(FETCH_BY_NAME, &long_poll).await;
    let second = client.send(13, &MetadataRequest::default()).await;
    assert_eq!([client.next_answered().await, client.next_answered().await], [first, second]);
}

#[tokio::test]
async fn each_partition_of_a_request_has_its_own_answer() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    assert_eq!(client.try_create("t", 2, &[]).await.error_code, 0);
    let mut corrupt = batch(&["flipped"]).to_vec();
    *corrupt.last_mut().unwrap() ^= 1;
    let mut request = produce_request("t", 0, -1, batch(&["good"]));
    let partitions = &mut request.topic_data[0].partition_data;
    for (index, records) in [(1, corrupt.into()), (2, batch(&["nowhere"]))] {
        partitions.push(PartitionProduceData { index, records: Some(Records::Bytes(records)) });
    }
    let absent = TopicProduceData { name: "absent".to_owned(), ..request.topic_data[0].clone() };
    request.topic_data.push(absent);
    let response = client.call_in(PRODUCE_BY_NAME, &request).await;
    let codes = |topic: usize| {
        let partitions = response.responses[topic].partition_responses.iter();
        partitions.map(|p| ErrorCode::from_code(p.error_code).unwrap()).collect::<Vec<_>>()
    };
    let unknown = ErrorCode::UnknownTopicOrPartition;
    assert_eq!(codes(0), [ErrorCode::None, ErrorCode::CorruptMessage, unknown]);
    assert_eq!(codes(1), [unknown; 3]);
    assert_eq!(client.read("t", 0).await, [(0, "good".to_owned())]);
}

#[tokio::test]
async fn an_unknown_topic_id_is_told_as_such() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    let mut request = produce_request("", 0, -1, batch(&["a"]));
    request.topic_data[0].topic_id = Uuid([9; 16]);
    let response = client.call(&request).await;
    assert_eq!(response.responses[0].topic_id, Uuid([9; 16]));
    let partition = &response.responses[0].partition_responses[0];
    assert_code(partition.error_code, ErrorCode::UnknownTopicId);
}

#[tokio::test]
async fn a_transactional_id_alone_makes_no_transaction() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    let request = ProduceRequest {
        transactional_id: Some("payments".to_owned()),
        ..produce_request("t", 0, -1, batch(&["a"]))
    };
    let answer = client.produce_with(&request).await;
    assert_code(answer.error_code, ErrorCode::None);
    assert_eq!(client.log_end("t").await, 1);
}

#[tokio::test]
async fn a_batch_is_kept_as_it_was_compressed() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    for (offset, codec) in (0..).zip(CompressionType::ALL) {
        let sent = builder(&["compressible ".repeat(50).as_str()], TIMESTAMP_MS)
            .finish(&ProducerStamp::NONE, codec.into())
            .unwrap();
        assert_eq!(client.produce("t", sent.clone()).await.base_offset, offset);
        let fetched = client.fetch("t", offset).await;
        let batch = &batches_in(fetched.records.as_ref())[0];
        // All but the base offset and the leader epoch: magic, CRC and what the CRC covers.
        assert_eq!(batch.bytes()[16..], sent[16..], "{codec}");
    }
}

#[tokio::test]
async fn log_append_time_is_the_brokers_and_is_told() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[("message.timestamp.type", "LogAppendTime")]).await;
    let answer = client.produce("t", batch(&["a", "b"])).await;
    assert!(answer.log_append_time_ms > TIMESTAMP_MS);
    let fetched = client.fetch("t", 0).await;
    let header = *batches_in(fetched.records.as_ref())[0].header();
    assert_eq!(header.attributes.timestamp_type(), TimestampType::LogAppendTime);
    assert_eq!(header.max_timestamp, answer.log_append_time_ms);
    let found = client.list_offset("t", answer.log_append_time_ms).await;
    assert_eq!((found.offset, found.timestamp), (0, answer.log_append_time_ms));
}
