//! Each question as it is asked, how its answers read, and which transactions hang.

use std::collections::BTreeMap;
use std::time::Duration;

use base::{ErrorCode, NodeId, ProducerEpoch, ProducerId, TopicPartition};
use proptest::prelude::*;
use wire::describe_producers::{DescribeProducersResponse, PartitionResponse, TopicResponse};
use wire::describe_transactions::{DescribeTransactionsResponse, TopicData};
use wire::list_transactions as wire_list;
use wire::list_transactions::ListTransactionsResponse;
use wire::write_txn_markers::{
    WritableTxnMarkerPartitionResult, WritableTxnMarkerResult, WritableTxnMarkerTopicResult,
    WriteTxnMarkersResponse,
};
use wire::{
    Message, Writer, describe_producers as wire_producers, describe_transactions as wire_describe,
};

use super::*;
use crate::inquiry::{InquiryError, Reading, Target};

const TIMEOUT: Duration = Duration::from_mins(1);
const NODE: NodeId = NodeId(3);

fn place(topic: &str, partition: i32) -> TopicPartition {
    TopicPartition::new(topic, partition)
}

fn producer(id: i64, transaction_start: Option<i64>) -> ProducerState {
    ProducerState {
        producer_id: ProducerId(id),
        producer_epoch: 2,
        last_sequence: 7,
        last_timestamp_ms: 1_000,
        coordinator_epoch: Some(4),
        transaction_start,
    }
}

fn description(id: &str, producer: i64, partitions: &[TopicPartition]) -> TransactionDescription {
    TransactionDescription {
        transactional_id: id.into(),
        coordinator: NODE,
        state: TransactionState::Ongoing,
        producer_id: ProducerId(producer),
        producer_epoch: ProducerEpoch(2),
        timeout_ms: 60_000,
        started_ms: Some(500),
        partitions: partitions.iter().cloned().collect(),
    }
}

#[test]
fn a_list_is_asked_for_with_its_filters_and_without_them() {
    let every = list_transactions(NODE, &TransactionFilter::default(), TIMEOUT);
    let (target, request) = every.asked();
    assert_eq!(target, Target::Node(NODE));
    for version in 0..=2 {
        request.encode(&mut Writer::new(), version).unwrap();
    }
    let filter = TransactionFilter {
        states: vec![TransactionState::Ongoing, TransactionState::PrepareEpochFence],
        producer_ids: vec![ProducerId(9)],
        duration_ms: Some(5),
        pattern: Some("o.*".into()),
    };
    let some = list_transactions(NODE, &filter, TIMEOUT);
    let (_, request) = some.asked();
    assert_eq!(request.state_filters, ["Ongoing", "PrepareEpochFence"]);
    assert_eq!((&request.producer_id_filters[..], request.duration_filter), (&[9][..], 5));
    assert_eq!(request.transactional_id_pattern.as_deref(), Some("o.*"));
    // A broker that cannot filter so is not asked for everything instead.
    assert!(request.encode(&mut Writer::new(), 1).is_err());
}

#[test]
fn a_list_says_who_coordinates_what_and_in_which_state() {
    let row = |id: &str, state: &str| wire_list::TransactionState {
        transactional_id: id.into(),
        producer_id: 9,
        transaction_state: state.into(),
    };
    let rows = vec![row("a", "Ongoing"), row("b", "of a later release")];
    let answer = ListTransactionsResponse { transaction_states: rows, ..Default::default() };
    let inquiry = list_transactions(NODE, &TransactionFilter::default(), TIMEOUT);
    let Reading::Done(listed) = inquiry.read(answer) else { panic!("not read") };
    let states: Vec<_> = listed.iter().map(|row| row.state).collect();
    assert_eq!(states, [TransactionState::Ongoing, TransactionState::Unknown]);
    assert_eq!((listed[0].coordinator, listed[0].producer_id), (NODE, ProducerId(9)));
}

