//! Reaching a cluster: bootstrap, back-off, re-bootstrap, throttling.

use wire::api_versions::{ApiVersion, ApiVersionsResponse};
use wire::metadata::{MetadataResponse, MetadataResponseBroker};
use wire::{Message, encode_response};

use super::*;
use crate::config::AdminConfig;

fn cluster(more: &[(&str, &str)]) -> Cluster {
    let mut pairs = vec![("bootstrap.servers", "boot:1,strap:2")];
    pairs.extend_from_slice(more);
    let (config, _) = AdminConfig::from_pairs(pairs).unwrap();
    Cluster::new(config.connection, false, 1)
}

/// Everything that is to be connected to now.
fn connects(cluster: &mut Cluster) -> Vec<(ConnectionId, String)> {
    let mut connects = Vec::new();
    while let Some(transmit) = cluster.poll_transmit() {
        if let Transmit::Connect { connection, address, .. } = transmit {
            connects.push((connection, address.to_string()));
        }
    }
    connects
}

fn receive<M: Message>(
    cluster: &mut Cluster,
    connection: ConnectionId,
    (api, version, correlation_id): (ApiKey, i16, i32),
    response: &M,
    now: Instant,
) {
    let frame = encode_response(api, version, correlation_id, response).unwrap();
    let frame = frame.collect().unwrap().slice(4..);
    cluster.handle_transport(TransportEvent::Received { connection, frame }, now);
}

/// Connects to a bootstrap server, which names one broker.
fn known_cluster(more: &[(&str, &str)], now: Instant) -> Cluster {
    let mut cluster = cluster(more);
    cluster.handle_timeout(now);
    let (connection, _) = connects(&mut cluster)[0].clone();
    cluster.handle_transport(TransportEvent::Connected { connection }, now);
    let range = |api: &ApiKey| ApiVersion {
        api_key: api.key(),
        min_version: 0,
        max_version: api.advertised().max,
    };
    let api_keys = ApiKey::ALL.iter().map(range).collect();
    let versions = ApiVersionsResponse { api_keys, ..Default::default() };
    receive(&mut cluster, connection, (ApiKey::ApiVersions, 4, 0), &versions, now);
    cluster.handle_timeout(now);
    let brokers = vec![MetadataResponseBroker {
        node_id: 7,
        host: "seven".into(),
        port: 7,
        ..Default::default()
    }];
    let metadata = MetadataResponse { brokers, ..Default::default() };
    receive(&mut cluster, connection, (ApiKey::Metadata, 13, 1), &metadata, now);
    while cluster.poll_transmit().is_some() {}
    cluster
}

fn refuse(cluster: &mut Cluster, connection: ConnectionId, now: Instant) {
    let reason = "connection refused".to_owned();
    cluster.handle_transport(TransportEvent::Closed { connection, reason }, now);
}

#[test]
fn every_bootstrap_server_is_tried_before_the_cluster_is_called_unreachable() {
    let mut cluster = cluster(&[]);
    let mut now = Instant(0);
    let mut tried = Vec::new();
    while !matches!(cluster.reach(), Reach::Unreachable(_)) {
        cluster.handle_timeout(now);
        for (connection, address) in connects(&mut cluster) {
            tried.push(address);
            refuse(&mut cluster, connection, now);
        }
        now = cluster.poll_timeout(now).unwrap().max(now);
    }
    tried.sort();
    tried.dedup();
    assert_eq!(tried, ["boot:1", "strap:2"]);
    assert!(now.since(Instant(0)) < Duration::from_millis(300), "refusals are told at once");
    let Reach::Unreachable(Unreachable(complaints)) = cluster.reach() else { unreachable!() };
    assert!(complaints[0].contains("connection refused"), "{complaints:?}");
}

#[test]
fn a_broker_that_never_answers_is_given_up_and_tried_again_later() {
    let mut cluster = cluster(&[("bootstrap.servers", "boot:1")]);
    let mut now = Instant(0);
    cluster.handle_timeout(now);
    assert_eq!(connects(&mut cluster).len(), 1);
    assert!(matches!(cluster.reach(), Reach::Connecting(_)));
    now = cluster.poll_timeout(now).unwrap();
    assert!(now.since(Instant(0)) >= Duration::from_secs(8));
    cluster.handle_timeout(now);
    assert!(matches!(cluster.reach(), Reach::Unreachable(_)));
    let again = cluster.poll_timeout(now).unwrap();
    assert!(again > now);
    cluster.handle_timeout(again);
    assert_eq!(connects(&mut cluster).len(), 1);
}

#[test]
fn a_known_broker_is_preferred_and_the_bootstrap_servers_are_the_last_resort() {
    let mut now = Instant(1);
    let mut cluster = known_cluster(&[], now);
    assert_eq!(cluster.reach(), Reach::Known);
    cluster.request_metadata();
    now = now + Duration::from_secs(1);
    cluster.handle_timeout(now);
    let (connection, address) = connects(&mut cluster)[0].clone();
    assert_eq!(address, "seven:7");
    refuse(&mut cluster, connection, now);
    now = now + Duration::from_secs(2);
    cluster.handle_timeout(now);
    // One of the bootstrap servers still stands connected: it is asked again.
    let sent = std::iter::from_fn(|| cluster.poll_transmit());
    assert!(sent.into_iter().any(|transmit| matches!(transmit, Transmit::Send { .. })));
}

#[test]
fn without_rebootstrapping_only_the_known_brokers_are_tried() {
    let mut now = Instant(1);
    let mut cluster = known_cluster(&[("metadata.recovery.strategy", "none")], now);
    cluster.request_metadata();
    for _ in 0..5 {
        now = now + Duration::from_secs(2);
        cluster.handle_timeout(now);
        for (connection, address) in connects(&mut cluster) {
            assert_eq!(address, "seven:7");
            refuse(&mut cluster, connection, now);
        }
    }
}

#[test]
fn a_throttled_broker_is_left_alone_for_as_long_as_it_asked() {
    let now = Instant(1);
    let mut cluster = known_cluster(&[], now);
    let node = cluster.any_ready(now);
    assert_eq!(node, None, "the broker has only just been named");
    let (connection, _) = connects(&mut cluster)[0].clone();
    cluster.handle_transport(TransportEvent::Connected { connection }, now);
    cluster.throttle(NodeId(7), 500, now);
    let later = cluster.make_ready(NodeId(7), Lane::Main, now).unwrap_err();
    assert!(later > now);
}

#[test]
fn what_is_said_of_a_connection_that_is_gone_changes_nothing() {
    let now = Instant(1);
    let mut cluster = known_cluster(&[], now);
    let connection = ConnectionId(999);
    let frame = bytes::Bytes::from_static(b"late");
    cluster.handle_transport(TransportEvent::Received { connection, frame }, now);
    refuse(&mut cluster, connection, now);
    cluster.handle_transport(TransportEvent::Connected { connection }, now);
    assert_eq!(cluster.reach(), Reach::Known);
}
