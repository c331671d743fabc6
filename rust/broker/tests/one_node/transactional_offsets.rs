//! Offsets that are committed in transactions, over real connections: who may commit them, when
//! they count, and what crashes make of them.

use base::ErrorCode;
use wire::add_offsets_to_txn::AddOffsetsToTxnRequest;
use wire::offset_fetch::OffsetFetchRequest;
use wire::txn_offset_commit::{
    TxnOffsetCommitRequest, TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};
use wire::write_txn_markers::{WritableTxnMarker, WritableTxnMarkerTopic, WriteTxnMarkersRequest};

use crate::group_client::{FETCH_BY_NAME, offset_fetch_request};
use crate::requests::assert_code;
use crate::test_broker::TestBroker;
use crate::test_client::TestClient;
use crate::transactional_producer::TransactionalProducer;

/// One shard of each coordinator, so that groups share it.
const SETTINGS: &[(&str, &str)] = &[
    ("transaction.state.log.num.partitions", "1"),
    ("offsets.topic.num.partitions", "1"),
    ("group.initial.rebalance.delay.ms", "0"),
];
/// The first version of transaction version 2, and those before it.
pub(crate) const NEW_COMMIT: i16 = 5;
const ABORTABLE_COMMIT: i16 = 4;
const OLD_COMMIT: i16 = 3;

async fn start() -> (TestBroker, TestClient) {
    let broker = TestBroker::start(SETTINGS).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    client.find_coordinator("g").await;
    (broker, client)
}

impl TransactionalProducer {
    pub(crate) fn commit_request(&self, group: &str, offset: i64) -> TxnOffsetCommitRequest {
        let partition = TxnOffsetCommitRequestPartition {
            committed_offset: offset,
            committed_leader_epoch: 0,
            committed_metadata: Some("note".to_owned()),
            ..TxnOffsetCommitRequestPartition::default()
        };
        TxnOffsetCommitRequest {
            transactional_id: self.transactional_id.clone(),
            group_id: group.to_owned(),
            producer_id: self.producer.0,
            producer_epoch: self.producer.1,
            topics: vec![TxnOffsetCommitRequestTopic {
                name: "t".to_owned(),
                partitions: vec![partition],
            }],
            ..TxnOffsetCommitRequest::default()
        }
    }

    /// Commits an offset of partition 0 in the transaction; says how that went.
    async fn commit_in(
        &self,
        client: &mut TestClient,
        version: i16,
        group: &str,
        offset: i64,
    ) -> ErrorCode {
        let request = self.commit_request(group, offset);
        loop {
            let answer = client.call_in(version, &request).await;
            let code = ErrorCode::from_code(answer.topics[0].partitions[0].error_code).unwrap();
            let passes = matches!(
                code,
                ErrorCode::ConcurrentTransactions
                    | ErrorCode::CoordinatorLoadInProgress
                    | ErrorCode::CoordinatorNotAvailable
            );
            if !passes {
                return code;
            }
        }
    }

    pub(crate) async fn commit(&self, client: &mut TestClient, group: &str, offset: i64) {
        let code = self.commit_in(client, NEW_COMMIT, group, offset).await;
        assert_eq!(code, ErrorCode::None);
    }
}

/// What a group is told that asks for stable offsets: code and offset.
async fn stable(client: &mut TestClient, group: &str) -> (ErrorCode, i64) {
    let request = OffsetFetchRequest { require_stable: true, ..offset_fetch_request(group, "t") };
    let answer = client.call_in(FETCH_BY_NAME, &request).await;
    let group = answer.groups.into_iter().next().unwrap();
    assert_code(group.error_code, ErrorCode::None);
    let told = &group.topics[0].partitions[0];
    (ErrorCode::from_code(told.error_code).unwrap(), told.committed_offset)
}

const UNSTABLE: (ErrorCode, i64) = (ErrorCode::UnstableOffsetCommit, -1);

/// Waits until nothing is pending any more.
pub(crate) async fn settled(client: &mut TestClient, group: &str) -> i64 {
    loop {
        let told = stable(client, group).await;
        if told != UNSTABLE {
            assert_eq!(told.0, ErrorCode::None);
            return told.1;
        }
    }
}

