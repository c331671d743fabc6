//! DescribeConfigs, IncrementalAlterConfigs, AlterConfigs, and what CreateTopics takes and tells.

use base::ErrorCode;
use wire::alter_configs::{self, AlterConfigsRequest};
use wire::describe_configs::{
    DescribeConfigsRequest, DescribeConfigsResource, DescribeConfigsResourceResult,
    DescribeConfigsResult,
};
use wire::incremental_alter_configs::{
    AlterConfigsResource, AlterConfigsResourceResponse, AlterableConfig,
    IncrementalAlterConfigsRequest,
};

use crate::requests::assert_code;
use crate::test_broker::TestBroker;
use crate::test_client::TestClient;

const TOPIC: i8 = 2;
pub(crate) const BROKER: i8 = 4;
const DURABILITY: &str = "ottla.durability";
/// The operations of a change.
pub(crate) const SET: i8 = 0;
pub(crate) const DELETE: i8 = 1;
const APPEND: i8 = 2;
/// Where a value comes from.
const FROM_TOPIC: i8 = 1;
const FROM_BROKER: i8 = 2;
const FROM_ALL_BROKERS: i8 = 3;
const FROM_FILE: i8 = 4;
const FROM_DEFAULT: i8 = 5;

/// A key, what is done to it, and the value.
pub(crate) type Change<'a> = (&'a str, i8, Option<&'a str>);

pub(crate) async fn describe(
    client: &mut TestClient,
    resource_type: i8,
    name: &str,
    keys: Option<&[&str]>,
) -> DescribeConfigsResult {
    let keys = keys.map(|keys| keys.iter().map(|key| (*key).to_owned()).collect());
    let resource = DescribeConfigsResource {
        resource_type,
        resource_name: name.to_owned(),
        configuration_keys: keys,
    };
    let request = DescribeConfigsRequest {
        resources: vec![resource],
        include_synonyms: true,
        include_documentation: false,
    };
    client.call(&request).await.results.into_iter().next().unwrap()
}

pub(crate) async fn entry(
    client: &mut TestClient,
    (resource_type, name): (i8, &str),
    key: &str,
) -> DescribeConfigsResourceResult {
    let described = describe(client, resource_type, name, Some(&[key])).await;
    assert_code(described.error_code, ErrorCode::None);
    assert_eq!(described.configs.len(), 1, "{key}");
    described.configs.into_iter().next().unwrap()
}

