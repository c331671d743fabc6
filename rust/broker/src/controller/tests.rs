//! Changes whose caller goes away, whose disk is slow, or whose log has failed, on a whole broker
//! over a disk in memory.

mod gated_disk;

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use base::{SplitMix64, SystemClock};
use metadata::controller::{CreateTopics, DeleteTopics, NewTopic, TopicReference};
use net::{TcpOptions, TcpTransport};
use storage::{Disk, FaultyDisk};
use tokio::time::timeout;

use self::gated_disk::GatedDisk;
use super::*;
use crate::config::{BrokerConfig, Properties};
use crate::{Blocking, BrokerServer, Environment};

/// No change takes so long.
const PATIENCE: Duration = Duration::from_secs(5);

async fn start(disk: impl Disk + 'static) -> BrokerServer {
    let mut properties = Properties::default();
    properties.set("log.dirs", "/data");
    properties.set("listeners", "PLAINTEXT://127.0.0.1:0");
    let config = BrokerConfig::load(&properties).expect("a good configuration").config;
    let environment = Environment {
        transport: TcpTransport { options: TcpOptions::default() },
        disk: Arc::new(disk),
        clock: Arc::new(SystemClock),
        rng: Box::new(SplitMix64::new(1)),
        blocking: Blocking::OnThreads,
    };
    BrokerServer::start(config, environment).await.expect("it starts")
}

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
