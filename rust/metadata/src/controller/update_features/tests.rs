//! Levels go up and down as Kafka lets them, for all features of a request or for none.

use super::*;
use crate::record::{BrokerFeature, MetadataRecord, RegisterBrokerRecord};

/// A cluster whose one broker supports transaction.version 0 to `broker_max`.
fn cluster(broker_max: i16, finalized: &[(&str, i16)]) -> MetadataImage {
    let feature = |name: &str, min, max| BrokerFeature {
        name: name.to_owned(),
        min_supported_version: min,
        max_supported_version: max,
    };
    let broker = RegisterBrokerRecord {
        broker_id: 1,
        features: vec![
            feature("transaction.version", 0, broker_max),
            feature("metadata.version", 7, 30),
        ],
        ..RegisterBrokerRecord::default()
    };
    let mut image = MetadataImage::default();
    image.replay(&broker.into()).unwrap();
    for (name, feature_level) in finalized {
        let name = (*name).to_owned();
        let level = FeatureLevelRecord { name, feature_level: *feature_level };
        image.replay(&level.into()).unwrap();
    }
    image
}

fn request(updates: &[(&str, i16, i8)]) -> UpdateFeatures {
    let update = |(name, level, upgrade_type): &(&str, i16, i8)| FeatureUpdate {
        name: (*name).to_owned(),
        level: *level,
        upgrade_type: UpgradeType::from(*upgrade_type),
    };
    UpdateFeatures {
        updates: updates.iter().map(update).collect(),
        controller: NodeId(1),
        supported: [
            ("transaction.version".to_owned(), (0, 2)),
            ("metadata.version".to_owned(), (7, 30)),
        ]
        .into(),
        validate_only: false,
    }
}

fn refusal(image: &MetadataImage, updates: &[(&str, i16, i8)]) -> String {
    let rejection = request(updates).decide(image).unwrap_err();
    assert_eq!(rejection.code, ErrorCode::InvalidUpdateVersion);
    rejection.message
}

#[test]
fn a_level_is_raised_and_lowered_and_a_feature_at_zero_is_gone() {
    let mut image = cluster(2, &[]);
    for (level, upgrade_type, finalized) in [(1, 1, Some(1)), (2, 1, Some(2)), (0, 2, None)] {
        let update = request(&[("transaction.version", level, upgrade_type)]);
        let decision = update.decide(&image).unwrap();
        assert_eq!(decision.records.len(), 1);
        decision.records.iter().for_each(|record| image.replay(record).unwrap());
        assert_eq!(image.features().get("transaction.version").copied(), finalized);
    }
}

#[test]
fn a_level_that_stands_is_granted_and_writes_nothing() {
    let image = cluster(2, &[("transaction.version", 2)]);
    for upgrade_type in [1, 2, 3] {
        let update = request(&[("transaction.version", 2, upgrade_type)]);
        assert_eq!(update.decide(&image).unwrap().records, Vec::<MetadataRecord>::new());
    }
}

#[test]
fn a_request_that_only_asks_changes_nothing() {
    let update =
        UpdateFeatures { validate_only: true, ..request(&[("transaction.version", 2, 1)]) };
    let decision = update.decide(&cluster(2, &[])).unwrap();
    assert_eq!(decision.records, Vec::<MetadataRecord>::new());
}

#[test]
fn a_level_that_somebody_does_not_support_is_refused_with_whom() {
    let image = cluster(1, &[]);
    let refused = refusal(&image, &[("transaction.version", 2, 1)]);
    assert_eq!(
        refused,
        "Invalid update version 2 for feature transaction.version. Broker 1 only supports \
         versions 0-1"
    );
    let refused = refusal(&image, &[("transaction.version", 3, 1)]);
    assert!(refused.ends_with("Local controller 1 only supports versions 0-2"), "{refused}");
    let refused = refusal(&image, &[("colour.version", 1, 1)]);
    assert!(refused.ends_with("Local controller 1 does not support this feature."), "{refused}");
    let refused = refusal(&image, &[("colour.version", 0, 1)]);
    assert!(refused.ends_with("Feature colour.version not found."), "{refused}");
}

#[test]
fn the_way_that_a_level_goes_must_have_been_asked_for() {
    let image = cluster(2, &[("transaction.version", 1), ("metadata.version", 30)]);
    for ((name, level, upgrade_type), reason) in [
        (("transaction.version", 0, 1), "either safe or unsafe downgrade."),
        (("transaction.version", 2, 2), "Can't downgrade to a newer version."),
        (("transaction.version", 2, 3), "Can't downgrade to a newer version."),
        (("transaction.version", -1, 1), "A feature version cannot be less than 0."),
        (("transaction.version", 2, 0), "does not support the given upgrade type."),
        (("metadata.version", 29, 1), "either safe or unsafe downgrade."),
        (("metadata.version", 29, 2), "it might delete metadata information."),
        (("metadata.version", 29, 3), "downgrade is not supported in this version."),
        (("metadata.version", 6, 3), "only supports versions 7-30"),
    ] {
        let refused = refusal(&image, &[(name, level, upgrade_type)]);
        assert!(refused.ends_with(reason), "{refused}");
    }
}

#[test]
fn the_first_refusal_refuses_all() {
    let image = cluster(2, &[]);
    let updates = [("transaction.version", 2, 1), ("colour.version", 1, 1)];
    assert!(refusal(&image, &updates).contains("colour.version"));
}
