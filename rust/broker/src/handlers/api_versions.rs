//! `ApiVersions` (key 18), v0-v4: what this broker speaks.
//!
//! v3 adds features (KIP-584) and the client's name (KIP-511). A version from the future is
//! answered in v0 with `UNSUPPORTED_VERSION` and the whole list, so that the client can try again
//! (the header of such a request may be unreadable behind the correlation id). Until v4 a feature
//! whose lowest version is 0 is left out, since older clients refuse it (KAFKA-17011).

use base::ErrorCode;
use wire::api::ApiKey;
use wire::api_versions::{
    ApiVersion, ApiVersionsRequest, ApiVersionsResponse, FinalizedFeatureKey, SupportedFeatureKey,
};

use crate::features::SUPPORTED;
use crate::request::RequestContext;

/// Answers a client that speaks a known version.
pub(crate) fn handle(
    context: &RequestContext,
    request: &ApiVersionsRequest,
) -> ApiVersionsResponse {
    if context.api_version >= 3 && !is_named(request) {
        return failed(ErrorCode::InvalidRequest);
    }
    let image = context.broker.controller.image();
    let supported = SUPPORTED.iter().filter(|f| context.api_version >= 4 || f.min_version > 0);
    ApiVersionsResponse {
        api_keys: api_keys(),
        supported_features: supported
            .map(|feature| SupportedFeatureKey {
                name: feature.name.to_owned(),
                min_version: feature.min_version,
                max_version: feature.max_version,
            })
            .collect(),
        finalized_features_epoch: context.broker.features_epoch.current(),
        finalized_features: image
            .features()
            .iter()
            .map(|(name, &level)| FinalizedFeatureKey {
                name: name.clone(),
                max_version_level: level,
                min_version_level: level,
            })
            .collect(),
        ..ApiVersionsResponse::default()
    }
}

/// Answers a version that this broker does not know; the response is encoded in v0.
pub(crate) fn unsupported() -> ApiVersionsResponse {
    failed(ErrorCode::UnsupportedVersion)
}

fn failed(code: ErrorCode) -> ApiVersionsResponse {
    ApiVersionsResponse {
        error_code: code.code(),
        api_keys: api_keys(),
        ..ApiVersionsResponse::default()
    }
}

fn api_keys() -> Vec<ApiVersion> {
    let advertised = ApiKey::ALL.iter().map(|api| ApiVersion {
        api_key: api.key(),
        min_version: api.advertised().min,
        max_version: api.advertised().max,
    });
    advertised.collect()
}

/// Whether the client's name and version have the form that Kafka asks for: letters, digits, dots
/// and dashes.
fn is_named(request: &ApiVersionsRequest) -> bool {
    let is_valid = |text: &str| {
        let is_edge = |c: char| c.is_ascii_alphanumeric();
        text.starts_with(is_edge)
            && text.ends_with(is_edge)
            && text.chars().all(|c| is_edge(c) || c == '.' || c == '-')
    };
    is_valid(&request.client_software_name) && is_valid(&request.client_software_version)
}