pub(crate) async fn alter(
    client: &mut TestClient,
    (resource_type, name): (i8, &str),
    changes: &[Change<'_>],
    validate_only: bool,
) -> AlterConfigsResourceResponse {
    let configs = changes.iter().map(|(key, config_operation, value)| AlterableConfig {
        name: (*key).to_owned(),
        config_operation: *config_operation,
        value: value.map(str::to_owned),
    });
    let resource = AlterConfigsResource {
        resource_type,
        resource_name: name.to_owned(),
        configs: configs.collect(),
    };
    let request = IncrementalAlterConfigsRequest { resources: vec![resource], validate_only };
    client.call(&request).await.responses.into_iter().next().unwrap()
}

impl TestClient {
    /// Changes a topic's configuration.
    pub(crate) async fn alter_topic(&mut self, name: &str, changes: &[Change<'_>]) {
        let answer = alter(self, (TOPIC, name), changes, false).await;
        assert_eq!((answer.error_code, answer.error_message), (0, None));
    }

    /// The value of one key of a topic.
    pub(crate) async fn topic_config(&mut self, topic: &str, key: &str) -> Option<String> {
        entry(self, (TOPIC, topic), key).await.value
    }

    /// The durability of a topic.
    pub(crate) async fn durability(&mut self, topic: &str) -> String {
        entry(self, (TOPIC, topic), DURABILITY).await.value.unwrap()
    }

    /// Sets the default for all brokers.
    pub(crate) async fn set_default_durability(&mut self, durability: &str) {
        let changes = [(DURABILITY, SET, Some(durability))];
        assert_code(alter(self, (BROKER, ""), &changes, false).await.error_code, ErrorCode::None);
    }
}

async fn retention(client: &mut TestClient) -> (Option<String>, i8) {
    let entry = entry(client, (TOPIC, "t"), "retention.ms").await;
    (entry.value, entry.config_source)
}

#[tokio::test]
async fn a_topic_is_created_with_its_configuration_and_told_it() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    let created = client.try_create("t", 1, &[("retention.ms", "60000")]).await;
    let configs = created.configs.unwrap();
    let told = |key: &str| configs.iter().find(|config| config.name == key).unwrap();
    assert_eq!(told("retention.ms").value.as_deref(), Some("60000"));
    assert_eq!(told("retention.ms").config_source, FROM_TOPIC);
    assert_eq!(told("cleanup.policy").value.as_deref(), Some("delete"));
    assert_eq!(told("cleanup.policy").config_source, FROM_DEFAULT);
    assert_eq!(retention(&mut client).await, (Some("60000".to_owned()), FROM_TOPIC));
}

#[tokio::test]
async fn a_configuration_that_cannot_be_is_refused_naming_the_key() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    for (key, value, also_named) in [
        ("cleanup.policy", "shred", "shred"),
        ("compression.type", "zstd", "zstd"),
        ("remote.storage.enable", "true", "true"),
        ("retention.ms", "soon", "soon"),
        ("retention.ms", "-2", "-2"),
        ("segment.bytes", "1", "1"),
        ("message.timestamp.type", "Tomorrow", "Tomorrow"),
        ("ottla.durability", "tape", "tape"),
        ("retnetion.ms", "1", "retention.ms"),
    ] {
        let created = client.try_create("refused", 1, &[(key, value)]).await;
        let altered = alter(&mut client, (TOPIC, "t"), &[(key, SET, Some(value))], false).await;
        for (code, message) in [
            (created.error_code, created.error_message),
            (altered.error_code, altered.error_message),
        ] {
            assert_code(code, ErrorCode::InvalidConfig);
            let message = message.unwrap();
            assert!(message.contains(key) && message.contains(also_named), "{message}");
        }
    }
    assert_code(client.topic("refused").await.error_code, ErrorCode::UnknownTopicOrPartition);
}

#[tokio::test]
async fn a_change_touches_only_its_keys() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[("retention.ms", "60000"), ("max.message.bytes", "5000")]).await;
    client.alter_topic("t", &[("retention.ms", SET, Some("70000"))]).await;
    assert_eq!(retention(&mut client).await, (Some("70000".to_owned()), FROM_TOPIC));
    client.alter_topic("t", &[("retention.ms", DELETE, None)]).await;
    assert_eq!(retention(&mut client).await, (Some("604800000".to_owned()), FROM_DEFAULT));
    let untouched = entry(&mut client, (TOPIC, "t"), "max.message.bytes").await;
    assert_eq!(untouched.value.as_deref(), Some("5000"));
}

#[tokio::test]
async fn validating_changes_nothing() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    let changes = [("retention.ms", SET, Some("70000"))];
    let answer = alter(&mut client, (TOPIC, "t"), &changes, true).await;
    assert_code(answer.error_code, ErrorCode::None);
    assert_eq!(retention(&mut client).await.1, FROM_DEFAULT);
}

#[tokio::test]
async fn only_a_list_can_be_appended_to() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    let key = "leader.replication.throttled.replicas";
    client.alter_topic("t", &[(key, APPEND, Some("0:1"))]).await;
    client.alter_topic("t", &[(key, APPEND, Some("1:1"))]).await;
    let appended = entry(&mut client, (TOPIC, "t"), key).await;
    assert_eq!(appended.value.as_deref(), Some("0:1,1:1"));
    let changes = [("retention.ms", APPEND, Some("1"))];
    let refused = alter(&mut client, (TOPIC, "t"), &changes, false).await;
    assert_code(refused.error_code, ErrorCode::InvalidConfig);
}

#[tokio::test]
async fn the_older_way_replaces_everything() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[("retention.ms", "60000")]).await;
    let answer = replace(&mut client, &[("max.message.bytes", "5000")], false).await;
    assert_code(answer.error_code, ErrorCode::None);
    assert_eq!(retention(&mut client).await.1, FROM_DEFAULT);
    let replaced = entry(&mut client, (TOPIC, "t"), "max.message.bytes").await;
    assert_eq!(replaced.value.as_deref(), Some("5000"));
    let answer = replace(&mut client, &[("max.message.bytes", "many")], false).await;
    assert_code(answer.error_code, ErrorCode::InvalidConfig);
}

