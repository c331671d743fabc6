//! What the clients' times mean, with the shells around the machines, in time that passes only
//! while everybody waits.

#![expect(clippy::unwrap_used, reason = "a failing test is to say so")]

mod connecting;
mod early;
mod fake_broker;
mod full_buffer;
mod memory_network;

use std::sync::Arc;

use client::{Producer, ProducerConfig};
use tokio::runtime::Handle;

use crate::fake_broker::FakeBroker;
use crate::memory_network::{Host, MemoryNetwork, VirtualClock};

/// A producer of the one broker.
async fn producer(broker: &FakeBroker, more: &[(&str, &str)]) -> Producer {
    let network = MemoryNetwork::new([("broker", Host::Broker(broker.clone()))]);
    let mut pairs = vec![("bootstrap.servers", "broker:9092")];
    pairs.extend_from_slice(more);
    let (config, _) = ProducerConfig::from_pairs(pairs).unwrap();
    let clock = Arc::new(VirtualClock::start());
    Producer::connect_over(config, network, clock, 1, &Handle::current()).await.unwrap()
}
