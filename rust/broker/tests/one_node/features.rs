//! The features of the cluster: what a client is told of them, and how their levels change.

use base::ErrorCode;
use wire::api_versions::{ApiVersionsRequest, ApiVersionsResponse};
use wire::update_features::{FeatureUpdateKey, UpdateFeaturesRequest, UpdateFeaturesResponse};

use crate::requests::assert_code;
use crate::test_broker::TestBroker;
use crate::test_client::TestClient;

async fn api_versions(client: &mut TestClient) -> ApiVersionsResponse {
    client.call(&api_versions_request()).await
}

fn api_versions_request() -> ApiVersionsRequest {
    ApiVersionsRequest {
        client_software_name: "test".to_owned(),
        client_software_version: "1".to_owned(),
    }
}

async fn level(client: &mut TestClient, name: &str) -> Option<i16> {
    let finalized = api_versions(client).await.finalized_features;
    finalized.iter().find(|feature| feature.name == name).map(|feature| feature.max_version_level)
}

async fn update(
    client: &mut TestClient,
    version: i16,
    (name, level, upgrade_type): (&str, i16, i8),
    validate_only: bool,
) -> UpdateFeaturesResponse {
    let update = FeatureUpdateKey {
        feature: name.to_owned(),
        max_version_level: level,
        allow_downgrade: version == 0 && upgrade_type > 1,
        upgrade_type: if version == 0 { 1 } else { upgrade_type },
    };
    let feature_updates = vec![update];
    let request = UpdateFeaturesRequest {
        feature_updates,
        validate_only,
        ..UpdateFeaturesRequest::default()
    };
    client.call_in(version, &request).await
}

#[tokio::test]
async fn a_new_cluster_has_the_highest_levels_and_says_what_it_supports() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    let answer = api_versions(&mut client).await;
    let supported: Vec<_> = answer
        .supported_features
        .iter()
        .map(|feature| (feature.name.as_str(), feature.min_version, feature.max_version))
        .collect();
    let expected =
        [("group.version", 0, 1), ("metadata.version", 7, 30), ("transaction.version", 0, 2)];
    assert_eq!(supported, expected);
    for (name, _, max_version) in expected {
        assert_eq!(level(&mut client, name).await, Some(max_version));
    }
}

#[tokio::test]
async fn a_client_that_would_refuse_a_feature_that_starts_at_0_is_told_of_its_level_alone() {
    let broker = TestBroker::start(&[]).await;
    let answer = broker.connect().await.call_in(3, &api_versions_request()).await;
    let supported: Vec<_> = answer.supported_features.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(supported, ["metadata.version"]);
    let finalized: Vec<_> = answer.finalized_features.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(finalized, ["group.version", "metadata.version", "transaction.version"]);
}

#[tokio::test]
async fn a_level_is_lowered_and_raised_and_stays_over_a_restart() {
    const NAME: &str = "transaction.version";
    let mut broker = TestBroker::start(&[]).await;
    for (version, new_level, upgrade_type) in [(0, 1, 2), (1, 0, 2), (2, 1, 1), (2, 2, 1)] {
        let mut client = broker.connect().await;
        let epoch = api_versions(&mut client).await.finalized_features_epoch;
        let tried = update(&mut client, version, (NAME, new_level, upgrade_type), version > 0);
        let tried = tried.await;
        assert_code(tried.error_code, ErrorCode::None);
        assert_eq!(tried.results.len(), usize::from(version < 2));
        update(&mut client, version, (NAME, new_level, upgrade_type), false).await;
        assert_eq!(level(&mut client, NAME).await.unwrap_or(0), new_level);
        let news = api_versions(&mut client).await.finalized_features_epoch;
        assert!(news > epoch, "{news} after {epoch}");
        broker = TestBroker::start_on(broker.kill().await, &[]).await;
        assert_eq!(level(&mut broker.connect().await, NAME).await.unwrap_or(0), new_level);
    }
}

#[tokio::test]
async fn what_cannot_be_is_refused_in_kafkas_words() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    for version in 1..=2 {
        let refused = update(&mut client, version, ("transaction.version", 3, 1), false).await;
        assert_code(refused.error_code, ErrorCode::InvalidUpdateVersion);
        assert_eq!(
            refused.error_message.as_deref(),
            Some(
                "The update failed for all features since the following feature had an error: \
                 Invalid update version 3 for feature transaction.version. Local controller 1 \
                 only supports versions 0-2"
            )
        );
        assert_eq!(refused.results, []);
    }
    assert_eq!(level(&mut client, "transaction.version").await, Some(2));
}
