//! The configuration of one group: what is set for it within its broker's bounds, else its broker's
//! default.
//!
//! Kafka holds a value to the bounds when it is set, and brings it back within them when a broker
//! is started with others (`GroupConfig.validate` and `evaluate`); so does this.

use coordinator::{CoordinatorConfig, GroupConfig};
use metadata::image::Configs;

use super::broker_keys::broker_key;
use super::error::{ConfigError, ConfigWarning};
use super::group_keys::{SESSIONS_AND_HEARTBEATS, broker_side, group_key, nearest_group_key};
use super::key::ConfigKey;
use super::layers::Layers;
use super::value::Value;

const CONSUMER_ASSIGNMENT_INTERVAL_MS: &str = "group.consumer.assignment.interval.ms";

/// Whether a group may have these overrides; if not, the first thing that is wrong with them.
pub fn check_group(overrides: &Configs, layers: &Layers<'_>) -> Result<(), ConfigError> {
    for (name, text) in overrides {
        let key = group_key(name).ok_or_else(|| ConfigError::Unknown {
            scope: "group",
            key: name.clone(),
            nearest: nearest_group_key(name),
        })?;
        let value = key.parse(text)?;
        key.check_supported(&value)?;
        check_bounds(key, &value, layers)?;
    }
    for (session, heartbeat) in SESSIONS_AND_HEARTBEATS {
        if !overrides.contains_key(session) && !overrides.contains_key(heartbeat) {
            continue;
        }
        let [session, heartbeat] = [session, heartbeat]
            .map(|name| group_key(name).expect("the name is a row of the table"));
        let timeout_ms = number(&group_value(session, overrides, layers)?);
        let interval_ms = number(&group_value(heartbeat, overrides, layers)?);
        if timeout_ms <= interval_ms {
            let reason = format!("it must be greater than {} ({interval_ms})", heartbeat.name);
            return Err(session.invalid(&timeout_ms.to_string(), reason));
        }
    }
    Ok(())
}

/// What the coordinator acts on, and what of the overrides it does not act on as they were set: the
/// broker's bounds may be others than they were then.
pub fn resolve_group(
    overrides: &Configs,
    layers: &Layers<'_>,
) -> (GroupConfig, Vec<ConfigWarning>) {
    let mut notes = Vec::new();
    let mut within_bounds = |name: &str| {
        let text = overrides.get(name)?;
        let key = group_key(name).expect("the name is a row of the table");
        let mut note = |note: String| {
            let (key, value) = (name.to_owned(), text.clone());
            notes.push(ConfigWarning::Note { key, value, note });
        };
        let wanted = match key.parse(text) {
            Ok(value) => number(&value),
            Err(error) => {
                note(format!("the broker's default is used: {error}"));
                return None;
            }
        };
        let (min, max) = bounds(key, layers);
        let value = wanted.min(max).max(min);
        if value != wanted {
            note(format!("{value} is used, since brokers allow {min} to {max} now"));
        }
        Some(i32::try_from(value).unwrap_or(i32::MAX))
    };
    let config = GroupConfig {
        consumer_session_timeout_ms: within_bounds("consumer.session.timeout.ms"),
        consumer_heartbeat_interval_ms: within_bounds("consumer.heartbeat.interval.ms"),
        consumer_assignment_interval_ms: within_bounds("consumer.assignment.interval.ms"),
    };
    (config, notes)
}

/// The coordinator's configuration: what the broker was started with, and what of it has been set
/// while it runs.
pub fn resolve_group_coordinator(layers: &Layers<'_>) -> Result<CoordinatorConfig, ConfigError> {
    let key = broker_key(CONSUMER_ASSIGNMENT_INTERVAL_MS).expect("the name is a row of the table");
    let value = layers.value(key)?;
    let group_key = group_key("consumer.assignment.interval.ms").expect("a row of the table");
    let (min, max) = bounds(group_key, layers);
    let interval_ms = number(&value);
    if !(min..=max).contains(&interval_ms) {
        let reason = format!("it must be between {min} and {max}");
        return Err(key.invalid(&value.to_string(), reason));
    }
    Ok(CoordinatorConfig {
        consumer_assignment_interval_ms: i32::try_from(interval_ms).unwrap_or(i32::MAX),
        ..layers.started_with.group_coordinator.clone()
    })
}

/// The value of a key for a group with these overrides, as it was set.
pub(super) fn group_value(
    key: &ConfigKey,
    overrides: &Configs,
    layers: &Layers<'_>,
) -> Result<Value, ConfigError> {
    if let Some(text) = overrides.get(key.name) {
        return key.parse(text);
    }
    match broker_side(key.name).default {
        Some(name) => layers.value(broker_key(name).expect("a test finds every broker key")),
        None => Ok(key.preset_value()),
    }
}

fn check_bounds(key: &ConfigKey, value: &Value, layers: &Layers<'_>) -> Result<(), ConfigError> {
    let Value::Integer(number) = value else { return Ok(()) };
    let (min, max) = bounds(key, layers);
    let side = broker_side(key.name);
    let reason = match (side.min, side.max) {
        (Some(bound), _) if *number < min => {
            format!("it must be greater than or equal to {bound} ({min})")
        }
        (_, Some(bound)) if *number > max => {
            format!("it must be less than or equal to {bound} ({max})")
        }
        _ => return Ok(()),
    };
    Err(key.invalid(&value.to_string(), reason))
}

