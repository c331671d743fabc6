//! What a coordinator makes of what another has left.

use base::ErrorCode;
use coordinator::transaction::TransactionConfig;
use wire::transaction_log::{PartitionsSchema, TransactionLogValue};

use crate::group_host::remove_topic;
use crate::host::Host;
use crate::requests::{ID, NONE, V1, V2, record};

#[test]
fn a_prepared_transaction_is_brought_to_its_end() {
    for (version, speaks, commit) in [(0, V1, true), (2, V2, true), (2, V2, false)] {
        let mut host = Host::new(version);
        let producer = host.init();
        host.add(speaks, producer);
        host.try_end(speaks, producer, commit).unwrap();
        let lost = host.take_markers().remove(0);
        host.restart();
        let again = host.take_markers().remove(0);
        assert_eq!(again.coordinator_epoch, lost.coordinator_epoch + 1);
        assert_eq!(again.partitions, lost.partitions);
        assert_eq!((again.producer_id, again.commit), (lost.producer_id, commit));
        assert_eq!(again.producer_epoch, lost.producer_epoch);
        assert_eq!(again.transaction_version, lost.transaction_version);
        host.answer(&again, ErrorCode::None);
        assert_eq!(host.state(), if commit { "CompleteCommit" } else { "CompleteAbort" });
    }
}

#[test]
fn a_prepared_transaction_whose_topics_are_gone_is_complete_when_it_is_loaded() {
    let mut host = Host::new(2);
    let producer = host.init();
    host.add(V2, producer);
    host.commit(V2, producer);
    let mut image = host.image.clone();
    remove_topic(&mut image, 1);
    remove_topic(&mut image, 2);
    host.image = image;
    host.restart();
    assert_eq!(host.state(), "CompleteCommit");
}

#[test]
fn an_ongoing_transaction_goes_on() {
    let mut host = Host::new(2);
    let producer = host.init();
    host.add(V2, producer);
    host.restart();
    assert_eq!(host.try_add(V2, producer, &[("orders", &[1])]), ErrorCode::None);
    host.commit(V2, producer);
    assert_eq!(host.take_markers()[0].partitions[1].1, [0, 1, 3]);
}

#[test]
fn the_last_epoch_of_a_producer_is_not_kept_as_in_kafka() {
    let mut host = Host::new(2);
    let first = host.init();
    let second = host.try_init(V2, first).unwrap();
    host.restart();
    assert_eq!(host.try_init(V2, first), Err(ErrorCode::ProducerFenced));
    assert_eq!(host.try_init(V2, second), Ok((second.0, second.1 + 1)));
}

/// What Kafka's own coordinator has written.
#[test]
fn a_transaction_that_kafka_has_prepared_is_brought_to_its_end() {
    let partitions = vec![PartitionsSchema { topic: "orders".into(), partition_ids: vec![1, 2] }];
    let prepared = TransactionLogValue {
        producer_id: 7,
        previous_producer_id: 7,
        next_producer_id: 8,
        producer_epoch: i16::MAX,
        transaction_timeout_ms: 60_000,
        transaction_status: 2,
        transaction_partitions: Some(partitions),
        transaction_last_update_timestamp_ms: 12,
        transaction_start_timestamp_ms: 11,
        client_transaction_version: 2,
        ..TransactionLogValue::default()
    };
    let log = vec![record(ID, &prepared)];
    let mut host = Host::with_log(2, &TransactionConfig::default(), log);
    assert_eq!(host.try_init(V2, NONE), Err(ErrorCode::ConcurrentTransactions));
    let markers = host.take_markers().remove(0);
    assert_eq!((markers.producer_id.0, markers.producer_epoch.0), (7, i16::MAX));
    host.answer(&markers, ErrorCode::None);
    assert_eq!(host.standing(), ("CompleteCommit".into(), (8, 0)));
}
