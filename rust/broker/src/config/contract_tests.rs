//! Holds the tables of keys against the contract, row by row.

use std::collections::BTreeMap;

use super::broker_keys::{broker_key, broker_keys};
use super::group_keys::GROUP_KEYS;
use super::key::{ConfigKey, Preset, Standing, Update};
use super::topic_keys::{TOPIC_KEYS, broker_synonyms};
use super::value::{ConfigType, Value};

const CONTRACT: &str = include_str!("../../../../contract/configs.tsv");

/// A key as the contract writes it: type, default, valid values, importance.
type Row = [String; 4];

fn contract(owner: &str) -> BTreeMap<String, Row> {
    let rows = CONTRACT.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let columns: Vec<&str> = line.split('\t').collect();
        assert_eq!(columns.len(), 6, "{line}");
        columns
    });
    rows.filter(|columns| columns[0] == owner)
        .map(|c| (c[1].to_owned(), [c[2], c[3], c[4], c[5]].map(str::to_owned)))
        .collect()
}

fn ours<'a>(keys: impl Iterator<Item = &'a ConfigKey>) -> BTreeMap<String, Row> {
    let kafkas = keys.filter(|key| !key.name.starts_with("ottla."));
    kafkas
        .map(|key| {
            let preset = match (key.preset, key.config_type) {
                (Preset::Null, _) => "null".to_owned(),
                (Preset::Required, _) => "(required)".to_owned(),
                (Preset::Value(text), ConfigType::List) => format!("[{}]", text.replace(',', ", ")),
                (Preset::Value(text), ConfigType::Class) => format!("class {text}"),
                (Preset::Value(""), _) => "(empty)".to_owned(),
                (Preset::Value(text), _) => text.to_owned(),
            };
            let row = [
                key.config_type.name().to_owned(),
                preset,
                key.validator.to_string(),
                key.importance.name().to_owned(),
            ];
            (key.name.to_owned(), row)
        })
        .collect()
}

#[test]
fn broker_keys_are_those_of_the_contract() {
    assert_eq!(ours(broker_keys()), contract("broker"));
}

#[test]
fn topic_keys_are_those_of_the_contract() {
    assert_eq!(ours(TOPIC_KEYS.iter()), contract("topic"));
}

#[test]
fn group_keys_are_those_of_the_contract() {
    assert_eq!(ours(GROUP_KEYS.iter()), contract("group"));
}

#[test]
fn no_key_has_two_rows() {
    let (topic, group) = (TOPIC_KEYS.iter().collect(), GROUP_KEYS.iter().collect());
    for keys in [broker_keys().collect::<Vec<_>>(), topic, group] {
        let mut names: Vec<_> = keys.iter().map(|key| key.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), keys.len());
    }
}

#[test]
fn every_default_is_a_value_of_its_key() {
    for key in broker_keys().chain(TOPIC_KEYS).chain(GROUP_KEYS) {
        if let Preset::Value(text) = key.preset {
            let value = key.config_type.parse(text).unwrap();
            // Kafka's own default of this key is an empty list, which its condition would refuse.
            if value != Value::List(Vec::new()) {
                assert_eq!(key.parse(text).as_ref(), Ok(&value), "{}", key.name);
            }
            assert_eq!(value.text().as_deref(), Some(text), "{}", key.name);
            assert_eq!(key.check_supported(&value), Ok(()), "{}", key.name);
        }
    }
}

#[test]
fn every_documentation_is_a_sentence() {
    for key in broker_keys().chain(TOPIC_KEYS).chain(GROUP_KEYS) {
        let text = key.documentation;
        assert!(text.ends_with('.') && text.starts_with(char::is_alphanumeric), "{}", key.name);
        assert!(!text.contains('|') && !text.contains('\n'), "{}: breaks a table", key.name);
    }
}

#[test]
fn every_topic_default_has_a_broker_key_of_the_same_type_that_can_be_changed_while_it_runs() {
    for key in TOPIC_KEYS {
        let synonyms = broker_synonyms(key.name);
        for synonym in synonyms {
            let broker_key = broker_key(synonym.name).expect(synonym.name);
            let (topic, broker) = (key.config_type, broker_key.config_type);
            assert!(topic == broker || broker == ConfigType::Int, "{}", key.name);
            assert_eq!(synonym.factor > 1, topic != broker, "{}", synonym.name);
        }
        if let Some(first) = synonyms.first() {
            assert_eq!(
                broker_key(first.name).unwrap().update,
                Update::ClusterWide,
                "{}",
                first.name
            );
        }
        assert_eq!(
            synonyms.is_empty(),
            key.name.starts_with("remote.") || key.name.contains("throttled")
        );
    }
}

#[test]
fn topic_and_broker_defaults_agree() {
    for key in TOPIC_KEYS {
        let first_set = broker_synonyms(key.name).iter().find_map(|synonym| {
            match broker_key(synonym.name).unwrap().preset_value() {
                Value::Null => None,
                Value::Integer(number) => {
                    Some(Value::Integer(number.saturating_mul(synonym.factor)))
                }
                value => Some(value),
            }
        });
        if let Some(value) = first_set {
            assert_eq!(value, key.preset_value(), "{}", key.name);
        }
    }
}

#[test]
fn a_refused_key_is_read_only_unless_topics_take_their_default_from_it() {
    for key in broker_keys().filter(|key| key.standing == Standing::Refused) {
        let expected =
            if key.name == "compression.type" { Update::ClusterWide } else { Update::ReadOnly };
        assert_eq!(key.update, expected, "{}", key.name);
    }
}
