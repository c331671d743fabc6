//! A cluster's first records: its id and the levels of its features.

use std::collections::BTreeMap;

use base::ErrorCode;

use super::decision::{Decision, Rejection};
use crate::image::MetadataImage;
use crate::record::{ClusterIdRecord, FeatureLevelRecord};

/// Names a new cluster. On one that has a name it checks that it is the same, and changes nothing.
#[derive(Clone, Debug)]
pub struct Bootstrap {
    /// The cluster's id.
    pub cluster_id: String,
    /// The features to finalize, and their levels.
    pub features: BTreeMap<String, i16>,
}

impl Bootstrap {
    /// Decides on `image`.
    pub fn decide(self, image: &MetadataImage) -> Result<Decision<()>, Rejection> {
        match image.cluster_id() {
            Some(known) if known == self.cluster_id => {
                Ok(Decision { records: Vec::new(), reply: () })
            }
            Some(known) => Err(other_cluster(known, &self.cluster_id)),
            None => {
                let cluster_id = ClusterIdRecord { cluster_id: self.cluster_id };
                let features = self
                    .features
                    .into_iter()
                    .map(|(name, feature_level)| FeatureLevelRecord { name, feature_level }.into());
                let records = std::iter::once(cluster_id.into()).chain(features).collect();
                Ok(Decision { records, reply: () })
            }
        }
    }
}

pub(super) fn other_cluster(known: &str, found: &str) -> Rejection {
    Rejection::new(
        ErrorCode::InconsistentClusterId,
        format!("Expected cluster ID {known}, but got cluster ID {found}"),
    )
}
