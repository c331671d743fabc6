//! A broker's registration: who it is in this incarnation, where it is reached, and which directories it holds.

use base::Uuid;

/// A broker has registered; replaces what an earlier incarnation said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RegisterBrokerRecord {
    /// The broker.
    pub broker_id: i32,
    /// Drawn by the broker's process when it starts.
    pub incarnation_id: Uuid,
    /// Given by the controller: grows with each incarnation and fences the earlier ones.
    pub broker_epoch: i64,
    /// Where it is reached.
    pub end_points: Vec<BrokerEndPoint>,
    /// Which feature versions it supports.
    pub features: Vec<BrokerFeature>,
    /// Its rack, for placement.
    pub rack: Option<String>,
    /// Whether it may not lead yet.
    pub fenced: bool,
    /// Whether it is on its way out.
    pub in_controlled_shutdown: bool,
    /// The ids of its log directories (KIP-858).
    pub log_dirs: Vec<Uuid>,
}

/// One listener of a broker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BrokerEndPoint {
    /// The listener's name.
    pub name: String,
    /// The host that it advertises.
    pub host: String,
    /// The port that it advertises.
    pub port: u16,
    /// Kafka's number for plaintext (0), TLS (1) and so on.
    pub security_protocol: i16,
}

/// The versions of one feature that a broker supports, both ends included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BrokerFeature {
    /// The feature.
    pub name: String,
    /// The first version.
    pub min_supported_version: i16,
    /// The last version.
    pub max_supported_version: i16,
}
