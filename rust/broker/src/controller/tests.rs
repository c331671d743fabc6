//! Changes whose caller goes away, whose disk is slow, or whose log has failed, on a whole broker
//! over a disk in memory.

mod gated_disk;

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use metadata::controller::{CreateTopics, DeleteTopics, NewTopic, TopicReference};
use storage::FaultyDisk;
use storage::disk::Fault;
use tokio::time::timeout;

use self::gated_disk::GatedDisk;
use super::*;
use crate::BrokerServer;
use crate::test_server::{Captured, start};

/// No change takes so long.
const PATIENCE: Duration = Duration::from_secs(5);

/// Begins to create a topic.
fn create(
    server: &BrokerServer,
    name: &str,
) -> impl Future<Output = Result<(), Rejection>> + use<> {
    let broker = server.broker();
    let create = CreateTopics {
        topics: vec![NewTopic::with_defaults(name)],
        validate_only: false,
        default_partitions: 1,
        default_replication_factor: 1,
    };
    let (controller, rules) = (broker.controller.clone(), broker.config_rules());
    async move {
        let decide =
            move |image: &MetadataImage, rng: &mut dyn Rng| create.decide(image, &rules, rng);
        controller.change(decide).await.map(|_| ())
    }
}

/// Waits for what happens on other tasks and threads.
async fn until(condition: impl Fn() -> bool) {
    let met = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, met).await.expect("it comes about");
}

#[tokio::test]
async fn a_topic_whose_creator_has_hung_up_takes_records_all_the_same() {
    let server = start(FaultyDisk::new()).await;
    let mut change = Box::pin(create(&server, "orders"));
    // Begun and then dropped, as a connection drops what it waits for when it ends.
    poll_fn(|context| Poll::Ready(change.as_mut().poll(context).is_ready())).await;
    drop(change);
    until(|| server.broker().partitions.by_name("orders", 0).is_ok()).await;
}

#[tokio::test]
async fn while_the_partitions_follow_clients_see_the_metadata_from_before_and_nobody_is_held_up() {
    let disk = GatedDisk::default();
    let server = start(disk.clone()).await;
    create(&server, "orders").await.expect("it is created");
    let controller = server.broker().controller.clone();
    let open_gate = disk.close_gate();
    let delete = DeleteTopics { topics: vec![TopicReference::Name("orders".to_owned())] };
    let deleting = controller.clone();
    let deleted =
        tokio::spawn(async move { deleting.change(move |image, _| delete.decide(image)).await });
    // This runtime has one worker: who waits for the disk on it holds up this test.
    until(|| disk.is_waiting()).await;
    assert!(controller.quorum.quorum().image().topic_by_name("orders").is_none(), "committed");
    assert!(controller.image().topic_by_name("orders").is_some(), "but not acted upon");
    assert!(disk.is_waiting(), "it has waited for this");
    open_gate.send(()).expect("it waits");
    deleted.await.expect("no panic").expect("it is deleted");
    assert!(controller.image().topic_by_name("orders").is_none());
}

#[tokio::test]
async fn the_cause_of_a_failed_metadata_log_is_in_the_log_once_and_not_in_the_answers() {
    let disk = FaultyDisk::new();
    let server = start(disk.clone()).await;
    let said = Captured::default();
    let _capturing = said.capture();
    let next = disk.operations();
    for operation in next..next + 1000 {
        disk.fail_at(operation, Fault::NoSpace);
    }
    for name in ["one", "two", "three"] {
        let refused = create(&server, name).await.expect_err("the disk is full");
        assert_eq!(refused.code, ErrorCode::KafkaStorageError);
        assert!(!refused.message.contains("space"), "{}", refused.message);
    }
    let lines = said.lines();
    let of_ours: Vec<_> = lines.iter().filter(|line| line.contains("has stopped")).collect();
    let [line] = of_ours[..] else { panic!("{lines:?}") };
    assert!(line.contains("ERROR") && line.contains("/data/__cluster_metadata-0"), "{line}");
    assert!(line.contains("No space left") || line.contains("no space"), "{line}");
}
