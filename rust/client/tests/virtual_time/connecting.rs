//! Nobody answers: every address is named, with its reason, within five seconds.

use std::sync::Arc;
use std::time::Duration;

use client::{
    Admin, AdminConfig, ConnectError, Consumer, ConsumerConfig, Producer, ProducerConfig,
};
use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::fake_broker::FakeBroker;
use crate::memory_network::{Host, MemoryNetwork, VirtualClock};

const CONNECT_MAX: Duration = Duration::from_secs(5);

/// Every way of not answering, and what is said of it.
const HOSTS: [(&str, Host, &str); 4] = [
    ("blackhole", Host::BlackHole, "no answer yet"),
    ("refusing", Host::Refusing, "connection refused"),
    ("silent", Host::Silent, "no answer yet"),
    ("unknown", Host::Unresolvable, "name or service not known"),
];

async fn connect(client: &str, bootstrap: &str) -> ConnectError {
    let network = MemoryNetwork::new(HOSTS.map(|(name, host, _)| (name, host)));
    let clock = Arc::new(VirtualClock::start());
    let (pairs, handle) = ([("bootstrap.servers", bootstrap)], Handle::current());
    let begun = Instant::now();
    let error = match client {
        "admin" => {
            let (config, _) = AdminConfig::from_pairs(pairs).unwrap();
            Admin::connect_over(config, network, clock, 1, &handle).await.unwrap_err()
        }
        "consumer" => {
            let (config, _) = ConsumerConfig::from_pairs(pairs).unwrap();
            Consumer::connect_over(config, network, clock, 1, &handle).await.unwrap_err()
        }
        _ => {
            let (config, _) = ProducerConfig::from_pairs(pairs).unwrap();
            Producer::connect_over(config, network, clock, 1, &handle).await.unwrap_err()
        }
    };
    assert!(begun.elapsed() <= CONNECT_MAX, "after {:?}: {error}", begun.elapsed());
    error
}

#[tokio::test(start_paused = true)]
async fn an_address_that_does_not_answer_is_named_with_the_reason() {
    for client in ["admin", "consumer", "producer"] {
        for (host, _, reason) in HOSTS {
            let error = connect(client, &format!("{host}:9092")).await;
            let attempts = error.attempts();
            assert_eq!(attempts.len(), 1, "{client}, {host}: {error}");
            assert!(attempts[0].contains(&format!("{host}:9092")), "{client}: {error}");
            assert!(attempts[0].contains(reason), "{client}, {host}: {error}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_address_is_tried_and_named() {
    let bootstrap = HOSTS.map(|(host, ..)| format!("{host}:9092")).join(",");
    let error = connect("producer", &bootstrap).await;
    for (host, _, reason) in HOSTS {
        let attempt = error.attempts().iter().find(|attempt| attempt.contains(host));
        let attempt = attempt.unwrap_or_else(|| panic!("{host} is not named: {error}"));
        assert!(attempt.contains(reason), "{attempt}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_bootstrap_server_that_is_silent_does_not_hide_one_that_answers() {
    for silent in [Host::BlackHole, Host::Silent] {
        for seed in 0..10 {
            let broker = FakeBroker::new("broker");
            let hosts = [("silent", silent.clone()), ("broker", Host::Broker(broker))];
            let pairs = [("bootstrap.servers", "silent:9092,broker:9092")];
            let (config, _) = ProducerConfig::from_pairs(pairs).unwrap();
            let clock = Arc::new(VirtualClock::start());
            let (network, handle) = (MemoryNetwork::new(hosts), Handle::current());
            let begun = Instant::now();
            Producer::connect_over(config, network, clock, seed, &handle).await.unwrap();
            assert!(begun.elapsed() < Duration::from_secs(1), "after {:?}", begun.elapsed());
        }
    }
}
