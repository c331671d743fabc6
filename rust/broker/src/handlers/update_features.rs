//! `UpdateFeatures` (key 57), v0-v2: raises or lowers the level of features of the cluster
//! (KIP-584).
//!
//! v1 says how a level may be lowered and whether only to try (KIP-778), v2 has one error for all
//! (KIP-1022). What is refused refuses all, in every version, as Kafka 4 does.

use base::ErrorCode;
use metadata::Rejection;
use metadata::controller::{FeatureUpdate, UpdateFeatures, UpgradeType};
use wire::update_features::{
    FeatureUpdateKey, UpdatableFeatureResult, UpdateFeaturesRequest, UpdateFeaturesResponse,
};

use crate::features;
use crate::request::RequestContext;

/// The first version that says how a level may be lowered.
const UPGRADE_TYPE_VERSION_MIN: i16 = 1;
/// The last version that answers for each feature.
const RESULTS_VERSION_MAX: i16 = 1;

/// Changes all levels or none.
pub(crate) async fn handle(
    context: RequestContext,
    request: UpdateFeaturesRequest,
) -> UpdateFeaturesResponse {
    let names: Vec<String> = request.feature_updates.iter().map(|u| u.feature.clone()).collect();
    let updates = request.feature_updates.into_iter();
    let update = UpdateFeatures {
        updates: updates.map(|key| feature_update(context.api_version, key)).collect(),
        controller: context.broker.node_id,
        supported: features::supported(),
        validate_only: request.validate_only,
    };
    let changed = context.broker.controller.change(move |image, _| update.decide(image)).await;
    if let Err(rejection) = changed {
        return refused(rejection);
    }
    context.broker.features_epoch.advance();
    let granted = |feature| UpdatableFeatureResult { feature, ..Default::default() };
    UpdateFeaturesResponse {
        results: match context.api_version {
            ..=RESULTS_VERSION_MAX => names.into_iter().map(granted).collect(),
            _ => Vec::new(),
        },
        ..UpdateFeaturesResponse::default()
    }
}

/// Kafka says of what is wrong with a feature that it is wrong for all.
fn refused(Rejection { code, message }: Rejection) -> UpdateFeaturesResponse {
    const FOR_ALL: &str =
        "The update failed for all features since the following feature had an error: ";
    let prefix = if code == ErrorCode::InvalidUpdateVersion { FOR_ALL } else { "" };
    UpdateFeaturesResponse {
        error_code: code.code(),
        error_message: Some(format!("{prefix}{message}")),
        ..UpdateFeaturesResponse::default()
    }
}

fn feature_update(api_version: i16, key: FeatureUpdateKey) -> FeatureUpdate {
    let upgrade_type = match api_version {
        UPGRADE_TYPE_VERSION_MIN.. => UpgradeType::from(key.upgrade_type),
        _ if key.allow_downgrade => UpgradeType::SafeDowngrade,
        _ => UpgradeType::Upgrade,
    };
    FeatureUpdate { name: key.feature, level: key.max_version_level, upgrade_type }
}