#[test]
fn a_list_that_cannot_be_had_now_is_asked_for_again_and_a_wrong_one_is_refused() {
    let read = |code: ErrorCode, unknown: &[&str]| {
        let unknown_state_filters = unknown.iter().map(|name| (*name).to_owned()).collect();
        let error_code = code.code();
        let answer =
            ListTransactionsResponse { error_code, unknown_state_filters, ..Default::default() };
        list_transactions(NODE, &TransactionFilter::default(), TIMEOUT).read(answer)
    };
    let loading = ErrorCode::CoordinatorLoadInProgress;
    assert_eq!(read(loading, &[]), Reading::Again(loading));
    let denied = ErrorCode::InvalidRegularExpression;
    assert_eq!(read(denied, &[]), Reading::Refused(denied, None));
    let Reading::Refused(code, Some(message)) = read(ErrorCode::None, &["Odd"]) else {
        panic!("a filter was overlooked")
    };
    assert_eq!(code, ErrorCode::InvalidRequest);
    assert!(message.contains("Odd"), "{message}");
}

#[test]
fn a_description_has_its_partitions_and_its_start_if_there_is_one() {
    let row = |id: &str, error: ErrorCode, start: i64| wire_describe::TransactionState {
        error_code: error.code(),
        transactional_id: id.into(),
        transaction_state: "Ongoing".into(),
        transaction_timeout_ms: 60_000,
        transaction_start_time_ms: start,
        producer_id: 9,
        producer_epoch: 2,
        topics: vec![TopicData { topic: "t".into(), partitions: vec![1, 0] }],
    };
    let missing = ErrorCode::TransactionalIdNotFound;
    let rows =
        vec![row("c", missing, -1), row("b", ErrorCode::None, -1), row("a", ErrorCode::None, 500)];
    let answer = DescribeTransactionsResponse { transaction_states: rows, ..Default::default() };
    let ids = ["a", "b", "c", "d"].map(str::to_owned);
    let inquiry = describe_transactions(NODE, &ids, TIMEOUT);
    assert_eq!(inquiry.asked().0, Target::Coordinator(NODE));
    let Reading::Done(described) = inquiry.read(answer) else { panic!("not read") };
    let partitions = [place("t", 0), place("t", 1)];
    let first = TransactionDescription { started_ms: None, ..description("b", 9, &partitions) };
    assert_eq!(described[0], ("a".into(), Ok(description("a", 9, &partitions))));
    assert_eq!(described[1], ("b".into(), Ok(first)));
    let codes: Vec<_> = described[2..]
        .iter()
        .map(|(_, result)| result.as_ref().err().and_then(InquiryError::code))
        .collect();
    assert_eq!(codes, [Some(missing), Some(ErrorCode::UnknownServerError)]);
}

#[test]
fn producers_are_asked_for_topic_by_topic_and_listed_by_their_ids() {
    let places = [(place("t", 1), 0), (place("u", 0), 0), (place("t", 0), 0)];
    let inquiry = describe_producers(NODE, &places, TIMEOUT);
    let (_, request) = inquiry.asked();
    let asked: Vec<_> = request
        .topics
        .iter()
        .map(|topic| (&topic.name[..], &topic.partition_indexes[..]))
        .collect();
    assert_eq!(asked, [("t", &[1, 0][..]), ("u", &[0])]);
    let row = |id, start| wire_producers::ProducerState {
        producer_id: id,
        producer_epoch: 2,
        last_sequence: 7,
        last_timestamp: 1_000,
        coordinator_epoch: if id == 1 { -1 } else { 4 },
        current_txn_start_offset: start,
    };
    let partition = |index, error: ErrorCode| PartitionResponse {
        partition_index: index,
        error_code: error.code(),
        error_message: None,
        active_producers: vec![row(2, 40), row(1, -1)],
    };
    let lost = ErrorCode::NotLeaderOrFollower;
    let partitions = vec![partition(0, lost), partition(1, ErrorCode::None)];
    let topics = vec![TopicResponse { name: "t".into(), partitions }];
    let answer = DescribeProducersResponse { topics, ..Default::default() };
    let idle = ProducerState { coordinator_epoch: None, ..producer(1, None) };
    assert_eq!(read_producers(&answer, &place("t", 1)), Ok(vec![idle, producer(2, Some(40))]));
    assert_eq!(read_producers(&answer, &place("t", 0)), Err(lost));
    assert_eq!(read_producers(&answer, &place("u", 0)), Err(ErrorCode::UnknownServerError));
}

