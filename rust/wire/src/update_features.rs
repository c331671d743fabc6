//! UpdateFeatures: raises or lowers the level of a feature of the cluster (KIP-584).
//!
//! Key 57. Versions 0-2, flexible from 0.
//!
//! - 1: how a level may be lowered, and changes that are only tried (KIP-778)
//! - 2: the answer has one error for all (KIP-1022)

use wire_derive::Message;

/// The levels to be.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(request, key = 57, versions = "0-2", flexible = "0+")]
pub struct UpdateFeaturesRequest {
    #[message(name = "timeoutMs", versions = "0+", default = "60000")]
    pub timeout_ms: i32,
    #[message(versions = "0+")]
    pub feature_updates: Vec<FeatureUpdateKey>,
    /// Nothing is changed: whether it could be is the question.
    #[message(versions = "1+")]
    pub validate_only: bool,
}

/// A feature.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct FeatureUpdateKey {
    #[message(versions = "0+")]
    pub feature: String,
    /// 0: the feature is to be off.
    #[message(versions = "0+")]
    pub max_version_level: i16,
    #[message(versions = "0")]
    pub allow_downgrade: bool,
    /// 1: raise it, 2: lower it if nothing is lost by it, 3: lower it in any case.
    #[message(versions = "1+", default = "1")]
    pub upgrade_type: i8,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(response, key = 57, versions = "0-2", flexible = "0+")]
pub struct UpdateFeaturesResponse {
    #[message(versions = "0+")]
    pub throttle_time_ms: i32,
    #[message(versions = "0+")]
    pub error_code: i16,
    #[message(versions = "0+", nullable = "0+")]
    pub error_message: Option<String>,
    #[message(versions = "0-1", ignorable)]
    pub results: Vec<UpdatableFeatureResult>,
}

/// A feature.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct UpdatableFeatureResult {
    #[message(versions = "0+")]
    pub feature: String,
    #[message(versions = "0+")]
    pub error_code: i16,
    #[message(versions = "0+", nullable = "0+")]
    pub error_message: Option<String>,
}
