//! The versions of each API that a broker speaks, and what the cluster has settled on, as the
//! broker said when the connection began.

use wire::ApiKey;
use wire::api_versions::ApiVersionsResponse;

/// The feature whose level says how transactions are spoken of.
const TRANSACTION_VERSION: &str = "transaction.version";

/// A broker's side of the negotiation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiVersions {
    /// Key, lowest and highest version; sorted by key.
    ranges: Vec<(i16, i16, i16)>,
    transactions: TransactionVersion,
}

/// How transactions are spoken of. The greatest is the latest news.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TransactionVersion {
    /// The epoch of the cluster's features; -1 if the broker has not said.
    pub features_epoch: i64,
    /// `transaction.version`; 0 if the cluster has settled on nothing. From 2 on a transaction
    /// begins with its first batch, and every one has an epoch of its own (KIP-890).
    pub level: i16,
}

impl TransactionVersion {
    /// What a broker speaks that says nothing of it.
    pub const UNSAID: Self = Self { features_epoch: -1, level: 0 };
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
        let mut features = response.finalized_features.iter();
        let level = features.find(|feature| feature.name == TRANSACTION_VERSION);
        let transactions = TransactionVersion {
            features_epoch: response.finalized_features_epoch,
            level: level.map_or(0, |feature| feature.max_version_level),
        };
        Self { ranges, transactions }
    }

    /// How the broker speaks of transactions.
    pub fn transactions(&self) -> TransactionVersion {
        self.transactions
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
    use wire::api_versions::{ApiVersion, FinalizedFeatureKey};

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

    #[test]
    fn the_latest_news_of_transactions_is_the_greatest() {
        let said = |finalized_features_epoch, max_version_level| {
            let feature = FinalizedFeatureKey {
                name: TRANSACTION_VERSION.to_owned(),
                max_version_level,
                min_version_level: max_version_level,
            };
            let finalized_features = vec![feature];
            ApiVersions::of(&ApiVersionsResponse {
                finalized_features_epoch,
                finalized_features,
                ..Default::default()
            })
            .transactions()
        };
        assert_eq!(said(7, 2), TransactionVersion { features_epoch: 7, level: 2 });
        assert!(said(8, 1) > said(7, 2), "a cluster may take a feature back");
        let silent = ApiVersions::of(&ApiVersionsResponse::default()).transactions();
        assert!(silent < said(0, 0) && silent.level == 0);
    }
}
