//! The coordinator over a log that does not get on: whoever asks is told so in time, nothing is
//! counted twice, and all goes on once the log does.

use std::sync::Arc;

use base::ErrorCode;
use wire::consumer_group_heartbeat::ConsumerGroupHeartbeatRequest;
use wire::{OffsetCommitRequest, ProduceRequest};

use crate::batches::{batch, batch_of_bytes};
use crate::group_client::{COMMIT_BY_NAME, commit_request, join_request};
use crate::offsets_log::commits_in_the_log;
use crate::requests::{assert_code, produce_request};
use crate::slow_disk::{Operation, SlowDisk};
use crate::test_broker::{self, Settings, TestBroker};
use crate::test_client::TestClient;

/// All groups are in one shard.
const ONE_SHARD: &[(&str, &str)] =
    &[("offsets.topic.num.partitions", "1"), ("group.initial.rebalance.delay.ms", "0")];
/// Whoever waits for a commit is not kept waiting for long.
const IMPATIENT: (&str, &str) = ("offsets.commit.timeout.ms", "300");
/// Only once its journal has been synced is a record below the high watermark.
const JOURNAL: &str = "/journal/";

/// A broker on a disk that can be held up, a topic `t`, and a group `g` that has committed 1 of it.
async fn start(settings: Settings<'_>) -> (SlowDisk, TestBroker, TestClient) {
    let disk = SlowDisk::default();
    let settings = [ONE_SHARD, settings].concat();
    let server = test_broker::start(Arc::new(disk.clone()), &settings).await.unwrap();
    let broker = TestBroker { server, disk: disk.below() };
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    client.find_coordinator("g").await;
    assert_code(client.commit("g", "t", 1).await, ErrorCode::None);
    (disk, broker, client)
}

