//! What holds for the whole cluster: its id, and the finalized level of each feature.

/// The first record of a cluster: names it for good.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterIdRecord {
    /// The cluster's id.
    pub cluster_id: String,
}

/// A feature has been finalized at a level; zero removes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeatureLevelRecord {
    /// The feature.
    pub name: String,
    /// The level.
    pub feature_level: i16,
}
