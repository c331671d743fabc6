//! The answers of DescribeConfigs: sources, synonyms in their order, secrets, and what can be
//! changed.

use std::collections::BTreeMap;

use super::super::broker_config::BrokerConfig;
use super::super::properties::Properties;
use super::*;

struct Fixture {
    broker: Configs,
    all_brokers: Configs,
    started_with: BrokerConfig,
}

fn configs(pairs: &[(&str, &str)]) -> Configs {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

impl Fixture {
    fn new(file: &str, all_brokers: &[(&str, &str)], broker: &[(&str, &str)]) -> Self {
        let properties = Properties::parse(file).unwrap();
        let started_with = BrokerConfig::load(&properties).unwrap().config;
        Self { broker: configs(broker), all_brokers: configs(all_brokers), started_with }
    }

    fn layers(&self) -> Layers<'_> {
        Layers {
            broker: &self.broker,
            all_brokers: &self.all_brokers,
            started_with: &self.started_with,
        }
    }

    fn topic(&self, overrides: &[(&str, &str)]) -> BTreeMap<&'static str, ConfigEntry> {
        let entries = describe_topic(&configs(overrides), &self.layers()).unwrap();
        entries.into_iter().map(|entry| (entry.name, entry)).collect()
    }

    fn broker(&self) -> BTreeMap<&'static str, ConfigEntry> {
        let entries = describe_broker(&self.layers()).unwrap();
        entries.into_iter().map(|entry| (entry.name, entry)).collect()
    }
}

/// Name, value and source of each synonym.
fn synonyms(entry: &ConfigEntry) -> Vec<(&str, &str, i8)> {
    entry
        .synonyms
        .iter()
        .map(|s| (s.name, s.value.as_deref().unwrap_or("null"), s.source.code()))
        .collect()
}

#[test]
fn a_topic_shows_each_layer_under_the_name_it_was_set_by() {
    let fixture = Fixture::new(
        "log.segment.bytes=1048577",
        &[("log.segment.bytes", "1048578")],
        &[("log.segment.bytes", "1048579")],
    );
    let entry = &fixture.topic(&[("segment.bytes", "1048580")])["segment.bytes"];
    assert_eq!(entry.value.as_deref(), Some("1048580"));
    assert_eq!(entry.source, ConfigSource::DynamicTopic);
    assert_eq!(
        synonyms(entry),
        [
            ("segment.bytes", "1048580", 1),
            ("log.segment.bytes", "1048579", 2),
            ("log.segment.bytes", "1048578", 3),
            ("log.segment.bytes", "1048577", 4),
            ("log.segment.bytes", "1073741824", 5),
        ]
    );
    assert!(!entry.read_only && !entry.is_sensitive);
    assert_eq!(entry.config_type.code(), 3);
}

#[test]
fn a_topic_value_from_another_unit_is_converted_and_its_synonyms_are_not() {
    let fixture = Fixture::new("log.retention.hours=2", &[], &[]);
    let entry = &fixture.topic(&[])["retention.ms"];
    assert_eq!(entry.value.as_deref(), Some("7200000"));
    assert_eq!(entry.source, ConfigSource::StaticBroker);
    assert_eq!(
        synonyms(entry),
        [("log.retention.hours", "2", 4), ("log.retention.hours", "168", 5)]
    );
}

#[test]
fn untouched_keys_are_defaults_and_every_topic_key_is_there() {
    let topic = Fixture::new("", &[], &[]).topic(&[]);
    assert_eq!(topic.len(), TOPIC_KEYS.len());
    for entry in topic.values() {
        assert_eq!(entry.source, ConfigSource::Default, "{}", entry.name);
        assert!(entry.value.is_some(), "{}", entry.name);
    }
    assert_eq!(topic["cleanup.policy"].value.as_deref(), Some("delete"));
    assert_eq!(topic["min.cleanable.dirty.ratio"].value.as_deref(), Some("0.5"));
    assert_eq!(topic["ottla.durability"].value.as_deref(), Some("disk"));
}

#[test]
fn a_broker_shows_what_it_was_started_with_and_what_was_set_since() {
    let fixture = Fixture::new("node.id=3\nnum.partitions=4", &[], &[("message.max.bytes", "9")]);
    let broker = fixture.broker();
    assert_eq!(broker.len(), broker_keys().count());
    let node_id = &broker["node.id"];
    assert_eq!(node_id.value.as_deref(), Some("3"));
    assert_eq!((node_id.source, node_id.read_only), (ConfigSource::StaticBroker, true));
    let message_max_bytes = &broker["message.max.bytes"];
    assert!(!message_max_bytes.read_only);
    assert_eq!(
        synonyms(message_max_bytes),
        [("message.max.bytes", "9", 2), ("message.max.bytes", "1048588", 5)]
    );
    assert_eq!(broker["log.retention.ms"].value, None);
    assert_eq!(broker["log.retention.ms"].source, ConfigSource::Default);
    assert_eq!(broker["broker.rack"].value, None);
}

#[test]
fn a_topic_that_is_not_in_memory_does_not_show_a_default_of_memory() {
    let memory = [("ottla.durability", "memory")];
    let fixture = Fixture::new("ottla.durability=os", &memory, &[]);
    let shown = |overrides: &[_]| {
        let entry = fixture.topic(overrides).remove("ottla.durability").unwrap();
        (entry.value.unwrap(), entry.source, entry.synonyms.len())
    };
    assert_eq!(shown(&[]), ("os".to_owned(), ConfigSource::StaticBroker, 2));
    assert_eq!(shown(&memory), ("memory".to_owned(), ConfigSource::DynamicTopic, 3));
    assert_eq!(fixture.broker()["ottla.durability"].value.as_deref(), Some("memory"));
}

#[test]
fn a_secret_is_never_shown() {
    for entry in Fixture::new("", &[], &[]).broker().values() {
        assert_eq!(entry.is_sensitive, entry.config_type == ConfigType::Password);
        assert!(!entry.is_sensitive || entry.value.is_none(), "{}", entry.name);
    }
}

#[test]
fn all_brokers_show_only_what_was_set_for_them() {
    let fixture = Fixture::new("num.partitions=4", &[("message.max.bytes", "9")], &[]);
    let entries = describe_all_brokers(&fixture.layers());
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].name, "message.max.bytes");
    assert_eq!(synonyms(&entries[0]), [("message.max.bytes", "9", 3)]);
}
