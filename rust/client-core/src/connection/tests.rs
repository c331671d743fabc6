//! One connection: negotiation, correlation, time-outs.

use std::time::Duration;

use wire::api_versions::ApiVersion;
use wire::encode_response;
use wire::list_offsets::{ListOffsetsRequest, ListOffsetsResponse};

use super::*;

const TIMEOUT: Duration = Duration::from_secs(30);
const NOW: Instant = Instant(1);

fn connecting(known: Option<ApiVersions>) -> Connection {
    Connection::new(ConnectionId(1), "c", known, NOW, Duration::from_secs(10))
}

fn versions(api: ApiKey, max_version: i16) -> ApiVersionsResponse {
    let range = ApiVersion { api_key: api.key(), min_version: 0, max_version };
    ApiVersionsResponse { api_keys: vec![range], ..Default::default() }
}

/// The answer as it comes from a socket: without its length.
fn answer<M: Message>(api: ApiKey, version: i16, correlation_id: i32, response: &M) -> Bytes {
    let frame = encode_response(api, version, correlation_id, response).unwrap();
    frame.collect().unwrap().slice(4..)
}

fn ready() -> Connection {
    let mut connection = connecting(None);
    connection.handle_connected(NOW, TIMEOUT).unwrap().unwrap();
    let frame = answer(ApiKey::ApiVersions, 4, 0, &versions(ApiKey::ListOffsets, 9));
    let received = connection.handle_frame(frame, NOW, TIMEOUT).unwrap();
    assert!(matches!(received, Received::Ready));
    connection
}

fn send(connection: &mut Connection, id: u64) -> Option<Frame> {
    let terms = SendTerms { version_max: i16::MAX, answered: true, timeout: TIMEOUT };
    connection.send(RequestId(id), &ListOffsetsRequest::default(), &terms, NOW).unwrap()
}

#[test]
fn nothing_is_sent_before_the_versions_are_known() {
    let mut connection = connecting(None);
    assert!(send(&mut connection, 1).is_none());
    connection.handle_connected(NOW, TIMEOUT).unwrap().unwrap();
    assert!(send(&mut connection, 1).is_none());
    assert!(!connection.is_ready());
    assert!(send(&mut ready(), 1).is_some());
}

#[test]
fn a_broker_that_does_not_know_our_version_is_asked_again_in_one_that_it_knows() {
    for (known, spoken) in [(2, 2), (0, 0)] {
        let mut connection = connecting(None);
        connection.handle_connected(NOW, TIMEOUT).unwrap().unwrap();
        let error_code = ErrorCode::UnsupportedVersion as i16;
        let refusal = ApiVersionsResponse { error_code, ..versions(ApiKey::ApiVersions, known) };
        let frame = answer(ApiKey::ApiVersions, 0, 0, &refusal);
        let received = connection.handle_frame(frame, NOW, TIMEOUT).unwrap();
        let Received::Send(again) = received else { panic!("{received:?}") };
        let bytes = again.collect().unwrap();
        assert_eq!(bytes[4..8], [0, 18, 0, spoken], "key and version");
        let spoken = i16::from(spoken);
        let frame = answer(ApiKey::ApiVersions, spoken, 1, &versions(ApiKey::ListOffsets, 5));
        assert!(matches!(connection.handle_frame(frame, NOW, TIMEOUT), Ok(Received::Ready)));
    }
}

#[test]
fn a_broker_that_refuses_even_version_0_is_given_up() {
    let mut connection = connecting(None);
    connection.handle_connected(NOW, TIMEOUT).unwrap().unwrap();
    let error_code = ErrorCode::UnsupportedVersion as i16;
    let refusal = ApiVersionsResponse { error_code, ..Default::default() };
    let frame = answer(ApiKey::ApiVersions, 0, 0, &refusal);
    assert!(matches!(connection.handle_frame(frame, NOW, TIMEOUT), Ok(Received::Send(_))));
    let frame = answer(ApiKey::ApiVersions, 0, 1, &refusal);
    let given_up = connection.handle_frame(frame, NOW, TIMEOUT);
    assert!(matches!(given_up, Err(ProtocolError::NoVersions(_))));
}

#[test]
fn known_versions_need_no_negotiation() {
    let known = ready().versions().cloned();
    let mut connection = connecting(known);
    assert!(connection.handle_connected(NOW, TIMEOUT).unwrap().is_none());
    assert!(connection.is_ready());
}

#[test]
fn answers_belong_to_requests_in_their_order() {
    let mut connection = ready();
    send(&mut connection, 10).unwrap();
    send(&mut connection, 11).unwrap();
    assert_eq!(connection.in_flight(), 2);
    let response = ListOffsetsResponse::default();
    for (correlation_id, request) in [(1, 10), (2, 11)] {
        let frame = answer(ApiKey::ListOffsets, 9, correlation_id, &response);
        match connection.handle_frame(frame, NOW, TIMEOUT).unwrap() {
            Received::Answer(id, answer) => {
                assert_eq!(id, RequestId(request));
                assert_eq!(answer.decode::<ListOffsetsRequest>().unwrap(), response);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn an_answer_out_of_order_or_unasked_ends_the_connection() {
    let mut connection = ready();
    send(&mut connection, 10).unwrap();
    send(&mut connection, 11).unwrap();
    let frame = answer(ApiKey::ListOffsets, 9, 2, &ListOffsetsResponse::default());
    let error = connection.handle_frame(frame.clone(), NOW, TIMEOUT).unwrap_err();
    assert!(matches!(error, ProtocolError::OutOfOrder { expected: 1, got: 2 }));
    let error = ready().handle_frame(frame, NOW, TIMEOUT).unwrap_err();
    assert!(matches!(error, ProtocolError::Unasked { .. }));
    let garbage = connection.handle_frame(Bytes::from_static(b"HT"), NOW, TIMEOUT).unwrap_err();
    assert!(matches!(garbage, ProtocolError::Undecodable(_)));
}

#[test]
fn a_request_that_is_not_answered_in_time_is_a_fault_and_an_idle_connection_is_not() {
    let idle_max = Some(Duration::from_mins(9));
    let mut connection = ready();
    assert_eq!(connection.deadline(idle_max), Some(NOW + Duration::from_mins(9)));
    assert_eq!(connection.deadline(None), None);
    assert_eq!(connection.overdue(NOW), Overdue::Idle);
    send(&mut connection, 10).unwrap();
    assert_eq!(connection.deadline(idle_max), Some(NOW + TIMEOUT));
    let overdue = connection.overdue(NOW + TIMEOUT);
    assert!(matches!(overdue, Overdue::Fault(why) if why.contains("30000 ms")));
    assert_eq!(connection.into_unanswered().collect::<Vec<_>>(), [RequestId(10)]);
}

#[test]
fn a_request_without_an_answer_takes_a_number_and_no_place() {
    let mut connection = ready();
    let terms = SendTerms { version_max: i16::MAX, answered: false, timeout: TIMEOUT };
    connection.send(RequestId(1), &ListOffsetsRequest::default(), &terms, NOW).unwrap().unwrap();
    assert_eq!(connection.in_flight(), 0);
    send(&mut connection, 2).unwrap();
    let frame = answer(ApiKey::ListOffsets, 9, 2, &ListOffsetsResponse::default());
    let received = connection.handle_frame(frame, NOW, TIMEOUT).unwrap();
    assert!(matches!(received, Received::Answer(RequestId(2), _)));
}
