//! A broker's registration: who it is in this incarnation, where it is reached, and which
//! directories it holds.

use base::Uuid;
use wire_derive::Message;

/// A broker has registered; replaces what an earlier incarnation said.
#[derive(Clone, Debug, PartialEq, Message)]
#[message(data, key = 0, versions = "0", flexible = "0+")]
pub struct RegisterBrokerRecord {
    /// The broker.
    #[message(versions = "0+")]
    pub broker_id: i32,
    /// Drawn by the broker's process when it starts.
    #[message(versions = "0+")]
    pub incarnation_id: Uuid,
    /// Given by the controller: grows with each incarnation and fences the earlier ones.
    #[message(versions = "0+")]
    pub broker_epoch: i64,
    /// Where it is reached.
    #[message(versions = "0+")]
    pub end_points: Vec<BrokerEndPoint>,
    /// Which feature versions it supports.
    #[message(versions = "0+")]
    pub features: Vec<BrokerFeature>,
    /// Its rack, for placement.
    #[message(versions = "0+", nullable = "0+", default = "null")]
    pub rack: Option<String>,
    /// Whether it may not lead yet.
    #[message(versions = "0+")]
    pub fenced: bool,
    /// Whether it is on its way out.
    #[message(versions = "0+")]
    pub in_controlled_shutdown: bool,
    /// The ids of its log directories (KIP-858).
    #[message(versions = "0+")]
    pub log_dirs: Vec<Uuid>,
}

/// One listener of a broker.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
pub struct BrokerEndPoint {
    /// The listener's name.
    #[message(versions = "0+")]
    pub name: String,
    /// The host that it advertises.
    #[message(versions = "0+")]
    pub host: String,
    /// The port that it advertises.
    #[message(versions = "0+")]
    pub port: u16,
    /// Kafka's number for plaintext (0), TLS (1) and so on.
    #[message(versions = "0+")]
    pub security_protocol: i16,
}

/// The versions of one feature that a broker supports, both ends included.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
pub struct BrokerFeature {
    /// The feature.
    #[message(versions = "0+")]
    pub name: String,
    /// The first version.
    #[message(versions = "0+")]
    pub min_supported_version: i16,
    /// The last version.
    #[message(versions = "0+")]
    pub max_supported_version: i16,
}
