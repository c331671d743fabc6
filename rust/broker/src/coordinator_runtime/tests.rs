//! Shards that have ended, or cannot be loaded, on a whole broker over a disk in memory; and which
//! shard a group belongs to.

use std::time::Duration;

use bytes::Bytes;
use coordinator::{CoordinatorRecord, Shard};
use metadata::internal_topic::OFFSETS_TOPIC;
use records::{
    AppendOrigin, BatchBuilder, CompressionType, ProduceRules, ProducerStamp, validate_produce,
};
use replica::RequiredAcks;
use storage::FaultyDisk;
use tokio::time::Instant;
use wire::coordinator_records::{OffsetCommitKey, OffsetCommitValue};
use wire::{ConsumerGroupHeartbeatRequest, HeartbeatRequest};

use super::*;
use crate::BrokerServer;
use crate::broker::Broker;
use crate::test_server::{self, Captured};

const GROUP: &str = "g";

/// A broker that has a coordinator, none of whose shards was asked anything.
async fn start() -> BrokerServer {
    let server = test_server::start(FaultyDisk::new()).await;
    state_topic::ensure(server.broker(), OFFSETS_TOPIC).await.expect("the topic is created");
    server
}

fn client() -> Client {
    Client { client_id: "c".to_owned(), host: "/127.0.0.1".to_owned(), api_version: 1 }
}

/// A question whose answer writes nothing.
fn question() -> HeartbeatRequest {
    HeartbeatRequest { group_id: GROUP.to_owned(), ..HeartbeatRequest::default() }
}

/// A request whose answer has to be written down.
fn change() -> ConsumerGroupHeartbeatRequest {
    ConsumerGroupHeartbeatRequest {
        group_id: GROUP.to_owned(),
        member_id: "m".to_owned(),
        rebalance_timeout_ms: 60_000,
        subscribed_topic_names: Some(vec!["t".to_owned()]),
        topic_partitions: Some(Vec::new()),
        ..ConsumerGroupHeartbeatRequest::default()
    }
}

/// What becomes of a request: `None` is an answer, whatever it says.
async fn refusal<R: ShardRequest<Shard>>(broker: &Broker, request: R) -> Option<ErrorCode> {
    broker.coordinator.ask(&client(), GROUP, request).await.err()
}

/// Appends a record to the log of the group's shard, behind the coordinator's back.
async fn append(broker: &Broker, key: &[u8], value: Option<&[u8]>) {
    let shard = broker.coordinator.shard_of(GROUP).expect("there is a topic");
    let partition = broker.partitions.by_name(OFFSETS_TOPIC, shard).expect("it is led here");
    let mut builder = BatchBuilder::with_capacity(1 << 20, 1024);
    builder.try_append(broker.clock.unix_ms(), Some(key), value, &[]).expect("there is room");
    let bytes: Bytes =
        builder.finish(&ProducerStamp::NONE, CompressionType::None.into()).expect("a batch");
    let rules = partition.produce_rules(broker.clock.unix_ms(), true);
    let rules = ProduceRules { origin: AppendOrigin::Coordinator, ..rules };
    let batch = validate_produce(&bytes, &rules).expect("a good batch");
    let appended = partition.append(&broker.directory, batch, RequiredAcks::All);
    appended.expect("it is taken").await.expect("no end").expect("it is appended");
}

/// A key that says to be a commit's, and ends too early.
const GARBAGE: &[u8] = &[0, 1, 0xff];

#[tokio::test]
async fn a_shard_that_has_ended_refuses_who_holds_on_to_it_and_leaves_its_place_to_another() {
    let server = start().await;
    let broker = server.broker();
    assert_eq!(refusal(broker, question()).await, None);
    let (commands, waiting) = mpsc::channel(1);
    let ended = {
        let index = broker.coordinator.shard_of(GROUP).expect("there is a topic");
        let mut shards = broker.coordinator.shards.lock();
        let shard = shards.get_mut(&index).expect("it was asked");
        shard.commands = commands;
        shard.clone()
    };
    drop(waiting);
    let refused = ask(&ended, &client(), question(), VerificationGuard::NONE).await;
    assert_eq!(refused.err(), Some(ErrorCode::NotCoordinator));
    // A client that looks for the coordinator finds one.
    assert_eq!(refusal(broker, question()).await, None);
    assert_eq!(refusal(broker, change()).await, None);
}

#[tokio::test]
async fn a_request_whose_shard_ends_before_it_answers_is_sent_to_look_for_the_coordinator() {
    let server = start().await;
    let index = server.broker().coordinator.shard_of(GROUP).expect("there is a topic");
    let partition = server.broker().partitions.by_name(OFFSETS_TOPIC, index).expect("led here");
    let (commands, mut waiting) = mpsc::channel(1);
    let shard = ShardHandle { partition, commands };
    let client = client();
    let (answer, command) =
        tokio::join!(ask(&shard, &client, question(), VerificationGuard::NONE), async {
            drop(waiting.recv().await);
        });
    assert_eq!((answer.err(), command), (Some(ErrorCode::NotCoordinator), ()));
}

#[tokio::test]
async fn a_shard_that_cannot_be_loaded_is_tried_less_and_less_often() {
    let server = start().await;
    let broker = server.broker();
    append(broker, GARBAGE, None).await;
    let said = Captured::default();
    let _capturing = said.capture();
    let failures = || said.lines().iter().filter(|line| line.contains("cannot be loaded")).count();
    tokio::time::pause();
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(250) {
        let code = refusal(broker, question()).await;
        let is_told =
            matches!(code, Some(ErrorCode::CoordinatorLoadInProgress | ErrorCode::NotCoordinator));
        assert!(is_told, "{code:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // After 0, 1, 3, 7, 15, 31, 63, 127 and 191 seconds.
    assert_eq!(failures(), 9);
}

#[tokio::test]
async fn a_shard_that_could_not_append_is_loaded_again_after_a_pause() {
    let server = start().await;
    let broker = server.broker();
    assert_eq!(refusal(broker, change()).await, None);
    let key = OffsetCommitKey { group: "h".to_owned(), topic: "t".to_owned(), partition: 0 };
    let commit = CoordinatorRecord::OffsetCommit(key, Some(OffsetCommitValue::default()));
    let (key, value) = commit.encode().expect("it can be written");
    append(broker, &key, value.as_deref()).await;
    // The next batch of the coordinator is not where it was foreseen to be.
    let another = ConsumerGroupHeartbeatRequest { member_id: "n".to_owned(), ..change() };
    assert_eq!(refusal(broker, another.clone()).await, Some(ErrorCode::NotCoordinator));
    tokio::time::pause();
    let begin = Instant::now();
    while refusal(broker, question()).await == Some(ErrorCode::NotCoordinator) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let paused = begin.elapsed();
    assert!((900..1_100).contains(&paused.as_millis()), "{paused:?}");
    tokio::time::resume();
    // What it was loaded with is what the log says.
    while let Some(code) = refusal(broker, another.clone()).await {
        assert_eq!(code, ErrorCode::CoordinatorLoadInProgress);
    }
}

/// What `jshell` says.
#[test]
fn a_group_is_hashed_as_java_hashes_it() {
    assert_eq!(java_hash_code(""), 0);
    assert_eq!(java_hash_code("group"), 98_629_247);
    assert_eq!(java_hash_code("my-consumer-group"), 1_513_705_513);
    assert_eq!(java_hash_code("größe-🚀"), 175_616_799);
    // The one number that has no absolute value.
    assert_eq!(java_hash_code("polygenelubricants"), i32::MIN);
}
