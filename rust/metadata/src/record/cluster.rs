//! What holds for the whole cluster: its id, and the finalized level of each feature.

use wire_derive::Message;

/// The first record of a cluster: names it for good.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[message(data, key = 1000, versions = "0", flexible = "0+")]
pub struct ClusterIdRecord {
    /// The cluster's id.
    #[message(versions = "0+")]
    pub cluster_id: String,
}

/// A feature has been finalized at a level; zero removes it.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[message(data, key = 12, versions = "0", flexible = "0+")]
pub struct FeatureLevelRecord {
    /// The feature.
    #[message(versions = "0+")]
    pub name: String,
    /// The level.
    #[message(versions = "0+")]
    pub feature_level: i16,
}
