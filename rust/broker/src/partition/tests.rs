//! A partition that has lost a replica, as the metadata of a cluster would have it: with fewer in
//! sync than `min.insync.replicas` nothing is written that all of them should have, by whomever.

use base::{ProducerEpoch, Rng};
use bytes::Bytes;
use coordinator::Client;
use metadata::controller::{CreateTopics, NewTopic};
use metadata::internal_topic::{OFFSETS_TOPIC, TRANSACTIONS_TOPIC};
use metadata::{MetadataImage, MetadataRecord};
use records::{AppendOrigin, BatchBuilder, CompressionType, ProducerStamp, validate_produce};
use storage::FaultyDisk;
use wire::txn_offset_commit::{TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic};
use wire::{ConsumerGroupHeartbeatRequest, InitProducerIdRequest, TxnOffsetCommitRequest};

use super::*;
use crate::BrokerServer;
use crate::broker::Broker;
use crate::coordinator_runtime::InitTransactionalProducer;
use crate::test_server;

/// The broker that is gone.
const GONE: i32 = 2;
const PRODUCER: ProducerId = ProducerId(7);

/// A broker with this topic, of one partition with two replicas, both of which must be in sync and
/// one of which is.
async fn start(topic: &str) -> (BrokerServer, Arc<Partition>) {
    let server = test_server::start(FaultyDisk::new()).await;
    let broker = server.broker();
    let own = |key: &str, value: &str| (key.to_owned(), Some(value.to_owned()));
    let configs = vec![own("min.insync.replicas", "2"), own("cleanup.policy", "compact")];
    let new = NewTopic { partitions: 1, configs, ..NewTopic::with_defaults(topic) };
    let rules = broker.config_rules();
    let created = broker.controller.change(move |image: &MetadataImage, rng: &mut dyn Rng| {
        let create = CreateTopics {
            topics: vec![new],
            validate_only: false,
            default_partitions: 1,
            default_replication_factor: 1,
        };
        let mut decision = create.decide(image, &rules, rng)?;
        for record in &mut decision.records {
            if let MetadataRecord::Partition(partition) = record {
                partition.replicas.push(GONE);
                partition.directories.extend_from_within(..1);
            }
        }
        Ok(decision)
    });
    assert!(created.await.expect("it is committed").values().all(Result::is_ok));
    let partition = broker.partitions.by_name(topic, 0).expect("it is led here");
    (server, partition)
}

fn batch(partition: &Partition, transactional: bool) -> ProduceBatch {
    let stamp = if transactional {
        ProducerStamp {
            producer_id: PRODUCER,
            producer_epoch: ProducerEpoch(0),
            base_sequence: 0,
            transactional: true,
        }
    } else {
        ProducerStamp::NONE
    };
    let mut builder = BatchBuilder::with_capacity(1 << 10, 1 << 10);
    builder.try_append(0, Some(b"k"), Some(b"v"), &[]).expect("there is room");
    let bytes: Bytes = builder.finish(&stamp, CompressionType::None.into()).expect("a batch");
    validate_produce(&bytes, &partition.produce_rules(0, true)).expect("a good batch")
}

fn marker() -> EndTransactionMarker {
    EndTransactionMarker {
        producer_id: PRODUCER,
        producer_epoch: ProducerEpoch(1),
        coordinator_epoch: 0,
        is_commit: true,
        transaction_version: 2,
    }
}

fn is_untouched(partition: &Partition) -> bool {
    partition.offsets().log_end == Offset::ZERO
}

/// What becomes of a batch with these acks.
async fn append(
    broker: &Broker,
    partition: &Partition,
    acks: RequiredAcks,
    transactional: bool,
) -> Result<Offset, ErrorCode> {
    let terms =
        AppendTerms::Records { origin: AppendOrigin::Client, guard: VerificationGuard::NONE };
    let submitted =
        partition.append_on(terms, &broker.directory, batch(partition, transactional), acks);
    let answer = submitted.map_err(|error| error.code)?.await.expect("it is answered");
    answer.map(|appended| appended.base_offset).map_err(|error| error.code)
}

#[tokio::test]
async fn a_batch_that_all_replicas_should_have_is_refused_whether_it_is_of_a_transaction_or_not() {
    let (server, partition) = start("t").await;
    let broker = server.broker();
    for transactional in [false, true] {
        let refused = append(broker, &partition, RequiredAcks::All, transactional).await;
        assert_eq!(refused, Err(ErrorCode::NotEnoughReplicas));
    }
    // Who waits for the leader alone is content with it.
    assert!(is_untouched(&partition));
    assert_eq!(append(broker, &partition, RequiredAcks::Leader, false).await, Ok(Offset::ZERO));
}

#[tokio::test]
async fn a_marker_is_refused_where_too_few_replicas_would_have_it() {
    let (server, partition) = start("t").await;
    let code = marker().write(server.broker(), "t", 0).await;
    assert_eq!(code, ErrorCode::NotEnoughReplicas);
    assert!(is_untouched(&partition));
}

#[tokio::test]
async fn a_coordinator_of_groups_writes_nothing_that_too_few_replicas_would_have() {
    let (server, partition) = start(OFFSETS_TOPIC).await;
    let (coordinator, client) = (&server.broker().coordinator, Client::default());
    let offset = TxnOffsetCommitRequestPartition {
        committed_offset: 1,
        ..TxnOffsetCommitRequestPartition::default()
    };
    let in_transaction = TxnOffsetCommitRequest {
        transactional_id: "x".to_owned(),
        group_id: "g".to_owned(),
        producer_id: PRODUCER.0,
        topics: vec![TxnOffsetCommitRequestTopic {
            name: OFFSETS_TOPIC.to_owned(),
            partitions: vec![offset],
        }],
        ..TxnOffsetCommitRequest::default()
    };
    let refused = coordinator.ask(&client, "g", in_transaction).await.err();
    assert_eq!(refused, Some(ErrorCode::CoordinatorNotAvailable));
    let refused = coordinator.end_transaction(0, marker()).await.err();
    assert_eq!(refused, Some(ErrorCode::CoordinatorNotAvailable));
    let join = ConsumerGroupHeartbeatRequest {
        group_id: "g".to_owned(),
        member_id: "m".to_owned(),
        rebalance_timeout_ms: 60_000,
        subscribed_topic_names: Some(vec!["t".to_owned()]),
        topic_partitions: Some(Vec::new()),
        ..ConsumerGroupHeartbeatRequest::default()
    };
    let refused = coordinator.ask(&client, "g", join).await.err();
    assert_eq!(refused, Some(ErrorCode::CoordinatorNotAvailable));
    assert!(is_untouched(&partition));
}

#[tokio::test]
async fn a_coordinator_of_transactions_writes_nothing_that_too_few_replicas_would_have() {
    let (server, partition) = start(TRANSACTIONS_TOPIC).await;
    let request = InitProducerIdRequest {
        transactional_id: Some("x".to_owned()),
        transaction_timeout_ms: 1_000,
        ..InitProducerIdRequest::default()
    };
    let init = InitTransactionalProducer { request, producer_id: PRODUCER };
    let refused = server.broker().transactions.ask(&Client::default(), "x", init).await.err();
    assert_eq!(refused, Some(ErrorCode::CoordinatorNotAvailable));
    assert!(is_untouched(&partition));
}
