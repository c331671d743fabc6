//! The versions of each API that a broker speaks, as it said when the connection began.

use wire::ApiKey;
use wire::api_versions::ApiVersionsResponse;

/// A broker's side of the negotiation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiVersions {
    /// Key, lowest and highest version; sorted by key.
    ranges: Vec<(i16, i16, i16)>,
}

impl ApiVersions {
    /// What the broker said.
    pub fn of(response: &ApiVersionsResponse) -> Self {
        let mut ranges: Vec<_> = response
            .api_keys
            .iter()
            .map(|range| (range.api_key, range.min_version, range.max_version))
            .collect();
        ranges.sort_unstable();
        Self { ranges }
    }

    /// The highest version of `api` that both sides speak and that is not above `version_max`.
    pub fn highest(&self, api: ApiKey, version_max: i16) -> Option<i16> {
        let index = self.ranges.binary_search_by_key(&api.key(), |(key, ..)| *key).ok()?;
        let (_, min, max) = self.ranges[index];
        let ours = api.served();
        let highest = max.min(ours.max).min(version_max);
        (highest >= min.max(ours.min)).then_some(highest)
    }
}

#[cfg(test)]
mod tests {
    use wire::api_versions::ApiVersion;

    use super::*;

    fn broker(api: ApiKey, min_version: i16, max_version: i16) -> ApiVersions {
        let range = ApiVersion { api_key: api.key(), min_version, max_version };
        ApiVersions::of(&ApiVersionsResponse { api_keys: vec![range], ..Default::default() })
    }

    #[test]
    fn the_highest_common_version_is_spoken() {
        let newer = broker(ApiKey::Fetch, 4, 99);
        assert_eq!(newer.highest(ApiKey::Fetch, i16::MAX), Some(ApiKey::Fetch.served().max));
        assert_eq!(newer.highest(ApiKey::Fetch, 12), Some(12));
        assert_eq!(broker(ApiKey::Fetch, 0, 7).highest(ApiKey::Fetch, i16::MAX), Some(7));
    }

    #[test]
    fn without_a_common_version_there_is_none() {
        assert_eq!(broker(ApiKey::Fetch, 90, 99).highest(ApiKey::Fetch, i16::MAX), None);
        assert_eq!(broker(ApiKey::Fetch, 0, 1).highest(ApiKey::Fetch, i16::MAX), None);
        assert_eq!(broker(ApiKey::Fetch, 4, 9).highest(ApiKey::Produce, i16::MAX), None);
    }
}
