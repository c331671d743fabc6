//! ApiVersions: says which requests the broker knows, in which versions (KIP-35).
//!
//! Key 18. Versions 0-4, flexible from 3. The answer's header is always version 0, and its body is
//! version 0 if the broker does not know the request's version: whoever asks does not know yet what
//! the broker can read.
//!
//! - 1: throttle time (KIP-124)
//! - 2: the broker answers before it throttles (KIP-219)
//! - 3: flexible; the client's name and version (KIP-511); features (KIP-584)
//! - 4: a supported feature may start at version 0, which earlier clients cannot read (KAFKA-17011)

use wire_derive::Message;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(request, key = 18, versions = "0-4", flexible = "3+")]
pub struct ApiVersionsRequest {
    #[message(versions = "3+", ignorable)]
    pub client_software_name: String,
    #[message(versions = "3+", ignorable)]
    pub client_software_version: String,
}

/// What the broker can do.
#[derive(Debug, Clone, PartialEq, Message)]
#[message(response, key = 18, versions = "0-4", flexible = "3+")]
pub struct ApiVersionsResponse {
    #[message(versions = "0+")]
    pub error_code: i16,
    #[message(versions = "0+")]
    pub api_keys: Vec<ApiVersion>,
    #[message(versions = "1+", ignorable)]
    pub throttle_time_ms: i32,
    #[message(versions = "3+", tagged = "3+", tag = 0, ignorable)]
    pub supported_features: Vec<SupportedFeatureKey>,
    /// -1: not known.
    #[message(versions = "3+", tagged = "3+", tag = 1, default = "-1", ignorable)]
    pub finalized_features_epoch: i64,
    #[message(versions = "3+", tagged = "3+", tag = 2, ignorable)]
    pub finalized_features: Vec<FinalizedFeatureKey>,
    #[message(versions = "3+", tagged = "3+", tag = 3, ignorable)]
    pub zk_migration_ready: bool,
}

/// A request that the broker knows.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct ApiVersion {
    #[message(versions = "0+")]
    pub api_key: i16,
    #[message(versions = "0+")]
    pub min_version: i16,
    #[message(versions = "0+")]
    pub max_version: i16,
}

/// A feature that the broker supports.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct SupportedFeatureKey {
    #[message(versions = "3+")]
    pub name: String,
    #[message(versions = "3+")]
    pub min_version: i16,
    #[message(versions = "3+")]
    pub max_version: i16,
}

/// A feature that the cluster has settled on.
#[derive(Debug, Clone, PartialEq, Message)]
pub struct FinalizedFeatureKey {
    #[message(versions = "3+")]
    pub name: String,
    #[message(versions = "3+")]
    pub max_version_level: i16,
    #[message(versions = "3+")]
    pub min_version_level: i16,
}
