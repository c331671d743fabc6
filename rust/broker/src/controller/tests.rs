//! A change whose caller goes away, on a whole broker over a disk in memory.

use std::future::{Future, poll_fn};
use std::task::Poll;
use std::time::Duration;

use base::{SplitMix64, SystemClock};
use metadata::controller::{CreateTopics, NewTopic};
use net::{TcpOptions, TcpTransport};
use storage::FaultyDisk;
use tokio::time::timeout;

use super::*;
use crate::config::{BrokerConfig, Properties};
use crate::{Blocking, BrokerServer, Environment};

/// No change takes so long.
const PATIENCE: Duration = Duration::from_secs(10);

async fn start() -> BrokerServer {
    let mut properties = Properties::default();
    properties.set("log.dirs", "/data");
    properties.set("listeners", "PLAINTEXT://127.0.0.1:0");
    let config = BrokerConfig::load(&properties).expect("a good configuration").config;
    let environment = Environment {
        transport: TcpTransport { options: TcpOptions::default() },
        disk: Arc::new(FaultyDisk::new()),
        clock: Arc::new(SystemClock),
        rng: Box::new(SplitMix64::new(1)),
        blocking: Blocking::OnThreads,
    };
    BrokerServer::start(config, environment).await.expect("it starts")
}

#[tokio::test]
async fn a_topic_whose_creator_has_hung_up_takes_records_all_the_same() {
    let server = start().await;
    let broker = server.broker();
    let create = CreateTopics {
        topics: vec![NewTopic::with_defaults("orders")],
        validate_only: false,
        default_partitions: 1,
        default_replication_factor: 1,
    };
    let rules = broker.config_rules();
    let decide = move |image: &MetadataImage, rng: &mut dyn Rng| create.decide(image, &rules, rng);
    let mut change = Box::pin(broker.controller.change(decide));
    // Begun and then dropped, as a connection drops what it waits for when it ends.
    poll_fn(|context| Poll::Ready(change.as_mut().poll(context).is_ready())).await;
    drop(change);
    let is_led = async {
        while broker.partitions.by_name("orders", 0).is_err() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, is_led).await.expect("its partition is led");
}
