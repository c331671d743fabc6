//! The level of a feature is raised or lowered (KIP-584, KIP-778, KIP-1022), for all features that
//! a request names or for none.

use std::collections::BTreeMap;

use base::{ErrorCode, NodeId};

use super::decision::{Decision, Rejection};
use crate::image::MetadataImage;
use crate::record::FeatureLevelRecord;

/// The feature that says which metadata records there are. It is never lowered: they would be lost.
const METADATA_VERSION: &str = "metadata.version";

/// New levels for features.
#[derive(Clone, Debug)]
pub struct UpdateFeatures {
    /// In the order in which they are checked.
    pub updates: Vec<FeatureUpdate>,
    /// The controller that decides.
    pub controller: NodeId,
    /// The lowest and highest level of each feature that it supports.
    pub supported: BTreeMap<String, (i16, i16)>,
    /// Whether only to say what would happen.
    pub validate_only: bool,
}

/// A new level for one feature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureUpdate {
    /// The feature.
    pub name: String,
    /// Its level; zero turns it off.
    pub level: i16,
    /// What the level may be, compared with the present one.
    pub upgrade_type: UpgradeType,
}

/// Which way a level may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpgradeType {
    /// It is raised.
    Upgrade,
    /// It is lowered, if nothing is lost by that.
    SafeDowngrade,
    /// It is lowered in any case.
    UnsafeDowngrade,
    /// A way that this release does not know.
    Unknown,
}

impl From<i8> for UpgradeType {
    fn from(code: i8) -> Self {
        match code {
            1 => Self::Upgrade,
            2 => Self::SafeDowngrade,
            3 => Self::UnsafeDowngrade,
            _ => Self::Unknown,
        }
    }
}

impl UpdateFeatures {
    /// Decides on `image`. The first feature that cannot have its level refuses all.
    pub fn decide(self, image: &MetadataImage) -> Result<Decision<()>, Rejection> {
        for update in &self.updates {
            self.check(image, update)?;
        }
        let is_news = |update: &FeatureUpdate| finalized_level(image, &update.name) != update.level;
        let records = self.updates.into_iter().filter(is_news).map(|update| {
            FeatureLevelRecord { name: update.name, feature_level: update.level }.into()
        });
        let records = if self.validate_only { Vec::new() } else { records.collect() };
        Ok(Decision { records, reply: () })
    }

    /// Kafka's checks, in its order and its words.
    fn check(&self, image: &MetadataImage, update: &FeatureUpdate) -> Result<(), Rejection> {
        let current = finalized_level(image, &update.name);
        let invalid = |reason: &str| {
            let FeatureUpdate { name, level, .. } = update;
            invalid(format!("Invalid update version {level} for feature {name}. {reason}"))
        };
        if update.upgrade_type == UpgradeType::Unknown {
            return Err(invalid("The controller does not support the given upgrade type."));
        }
        if update.level < 0 {
            return Err(invalid("A feature version cannot be less than 0."));
        }
        if let Some(reason) = self.reason_not_supported(image, update) {
            return Err(invalid(&reason));
        }
        if update.level < current && update.upgrade_type == UpgradeType::Upgrade {
            return Err(invalid(
                "Can't downgrade the version of this feature without setting the upgrade type to \
                 either safe or unsafe downgrade.",
            ));
        }
        if update.level > current && update.upgrade_type != UpgradeType::Upgrade {
            return Err(invalid("Can't downgrade to a newer version."));
        }
        if update.name == METADATA_VERSION && update.level < current {
            return Err(metadata_downgrade(current, update));
        }
        if !self.supported.contains_key(&update.name) {
            return Err(invalid(&format!("Feature {} not found.", update.name)));
        }
        Ok(())
    }

    /// Every node has to support the level; a feature that it does not name it supports at zero.
    fn reason_not_supported(
        &self,
        image: &MetadataImage,
        update: &FeatureUpdate,
    ) -> Option<String> {
        let own = self.supported.get(&update.name).copied();
        let controller = (format!("Local controller {}", self.controller.0), own);
        let brokers = image.brokers().map(|broker| {
            (format!("Broker {}", broker.id.0), broker.features.get(&update.name).copied())
        });
        std::iter::once(controller).chain(brokers).find_map(|(node, supported)| {
            let (min, max) = supported.unwrap_or((0, 0));
            match (min..=max).contains(&update.level) {
                true => None,
                false if max == 0 => Some(format!("{node} does not support this feature.")),
                false => Some(format!("{node} only supports versions {min}-{max}")),
            }
        })
    }
}

fn finalized_level(image: &MetadataImage, name: &str) -> i16 {
    image.features().get(name).copied().unwrap_or(0)
}

fn metadata_downgrade(current: i16, update: &FeatureUpdate) -> Rejection {
    let level = update.level;
    let reason = match update.upgrade_type {
        UpgradeType::UnsafeDowngrade => {
            "Unsafe metadata downgrade is not supported in this version."
        }
        _ => {
            "Refusing to perform the requested downgrade because it might delete metadata \
             information."
        }
    };
    let from_to = format!("from {current} to {level}");
    invalid(format!("Unsupported metadata.version downgrade {from_to}. {reason}"))
}

fn invalid(message: String) -> Rejection {
    Rejection::new(ErrorCode::InvalidUpdateVersion, message)
}

#[cfg(test)]
mod tests;
