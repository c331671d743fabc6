//! Where other implementations went wrong: each test is a trap that a real client has walked into.
//! docs/design/wire.md lists them all, with those that lie outside this crate.

use base::codec::{DecodeReason, EncodeReason, Message, Reader, Writer};
use base::{ErrorCode, Uuid};
use bytes::Bytes;
use wire::fetch::{
    FetchPartition, FetchTopic, FetchableTopicResponse, ForgottenTopic, PartitionData,
};
use wire::list_offsets::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse};
use wire::metadata::{MetadataRequestTopic, MetadataResponseTopic};
use wire::produce::{LeaderIdAndEpoch, NodeEndpoint, PartitionProduceResponse};
use wire::{
    ApiKey, ApiVersionsRequest, ApiVersionsResponse, FetchRequest, FetchResponse,
    JoinGroupResponse, ListOffsetsResponse, MetadataRequest, MetadataResponse, ProduceResponse,
    RequestHeaderError, decode_request_header, decode_response, encode_request, encode_response,
};

/// T1. librdkafka 2.0 looks for Produce 0 and sends it to nobody.
#[test]
fn a_produce_request_of_an_advertised_but_unserved_version_is_told_from_an_unknown_one() {
    assert!(ApiKey::Produce.advertised().contains(0));
    let header = [0, 0, 0, 2, 0, 0, 0, 9];
    assert_eq!(
        decode_request_header(&mut Reader::new(Bytes::copy_from_slice(&header))),
        Err(RequestHeaderError::UnsupportedVersion {
            api: ApiKey::Produce,
            version: 2,
            correlation_id: 9,
        })
    );
}

/// T2. librdkafka 2.16 asks for all topics in Metadata 13 with a 4-byte zero where one byte
/// belongs, and leaves three bytes over after what is then a correct request.
#[test]
fn bytes_after_a_request_stay_in_the_reader() {
    let body = [0u8, 0, 0, 0, 1, 0, 0];
    let mut reader = Reader::new(Bytes::copy_from_slice(&body));
    let request = MetadataRequest::decode(&mut reader, 13).unwrap();
    assert_eq!(request.topics, None);
    assert_eq!(reader.rest(), [1, 0, 0].as_slice());
}

/// T2. Tools ask for the cluster's authorized operations in the versions that still have them.
#[test]
fn metadata_8_to_10_ask_for_the_clusters_authorized_operations() {
    let request =
        MetadataRequest { include_cluster_authorized_operations: true, ..Default::default() };
    for version in 8..=10 {
        assert_eq!(recode(&request, version), request);
    }
    let error = request.encode(&mut Writer::new(), 11).unwrap_err();
    assert_eq!(error.reason, EncodeReason::NotInVersion(11));
    assert_eq!(error.field, "MetadataRequest.IncludeClusterAuthorizedOperations");
}

/// T3. The answer to ApiVersions has header 0 in every version: no byte of tagged fields.
#[test]
fn an_api_versions_answer_has_no_tagged_fields_in_its_header() {
    let response = ApiVersionsResponse::default();
    let frame = encode_response(ApiKey::ApiVersions, 3, 7, &response).unwrap().collect().unwrap();
    // length, correlation id, error code, no keys, throttle time, no tagged fields
    assert_eq!(frame[..], [0, 0, 0, 12, 0, 0, 0, 7, 0, 0, 1, 0, 0, 0, 0, 0]);
}

/// T3. What follows the correlation id of a version from the future cannot be read, and need not
/// be.
#[test]
fn an_unknown_api_versions_version_is_answered_by_the_first_eight_bytes_alone() {
    let header = [0, 18, 0, 99, 0, 0, 0, 5, 0xff, 0xff, 0xff];
    let error = decode_request_header(&mut Reader::new(Bytes::copy_from_slice(&header)));
    let (api, version, correlation_id) = (ApiKey::ApiVersions, 99, 5);
    assert_eq!(error, Err(RequestHeaderError::UnsupportedVersion { api, version, correlation_id }));
}

/// T3. The other side of it: a broker that is older than our client answers in version 0.
#[test]
fn an_api_versions_answer_in_version_0_is_understood_whatever_was_asked() {
    let refusal = ApiVersionsResponse {
        error_code: ErrorCode::UnsupportedVersion.code(),
        ..Default::default()
    };
    for version in 0..=4 {
        let frame = encode_response(ApiKey::ApiVersions, 0, 7, &refusal).unwrap();
        let body = frame.collect().unwrap().slice(4..);
        let (header, response) = decode_response::<ApiVersionsRequest>(body, version).unwrap();
        assert_eq!((header.correlation_id, response), (7, refusal.clone()));
    }
}

