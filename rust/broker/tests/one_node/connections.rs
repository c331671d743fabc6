//! What ends a connection, and that it ends no other.

use base::ErrorCode;
use wire::api_versions::ApiVersionsResponse;
use wire::{ApiKey, ApiVersionsRequest, Message, MetadataRequest, Reader, encode_request};

use crate::requests::assert_code;
use crate::test_broker::TestBroker;

fn framed(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap();
    [&length.to_be_bytes()[..], body].concat()
}

/// A header of version 1 without a client id.
fn header(api_key: i16, version: i16) -> Vec<u8> {
    let mut header = Vec::new();
    header.extend(api_key.to_be_bytes());
    header.extend(version.to_be_bytes());
    header.extend(77_i32.to_be_bytes());
    header.extend((-1_i16).to_be_bytes());
    header
}

#[tokio::test]
async fn what_is_no_request_ends_its_connection_and_no_other() {
    let broker = TestBroker::start(&[("socket.request.max.bytes", "1000000")]).await;
    let mut neighbour = broker.connect().await;
    neighbour.create_topic("t", &[]).await;
    let unknown_api = framed(&header(999, 0));
    let negative_api = framed(&header(-1, 0));
    let future_metadata = framed(&header(ApiKey::Metadata.key(), 99));
    let negative_version = framed(&header(ApiKey::Metadata.key(), -1));
    let ancient_produce = framed(&header(ApiKey::Produce.key(), 2));
    let cut_body = framed(&header(ApiKey::Metadata.key(), 9));
    let mut huge_array = header(ApiKey::Metadata.key(), 1);
    huge_array.extend(i32::MAX.to_be_bytes());
    for (what, bytes) in [
        ("an HTTP request", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        ("a TLS hello", vec![0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3]),
        ("a negative length", (-5_i32).to_be_bytes().to_vec()),
        ("a length beyond the limit", 1_000_001_i32.to_be_bytes().to_vec()),
        ("the largest length", i32::MAX.to_be_bytes().to_vec()),
        ("an empty frame", framed(&[])),
        ("half a header", framed(&[0, 3, 0])),
        ("an unknown API", unknown_api),
        ("a negative API", negative_api),
        ("a version to come", future_metadata),
        ("a negative version", negative_version),
        ("a version that is gone", ancient_produce),
        ("a header without its body", cut_body),
        ("an array that claims too much", framed(&huge_array)),
    ] {
        let mut client = broker.connect().await;
        client.send_bytes(&bytes).await;
        assert_eq!(client.read_frame().await, None, "{what}");
        assert_eq!(neighbour.topic("t").await.error_code, 0, "{what}");
    }
}

#[tokio::test]
async fn requests_before_a_bad_one_are_answered_first() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    let good = client.send(13, &MetadataRequest::default()).await;
    client.send_bytes(&framed(&header(999, 0))).await;
    assert_eq!(client.next_answered().await, good);
    client.expect_closed().await;
}

#[tokio::test]
async fn a_request_in_small_pieces_is_answered() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    let frame = encode_request(Some("slow"), 5, 13, &MetadataRequest::default()).unwrap();
    for byte in frame.collect().unwrap() {
        client.send_bytes(&[byte]).await;
    }
    assert_eq!(client.next_answered().await, 5);
}

#[tokio::test]
async fn a_version_of_api_versions_to_come_is_answered_in_version_0_with_the_list() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.send_bytes(&framed(&header(ApiKey::ApiVersions.key(), 99))).await;
    let mut reader = Reader::new(client.read_frame().await.expect("an answer"));
    assert_eq!(reader.read_fixed::<4>().unwrap(), 77_i32.to_be_bytes());
    let answer = ApiVersionsResponse::decode(&mut reader, 0).unwrap();
    assert!(reader.rest().is_empty());
    assert_code(answer.error_code, ErrorCode::UnsupportedVersion);
    let own = answer.api_keys.iter().find(|api| api.api_key == ApiKey::ApiVersions.key());
    assert_eq!(own.map(|own| (own.min_version, own.max_version)), Some((0, 4)));
    // The client tries again on the same connection.
    let request = ApiVersionsRequest {
        client_software_name: "test".to_owned(),
        client_software_version: "1.0".to_owned(),
    };
    assert_code(client.call(&request).await.error_code, ErrorCode::None);
}

#[tokio::test]
async fn every_version_of_api_versions_lists_every_api() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    let request = ApiVersionsRequest {
        client_software_name: "test-client".to_owned(),
        client_software_version: "1.0.0".to_owned(),
    };
    for version in 0..=4 {
        let sent = if version < 3 { ApiVersionsRequest::default() } else { request.clone() };
        let answer = client.call_in(version, &sent).await;
        assert_code(answer.error_code, ErrorCode::None);
        let keys: Vec<_> = answer.api_keys.iter().map(|api| api.api_key).collect();
        assert_eq!(keys, ApiKey::ALL.iter().map(|api| api.key()).collect::<Vec<_>>());
    }
    for name in ["", "-test", "te st"] {
        let refused =
            ApiVersionsRequest { client_software_name: name.to_owned(), ..request.clone() };
        let answer = client.call(&refused).await;
        assert_code(answer.error_code, ErrorCode::InvalidRequest);
    }
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_a_busy_one_is_not() {
    let broker = TestBroker::start(&[("connections.max.idle.ms", "1500")]).await;
    let (mut idle, mut busy) = (broker.connect().await, broker.connect().await);
    idle.call(&MetadataRequest::default()).await;
    let closed = tokio::spawn(async move { idle.expect_closed().await });
    while !closed.is_finished() {
        busy.call(&MetadataRequest::default()).await;
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    closed.await.unwrap();
    busy.call(&MetadataRequest::default()).await;
}

#[tokio::test]
async fn an_address_has_only_so_many_connections() {
    let broker = TestBroker::start(&[("max.connections.per.ip", "2")]).await;
    let (mut first, mut second) = (broker.connect().await, broker.connect().await);
    first.call(&MetadataRequest::default()).await;
    second.call(&MetadataRequest::default()).await;
    broker.connect().await.expect_closed().await;
    first.call(&MetadataRequest::default()).await;
}

#[tokio::test]
async fn clients_that_read_late_get_all_their_answers_and_hold_up_nobody_for_good() {
    // Less than two of the answers below.
    let broker = TestBroker::start(&[("queued.max.request.bytes", "200000")]).await;
    let mut client = broker.connect().await;
    assert_code(client.try_create("t", 3_000, &[]).await.error_code, ErrorCode::None);
    let mut late = [broker.connect().await, broker.connect().await, broker.connect().await];
    for client in &mut late {
        for _ in 0..40 {
            client.send(13, &MetadataRequest { topics: None, ..MetadataRequest::default() }).await;
        }
    }
    for client in &mut late {
        for _ in 0..40 {
            let (_, answer) = client.receive::<MetadataRequest>(13).await;
            assert_eq!(answer.topics[0].partitions.len(), 3_000);
        }
    }
    client.call(&MetadataRequest::default()).await;
    assert_eq!(broker.server.free_request_bytes(), 200_000);
}