/// Asks in the older way for these configs, and no others.
async fn replace(
    client: &mut TestClient,
    configs: &[(&str, &str)],
    validate_only: bool,
) -> alter_configs::AlterConfigsResourceResponse {
    let configs = configs.iter().map(|(name, value)| alter_configs::AlterableConfig {
        name: (*name).to_owned(),
        value: Some((*value).to_owned()),
    });
    let resource = alter_configs::AlterConfigsResource {
        resource_type: TOPIC,
        resource_name: "t".to_owned(),
        configs: configs.collect(),
    };
    let request = AlterConfigsRequest { resources: vec![resource], validate_only };
    client.call(&request).await.responses.into_iter().next().unwrap()
}

#[tokio::test]
async fn a_topic_that_exists_is_not_moved_into_memory_or_out_of_it() {
    for (from, to) in [("disk", "memory"), ("memory", "disk"), ("memory", "os"), ("os", "memory")] {
        let broker = TestBroker::start(&[]).await;
        let mut client = broker.connect().await;
        client.create_topic("t", &[(DURABILITY, from)]).await;
        client.append("t", &["kept"]).await;
        for validate_only in [true, false] {
            let changes = [(DURABILITY, SET, Some(to))];
            let altered = alter(&mut client, (TOPIC, "t"), &changes, validate_only).await;
            let replaced = replace(&mut client, &[(DURABILITY, to)], validate_only).await;
            for (code, message) in [
                (altered.error_code, altered.error_message),
                (replaced.error_code, replaced.error_message),
            ] {
                assert_code(code, ErrorCode::InvalidConfig);
                let message = message.unwrap();
                for part in [DURABILITY, from, to, "delete it and create it anew"] {
                    assert!(message.contains(part), "{message}");
                }
            }
        }
        assert_eq!(client.durability("t").await, from);
        assert_eq!(client.append("t", &["on"]).await, 1);
    }
}

#[tokio::test]
async fn a_topic_in_memory_by_default_takes_other_changes() {
    let broker = TestBroker::start(&[(DURABILITY, "memory")]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    // The older way takes away what it does not name; the default says the same.
    let replaced = replace(&mut client, &[("retention.ms", "60000")], false).await;
    assert_code(replaced.error_code, ErrorCode::None);
    assert_eq!(retention(&mut client).await, (Some("60000".to_owned()), FROM_TOPIC));
    assert_eq!(client.durability("t").await, "memory");
    client.alter_topic("t", &[(DURABILITY, DELETE, None)]).await;
    assert_eq!(client.durability("t").await, "memory");
}

#[tokio::test]
async fn a_resource_that_is_asked_for_again_and_again_is_described_once() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    let resource = |resource_type, name: &str| DescribeConfigsResource {
        resource_type,
        resource_name: name.to_owned(),
        configuration_keys: None,
    };
    let mut resources = vec![resource(TOPIC, "t"), resource(BROKER, "")];
    resources.resize(10_000, resource(BROKER, "1"));
    let request = DescribeConfigsRequest { resources, ..DescribeConfigsRequest::default() };
    let described = client.call(&request).await.results;
    let described: Vec<_> =
        described.iter().map(|d| (d.resource_type, d.resource_name.as_str())).collect();
    assert_eq!(described, [(TOPIC, "t"), (BROKER, ""), (BROKER, "1")]);
}

