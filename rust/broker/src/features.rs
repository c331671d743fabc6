//! The features of the cluster that brokers agree on before they use them (KIP-584), as far as
//! Ottla has them.

use std::collections::BTreeMap;

use metadata::record::BrokerFeature;

/// A feature and the versions of it that this broker supports.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Feature {
    pub name: &'static str,
    pub min_version: i16,
    pub max_version: i16,
}

/// Kafka 4.3's metadata version, and consumer groups (KIP-848). The features of transactions join
/// when they are built: a client takes a finalized one as a promise (`transaction.version` 2
/// changes how it produces).
pub(crate) const SUPPORTED: &[Feature] = &[
    Feature { name: "group.version", min_version: 0, max_version: 1 },
    Feature { name: "metadata.version", min_version: 7, max_version: 30 },
];

/// What a new cluster finalizes.
pub(crate) fn finalized() -> BTreeMap<String, i16> {
    SUPPORTED.iter().map(|feature| (feature.name.to_owned(), feature.max_version)).collect()
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
