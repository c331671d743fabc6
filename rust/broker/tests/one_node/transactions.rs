//! Transactions over real connections: what is written in them, how they end, and who is fenced.

use std::time::Duration;

use base::{Clock, ErrorCode, SystemClock};
use wire::add_offsets_to_txn::AddOffsetsToTxnRequest;
use wire::add_partitions_to_txn::{
    AddPartitionsToTxnRequest, AddPartitionsToTxnTopic, AddPartitionsToTxnTransaction,
};
use wire::init_producer_id::InitProducerIdRequest;
use wire::list_transactions::ListTransactionsRequest;
use wire::write_txn_markers::{WritableTxnMarker, WritableTxnMarkerTopic, WriteTxnMarkersRequest};
use wire::{ApiKey, ProduceRequest};

use crate::batches::{batch_at, batches_in, transactional_batch};
use crate::requests::{assert_code, produce_request};
use crate::test_broker::TestBroker;
use crate::test_client::TestClient;
use crate::transactional_producer::{OLD_ADD_PARTITIONS, OLD_PRODUCE, TransactionalProducer};

const TRANSACTIONS_TOPIC: &str = "__transaction_state";
const HURRIES_MAX: usize = 100;

async fn start() -> (TestBroker, TestClient) {
    let broker = TestBroker::start(&[("transaction.state.log.num.partitions", "3")]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    (broker, client)
}

/// Writes a value outside of every transaction.
async fn append_now(client: &mut TestClient, value: &str) {
    let answer = client.produce("t", batch_at(SystemClock.unix_ms(), &[value])).await;
    assert_code(answer.error_code, ErrorCode::None);
}

#[tokio::test]
async fn the_topic_of_the_coordinator_is_the_one_that_the_brokers_keys_want() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.find_transaction_coordinator("x").await;
    let topic = client.topic(TRANSACTIONS_TOPIC).await;
    assert_eq!((topic.is_internal, topic.partitions.len()), (true, 50));
    for (key, expected) in [
        ("cleanup.policy", "compact"),
        ("compression.type", "uncompressed"),
        ("min.insync.replicas", "1"),
        ("segment.bytes", "104857600"),
        ("unclean.leader.election.enable", "false"),
    ] {
        let value = client.topic_config(TRANSACTIONS_TOPIC, key).await;
        assert_eq!(value.as_deref(), Some(expected), "{key}");
    }
}