#[test]
fn a_transaction_to_abort_is_found_by_its_start() {
    let unmarked = ProducerState { coordinator_epoch: None, ..producer(2, Some(50)) };
    let producers = [producer(1, None), producer(3, Some(40)), unmarked];
    let found = |start| TransactionToAbort::starting_at(start, &place("t", 0), &producers);
    let expected = TransactionToAbort {
        topic_partition: place("t", 0),
        producer_id: ProducerId(3),
        producer_epoch: ProducerEpoch(2),
        coordinator_epoch: 4,
    };
    assert_eq!(found(40), Some(expected));
    assert_eq!(found(50).unwrap().coordinator_epoch, 0);
    assert_eq!(found(41), None);
}

#[test]
fn an_abort_is_a_marker_for_one_partition() {
    let transaction =
        TransactionToAbort::starting_at(40, &place("t", 5), &[producer(3, Some(40))]).unwrap();
    let inquiry = abort_transaction(NODE, &transaction, TIMEOUT);
    let (target, request) = inquiry.asked();
    assert_eq!(target, Target::Node(NODE));
    let [marker] = &request.markers[..] else { panic!("{request:?}") };
    assert_eq!((marker.producer_id, marker.producer_epoch, marker.coordinator_epoch), (3, 2, 4));
    assert!(!marker.transaction_result && marker.transaction_version == 0);
    assert_eq!(marker.topics[0].partition_indexes, [5]);
    let said = |error: ErrorCode| {
        let row = WritableTxnMarkerPartitionResult { partition_index: 5, error_code: error.code() };
        let topic = WritableTxnMarkerTopicResult { name: "t".into(), partitions: vec![row] };
        let marker = WritableTxnMarkerResult { producer_id: 3, topics: vec![topic] };
        let response = WriteTxnMarkersResponse { markers: vec![marker] };
        read_aborted(&response, &transaction.topic_partition)
    };
    assert_eq!(said(ErrorCode::None), Ok(()));
    let fenced = ErrorCode::TransactionCoordinatorFenced;
    assert_eq!(said(fenced), Err(fenced));
}

#[test]
fn a_transaction_is_only_looked_at_when_its_producer_has_been_quiet_for_long() {
    let late = ProducerState { last_timestamp_ms: 2_000, ..producer(2, Some(50)) };
    let producers = vec![producer(1, None), late, producer(3, Some(40))];
    let open = |now_ms| {
        let open = open_transactions([(place("t", 0), producers.clone())], now_ms, 500);
        open.iter().map(|open| (open.producer.producer_id.0, open.start)).collect::<Vec<_>>()
    };
    assert_eq!(open(1_500), []);
    assert_eq!(open(1_501), [(3, 40)]);
    assert_eq!(open(2_501), [(2, 50), (3, 40)]);
}

proptest! {
    /// A transaction hangs in a partition unless its producer's coordinator has that on its list.
    #[test]
    fn what_a_coordinator_knows_does_not_hang(
        open in prop::collection::btree_set((0..4_i64, 0..4_i32), 0..10),
        known in prop::collection::btree_set((0..4_i64, 0..4_i32), 0..10),
    ) {
        let transactions = open.iter().map(|&(id, index)| OpenTransaction {
            topic_partition: place("t", index),
            producer: producer(id, Some(0)),
            start: 0,
        });
        let mut descriptions = BTreeMap::new();
        for &(id, index) in &known {
            let description =
                descriptions.entry(ProducerId(id)).or_insert_with(|| description("x", id, &[]));
            description.partitions.insert(place("t", index));
        }
        let hanging = hanging_transactions(transactions.collect(), &descriptions);
        let hanging: Vec<_> = hanging
            .iter()
            .map(|open| (open.producer.producer_id.0, open.topic_partition.partition.0))
            .collect();
        let expected: Vec<_> = open.difference(&known).copied().collect();
        prop_assert_eq!(hanging, expected);
    }
}
