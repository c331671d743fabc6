//! What is part of a transaction.

use base::ErrorCode;
use coordinator::transaction::TransactionRequest;
use wire::add_partitions_to_txn::{AddPartitionsToTxnRequest, AddPartitionsToTxnTransaction};

use crate::host::Host;
use crate::requests::{ID, NONE, OLDEST, PARTITIONS, V1, V2, codes, topics_of};

#[test]
fn a_transaction_begins_with_its_first_partition() {
    for speaks in [V1, V2] {
        let mut host = Host::new(2);
        let producer = host.init();
        host.advance_ms(5);
        let begun_ms = host.now().unix_ms;
        host.add(speaks, producer);
        host.advance_ms(5);
        assert_eq!(host.try_add(speaks, producer, &[("orders", &[1])]), ErrorCode::None);
        let described = host.describe(ID);
        assert_eq!(described.transaction_state, "Ongoing");
        assert_eq!(described.transaction_start_time_ms, begun_ms);
        let topics: Vec<_> =
            described.topics.into_iter().map(|topic| (topic.topic, topic.partitions)).collect();
        assert_eq!(topics, [("clicks".into(), vec![2]), ("orders".into(), vec![0, 1, 3])]);
    }
}

#[test]
fn partitions_that_are_in_the_transaction_already_are_not_written_again() {
    let mut host = Host::new(2);
    let producer = host.init();
    host.add(V2, producer);
    let end = host.log.len();
    assert_eq!(host.try_add(V2, producer, &[("orders", &[3])]), ErrorCode::None);
    assert_eq!(host.log.len(), end);
}

#[test]
fn who_is_not_the_producer_adds_nothing() {
    let mut host = Host::new(2);
    assert_eq!(host.try_add(V2, (5, 0), PARTITIONS), ErrorCode::InvalidProducerIdMapping);
    let (id, epoch) = host.init();
    let end = host.log.len();
    let mut add = |speaks, producer| host.try_add(speaks, producer, PARTITIONS);
    assert_eq!(add(V2, (id + 1, epoch)), ErrorCode::InvalidProducerIdMapping);
    for wrong in [epoch - 1, epoch + 1] {
        assert_eq!(add(V2, (id, wrong)), ErrorCode::ProducerFenced);
        assert_eq!(add(V1, (id, wrong)), ErrorCode::ProducerFenced);
        assert_eq!(add(OLDEST, (id, wrong)), ErrorCode::InvalidProducerEpoch);
    }
    assert_eq!(host.log.len(), end);
}

#[test]
fn nothing_is_added_to_a_transaction_that_is_ending() {
    for speaks in [V1, V2] {
        let mut host = Host::new(2);
        let producer = host.init();
        host.add(speaks, producer);
        host.commit(speaks, producer);
        // Whoever asks: Kafka looks at this first.
        for asks in [producer, (producer.0, producer.1 + 1), (77, 0)] {
            let code = host.try_add(speaks, asks, PARTITIONS);
            assert_eq!(code, ErrorCode::ConcurrentTransactions);
        }
        assert_eq!(host.add_offsets(producer, 0), ErrorCode::ConcurrentTransactions);
    }
}

#[test]
fn all_partitions_are_added_or_none() {
    let mut host = Host::new(2);
    let producer = host.init();
    let request = |version| {
        let partitions: &[(&str, &[i32])] = &[("orders", &[0, 4]), ("nothing", &[0])];
        crate::requests::add_request(version, false, ID, producer, partitions)
    };
    for version in [3, 4, 5] {
        let codes = codes(&host.ask(version, &request(version)));
        let unknown = ErrorCode::UnknownTopicOrPartition;
        assert_eq!(codes, [ErrorCode::OperationNotAttempted, unknown, unknown]);
    }
    assert_eq!(host.state(), "Empty");
}