/// T6. Topic ids: asked for by name, the id is zero; asked for by id, the name is null, which only
/// version 10 and later can say (and the broker answers from 12 on).
#[test]
fn a_topic_is_asked_for_by_id_with_a_null_name() {
    let by_id = MetadataRequest {
        topics: Some(vec![MetadataRequestTopic { topic_id: Uuid([7; 16]), name: None }]),
        ..Default::default()
    };
    assert_eq!(recode(&by_id, 12), by_id);
    let error = by_id.encode(&mut Writer::new(), 9).unwrap_err();
    assert_eq!(
        (error.field, error.reason),
        ("MetadataRequestTopic.Name", EncodeReason::Null),
        "the id may be ignored, the name may not"
    );
    let by_name = MetadataRequestTopic { name: Some("t".to_owned()), ..Default::default() };
    assert_eq!(by_name.topic_id, Uuid::ZERO);
}

/// T6. Clients pin Fetch to 12 unless Metadata gives them ids from version 10 on.
#[test]
fn metadata_answers_carry_topic_ids_from_version_10() {
    let topic = MetadataResponseTopic {
        name: Some("t".to_owned()),
        topic_id: Uuid([7; 16]),
        ..Default::default()
    };
    let response = MetadataResponse { topics: vec![topic], ..Default::default() };
    assert_eq!(recode(&response, 9).topics[0].topic_id, Uuid::ZERO);
    assert_eq!(recode(&response, 10).topics[0].topic_id, Uuid([7; 16]));
}

/// T7. No topics means all of them in version 0 and none of them later; null means all of them
/// from version 1 and cannot be said before.
#[test]
fn all_topics_are_null_except_in_version_0() {
    let none = MetadataRequest { topics: Some(Vec::new()), ..Default::default() };
    let all = MetadataRequest { topics: None, ..Default::default() };
    assert_eq!(recode(&none, 0).topics, Some(Vec::new()));
    assert_eq!(recode(&none, 1).topics, Some(Vec::new()));
    assert_eq!(recode(&all, 1).topics, None);
    assert_eq!(all.encode(&mut Writer::new(), 0).unwrap_err().reason, EncodeReason::Null);
    let null = Bytes::from_static(&[0xff; 4]);
    let error = MetadataRequest::decode(&mut Reader::new(null), 0).unwrap_err();
    assert_eq!(error.reason, DecodeReason::Null);
}

/// T7. The error of the whole answer came with version 13 (KIP-1102).
#[test]
fn metadata_13_can_ask_a_client_to_bootstrap_again() {
    let error_code = ErrorCode::RebootstrapRequired.code();
    let response = MetadataResponse { error_code, ..Default::default() };
    assert_eq!(recode(&response, 13).error_code, error_code);
    assert_eq!(recode(&response, 12).error_code, 0);
}

/// T8. A group that has no protocol, as one that refuses a member, has none to name: null says so
/// from version 7 on, and before that an empty text must do.
#[test]
fn a_group_without_a_protocol_has_an_empty_name_before_version_7() {
    let refusal = |protocol_name| JoinGroupResponse { protocol_name, ..Default::default() };
    let (null, empty) = (refusal(None), refusal(Some(String::new())));
    assert_eq!(recode(&null, 7), null);
    assert_eq!(null.encode(&mut Writer::new(), 6).unwrap_err().reason, EncodeReason::Null);
    assert_eq!(recode(&empty, 6), empty);
}

/// T10. A broker fills one answer for every version: what a version lacks is dropped without a
/// word.
#[test]
fn a_list_offsets_answer_loses_its_leader_epoch_before_version_4() {
    let partition = ListOffsetsPartitionResponse { leader_epoch: 3, ..Default::default() };
    let topic = ListOffsetsTopicResponse { partitions: vec![partition], ..Default::default() };
    let response = ListOffsetsResponse { topics: vec![topic], ..Default::default() };
    let leader_epoch = |version| recode(&response, version).topics[0].partitions[0].leader_epoch;
    assert_eq!((1..=5).map(leader_epoch).collect::<Vec<_>>(), [-1, -1, -1, 3, 3]);
}

/// T11. No session: the request says epoch -1, the answer says id 0. Both are the defaults.
#[test]
fn fetch_without_a_session_is_the_default() {
    let request = FetchRequest::default();
    assert_eq!((request.session_id, request.session_epoch, request.replica_id), (0, -1, -1));
    assert_eq!(FetchResponse::default().session_id, 0);
}