/// The least and the most that a group may have.
fn bounds(key: &ConfigKey, layers: &Layers<'_>) -> (i64, i64) {
    let bound = |name: Option<&str>| {
        let key = broker_key(name?).expect("a test finds every broker key");
        Some(number(&layers.value(key).unwrap_or_else(|_| key.preset_value())))
    };
    let side = broker_side(key.name);
    (bound(side.min).unwrap_or(i64::MIN), bound(side.max).unwrap_or(i64::MAX))
}

/// All keys with bounds are numbers, and have defaults.
fn number(value: &Value) -> i64 {
    match value {
        Value::Integer(number) => *number,
        value => unreachable!("a number by the table, and not {value:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::broker_config::BrokerConfig;
    use super::super::group_keys::GROUP_KEYS;
    use super::super::key::Preset;
    use super::super::properties::Properties;
    use super::*;

    fn configs(pairs: &[(&str, &str)]) -> Configs {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn with_layers<T>(file: &str, ask: impl FnOnce(&Layers<'_>) -> T) -> T {
        let properties = Properties::parse(file).unwrap();
        let started_with = BrokerConfig::load(&properties).unwrap().config;
        let none = Configs::new();
        ask(&Layers { broker: &none, all_brokers: &none, started_with: &started_with })
    }

    fn check(file: &str, overrides: &[(&str, &str)]) -> Result<(), String> {
        with_layers(file, |layers| check_group(&configs(overrides), layers))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn every_broker_key_of_a_group_key_exists_and_has_its_type_and_default() {
        for key in GROUP_KEYS {
            let side = broker_side(key.name);
            for name in [side.default, side.min, side.max].into_iter().flatten() {
                let broker = broker_key(name).expect(name);
                assert_eq!(broker.config_type, key.config_type, "{name}");
                assert_ne!(broker.preset, Preset::Null, "{name}");
            }
            if let Some(name) = side.default {
                assert_eq!(broker_key(name).unwrap().preset_value(), key.preset_value(), "{name}");
            }
        }
    }

    #[test]
    fn a_value_is_held_to_the_bounds_of_the_broker() {
        assert_eq!(check("", &[("consumer.session.timeout.ms", "50000")]), Ok(()));
        let error = check("", &[("consumer.session.timeout.ms", "44999")]).unwrap_err();
        assert!(error.contains("group.consumer.min.session.timeout.ms (45000)"), "{error}");
        let error = check("", &[("consumer.heartbeat.interval.ms", "15001")]).unwrap_err();
        assert!(error.contains("group.consumer.max.heartbeat.interval.ms (15000)"), "{error}");
        let lower = "group.consumer.min.session.timeout.ms=1000";
        assert_eq!(check(lower, &[("consumer.session.timeout.ms", "6000")]), Ok(()));
        let error = check("", &[("streams.num.standby.replicas", "3")]).unwrap_err();
        assert!(error.contains("group.streams.max.standby.replicas (2)"), "{error}");
        assert_eq!(check("", &[("share.isolation.level", "read_committed")]), Ok(()));
    }

    #[test]
    fn a_session_is_longer_than_a_heartbeat_interval() {
        let lower = "group.consumer.min.session.timeout.ms=1000";
        let error = check(lower, &[("consumer.session.timeout.ms", "5000")]).unwrap_err();
        assert!(error.contains("greater than consumer.heartbeat.interval.ms (5000)"), "{error}");
    }

    #[test]
    fn an_unknown_key_finds_its_neighbour() {
        let error = check("", &[("consumer.session.timeout", "50000")]).unwrap_err();
        assert!(error.contains("no group configuration key"), "{error}");
        assert!(error.contains("did you mean consumer.session.timeout.ms?"), "{error}");
        assert!(check("", &[("retention.ms", "1")]).is_err());
    }

    #[test]
    fn what_the_bounds_no_longer_allow_is_brought_back_within_them_and_said() {
        let overrides = configs(&[
            ("consumer.session.timeout.ms", "50000"),
            ("consumer.heartbeat.interval.ms", "6000"),
        ]);
        let file = "group.consumer.max.session.timeout.ms=47000";
        let (config, notes) = with_layers(file, |layers| resolve_group(&overrides, layers));
        assert_eq!(config.consumer_session_timeout_ms, Some(47_000));
        assert_eq!(config.consumer_heartbeat_interval_ms, Some(6_000));
        assert_eq!(config.consumer_assignment_interval_ms, None);
        assert_eq!(notes.len(), 1);
        assert!(notes[0].to_string().contains("47000 is used"), "{}", notes[0]);
    }

    #[test]
    fn the_assignment_interval_can_be_set_while_the_broker_runs_within_its_bounds() {
        let properties = Properties::parse("").unwrap();
        let started_with = BrokerConfig::load(&properties).unwrap().config;
        let none = Configs::new();
        for (text, expected) in [("0", Some(0)), ("15000", Some(15_000)), ("15001", None)] {
            let all_brokers = configs(&[(CONSUMER_ASSIGNMENT_INTERVAL_MS, text)]);
            let layers =
                Layers { broker: &none, all_brokers: &all_brokers, started_with: &started_with };
            let resolved = resolve_group_coordinator(&layers).ok();
            assert_eq!(resolved.map(|config| config.consumer_assignment_interval_ms), expected);
        }
    }
}
