//! Our clients against our own broker, in this process: one on a fresh directory for each test.

#![expect(clippy::unwrap_used, reason = "a failing test is to say so")]

mod suite;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use base::TopicPartition;
use broker::config::{BrokerConfig, Properties};
use broker::{BrokerServer, Environment};
use client::{BoundedRead, ConsumeError, EndAt, ReadError, Record, StartAt};
use tokio::runtime::Runtime;

/// A broker that lives as long as this.
struct OwnBroker {
    bootstrap: String,
    server: Option<BrokerServer>,
    runtime: Runtime,
    directory: tempfile::TempDir,
}

impl OwnBroker {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let server = serve(&runtime, directory.path());
        let bootstrap = server.listeners()[0].endpoint.to_string();
        Self { bootstrap, server: Some(server), runtime, directory }
    }

    fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            self.runtime.block_on(server.shutdown());
        }
    }

    /// Starts again on the same directory, after something was done to it.
    fn restart_after(&mut self, act: impl FnOnce(&Path)) {
        self.stop();
        act(self.directory.path());
        let server = serve(&self.runtime, self.directory.path());
        self.bootstrap = server.listeners()[0].endpoint.to_string();
        self.server = Some(server);
    }
}

fn serve(runtime: &Runtime, directory: &Path) -> BrokerServer {
    let mut properties = Properties::default();
    properties.set("log.dirs", directory.display().to_string());
    properties.set("listeners", "PLAINTEXT://127.0.0.1:0");
    let config = BrokerConfig::load(&properties).unwrap().config;
    let environment = Environment::of_this_machine(&config).unwrap();
    runtime.block_on(BrokerServer::start(config, environment)).unwrap()
}

impl std::ops::Deref for OwnBroker {
    type Target = str;

    fn deref(&self) -> &str {
        &self.bootstrap
    }
}

impl Drop for OwnBroker {
    fn drop(&mut self) {
        self.stop();
    }
}

suite::on_a_broker!(OwnBroker::start());

/// Damages the first batch of a topic's partition 0, behind its header.
fn damage_first_batch(directory: &Path, topic: &str) {
    let log = directory.join(format!("{topic}-0")).join(format!("{:020}.log", 0));
    let log = File::options().write(true).open(log).unwrap();
    log.write_all_at(b"damaged", 80).unwrap();
}

#[test]
fn a_first_batch_that_is_damaged_is_told_and_not_waited_for() {
    let mut own = OwnBroker::start();
    suite::fixture::run(
        async |broker| {
            let new = client::NewTopic { name: "t".into(), ..client::NewTopic::default() };
            broker.admin().await.create_topics(&[new], false).await.unwrap();
            let producer = broker.producer(&[]).await;
            let record = Record { value: Some(&[7; 5000]), ..Record::to("t") };
            // Many batches with entries in the index: what follows the last of these is looked at
            // when the broker starts.
            for _ in 0..20 {
                producer.send(&record).await.unwrap().wait().await.unwrap();
            }
            producer.close(Duration::from_secs(10)).await;
        },
        &own,
    );
    own.restart_after(|directory| damage_first_batch(directory, "t"));
    suite::fixture::run(
        async |broker| {
            let read = BoundedRead::start(
                broker.consumer_config(&[]),
                &["t"],
                StartAt::Earliest,
                EndAt::Latest,
                broker.handle(),
            );
            let read = read.await.unwrap();
            let error = read.next(10).await.unwrap_err();
            let ReadError::Consume(ConsumeError::Corrupt { topic_partition, offset, .. }) = error
            else {
                panic!("{error}")
            };
            assert_eq!((topic_partition, offset), (TopicPartition::new("t", 0), 0));
        },
        &own,
    );
}
