//! The features of the cluster that brokers agree on before they use them (KIP-584), as far as
//! Ottla has them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use base::BrokerEpoch;
use metadata::record::BrokerFeature;

/// A feature and the versions of it that this broker supports.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Feature {
    pub name: &'static str,
    pub min_version: i16,
    pub max_version: i16,
}

/// What a client may take for granted about transactions: 1 keeps the producer's ids in flexible
/// records, 2 bumps the epoch with each transaction and adds partitions as they are written to
/// (KIP-890).
pub(crate) const TRANSACTION_VERSION: &str = "transaction.version";

/// Kafka 4.3's metadata version, consumer groups (KIP-848), and transactions (KIP-890). A client
/// takes a finalized one as a promise.
pub(crate) const SUPPORTED: &[Feature] = &[
    Feature { name: "group.version", min_version: 0, max_version: 1 },
    Feature { name: "metadata.version", min_version: 7, max_version: 30 },
    Feature { name: TRANSACTION_VERSION, min_version: 0, max_version: 2 },
];

/// What a new cluster finalizes.
pub(crate) fn finalized() -> BTreeMap<String, i16> {
    SUPPORTED.iter().map(|feature| (feature.name.to_owned(), feature.max_version)).collect()
}

/// The lowest and highest version of each.
pub(crate) fn supported() -> BTreeMap<String, (i16, i16)> {
    let range = |feature: &Feature| (feature.min_version, feature.max_version);
    SUPPORTED.iter().map(|feature| (feature.name.to_owned(), range(feature))).collect()
}

/// What a broker says of itself when it registers.
pub(crate) fn registered() -> Vec<BrokerFeature> {
    let registered = SUPPORTED.iter().map(|feature| BrokerFeature {
        name: feature.name.to_owned(),
        min_supported_version: feature.min_version,
        max_supported_version: feature.max_version,
    });
    registered.collect()
}

/// Tells a client which of two answers about finalized features is the newer one: it keeps that
/// with the higher number.
#[derive(Debug)]
pub(crate) struct FeaturesEpoch {
    broker_epoch: BrokerEpoch,
    /// Changes since the broker was started.
    changes: AtomicU32,
}

impl FeaturesEpoch {
    /// Of a broker that has just registered under this epoch.
    pub(crate) fn new(broker_epoch: BrokerEpoch) -> Self {
        Self { broker_epoch, changes: AtomicU32::new(0) }
    }

    /// The features have changed.
    pub(crate) fn advance(&self) {
        self.changes.fetch_add(1, Ordering::Relaxed);
    }

    /// The present number.
    pub(crate) fn current(&self) -> i64 {
        self.broker_epoch.0 << u32::BITS | i64::from(self.changes.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_answer_has_a_higher_number_across_a_restart_too() {
        let first = FeaturesEpoch::new(BrokerEpoch(4));
        let before = first.current();
        first.advance();
        assert!(first.current() > before);
        assert!(FeaturesEpoch::new(BrokerEpoch(5)).current() > first.current());
    }
}
