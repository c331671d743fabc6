//! Clients, topics and records for the tests.

use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use base::TopicPartition;
use client::{
    Admin, AdminConfig, Consumer, ConsumerConfig, Fetched, NewTopic, Producer, ProducerConfig,
};
use records::OwnedRecord;
use tokio::runtime::Handle;

/// No test takes longer.
const TEST_MAX: Duration = Duration::from_mins(1);

pub(crate) struct Broker {
    bootstrap: String,
    handle: Handle,
}

/// Runs a test's body on a runtime of its own.
pub(crate) fn run<F: Future<Output = ()>>(body: impl FnOnce(Broker) -> F, bootstrap: &str) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let broker = Broker { bootstrap: bootstrap.to_owned(), handle: runtime.handle().clone() };
    runtime
        .block_on(async { tokio::time::timeout(TEST_MAX, body(broker)).await })
        .expect("the test ends in time");
}

impl Broker {
    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }

    pub(crate) fn pairs<'a>(&'a self, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let mut pairs = vec![("bootstrap.servers", self.bootstrap.as_str())];
        pairs.extend_from_slice(more);
        pairs
    }

    pub(crate) async fn producer(&self, more: &[(&str, &str)]) -> Producer {
        let (config, _) = ProducerConfig::from_pairs(self.pairs(more)).unwrap();
        Producer::connect(config, &self.handle).await.unwrap()
    }

    pub(crate) fn consumer_config(&self, more: &[(&str, &str)]) -> ConsumerConfig {
        ConsumerConfig::from_pairs(self.pairs(more)).unwrap().0
    }

    pub(crate) async fn consumer(&self, more: &[(&str, &str)]) -> Consumer {
        Consumer::connect(self.consumer_config(more), &self.handle).await.unwrap()
    }

    pub(crate) async fn admin(&self) -> Admin {
        let (config, _) = AdminConfig::from_pairs(self.pairs(&[])).unwrap();
        Admin::connect(config, &self.handle).await.unwrap()
    }

    /// A topic that no other test has.
    pub(crate) async fn topic(&self, partitions: i32) -> String {
        self.create(NewTopic { partitions: Some(partitions), ..NewTopic::default() }).await
    }

    /// The same for records that are years old: a broker's retention looks in after half a minute.
    pub(crate) async fn lasting_topic(&self, partitions: i32) -> String {
        let configs = [("retention.ms".to_owned(), Some("-1".to_owned()))].into();
        self.create(NewTopic { partitions: Some(partitions), configs, ..NewTopic::default() }).await
    }

    async fn create(&self, new: NewTopic) -> String {
        let name = fresh_name();
        let new = NewTopic { name: name.clone(), ..new };
        let admin = self.admin().await;
        let created = admin.create_topics(&[new], false).await.unwrap();
        created.into_iter().next().unwrap().1.unwrap();
        admin.close().await;
        name
    }
}

/// A name that no other test has, nor an earlier run on the same broker.
pub(crate) fn fresh_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let nanos = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos();
    format!("test-{nanos}-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Every record that is fetched, until there are `count`.
pub(crate) async fn read(consumer: &Consumer, count: usize) -> Vec<(TopicPartition, OwnedRecord)> {
    let mut records = Vec::new();
    while records.len() < count {
        let fetched = consumer.poll(1000).await.unwrap().expect("an unbounded read goes on");
        records.extend(fetched.iter().flat_map(unpack));
    }
    records
}

/// Waits until something is so; the test's own time limit is the end of it.
pub(crate) async fn eventually(mut is_so: impl AsyncFnMut() -> bool) {
    while !is_so().await {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) fn unpack(fetched: &Fetched) -> Vec<(TopicPartition, OwnedRecord)> {
    let name = &fetched.topic_partition;
    fetched.records().map(|record| (name.clone(), record.unwrap())).collect()
}
