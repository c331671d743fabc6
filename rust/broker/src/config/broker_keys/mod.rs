//! The table of broker keys: every key of Kafka 4.3, with what Ottla does with it, and our own.

pub(super) mod cluster;
pub(super) mod group;
pub(super) mod log;
pub(super) mod network;
pub(super) mod ottla;
pub(super) mod quota;
pub(super) mod remote;
pub(super) mod security;
pub(super) mod share;
pub(super) mod transaction;

use super::error::nearest;
use super::key::ConfigKey;
use super::topic_keys::{TOPIC_KEYS, broker_synonyms};

/// All broker keys, one slice for each file.
pub fn broker_keys() -> impl Iterator<Item = &'static ConfigKey> {
    [
        ottla::OTTLA,
        network::NETWORK,
        log::LOG,
        cluster::CLUSTER,
        quota::QUOTA,
        group::GROUP,
        transaction::TRANSACTION,
        security::SECURITY,
        remote::REMOTE,
        share::SHARE,
    ]
    .into_iter()
    .flatten()
}

/// The broker key of this name.
pub fn broker_key(name: &str) -> Option<&'static ConfigKey> {
    broker_keys().find(|key| key.name == name)
}

/// The broker key that somebody may have meant by `name`: the default of a topic key, or a name
/// like it.
pub fn nearest_broker_key(name: &str) -> Option<&'static str> {
    match TOPIC_KEYS.iter().find(|key| key.name == name) {
        Some(topic_key) => broker_synonyms(topic_key.name).first().map(|synonym| synonym.name),
        None => nearest(name, broker_keys().map(|key| key.name)),
    }
}
