//! Topics that are created in memory or not, and what can and cannot change that.

use super::super::broker_config::BrokerConfig;
use super::super::properties::Properties;
use super::*;

fn configs(pairs: &[(&str, &str)]) -> Configs {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn own(value: Option<&str>) -> Configs {
    value.map(|value| configs(&[(KEY, value)])).unwrap_or_default()
}

/// Settles the overrides of a topic that had `before`, on a broker with this default.
fn settled(
    before: Option<&Configs>,
    asked: Option<&str>,
    default: &str,
) -> Result<Option<String>, ConfigError> {
    let file = Properties::parse(&format!("{KEY}={default}")).unwrap();
    let started_with = BrokerConfig::load(&file).unwrap().config;
    let none = Configs::new();
    let layers = Layers { broker: &none, all_brokers: &none, started_with: &started_with };
    settle(before, own(asked), &layers).map(|mut settled| settled.remove(KEY))
}

#[test]
fn a_topic_that_is_created_in_memory_by_default_gets_it_as_its_own() {
    assert_eq!(settled(None, None, "memory"), Ok(Some("memory".to_owned())));
    assert_eq!(settled(None, None, "os"), Ok(None));
    assert_eq!(settled(None, Some("disk"), "memory"), Ok(Some("disk".to_owned())));
    assert_eq!(settled(None, Some("memory"), "disk"), Ok(Some("memory".to_owned())));
}

#[test]
fn no_topic_goes_into_memory_or_comes_out_of_it() {
    for (before, asked, default, from, to) in [
        (None, Some("memory"), "disk", "disk", "memory"),
        (None, Some(" memory "), "os", "os", "memory"),
        (Some("os"), Some("memory"), "disk", "os", "memory"),
        (Some("memory"), Some("disk"), "memory", "memory", "disk"),
        (Some("memory"), None, "os", "memory", "os"),
        (Some("os"), Some("memory"), "memory", "os", "memory"),
        (None, Some("memory"), "memory", "disk", "memory"),
    ] {
        let error = settled(Some(&own(before)), asked, default).unwrap_err();
        let (key, from, to) = (KEY.to_owned(), from.to_owned(), to.to_owned());
        assert_eq!(error, ConfigError::ForGood { key, from, to });
    }
}

#[test]
fn what_changes_nothing_of_that_is_taken() {
    for (before, asked, default, settled_to) in [
        (None, Some("os"), "disk", Some("os")),
        (Some("os"), None, "disk", None),
        (Some("memory"), Some("memory"), "disk", Some("memory")),
        // Going back to a default that is the same.
        (Some("memory"), None, "memory", Some("memory")),
        // A default of memory is not theirs.
        (None, None, "memory", None),
        (Some("os"), None, "memory", None),
    ] {
        let settled = settled(Some(&own(before)), asked, default);
        assert_eq!(settled.unwrap().as_deref(), settled_to, "{before:?} {asked:?} {default}");
    }
}

#[test]
fn a_topic_without_an_override_overlooks_a_default_of_memory() {
    let memory = configs(&[(KEY, "memory")]);
    let none = Configs::new();
    for (file, all_brokers, durability) in [
        ("", &memory, "disk"),
        ("ottla.durability=os", &memory, "os"),
        ("ottla.durability=memory", &none, "disk"),
        ("ottla.durability=os", &none, "os"),
    ] {
        let started_with = BrokerConfig::load(&Properties::parse(file).unwrap()).unwrap().config;
        let layers = Layers { broker: &none, all_brokers, started_with: &started_with };
        assert_eq!(without_override(&layers).unwrap().to_string(), durability, "{file}");
    }
}
