//! Produce: records that a topic does not take.

use base::ErrorCode;
use records::{BatchBuilder, CompressionType, ProducerStamp};
use wire::Records;

use crate::batches::{TIMESTAMP_MS, batch, batch_at, batch_of_bytes, builder};
use crate::requests::{assert_code, produce_request};
use crate::test_broker::TestBroker;

#[tokio::test]
async fn a_batch_beyond_max_message_bytes_is_refused_and_the_limit_can_be_raised() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[("max.message.bytes", "1000")]).await;
    let exact = 1000 - batch_of_bytes(900).len() + 900;
    for (bytes, code) in [
        (exact, ErrorCode::None),
        (exact + 1, ErrorCode::MessageTooLarge),
        (100_000, ErrorCode::MessageTooLarge),
    ] {
        assert_code(client.produce("t", batch_of_bytes(bytes)).await.error_code, code);
    }
    assert_eq!(client.log_end("t").await, 1);
    client.alter_topic("t", &[("max.message.bytes", 0, Some("200000"))]).await;
    let answer = client.produce("t", batch_of_bytes(100_000)).await;
    assert_code(answer.error_code, ErrorCode::None);
}

#[tokio::test]
async fn a_batch_that_is_not_one_is_refused_and_the_connection_stays() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    let good = batch(&["a"]);
    let mut old_format = good.to_vec();
    old_format[16] = 1;
    let two = [&good[..], &good[..]].concat();
    for (bytes, code) in [
        (good[..good.len() - 1].to_vec(), ErrorCode::CorruptMessage),
        (good[..40].to_vec(), ErrorCode::CorruptMessage),
        (old_format, ErrorCode::InvalidRecord),
        (two, ErrorCode::InvalidRecord),
        (Vec::new(), ErrorCode::InvalidRecord),
    ] {
        let length = bytes.len();
        let answer = client.produce("t", bytes.into()).await;
        assert_eq!(ErrorCode::from_code(answer.error_code), Some(code), "{length} bytes");
        assert_eq!(answer.base_offset, -1);
    }
    assert_eq!(client.append("t", &["still here"]).await, 0);
}

#[tokio::test]
async fn a_request_without_records_is_refused() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    let mut request = produce_request("t", 0, -1, batch(&["a"]));
    request.topic_data[0].partition_data[0].records = None;
    let answer = client.produce_with(&request).await;
    assert_code(answer.error_code, ErrorCode::InvalidRecord);
    request.topic_data[0].partition_data[0].records = Some(Records::default());
    let answer = client.produce_with(&request).await;
    assert_code(answer.error_code, ErrorCode::InvalidRecord);
}

#[tokio::test]
async fn zstd_is_refused_from_clients_that_are_too_old_for_it() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    let zstd = builder(&["a"], TIMESTAMP_MS)
        .finish(&ProducerStamp::NONE, CompressionType::Zstd.into())
        .unwrap();
    let request = produce_request("t", 0, -1, zstd);
    for (version, code) in [(6, ErrorCode::UnsupportedCompressionType), (7, ErrorCode::None)] {
        let answer = client.call_in(version, &request).await;
        assert_code(answer.responses[0].partition_responses[0].error_code, code);
    }
}

#[tokio::test]
async fn a_compacted_topic_refuses_records_without_a_key_naming_them() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[("cleanup.policy", "compact,delete")]).await;
    let mut builder = BatchBuilder::new(1024);
    for key in [Some(b"a".as_slice()), None, Some(b""), None] {
        builder.try_append(TIMESTAMP_MS, key, Some(b"value"), &[]).unwrap();
    }
    let mixed = builder.finish(&ProducerStamp::NONE, CompressionType::None.into()).unwrap();
    let answer = client.produce("t", mixed).await;
    assert_code(answer.error_code, ErrorCode::InvalidRecord);
    let places: Vec<_> = answer.record_errors.iter().map(|e| e.batch_index).collect();
    assert_eq!(places, [1, 3]);
    assert_eq!(client.log_end("t").await, 0);
    client.alter_topic("t", &[("cleanup.policy", 0, Some("delete"))]).await;
    assert_code(client.produce("t", batch(&["keyless"])).await.error_code, ErrorCode::None);
}

#[tokio::test]
async fn a_timestamp_out_of_bounds_is_refused_naming_the_record() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    let bounds = [("message.timestamp.before.max.ms", "86400000")];
    client.create_topic("t", &bounds).await;
    for timestamp in [1, i64::MAX / 2] {
        let answer = client.produce("t", batch_at(timestamp, &["a", "b"])).await;
        assert_code(answer.error_code, ErrorCode::InvalidTimestamp);
        let places: Vec<_> = answer.record_errors.iter().map(|e| e.batch_index).collect();
        assert_eq!(places, [0, 1]);
    }
    assert_eq!(client.log_end("t").await, 0);
}