#[tokio::test]
async fn offsets_come_with_what_was_made_of_them_or_not_at_all() {
    let (_broker, mut client) = start().await;
    let mut producer = TransactionalProducer::init(&mut client, "x").await;
    let mut expected = -1;
    for (offset, is_commit) in [(10, false), (20, true), (30, false), (40, true)] {
        producer.write(&mut client, "t", &["v"]).await;
        producer.commit(&mut client, "g", offset).await;
        assert_eq!(client.committed("g", "t").await, expected);
        assert_eq!(stable(&mut client, "g").await, UNSTABLE);
        producer.finish(&mut client, is_commit).await;
        if is_commit {
            expected = offset;
        }
        assert_eq!(settled(&mut client, "g").await, expected);
        assert_eq!(client.committed("g", "t").await, expected);
    }
    assert_eq!(client.read_committed("t").await, ["v", "v"]);
}

#[tokio::test]
async fn a_transaction_may_be_about_nothing_but_offsets_of_several_groups() {
    let (_broker, mut client) = start().await;
    let mut producer = TransactionalProducer::init(&mut client, "x").await;
    for (group, offset) in [("g", 5), ("h", 6), ("g", 7)] {
        producer.commit(&mut client, group, offset).await;
    }
    producer.finish(&mut client, true).await;
    assert_eq!((settled(&mut client, "g").await, settled(&mut client, "h").await), (7, 6));
}

#[tokio::test]
async fn older_producers_make_a_group_part_of_their_transaction_before_they_commit() {
    let (_broker, mut client) = start().await;
    let mut producer = TransactionalProducer::init_old(&mut client, "x").await;
    let code = producer.commit_in(&mut client, OLD_COMMIT, "g", 5).await;
    assert_eq!(code, ErrorCode::InvalidTxnState);
    let code = producer.commit_in(&mut client, ABORTABLE_COMMIT, "g", 5).await;
    assert_eq!(code, ErrorCode::TransactionAbortable);
    let request = AddOffsetsToTxnRequest {
        transactional_id: "x".to_owned(),
        producer_id: producer.producer.0,
        producer_epoch: producer.producer.1,
        group_id: "g".to_owned(),
    };
    assert_code(client.call_in(3, &request).await.error_code, ErrorCode::None);
    assert_eq!(producer.commit_in(&mut client, OLD_COMMIT, "g", 5).await, ErrorCode::None);
    assert_eq!(stable(&mut client, "g").await, UNSTABLE);
    producer.finish(&mut client, true).await;
    assert_eq!(settled(&mut client, "g").await, 5);
}

#[tokio::test]
async fn a_producer_that_was_fenced_commits_nothing_and_disturbs_nobody() {
    let (_broker, mut client) = start().await;
    let zombie = TransactionalProducer::init(&mut client, "x").await;
    zombie.commit(&mut client, "g", 5).await;
    let mut producer = TransactionalProducer::init(&mut client, "x").await;
    let code = zombie.commit_in(&mut client, NEW_COMMIT, "g", 6).await;
    assert_eq!(code, ErrorCode::InvalidProducerEpoch);
    // The shard serves on: one that is loaded anew would refuse this for a second.
    assert_code(client.commit("h", "t", 3).await, ErrorCode::None);
    assert_eq!(settled(&mut client, "g").await, -1);
    producer.commit(&mut client, "g", 7).await;
    producer.finish(&mut client, true).await;
    assert_eq!(settled(&mut client, "g").await, 7);
}

#[tokio::test]
async fn a_marker_that_the_log_refuses_disturbs_nobody() {
    let (_broker, mut client) = start().await;
    let producer = TransactionalProducer::init(&mut client, "x").await;
    producer.commit(&mut client, "g", 5).await;
    let marker = |producer_epoch, transaction_result| WriteTxnMarkersRequest {
        markers: vec![WritableTxnMarker {
            producer_id: producer.producer.0,
            producer_epoch,
            transaction_result,
            topics: vec![WritableTxnMarkerTopic {
                name: "__consumer_offsets".to_owned(),
                partition_indexes: vec![0, 1],
            }],
            coordinator_epoch: 0,
            ..WritableTxnMarker::default()
        }],
    };
    let late = client.call(&marker(producer.producer.1 - 1, true)).await;
    let codes: Vec<_> =
        late.markers[0].topics[0].partitions.iter().map(|row| row.error_code).collect();
    let expected = [ErrorCode::InvalidProducerEpoch, ErrorCode::UnknownTopicOrPartition];
    assert_eq!(codes, expected.map(ErrorCode::code));
    assert_code(client.commit("h", "t", 3).await, ErrorCode::None);
    assert_eq!(stable(&mut client, "g").await, UNSTABLE);
    // An operator ends what hangs.
    let ended = client.call(&marker(producer.producer.1, false)).await;
    assert_code(ended.markers[0].topics[0].partitions[0].error_code, ErrorCode::None);
    assert_eq!(stable(&mut client, "g").await, (ErrorCode::None, -1));
}

