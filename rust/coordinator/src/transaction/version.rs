//! The version of the protocol of transactions (`transaction.version`, KIP-890).

use metadata::MetadataImage;

/// The feature's name.
const FEATURE: &str = "transaction.version";

/// A level of the feature: 1 keeps more in the log (tagged fields), 2 bumps the epoch with each
/// transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TransactionVersion(pub(super) i16);

impl TransactionVersion {
    const NONE: Self = Self(0);
    const BUMPS_EPOCH: Self = Self(2);

    /// What the cluster has agreed on.
    pub(super) fn of_cluster(image: &MetadataImage) -> Self {
        Self(image.features().get(FEATURE).copied().unwrap_or(0))
    }

    /// What a client speaks that adds partitions: until version 3 of the request it does so itself,
    /// from 4 on a broker does it for one that sends its batches at once.
    pub(super) fn of_add_partitions(api_version: i16) -> Self {
        if api_version > 3 { Self::BUMPS_EPOCH } else { Self::NONE }
    }

    /// What a client speaks that ends its transaction.
    pub(super) fn of_end_txn(api_version: i16) -> Self {
        if api_version > 4 { Self::BUMPS_EPOCH } else { Self::NONE }
    }

    /// What is written of the end of a transaction that the coordinator itself ends: Kafka tells
    /// only the protocol with bumped epochs from the one without.
    pub(super) fn of_own_end(self) -> Self {
        if self.bumps_epoch() { self } else { Self::NONE }
    }

    /// Whether each end of a transaction bumps the producer's epoch.
    pub(super) fn bumps_epoch(self) -> bool {
        self >= Self::BUMPS_EPOCH
    }

    /// Whether the log may have tagged fields.
    pub(super) fn has_tagged_fields(self) -> bool {
        self > Self::NONE
    }
}
