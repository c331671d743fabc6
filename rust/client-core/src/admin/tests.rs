//! Each question, and how its answers read.

use std::time::Duration;

use base::{NodeId, TopicPartition};
use wire::create_topics::{CreatableTopicResult, CreateTopicsResponse};
use wire::delete_records::{
    DeleteRecordsPartitionResult, DeleteRecordsResponse, DeleteRecordsTopicResult,
};
use wire::delete_topics::{DeletableTopicResult, DeleteTopicsResponse};
use wire::describe_cluster::DescribeClusterResponse;
use wire::describe_configs::{DescribeConfigsResponse, DescribeConfigsResult};

use super::*;
use crate::inquiry::Target;

const TIMEOUT: Duration = Duration::from_mins(1);

fn created(code: ErrorCode) -> CreateTopicsResponse {
    let row = CreatableTopicResult {
        name: "t".into(),
        error_code: code as i16,
        error_message: Some("the broker's words".into()),
        ..Default::default()
    };
    CreateTopicsResponse { topics: vec![row], ..Default::default() }
}

#[test]
fn a_controller_that_has_moved_is_asked_again_and_a_refusal_is_told_in_the_brokers_words() {
    let inquiry = create_topics(&[NewTopic::default()], false, TIMEOUT);
    let moved = inquiry.read(created(ErrorCode::NotController));
    assert!(matches!(moved, Reading::Again(ErrorCode::NotController)));
    let Reading::Done(results) = inquiry.read(created(ErrorCode::TopicAlreadyExists)) else {
        panic!("a refusal of one topic is the answer")
    };
    let error = results[0].1.as_ref().unwrap_err();
    assert_eq!(error.to_string(), "TOPIC_ALREADY_EXISTS: the broker's words");
    assert!(!error.is_retriable());
}

#[test]
fn a_topic_without_numbers_leaves_them_to_the_broker_and_one_with_an_assignment_too() {
    let plain = NewTopic { name: "t".into(), ..NewTopic::default() };
    let assigned = NewTopic {
        partitions: Some(9),
        assignments: [(0, vec![NodeId(1), NodeId(2)])].into(),
        ..plain.clone()
    };
    for topic in [plain, assigned] {
        let inquiry = create_topics(&[topic], true, TIMEOUT);
        let (target, request) = inquiry.asked();
        assert_eq!(target, Target::Controller);
        assert!(request.validate_only);
        let row = &request.topics[0];
        assert_eq!((row.num_partitions, row.replication_factor), (-1, -1));
    }
}

#[test]
fn topics_to_delete_are_named_in_both_ways_that_versions_have() {
    let inquiry = delete_topics(&["a".to_owned()], TIMEOUT);
    let (_, request) = inquiry.asked();
    assert_eq!(request.topic_names, ["a"]);
    assert_eq!(request.topics[0].name.as_deref(), Some("a"));
    let row = DeletableTopicResult {
        name: Some("a".into()),
        error_code: ErrorCode::UnknownTopicOrPartition as i16,
        ..Default::default()
    };
    let response = DeleteTopicsResponse { responses: vec![row], ..Default::default() };
    let Reading::Done(results) = inquiry.read(response) else { panic!("it is an answer") };
    assert_eq!(results[0].1.as_ref().unwrap_err().code(), Some(ErrorCode::UnknownTopicOrPartition));
}

#[test]
fn a_brokers_config_is_asked_of_that_broker_and_a_topics_of_anybody() {
    let asked = |resource: ConfigResource| describe_configs(&resource, None, TIMEOUT).asked().0;
    assert_eq!(asked(ConfigResource::broker(NodeId(3))), Target::Node(NodeId(3)));
    assert_eq!(asked(ConfigResource::topic("3")), Target::Any);
    let inquiry = describe_configs(&ConfigResource::topic("t"), None, TIMEOUT);
    let empty = inquiry.read(DescribeConfigsResponse::default());
    assert!(matches!(empty, Reading::Refused(ErrorCode::UnknownServerError, None)));
    let row = DescribeConfigsResult {
        error_code: ErrorCode::UnknownTopicOrPartition as i16,
        ..Default::default()
    };
    let response = DescribeConfigsResponse { results: vec![row], ..Default::default() };
    let refused = inquiry.read(response);
    assert!(matches!(refused, Reading::Refused(ErrorCode::UnknownTopicOrPartition, _)));
}

#[test]
fn deleted_records_are_found_in_the_answer_or_missed() {
    let partition = DeleteRecordsPartitionResult { low_watermark: 5, ..Default::default() };
    let topic = DeleteRecordsTopicResult { name: "t".into(), partitions: vec![partition] };
    let response = DeleteRecordsResponse { topics: vec![topic], ..Default::default() };
    assert_eq!(read_deleted(&response, &TopicPartition::new("t", 0)), Ok(5));
    let missing = read_deleted(&response, &TopicPartition::new("t", 1));
    assert_eq!(missing, Err(ErrorCode::UnknownServerError));
}

#[test]
fn a_code_that_nobody_knows_is_an_unknown_error() {
    let inquiry = describe_cluster(TIMEOUT);
    let response = DescribeClusterResponse { error_code: 9999, ..Default::default() };
    let refused = inquiry.read(response);
    assert!(matches!(refused, Reading::Refused(ErrorCode::UnknownServerError, None)));
    let response = DescribeClusterResponse {
        error_code: ErrorCode::CoordinatorLoadInProgress as i16,
        ..Default::default()
    };
    assert!(matches!(inquiry.read(response), Reading::Again(_)));
}