#[tokio::test]
async fn each_layer_shows_as_source_and_synonym() {
    let broker = TestBroker::start(&[("log.retention.ms", "40000")]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    assert_eq!(retention(&mut client).await, (Some("40000".to_owned()), FROM_FILE));
    for (name, value, source) in [("", "30000", FROM_ALL_BROKERS), ("1", "20000", FROM_BROKER)] {
        let changes = [("log.retention.ms", SET, Some(value))];
        let answer = alter(&mut client, (BROKER, name), &changes, false).await;
        assert_eq!(answer.error_message, None);
        assert_eq!(retention(&mut client).await, (Some(value.to_owned()), source));
    }
    client.alter_topic("t", &[("retention.ms", SET, Some("10000"))]).await;
    let described = entry(&mut client, (TOPIC, "t"), "retention.ms").await;
    let synonyms: Vec<_> = described
        .synonyms
        .iter()
        .map(|s| (s.name.as_str(), s.value.as_deref().unwrap(), s.source))
        .collect();
    let expected = [
        ("retention.ms", "10000", FROM_TOPIC),
        ("log.retention.ms", "20000", FROM_BROKER),
        ("log.retention.ms", "30000", FROM_ALL_BROKERS),
        ("log.retention.ms", "40000", FROM_FILE),
        ("log.retention.hours", "168", FROM_DEFAULT),
    ];
    assert_eq!(synonyms, expected);
}

#[tokio::test]
async fn a_change_for_all_brokers_is_in_force_for_topics_that_are_there() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    let changes = [("message.max.bytes", SET, Some("1000"))];
    let answer = alter(&mut client, (BROKER, ""), &changes, false).await;
    assert_eq!(answer.error_message, None);
    let refused = client.produce("t", crate::batches::batch_of_bytes(5000)).await;
    assert_code(refused.error_code, ErrorCode::MessageTooLarge);
}

#[tokio::test]
async fn a_broker_takes_no_key_that_only_its_start_can_set() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    for (key, value) in [("node.id", "7"), ("log.dirs", "/elsewhere")] {
        let changes = [(key, SET, Some(value))];
        let refused = alter(&mut client, (BROKER, "1"), &changes, false).await;
        assert_code(refused.error_code, ErrorCode::InvalidRequest);
        assert!(refused.error_message.unwrap().contains(key));
        assert!(entry(&mut client, (BROKER, "1"), key).await.read_only);
    }
}

#[tokio::test]
async fn a_resource_that_is_not_here_is_refused() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    for (resource_type, name, code) in [
        (TOPIC, "absent", ErrorCode::UnknownTopicOrPartition),
        (TOPIC, "no name", ErrorCode::InvalidTopicException),
        (BROKER, "9", ErrorCode::InvalidRequest),
        (BROKER, "one", ErrorCode::InvalidRequest),
        (99, "x", ErrorCode::InvalidRequest),
    ] {
        let described = describe(&mut client, resource_type, name, None).await;
        assert_eq!(ErrorCode::from_code(described.error_code), Some(code), "describe {name}");
        let changes = [("retention.ms", SET, Some("1"))];
        let altered = alter(&mut client, (resource_type, name), &changes, false).await;
        assert_ne!(altered.error_code, 0, "alter {name}");
    }
}

#[tokio::test]
async fn configurations_survive_the_broker() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[("retention.ms", "60000")]).await;
    client.alter_topic("t", &[("max.message.bytes", SET, Some("1000"))]).await;
    let broker = TestBroker::start_on(broker.cut_power().await, &[]).await;
    let mut client = broker.connect().await;
    assert_eq!(retention(&mut client).await, (Some("60000".to_owned()), FROM_TOPIC));
    let refused = client.produce("t", crate::batches::batch_of_bytes(5000)).await;
    assert_code(refused.error_code, ErrorCode::MessageTooLarge);
}

#[tokio::test]
async fn a_key_that_is_named_twice_is_refused() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    let twice = [("retention.ms", SET, Some("1000")), ("retention.ms", SET, Some("2000"))];
    let refused = alter(&mut client, (TOPIC, "t"), &twice, false).await;
    assert_code(refused.error_code, ErrorCode::InvalidRequest);
    assert_eq!(retention(&mut client).await.1, FROM_DEFAULT);
}

#[tokio::test]
async fn a_resource_that_is_named_twice_is_refused() {
    let broker = TestBroker::start(&[]).await;
    let mut client = broker.connect().await;
    client.create_topic("t", &[]).await;
    let resource = |value: &str| AlterConfigsResource {
        resource_type: TOPIC,
        resource_name: "t".to_owned(),
        configs: vec![AlterableConfig {
            name: "retention.ms".to_owned(),
            config_operation: SET,
            value: Some(value.to_owned()),
        }],
    };
    let resources = vec![resource("1000"), resource("2000")];
    let request = IncrementalAlterConfigsRequest { resources, validate_only: false };
    for refused in client.call(&request).await.responses {
        assert_code(refused.error_code, ErrorCode::InvalidRequest);
    }
    assert_eq!(retention(&mut client).await.1, FROM_DEFAULT);
}