#[test]
fn what_belongs_to_the_brokers_is_in_no_transaction_of_a_client_and_their_own_log_in_none() {
    let mut host = Host::new(2);
    let producer = host.init();
    let refused = ErrorCode::TopicAuthorizationFailed;
    let mut ask = |version, verify_only, topic| {
        let partitions: &[(&str, &[i32])] = &[("orders", &[0]), (topic, &[0])];
        let request = crate::requests::add_request(version, verify_only, ID, producer, partitions);
        codes(&host.ask(version, &request))
    };
    for (version, verify_only) in [(0, false), (3, false), (4, true), (5, false), (5, true)] {
        let codes = ask(version, verify_only, "__transaction_state");
        assert_eq!(codes, [ErrorCode::OperationNotAttempted, refused], "version {version}");
    }
    assert_eq!(ask(3, false, "__consumer_offsets"), [ErrorCode::OperationNotAttempted, refused]);
    assert_eq!(ask(5, false, "__consumer_offsets"), [ErrorCode::None; 2]);
}

#[test]
fn a_groups_offsets_are_a_partition_like_others() {
    let mut host = Host::new(0);
    let producer = host.init();
    assert_eq!(host.add_offsets(producer, 3), ErrorCode::None);
    assert_eq!(host.add_offsets((producer.0, 9), 3), ErrorCode::ProducerFenced);
    host.commit(V1, producer);
    let markers = host.take_markers();
    assert_eq!(markers[0].partitions, [("__consumer_offsets".to_owned(), vec![3])]);
}

#[test]
fn a_question_adds_nothing() {
    let mut host = Host::new(2);
    let (none, abortable) = (ErrorCode::None, ErrorCode::TransactionAbortable);
    let asked: &[(&str, &[i32])] = &[("orders", &[0, 1])];
    assert_eq!(host.verify((5, 0), asked), [ErrorCode::InvalidProducerIdMapping; 2]);
    let (id, epoch) = host.init();
    assert_eq!(host.verify((id, epoch), asked), [abortable; 2]);
    host.add(V1, (id, epoch));
    let end = host.log.len();
    assert_eq!(host.verify((id, epoch), asked), [none, abortable]);
    assert_eq!(host.verify((id + 1, epoch), asked), [ErrorCode::InvalidProducerIdMapping; 2]);
    assert_eq!(host.verify((id, epoch + 1), asked), [ErrorCode::ProducerFenced; 2]);
    assert_eq!(host.log.len(), end);
    host.commit(V1, (id, epoch));
    assert_eq!(host.verify((id, epoch), asked), [ErrorCode::ConcurrentTransactions; 2]);
    assert_eq!(host.verify((77, epoch), asked), [ErrorCode::InvalidProducerIdMapping; 2]);
}

#[test]
fn a_broker_asks_for_several_transactions_at_once_and_each_has_its_own_answer() {
    let mut host = Host::new(2);
    let producer = host.init();
    let transaction = |id: &str, producer: (i64, i16)| AddPartitionsToTxnTransaction {
        transactional_id: id.into(),
        producer_id: producer.0,
        producer_epoch: producer.1,
        verify_only: false,
        topics: topics_of(&[("orders", &[1])]),
    };
    let transactions =
        vec![transaction(ID, producer), transaction("y", NONE), transaction(ID, producer)];
    let request = AddPartitionsToTxnRequest { transactions, ..Default::default() };
    let response = host.ask(5, &TransactionRequest::AddPartitionsToTxn(request));
    let expected = [
        ErrorCode::None,
        ErrorCode::InvalidProducerIdMapping,
        // One that is there twice comes too early.
        ErrorCode::ConcurrentTransactions,
    ];
    assert_eq!(codes(&response), expected);
    assert_eq!(host.state(), "Ongoing");
}

#[test]
fn a_request_without_an_id_is_none() {
    let mut host = Host::new(2);
    for (version, verify_only) in [(3, false), (5, false), (5, true)] {
        let request = crate::requests::add_request(version, verify_only, "", NONE, PARTITIONS);
        assert_eq!(codes(&host.ask(version, &request)), [ErrorCode::InvalidRequest; 3]);
    }
}