/// T11. Some clients forget topics without saying their id.
#[test]
fn a_forgotten_topic_may_have_a_zero_id() {
    let forgotten = ForgottenTopic { partitions: vec![1], ..Default::default() };
    let request = FetchRequest { forgotten_topics_data: vec![forgotten], ..Default::default() };
    assert_eq!(recode(&request, 13), request);
}

/// T13. A forgotten `preferred_read_replica` shifts all that follows it.
#[test]
fn no_preferred_read_replica_is_minus_1_and_takes_its_place_from_version_11() {
    let partition = PartitionData::default();
    assert_eq!(partition.preferred_read_replica, -1);
    let topic = FetchableTopicResponse { partitions: vec![partition], ..Default::default() };
    let response = FetchResponse { responses: vec![topic], ..Default::default() };
    assert_eq!(encode(&response, 11).len(), encode(&response, 10).len() + 4);
}

/// T14. An empty list of aborted transactions and none at all are different answers.
#[test]
fn aborted_transactions_are_null_for_those_who_read_everything() {
    for aborted_transactions in [None, Some(Vec::new())] {
        let partition = PartitionData { aborted_transactions, ..Default::default() };
        let topic = FetchableTopicResponse { partitions: vec![partition], ..Default::default() };
        let response = FetchResponse { responses: vec![topic], ..Default::default() };
        for version in [4, 11, 12, 18] {
            assert_eq!(recode(&response, version), response);
        }
    }
}

/// T15. Where a partition has moved to is told in tagged fields, which cost nothing while unused.
#[test]
fn a_moved_leader_is_told_in_tagged_fields_from_version_10() {
    let mut partition = PartitionProduceResponse {
        error_code: ErrorCode::NotLeaderOrFollower.code(),
        ..Default::default()
    };
    let response = |partition: &PartitionProduceResponse, node_endpoints| ProduceResponse {
        responses: vec![wire::produce::TopicProduceResponse {
            partition_responses: vec![partition.clone()],
            ..Default::default()
        }],
        node_endpoints,
        ..Default::default()
    };
    let unmoved = response(&partition, Vec::new());
    assert_eq!(encode(&unmoved, 9).len(), encode(&unmoved, 10).len());
    partition.current_leader = LeaderIdAndEpoch { leader_id: 2, leader_epoch: 5 };
    let node = NodeEndpoint { node_id: 2, host: "h".to_owned(), port: 9092, ..Default::default() };
    let moved = response(&partition, vec![node]);
    assert_eq!(recode(&moved, 10), moved);
    assert_eq!(recode(&moved, 9), unmoved);
}

/// T19. A leader epoch that a client has not got is -1, not 0, which is a real one.
#[test]
fn an_unknown_leader_epoch_is_minus_1() {
    let partition = FetchPartition::default();
    assert_eq!((partition.current_leader_epoch, partition.last_fetched_epoch), (-1, -1));
    let topic = FetchTopic { partitions: vec![partition], ..Default::default() };
    let request = FetchRequest { topics: vec![topic], ..Default::default() };
    assert_eq!(recode(&request, 4), request);
}

/// A request keeps its client id's 2-byte length in flexible versions.
#[test]
fn the_client_id_is_not_compact_in_a_flexible_header() {
    let request = ApiVersionsRequest::default();
    let frame = encode_request(Some("me"), 7, 3, &request).unwrap().collect().unwrap();
    // length, key, version, correlation id, client id, no tagged fields, two empty strings, none
    let header = [0, 0, 0, 16, 0, 18, 0, 3, 0, 0, 0, 7, 0, 2, b'm', b'e', 0];
    assert_eq!(frame[..], [&header[..], &[1, 1, 0]].concat());
    let mut reader = Reader::new(frame.slice(4..));
    let (api, header) = decode_request_header(&mut reader).unwrap();
    assert_eq!((api, header.client_id.as_deref()), (ApiKey::ApiVersions, Some("me")));
    assert_eq!(ApiVersionsRequest::decode(&mut reader, 3).unwrap(), request);
}

fn encode<M: Message>(message: &M, version: i16) -> Bytes {
    let mut writer = Writer::new();
    message.encode(&mut writer, version).unwrap();
    writer.finish().unwrap().collect().unwrap()
}

/// What arrives of a message in a version.
fn recode<M: Message>(message: &M, version: i16) -> M {
    M::decode(&mut Reader::new(encode(message, version)), version).unwrap()
}
