//! The software of the simulated hosts: the broker, and the clients that use and watch it.

pub(crate) mod auditor;
pub(crate) mod broker;
pub(crate) mod consumer;
pub(crate) mod producer;
pub(crate) mod watcher;

use std::sync::Arc;
use std::time::Duration;

use base::TopicPartition;
use client::{Consumer, ConsumerConfig, Fetched};
use tokio::runtime::Handle;

use crate::clock::SimClock;
use crate::history::{RecordName, SeenRecord};
use crate::plan::PARTITIONS;
use crate::transport::SimTransport;

pub(crate) const TOPIC: &str = "orders";
pub(crate) const BROKER: &str = "broker";
pub(crate) const BROKER_PORT: u16 = 9092;

/// How long somebody waits before trying again what did not work.
const RETRY_PAUSE: Duration = Duration::from_millis(300);
/// How often the hosts look at what they share.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// Kafka's keys for a client that notices a severed link within seconds.
fn client_keys() -> Vec<(&'static str, String)> {
    vec![
        ("bootstrap.servers", format!("{BROKER}:{BROKER_PORT}")),
        ("request.timeout.ms", "3000".to_owned()),
        ("socket.connection.setup.timeout.ms", "1000".to_owned()),
        ("reconnect.backoff.max.ms", "500".to_owned()),
    ]
}

fn partitions() -> Vec<TopicPartition> {
    (0..PARTITIONS).map(|partition| TopicPartition::new(TOPIC, partition)).collect()
}

/// A consumer that never starts anew by itself; tries until a broker answers.
async fn connect_consumer(seed: u64) -> Consumer {
    let mut keys = client_keys();
    keys.push(("auto.offset.reset", "none".to_owned()));
    keys.push(("default.api.timeout.ms", "5000".to_owned()));
    let (config, _) = ConsumerConfig::from_pairs(keys).expect("the keys are well formed");
    loop {
        let (clock, runtime) = (Arc::new(SimClock), Handle::current());
        let connected =
            Consumer::connect_over(config.clone(), SimTransport, clock, seed, &runtime).await;
        match connected {
            Ok(consumer) => return consumer,
            Err(_) => tokio::time::sleep(RETRY_PAUSE).await,
        }
    }
}

/// The records that a consumer was handed.
fn seen(fetched: &Fetched) -> Result<Vec<SeenRecord>, String> {
    let mut seen = Vec::new();
    for batch in &fetched.batches {
        let header = batch.header();
        let records = batch.records().map_err(|error| error.to_string())?;
        for record in records.owned() {
            let record = record.map_err(|error| error.to_string())?;
            if (fetched.start..fetched.end).contains(&record.offset.0) {
                let delta = (record.offset.0 - header.base_offset.0) as i32;
                seen.push(SeenRecord {
                    partition: fetched.topic_partition.partition.0,
                    offset: record.offset.0,
                    name: record.value.as_deref().and_then(RecordName::of_value),
                    leader_epoch: header.partition_leader_epoch.0,
                    producer_id: header.producer_id.0,
                    producer_epoch: header.producer_epoch.0,
                    sequence: header.base_sequence.wrapping_add(delta),
                });
            }
        }
    }
    Ok(seen)
}
