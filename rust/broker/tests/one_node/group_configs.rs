//! The configuration of groups: DescribeConfigs, IncrementalAlterConfigs and AlterConfigs with the
//! resource type GROUP, ListConfigResources, and what members notice of it.

use base::ErrorCode;
use wire::alter_configs::{self, AlterConfigsRequest};
use wire::list_config_resources::ListConfigResourcesRequest;

use crate::configs::{DELETE, SET, alter, describe, entry};
use crate::consumer_groups::Member;
use crate::requests::assert_code;
use crate::test_broker::TestBroker;
use crate::test_client::TestClient;

const BROKER: i8 = 4;
const GROUP: i8 = 32;
const FROM_FILE: i8 = 4;
const FROM_DEFAULT: i8 = 5;
const FROM_GROUP: i8 = 8;
const HEARTBEAT: &str = "consumer.heartbeat.interval.ms";

#[tokio::test]
async fn a_group_shows_the_brokers_values_until_it_has_its_own() {
    let broker = TestBroker::start(&[("group.consumer.session.timeout.ms", "46000")]).await;
    let mut client = broker.connect().await;
    let all = describe(&mut client, GROUP, "g", None).await;
    assert_code(all.error_code, ErrorCode::None);
    assert_eq!(all.configs.len(), 17);
    let session = entry(&mut client, (GROUP, "g"), "consumer.session.timeout.ms").await;
    assert_eq!((session.value.as_deref(), session.config_source), (Some("46000"), FROM_FILE));
    assert!(!session.read_only);
    let changes =
        [(HEARTBEAT, SET, Some("6000")), ("share.auto.offset.reset", SET, Some("earliest"))];
    assert_code(
        alter(&mut client, (GROUP, "g"), &changes, false).await.error_code,
        ErrorCode::None,
    );
    let heartbeat = entry(&mut client, (GROUP, "g"), HEARTBEAT).await;
    assert_eq!((heartbeat.value.as_deref(), heartbeat.config_source), (Some("6000"), FROM_GROUP));
    let synonyms: Vec<_> = heartbeat.synonyms.iter().map(|s| (s.name.as_str(), s.source)).collect();
    let of_broker = "group.consumer.heartbeat.interval.ms";
    assert_eq!(synonyms, [(HEARTBEAT, FROM_GROUP), (of_broker, FROM_DEFAULT)]);
    let other = entry(&mut client, (GROUP, "other"), HEARTBEAT).await;
    assert_eq!((other.value.as_deref(), other.config_source), (Some("5000"), FROM_DEFAULT));
}

#[tokio::test]
async fn a_group_is_refused_what_no_group_may_have() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    for (name, key, value, expected) in [
        ("g", HEARTBEAT, "4999", ErrorCode::InvalidConfig),
        ("g", HEARTBEAT, "soon", ErrorCode::InvalidConfig),
        ("g", "retention.ms", "1", ErrorCode::InvalidConfig),
        ("", HEARTBEAT, "6000", ErrorCode::InvalidRequest),
    ] {
        let answer = alter(&mut client, (GROUP, name), &[(key, SET, Some(value))], false).await;
        assert_code(answer.error_code, expected);
        assert!(answer.error_message.is_some());
    }
    let unnamed = describe(&mut client, GROUP, "", None).await;
    assert_code(unnamed.error_code, ErrorCode::InvalidRequest);
    let heartbeat = entry(&mut client, (GROUP, "g"), HEARTBEAT).await;
    assert_eq!(heartbeat.config_source, FROM_DEFAULT);
}

#[tokio::test]
async fn the_older_way_replaces_all_that_a_group_has() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    let changes = [(HEARTBEAT, SET, Some("6000"))];
    assert_code(
        alter(&mut client, (GROUP, "g"), &changes, false).await.error_code,
        ErrorCode::None,
    );
    let config = alter_configs::AlterableConfig {
        name: "consumer.session.timeout.ms".to_owned(),
        value: Some("50000".to_owned()),
    };
    let resource = alter_configs::AlterConfigsResource {
        resource_type: GROUP,
        resource_name: "g".to_owned(),
        configs: vec![config],
    };
    let request = AlterConfigsRequest { resources: vec![resource], validate_only: false };
    assert_code(client.call(&request).await.responses[0].error_code, ErrorCode::None);
    assert_eq!(entry(&mut client, (GROUP, "g"), HEARTBEAT).await.config_source, FROM_DEFAULT);
    let session = entry(&mut client, (GROUP, "g"), "consumer.session.timeout.ms").await;
    assert_eq!((session.value.as_deref(), session.config_source), (Some("50000"), FROM_GROUP));
}

async fn listed(client: &mut TestClient, types: &[i8]) -> Vec<(String, i8)> {
    let request = ListConfigResourcesRequest { resource_types: types.to_vec() };
    let answer = client.call(&request).await;
    assert_code(answer.error_code, ErrorCode::None);
    answer.config_resources.into_iter().map(|r| (r.resource_name, r.resource_type)).collect()
}

#[tokio::test]
async fn whatever_can_be_configured_is_listed_and_of_groups_those_that_are() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    assert_eq!(listed(&mut client, &[GROUP]).await, []);
    let changes = [(HEARTBEAT, SET, Some("6000"))];
    alter(&mut client, (GROUP, "g"), &changes, false).await;
    let named = |name: &str, resource_type| (name.to_owned(), resource_type);
    assert_eq!(listed(&mut client, &[GROUP]).await, [named("g", GROUP)]);
    let all = [named("t", 2), named("1", BROKER), named("1", 8), named("g", GROUP)];
    assert_eq!(listed(&mut client, &[]).await, all);
    let unknown = ListConfigResourcesRequest { resource_types: vec![GROUP, 99] };
    assert_code(client.call(&unknown).await.error_code, ErrorCode::UnsupportedVersion);
    // The oldest version knows of subscriptions to clients' metrics only.
    let oldest = client.call_in(0, &ListConfigResourcesRequest::default()).await;
    assert_eq!((oldest.error_code, oldest.config_resources), (0, Vec::new()));
    alter(&mut client, (GROUP, "g"), &[(HEARTBEAT, DELETE, None)], false).await;
    assert_eq!(listed(&mut client, &[GROUP]).await, []);
}

#[tokio::test]
async fn a_member_is_told_the_interval_of_its_group_at_once_and_after_a_restart() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    client.find_coordinator("g").await;
    let mut member = Member::join(&broker, "g", "m1").await;
    assert_eq!(member.beat().await.heartbeat_interval_ms, 5_000);
    alter(&mut client, (GROUP, "g"), &[(HEARTBEAT, SET, Some("6000"))], false).await;
    assert_eq!(member.beat().await.heartbeat_interval_ms, 6_000);
    let broker = TestBroker::start_on(broker.stop().await, &[]).await;
    member.client = broker.connect().await;
    assert_eq!(member.beat().await.heartbeat_interval_ms, 6_000);
    // Bounds of another start are kept, whatever was set under the earlier ones.
    let bounds = [("group.consumer.max.heartbeat.interval.ms", "5500")];
    let broker = TestBroker::start_on(broker.stop().await, &bounds).await;
    member.client = broker.connect().await;
    assert_eq!(member.beat().await.heartbeat_interval_ms, 5_500);
    let mut client = broker.connect().await;
    alter(&mut client, (GROUP, "g"), &[(HEARTBEAT, DELETE, None)], false).await;
    assert_eq!(member.beat().await.heartbeat_interval_ms, 5_000);
}
