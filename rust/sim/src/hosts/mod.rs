//! The software of the simulated hosts: the broker, and the clients that use and watch it.

pub(crate) mod auditor;
pub(crate) mod bank;
pub(crate) mod broker;
pub(crate) mod clerk;
pub(crate) mod consumer;
pub(crate) mod forwarder;
pub(crate) mod producer;
pub(crate) mod reader;
mod transactor;
pub(crate) mod watcher;

use std::sync::Arc;
use std::time::Duration;

use base::TopicPartition;
use client::{Consumer, ConsumerConfig, Fetched, Producer, ProducerConfig};
use history::{PartitionOffset, PolledRecord};
use tokio::runtime::Handle;

use crate::clock::SimClock;
use crate::history::{RecordName, SeenRecord};
use crate::plan::PARTITIONS;
use crate::transport::SimTransport;

pub(crate) const TOPIC: &str = "orders";
/// The bank's: a partition is an account.
pub(crate) const ACCOUNTS: &str = "accounts";
/// A record for each of those in the accounts.
pub(crate) const STATEMENTS: &str = "statements";
/// The group of those who write them.
const GROUP: &str = "forwarders";
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
    partitions_of(TOPIC)
}

/// Every topic has as many.
pub(crate) fn partitions_of(topic: &str) -> Vec<TopicPartition> {
    (0..PARTITIONS).map(|partition| TopicPartition::new(topic, partition)).collect()
}

/// A producer; tries until a broker answers.
async fn connect_producer(keys: Vec<(&'static str, String)>, seed: u64) -> Producer {
    let (config, _) = ProducerConfig::from_pairs(keys).expect("the keys are well formed");
    loop {
        let (clock, runtime) = (Arc::new(SimClock), Handle::current());
        let connected =
            Producer::connect_over(config.clone(), SimTransport, clock, seed, &runtime).await;
        match connected {
            Ok(producer) => return producer,
            Err(_) => tokio::time::sleep(RETRY_PAUSE).await,
        }
    }
}

/// A consumer that never starts anew by itself; tries until a broker answers.
async fn connect_consumer(seed: u64) -> Consumer {
    connect_consumer_with(Vec::new(), seed).await
}

/// The same with more keys, which may say otherwise.
async fn connect_consumer_with(more: Vec<(&'static str, String)>, seed: u64) -> Consumer {
    let mut keys = client_keys();
    keys.push(("auto.offset.reset", "none".to_owned()));
    keys.push(("default.api.timeout.ms", "5000".to_owned()));
    keys.extend(more);
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

/// What was polled, for the history, and where that leaves the consumer.
fn polled_records(
    fetched: &[Fetched],
) -> Result<(Vec<PolledRecord>, Vec<PartitionOffset>), String> {
    let mut records = Vec::new();
    let mut positions = Vec::new();
    for fetched in fetched {
        let partition = &fetched.topic_partition;
        for record in fetched.records() {
            let record = record.map_err(|error| format!("{partition}: {error}"))?;
            let value = record.value.as_deref().unwrap_or_default();
            records.push(PolledRecord {
                partition: partition.clone(),
                offset: record.offset.0,
                value: String::from_utf8_lossy(value).into_owned().into(),
            });
        }
        positions.retain(|known: &PartitionOffset| known.partition != *partition);
        positions.push(PartitionOffset::new(partition, fetched.end));
    }
    Ok((records, positions))
}