/// Each of them would need a sync of its own, and the second wait for that of the first.
#[tokio::test]
async fn the_end_of_a_transaction_is_written_with_the_beginning_of_the_next() {
    let broker = TestBroker::start(&[("transaction.state.log.num.partitions", "1")]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    let mut producer = TransactionalProducer::init(&mut client, "x").await;
    // A machine that is busy elsewhere may come too late for some.
    for _ in 0..HURRIES_MAX {
        producer.write(&mut client, "t", &["a"]).await;
        producer.finish(&mut client, true).await;
        let fetched = client.fetch(TRANSACTIONS_TOPIC, 0).await;
        let batches = batches_in(fetched.records.as_ref());
        if batches.iter().any(|batch| batch.header().record_count == 2) {
            return;
        }
    }
    panic!("in {HURRIES_MAX} transactions no two records were written together");
}

#[tokio::test]
async fn that_a_transaction_is_complete_is_written_if_nothing_follows() {
    let broker = TestBroker::start(&[
        ("transaction.state.log.num.partitions", "1"),
        // Nothing else has the coordinator write what it has.
        ("transaction.abort.timed.out.transaction.cleanup.interval.ms", "3600000"),
        ("transaction.remove.expired.transaction.cleanup.interval.ms", "3600000"),
    ])
    .await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    let mut producer = TransactionalProducer::init(&mut client, "x").await;
    producer.write(&mut client, "t", &["a"]).await;
    producer.finish(&mut client, true).await;
    let written = async {
        // Of its producer, its beginning, its preparation and its end.
        while client.log_end(TRANSACTIONS_TOPIC).await < 4 {}
    };
    tokio::time::timeout(Duration::from_mins(1), written).await.expect("it is written");
}

#[tokio::test]
async fn whoever_takes_a_transactional_id_over_gets_its_next_epoch() {
    let (broker, mut client) = start().await;
    let first = TransactionalProducer::init(&mut client, "x").await;
    let second = TransactionalProducer::init(&mut client, "x").await;
    assert_eq!(second.producer, (first.producer.0, first.producer.1 + 1));
    let other = TransactionalProducer::init(&mut client, "y").await;
    assert_ne!(other.producer.0, first.producer.0);
    // It is not forgotten by a crash.
    let broker = TestBroker::start_on(broker.cut_power().await, &[]).await;
    let third = TransactionalProducer::init(&mut broker.connect().await, "x").await;
    assert_eq!(third.producer, (first.producer.0, second.producer.1 + 1));
}

#[tokio::test]
async fn what_is_committed_is_read_and_what_is_aborted_is_not() {
    let (_broker, mut client) = start().await;
    let mut producer = TransactionalProducer::init(&mut client, "x").await;
    let mut committed = Vec::new();
    for (number, is_commit) in [true, false, true, true, false].into_iter().enumerate() {
        let values = [format!("{number}-a"), format!("{number}-b")];
        for value in &values {
            producer.write(&mut client, "t", &[value]).await;
        }
        let before = producer.producer;
        producer.finish(&mut client, is_commit).await;
        assert_eq!(producer.producer, (before.0, before.1 + 1), "every end bumps the epoch");
        if is_commit {
            committed.extend(values);
        }
        let state = if is_commit { "CompleteCommit" } else { "CompleteAbort" };
        client.wait_for_transaction("x", state).await;
        assert_eq!(client.read_committed("t").await, committed);
    }
}

#[tokio::test]
async fn an_open_transaction_keeps_readers_of_committed_records_before_it() {
    let (_broker, mut client) = start().await;
    let mut producer = TransactionalProducer::init(&mut client, "x").await;
    append_now(&mut client, "before").await;
    producer.write(&mut client, "t", &["open"]).await;
    append_now(&mut client, "behind").await;
    assert_eq!(client.read_committed("t").await, ["before"]);
    assert_eq!(client.read_all("t").await, ["before", "open", "behind"]);
    producer.finish(&mut client, true).await;
    client.wait_for_transaction("x", "CompleteCommit").await;
    assert_eq!(client.read_committed("t").await, ["before", "open", "behind"]);
}

#[tokio::test]
async fn an_older_client_adds_its_partitions_and_keeps_its_epoch() {
    let (_broker, mut client) = start().await;
    let mut producer = TransactionalProducer::init_old(&mut client, "x").await;
    let before = producer.producer;
    for is_commit in [true, false, true] {
        assert_eq!(producer.add_partition(&mut client, "t").await, ErrorCode::None);
        producer.write(&mut client, "t", &[&is_commit.to_string()]).await;
        producer.finish(&mut client, is_commit).await;
    }
    assert_eq!(producer.producer, before);
    client.wait_for_transaction("x", "CompleteCommit").await;
    assert_eq!(client.read_committed("t").await, ["true", "true"]);
}

#[tokio::test]
async fn a_partition_that_was_not_added_takes_no_batch_of_an_older_client() {
    let (_broker, mut client) = start().await;
    let mut producer = TransactionalProducer::init_old(&mut client, "x").await;
    let request = producer.produce_request("t", &["stray"]);
    for (version, expected) in
        [(OLD_PRODUCE, ErrorCode::TransactionAbortable), (10, ErrorCode::InvalidTxnState)]
    {
        let response = client.call_in(version, &request).await;
        let answer = &response.responses[0].partition_responses[0];
        assert_code(answer.error_code, expected);
    }
    assert_eq!(client.log_end("t").await, 0);
}

#[tokio::test]
async fn the_log_of_transactions_is_part_of_none_and_takes_no_marker_of_others() {
    let (_broker, mut client) = start().await;
    let mut producer = TransactionalProducer::init_old(&mut client, "x").await;
    let refused = producer.add_partition(&mut client, TRANSACTIONS_TOPIC).await;
    assert_eq!(refused, ErrorCode::TopicAuthorizationFailed);
    let topic = WritableTxnMarkerTopic {
        name: TRANSACTIONS_TOPIC.to_owned(),
        partition_indexes: vec![0, 1, 2],
    };
    let marker = WritableTxnMarker {
        producer_id: producer.producer.0,
        producer_epoch: producer.producer.1,
        transaction_result: true,
        topics: vec![topic],
        coordinator_epoch: 0,
        transaction_version: 0,
    };
    let request = WriteTxnMarkersRequest { markers: vec![marker] };
    let answer = client.call(&request).await;
    for partition in &answer.markers[0].topics[0].partitions {
        assert_code(partition.error_code, ErrorCode::InvalidTopicException);
    }
    // Its coordinator has not noticed.
    assert_eq!(producer.add_partition(&mut client, "t").await, ErrorCode::None);
    producer.write(&mut client, "t", &["v"]).await;
    producer.finish(&mut client, true).await;
    client.wait_for_transaction("x", "CompleteCommit").await;
}

#[tokio::test]
async fn partitions_are_added_all_or_none() {
    let (_broker, mut client) = start().await;
    let producer = TransactionalProducer::init_old(&mut client, "x").await;
    let topic = |name: &str, partitions| AddPartitionsToTxnTopic { name: name.into(), partitions };
    let topics = vec![topic("t", vec![0, 7]), topic("unknown", vec![0])];
    let request = AddPartitionsToTxnRequest {
        v3_and_below_transactional_id: "x".to_owned(),
        v3_and_below_producer_id: producer.producer.0,
        v3_and_below_producer_epoch: producer.producer.1,
        v3_and_below_topics: topics.clone(),
        ..AddPartitionsToTxnRequest::default()
    };
    let codes = |answer: &[wire::add_partitions_to_txn::AddPartitionsToTxnTopicResult]| -> Vec<_> {
        let results = answer.iter().flat_map(|topic| &topic.results_by_partition);
        results.map(|result| ErrorCode::from_code(result.partition_error_code).unwrap()).collect()
    };
    let expected = [
        ErrorCode::OperationNotAttempted,
        ErrorCode::UnknownTopicOrPartition,
        ErrorCode::UnknownTopicOrPartition,
    ];
    let answer = client.call_in(OLD_ADD_PARTITIONS, &request).await;
    assert_eq!(codes(&answer.results_by_topic_v3_and_below), expected);
    // As brokers ask, of several transactions.
    let transaction = |id: &str| AddPartitionsToTxnTransaction {
        transactional_id: id.to_owned(),
        producer_id: producer.producer.0,
        producer_epoch: producer.producer.1,
        verify_only: true,
        topics: vec![topic("t", vec![0])],
    };
    let request = AddPartitionsToTxnRequest {
        transactions: vec![
            AddPartitionsToTxnTransaction { topics, ..transaction("x") },
            transaction("nobody's"),
        ],
        ..AddPartitionsToTxnRequest::default()
    };
    let answer = client.call(&request).await;
    let results: Vec<_> =
        answer.results_by_transaction.iter().map(|result| codes(&result.topic_results)).collect();
    assert_eq!(results[0], expected);
    assert_eq!(results[1], [ErrorCode::InvalidProducerIdMapping]);
    assert_eq!(client.describe_transaction("x").await.transaction_state, "Empty");
}

#[tokio::test]
async fn a_second_instance_fences_the_first_and_aborts_what_it_has_open() {
    let (_broker, mut client) = start().await;
    let mut first = TransactionalProducer::init(&mut client, "x").await;
    first.write(&mut client, "t", &["zombie"]).await;
    let mut second = TransactionalProducer::init(&mut client, "x").await;
    assert!(second.producer.1 > first.producer.1);
    let refused = first.append(&mut client, "t", &["again"]).await;
    assert_code(refused.error_code, ErrorCode::InvalidProducerEpoch);
    for is_commit in [true, false] {
        let refused = first.end(&mut client, is_commit).await;
        assert_code(refused.error_code, ErrorCode::ProducerFenced);
    }
    second.write(&mut client, "t", &["mine"]).await;
    second.finish(&mut client, true).await;
    client.wait_for_transaction("x", "CompleteCommit").await;
    assert_eq!(client.read_committed("t").await, ["mine"]);
    assert_eq!(client.read_all("t").await, ["zombie", "mine"]);
}

#[tokio::test]
async fn batches_that_follow_the_first_one_at_once_keep_their_order() {
    let (_broker, mut client) = start().await;
    let mut producer = TransactionalProducer::init(&mut client, "x").await;
    for round in 0..5 {
        let values: Vec<String> = (0..8).map(|number| format!("{round}-{number}")).collect();
        let version = producer.produce_version();
        for value in &values {
            let request = producer.produce_request("t", &[value]);
            client.send(version, &request).await;
        }
        for _ in &values {
            let (_, response) = client.receive::<ProduceRequest>(version).await;
            assert_code(response.responses[0].partition_responses[0].error_code, ErrorCode::None);
        }
        producer.finish(&mut client, true).await;
    }
    client.wait_for_transaction("x", "CompleteCommit").await;
    let expected = (0..5).flat_map(|round| (0..8).map(move |number| format!("{round}-{number}")));
    assert_eq!(client.read_committed("t").await, expected.collect::<Vec<_>>());
}

#[tokio::test]
async fn transactional_batches_need_one_transactional_id_and_one_producer() {
    let (_broker, mut client) = start().await;
    let producer = TransactionalProducer::init(&mut client, "x").await;
    let batch = transactional_batch(producer.producer, 0, &["a"]);
    let nameless = produce_request("t", 0, -1, batch);
    let refused = client.produce_with(&nameless).await;
    assert_code(refused.error_code, ErrorCode::TransactionalIdAuthorizationFailed);
    let mut mixed = ProduceRequest { transactional_id: Some("x".to_owned()), ..nameless.clone() };
    let other = transactional_batch((producer.producer.0 + 1, 0), 0, &["b"]);
    let other = produce_request("t", 0, -1, other).topic_data.remove(0).partition_data.remove(0);
    mixed.topic_data[0].partition_data.push(other);
    let refused = client.produce_with(&mixed).await;
    assert_code(refused.error_code, ErrorCode::InvalidProducerIdMapping);
    assert_eq!(client.log_end("t").await, 0);
}

#[tokio::test]
async fn a_transaction_that_takes_too_long_is_aborted() {
    let settings = [("transaction.abort.timed.out.transaction.cleanup.interval.ms", "10")];
    let broker = TestBroker::start(&settings).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    client.find_transaction_coordinator("x").await;
    let answer = client.init_transactional("x", 50).await;
    let mut producer = TransactionalProducer::init(&mut client, "y").await;
    producer.transactional_id = "x".to_owned();
    producer.producer = (answer.producer_id, answer.producer_epoch);
    producer.write(&mut client, "t", &["slow"]).await;
    let aborted = client.wait_for_transaction("x", "CompleteAbort");
    tokio::time::timeout(Duration::from_secs(20), aborted).await.unwrap();
    assert_eq!(client.read_committed("t").await, Vec::<String>::new());
    let refused = producer.end(&mut client, true).await;
    assert_ne!(refused.error_code, ErrorCode::None.code());
    let refused = client.init_transactional("x", 900_001).await;
    assert_code(refused.error_code, ErrorCode::InvalidTransactionTimeout);
}

#[tokio::test]
async fn an_end_whose_answer_was_lost_is_told_again() {
    let (_broker, mut client) = start().await;
    let mut producer = TransactionalProducer::init(&mut client, "x").await;
    producer.write(&mut client, "t", &["a"]).await;
    let first = producer.end(&mut client, true).await;
    let again = producer.end(&mut client, true).await;
    assert_eq!(first, again);
    let other = producer.end(&mut client, false).await;
    assert_ne!(other.error_code, ErrorCode::None.code());
}

#[tokio::test]
async fn transactions_are_described_and_listed() {
    let (_broker, mut client) = start().await;
    assert_code(client.describe_unknown("x").await, ErrorCode::CoordinatorNotAvailable);
    let mut producer = TransactionalProducer::init(&mut client, "x").await;
    TransactionalProducer::init(&mut client, "y").await;
    producer.write(&mut client, "t", &["a"]).await;
    let described = client.describe_transaction("x").await;
    assert_eq!(described.transaction_state, "Ongoing");
    assert_eq!((described.producer_id, described.producer_epoch), producer.producer);
    assert_eq!(described.topics[0].topic, "t");
    assert_eq!(described.topics[0].partitions, [0]);
    assert_code(client.describe_unknown("z").await, ErrorCode::TransactionalIdNotFound);
    let listed = |answer: wire::list_transactions::ListTransactionsResponse| {
        assert_code(answer.error_code, ErrorCode::None);
        let mut ids: Vec<_> =
            answer.transaction_states.into_iter().map(|state| state.transactional_id).collect();
        ids.sort();
        ids
    };
    let all = client.call(&ListTransactionsRequest::default()).await;
    assert_eq!(listed(all), ["x", "y"]);
    let state_filters = vec!["Ongoing".to_owned(), "Unheard".to_owned()];
    let filtered = ListTransactionsRequest { state_filters, ..Default::default() };
    let filtered = client.call(&filtered).await;
    assert_eq!(filtered.unknown_state_filters, ["Unheard"]);
    assert_eq!(listed(filtered), ["x"]);
}

#[tokio::test]
async fn the_offsets_of_a_group_become_part_of_a_transaction() {
    let (_broker, mut client) = start().await;
    let producer = TransactionalProducer::init(&mut client, "x").await;
    let mut request = AddOffsetsToTxnRequest {
        transactional_id: "x".to_owned(),
        producer_id: producer.producer.0,
        producer_epoch: producer.producer.1,
        group_id: "g".to_owned(),
    };
    let refused = client.call(&request).await;
    assert_code(refused.error_code, ErrorCode::CoordinatorNotAvailable);
    client.find_coordinator("g").await;
    assert_code(client.call(&request).await.error_code, ErrorCode::None);
    let described = client.describe_transaction("x").await;
    assert_eq!(described.topics[0].topic, "__consumer_offsets");
    request.producer_epoch -= 1;
    for (version, expected) in
        [(1, ErrorCode::InvalidProducerEpoch), (2, ErrorCode::ProducerFenced)]
    {
        assert_code(client.call_in(version, &request).await.error_code, expected);
    }
}

#[tokio::test]
async fn every_request_of_a_transaction_is_answered_before_there_is_a_coordinator() {
    let (_broker, mut client) = start().await;
    let request = InitProducerIdRequest {
        transactional_id: Some("x".to_owned()),
        transaction_timeout_ms: 1_000,
        ..InitProducerIdRequest::default()
    };
    for version in 0..=ApiKey::InitProducerId.served().max {
        let refused = client.call_in(version, &request).await;
        assert_code(refused.error_code, ErrorCode::CoordinatorNotAvailable);
    }
    let batch = transactional_batch((5, 0), 0, &["a"]);
    let produce = ProduceRequest {
        transactional_id: Some("x".to_owned()),
        ..produce_request("t", 0, -1, batch)
    };
    let refused = client.produce_with(&produce).await;
    assert_code(refused.error_code, ErrorCode::NotEnoughReplicas);
}