#[tokio::test]
async fn who_is_no_member_and_names_no_group_is_refused_and_leaves_nothing_pending() {
    let (_broker, mut client) = start().await;
    let mut producer = TransactionalProducer::init(&mut client, "x").await;
    let code = producer.commit_in(&mut client, NEW_COMMIT, "", 5).await;
    assert_eq!(code, ErrorCode::InvalidGroupId);
    let mut stranger = producer.commit_request("g", 5);
    stranger.generation_id = 3;
    let answer = client.call(&stranger).await;
    let code = answer.topics[0].partitions[0].error_code;
    assert_code(code, ErrorCode::IllegalGeneration);
    assert_eq!(stable(&mut client, "g").await, (ErrorCode::None, -1));
    // What was refused leaves the transaction as it is.
    producer.commit(&mut client, "g", 6).await;
    producer.finish(&mut client, true).await;
    assert_eq!(settled(&mut client, "g").await, 6);
}

#[tokio::test]
async fn what_was_pending_when_the_power_failed_is_pending_until_its_transaction_ends() {
    for is_commit in [true, false] {
        let (broker, mut client) = start().await;
        let mut producer = TransactionalProducer::init(&mut client, "x").await;
        assert_code(client.commit("g", "t", 1).await, ErrorCode::None);
        producer.commit(&mut client, "g", 5).await;
        let broker = TestBroker::start_on(broker.cut_power().await, SETTINGS).await;
        let mut client = broker.connect().await;
        assert_eq!(client.committed_in_the_end("g", "t").await, 1);
        assert_eq!(stable(&mut client, "g").await, UNSTABLE);
        producer.finish(&mut client, is_commit).await;
        assert_eq!(settled(&mut client, "g").await, if is_commit { 5 } else { 1 });
        // The markers are read again.
        let broker = TestBroker::start_on(broker.cut_power().await, SETTINGS).await;
        let mut client = broker.connect().await;
        let expected = if is_commit { 5 } else { 1 };
        assert_eq!(client.committed_in_the_end("g", "t").await, expected);
        assert_eq!(stable(&mut client, "g").await, (ErrorCode::None, expected));
    }
}

#[tokio::test]
async fn offsets_of_an_end_that_was_answered_are_there_after_a_crash() {
    for is_commit in [true, false] {
        let (broker, mut client) = start().await;
        let mut producer = TransactionalProducer::init(&mut client, "x").await;
        producer.write(&mut client, "t", &["a"]).await;
        producer.commit(&mut client, "g", 1).await;
        producer.finish(&mut client, is_commit).await;
        // The markers may be on their way, or not.
        let broker = TestBroker::start_on(broker.cut_power().await, SETTINGS).await;
        let mut client = broker.connect().await;
        client.committed_in_the_end("g", "t").await;
        let state = if is_commit { "CompleteCommit" } else { "CompleteAbort" };
        client.wait_for_transaction("x", state).await;
        let (values, offset): (&[&str], _) = if is_commit { (&["a"], 1) } else { (&[], -1) };
        assert_eq!(client.read_committed("t").await, values);
        assert_eq!(settled(&mut client, "g").await, offset);
    }
}

#[tokio::test]
async fn a_transaction_that_takes_too_long_gives_its_offsets_up() {
    let (_broker, mut client) = start().await;
    client.find_transaction_coordinator("x").await;
    let given = client.init_transactional("x", 50).await;
    assert_code(given.error_code, ErrorCode::None);
    let mut producer = TransactionalProducer::init(&mut client, "y").await;
    producer.transactional_id = "x".to_owned();
    producer.producer = (given.producer_id, given.producer_epoch);
    producer.commit(&mut client, "g", 5).await;
    assert_eq!(settled(&mut client, "g").await, -1);
}