/// Commits until it is done: a shard that was dropped is loaded, and the log has to catch up.
async fn commit_in_the_end(client: &mut TestClient, offset: i64) {
    loop {
        let code = ErrorCode::from_code(client.commit("g", "t", offset).await).unwrap();
        match code {
            ErrorCode::None => return,
            ErrorCode::NotCoordinator
            | ErrorCode::CoordinatorLoadInProgress
            | ErrorCode::CoordinatorNotAvailable => {}
            other => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn a_commit_that_is_late_is_told_so_and_still_comes_to_be_once() {
    let (disk, broker, mut client) = start(&[IMPATIENT]).await;
    let held_up = disk.hold_up(Operation::Sync, JOURNAL);
    assert_code(client.commit("g", "t", 2).await, ErrorCode::CoordinatorNotAvailable);
    // Nobody is shown what could still be lost.
    let fetched = client.fetch_group("g", "t").await;
    assert_code(fetched.error_code, ErrorCode::CoordinatorNotAvailable);
    drop(held_up);
    assert_eq!(client.committed_in_the_end("g", "t").await, 2);
    assert_code(client.commit("g", "t", 3).await, ErrorCode::None);
    assert_eq!(commits_in_the_log(&mut client).await, [1, 2, 3]);
    let broker = TestBroker::start_on(broker.kill().await, ONE_SHARD).await;
    assert_eq!(broker.connect().await.committed_in_the_end("g", "t").await, 3);
}

#[tokio::test]
async fn a_power_cut_takes_a_late_commit_with_it_of_which_nobody_was_told() {
    let (disk, broker, mut client) = start(&[IMPATIENT]).await;
    let held_up = disk.hold_up(Operation::Sync, JOURNAL);
    assert_code(client.commit("g", "t", 2).await, ErrorCode::CoordinatorNotAvailable);
    broker.disk.crash();
    drop(held_up);
    let broker = TestBroker::start_on(broker.cut_power().await, ONE_SHARD).await;
    assert_eq!(broker.connect().await.committed_in_the_end("g", "t").await, 1);
}

#[tokio::test]
async fn members_of_both_protocols_are_told_of_a_late_log_and_go_on_after_it() {
    let (disk, _broker, mut client) = start(&[IMPATIENT]).await;
    let joined = client.join(&join_request("classic", 30_000)).await;
    client.sync("classic", &joined, &[(&joined.member_id, b"all")]).await;
    let join = ConsumerGroupHeartbeatRequest {
        group_id: "new".to_owned(),
        member_id: "m".to_owned(),
        rebalance_timeout_ms: 60_000,
        subscribed_topic_names: Some(vec!["t".to_owned()]),
        topic_partitions: Some(Vec::new()),
        ..ConsumerGroupHeartbeatRequest::default()
    };
    let held_up = disk.hold_up(Operation::Sync, JOURNAL);
    let late = ErrorCode::CoordinatorNotAvailable;
    assert_code(client.call(&join).await.error_code, late);
    assert_code(client.heartbeat("classic", &joined).await, late);
    assert_code(client.join(&join_request("another", 30_000)).await.error_code, late);
    drop(held_up);
    assert_eq!(client.committed_in_the_end("g", "t").await, 1);
    assert_code(client.heartbeat("classic", &joined).await, ErrorCode::None);
    // It has joined already: this is the answer that was late.
    let answer = client.call(&join).await;
    assert_code(answer.error_code, ErrorCode::None);
    assert_eq!(answer.member_epoch, 1);
    assert_eq!(answer.assignment.unwrap().topic_partitions[0].partitions, [0]);
}

/// More requests than batches may be on their way, and than may wait for a shard.
#[tokio::test]
async fn more_than_can_wait_for_a_log_that_stands_still_are_all_told_so() {
    const REQUESTS: i64 = 2_000;
    // Each commit fills a batch.
    let small_batches = ("message.max.bytes", "1000");
    let (disk, _broker, mut client) = start(&[IMPATIENT, small_batches]).await;
    let commit = |offset: i64| {
        let mut request = commit_request("g", "t", offset);
        request.topics[0].partitions[0].committed_metadata = Some("m".repeat(600));
        request
    };
    let held_up = disk.hold_up(Operation::Sync, JOURNAL);
    for offset in 2..2 + REQUESTS {
        client.send(COMMIT_BY_NAME, &commit(offset)).await;
    }
    for _ in 0..REQUESTS {
        let (_, answer) = client.receive::<OffsetCommitRequest>(COMMIT_BY_NAME).await;
        let code = answer.topics[0].partitions[0].error_code;
        assert_code(code, ErrorCode::CoordinatorNotAvailable);
    }
    drop(held_up);
    assert!(client.committed_in_the_end("g", "t").await > 1);
    assert_code(client.commit_with(&commit(REQUESTS + 2)).await, ErrorCode::None);
    assert_eq!(client.committed("g", "t").await, REQUESTS + 2);
    let commits = commits_in_the_log(&mut client).await;
    assert!(commits.is_sorted() && commits.len() < REQUESTS as usize, "{}", commits.len());
}

/// Fills the queue of the log directory with batches of another topic, until the smallest one does
/// not fit.
async fn fill_the_directory(client: &mut TestClient) {
    for bytes in [1_000_000, 30_000, 1_000, 1] {
        let batch = batch_of_bytes(bytes);
        let request = ProduceRequest { timeout_ms: 1, ..produce_request("t", 0, -1, batch) };
        loop {
            let answer = client.produce_with(&request).await;
            assert_code(answer.error_code, ErrorCode::RequestTimedOut);
            if answer.error_message.is_some_and(|message| message.contains("too much waits")) {
                break;
            }
        }
    }
}

/// The queue of the directory is larger than what requests may hold by default.
const ROOM_FOR_REQUESTS: (&str, &str) = ("queued.max.request.bytes", "1000000000");

#[tokio::test]
async fn a_commit_that_finds_no_room_in_the_log_directory_is_told_so_and_never_comes_to_be() {
    let (disk, broker, mut client) = start(&[ROOM_FOR_REQUESTS, IMPATIENT]).await;
    let held_up = disk.hold_up(Operation::Write, "/t-0/");
    let late = ErrorCode::CoordinatorNotAvailable;
    let request = ProduceRequest { timeout_ms: 1, ..produce_request("t", 0, -1, batch(&["a"])) };
    let answer = client.produce_with(&request).await;
    assert_code(answer.error_code, ErrorCode::RequestTimedOut);
    // There is still room for this one, behind the batch that is held up.
    assert_code(client.commit("g", "t", 2).await, late);
    fill_the_directory(&mut client).await;
    assert_code(client.commit("g", "t", 3).await, late);
    // The shard is to be loaded again, once the commit before has arrived: nobody waits for that.
    assert_code(client.commit("g", "t", 4).await, late);
    drop(held_up);
    commit_in_the_end(&mut client, 5).await;
    let mut commits = commits_in_the_log(&mut client).await;
    commits.dedup();
    assert_eq!(commits, [1, 2, 5]);
    let there = client.log_end("t").await;
    assert!(there > 100, "{there} batches have waited");
    assert_eq!(client.append("t", &["on"]).await, there);
    let broker = TestBroker::start_on(broker.kill().await, ONE_SHARD).await;
    assert_eq!(broker.connect().await.committed_in_the_end("g", "t").await, 5);
}
