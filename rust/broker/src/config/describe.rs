//! What DescribeConfigs answers: each key's value, where it comes from, and what would count if
//! that were taken away.

use metadata::image::Configs;

use super::broker_keys::{broker_key, broker_keys};
use super::error::ConfigError;
use super::group_config::group_value;
use super::group_keys::{GROUP_KEYS, broker_side};
use super::key::{ConfigKey, Update};
use super::layers::Layers;
use super::topic_config::topic_value;
use super::topic_durability;
use super::topic_keys::{TOPIC_KEYS, broker_synonyms};
use super::value::ConfigType;

/// Where a value comes from; the number is DescribeConfigs' code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i8)]
pub enum ConfigSource {
    /// Set for the topic.
    DynamicTopic = 1,
    /// Set for the broker while it runs.
    DynamicBroker = 2,
    /// Set for all brokers while they run.
    DynamicDefaultBroker = 3,
    /// Set when the broker was started.
    StaticBroker = 4,
    /// Set nowhere.
    Default = 5,
    /// Set for the group.
    DynamicGroup = 8,
}

impl ConfigSource {
    /// The code of DescribeConfigs.
    pub fn code(self) -> i8 {
        self as i8
    }
}

/// One key of a topic, group or broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigEntry {
    /// The key.
    pub name: &'static str,
    /// The value; none if there is none, or if it is secret.
    pub value: Option<String>,
    /// Where the value comes from.
    pub source: ConfigSource,
    /// Whether the value is secret.
    pub is_sensitive: bool,
    /// Whether it can only be set when the broker starts.
    pub read_only: bool,
    /// The type.
    pub config_type: ConfigType,
    /// All values that are set, in the order in which they count; the first is the one that does.
    pub synonyms: Vec<ConfigSynonym>,
    /// What the key means.
    pub documentation: &'static str,
}

/// One of the values that are set for a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigSynonym {
    /// The key under which it is set.
    pub name: &'static str,
    /// The value; none if it is secret.
    pub value: Option<String>,
    /// Where it is set.
    pub source: ConfigSource,
}

/// All keys of a topic with these overrides.
pub fn describe_topic(
    overrides: &Configs,
    layers: &Layers<'_>,
) -> Result<Vec<ConfigEntry>, ConfigError> {
    let entry = |key: &'static ConfigKey| {
        let value = topic_value(key, overrides, layers)?.text();
        let mut synonyms = Vec::new();
        if overrides.contains_key(key.name) {
            let value = value.clone();
            synonyms.push(ConfigSynonym {
                name: key.name,
                value,
                source: ConfigSource::DynamicTopic,
            });
        }
        let names: Vec<_> = broker_synonyms(key.name).iter().map(|synonym| synonym.name).collect();
        synonyms.extend(broker_values(&names, layers));
        if key.name == topic_durability::KEY {
            synonyms.retain(topic_durability::counts);
        }
        Ok(entry(key, value, synonyms, false))
    };
    TOPIC_KEYS.iter().map(entry).collect()
}

/// All keys of a group with these overrides.
pub fn describe_group(
    overrides: &Configs,
    layers: &Layers<'_>,
) -> Result<Vec<ConfigEntry>, ConfigError> {
    let entry = |key: &'static ConfigKey| {
        let value = group_value(key, overrides, layers)?.text();
        let mut synonyms = Vec::new();
        if overrides.contains_key(key.name) {
            let (name, value) = (key.name, value.clone());
            synonyms.push(ConfigSynonym { name, value, source: ConfigSource::DynamicGroup });
        }
        match broker_side(key.name).default {
            Some(name) => synonyms.extend(broker_values(&[name], layers)),
            None => synonyms.push(ConfigSynonym {
                name: key.name,
                value: key.preset_value().text(),
                source: ConfigSource::Default,
            }),
        }
        Ok(entry(key, value, synonyms, false))
    };
    GROUP_KEYS.iter().map(entry).collect()
}

/// All keys of the broker.
pub fn describe_broker(layers: &Layers<'_>) -> Result<Vec<ConfigEntry>, ConfigError> {
    let entry = |key: &'static ConfigKey| {
        let value = layers.value(key)?.text();
        let synonyms = broker_values(units_of(key.name), layers);
        // Kafka leaves out what stands before the key itself: values in another unit.
        let synonyms = synonyms.into_iter().skip_while(|synonym| synonym.name != key.name);
        Ok(entry(key, value, synonyms.collect(), key.update == Update::ReadOnly))
    };
    broker_keys().map(entry).collect()
}

/// What was set for all brokers while they run, as the broker resource without a name shows it.
pub fn describe_all_brokers(layers: &Layers<'_>) -> Vec<ConfigEntry> {
    let known =
        layers.all_brokers.iter().filter_map(|(name, text)| Some((broker_key(name)?, text)));
    known
        .map(|(key, text)| {
            let source = ConfigSource::DynamicDefaultBroker;
            let value = Some(text.clone()).filter(|_| !key.is_sensitive());
            let synonym = ConfigSynonym { name: key.name, value: value.clone(), source };
            entry(key, value, vec![synonym], key.update == Update::ReadOnly)
        })
        .collect()
}

fn entry(
    key: &'static ConfigKey,
    value: Option<String>,
    synonyms: Vec<ConfigSynonym>,
    read_only: bool,
) -> ConfigEntry {
    ConfigEntry {
        name: key.name,
        value: value.filter(|_| !key.is_sensitive()),
        source: synonyms.first().map_or(ConfigSource::Default, |synonym| synonym.source),
        is_sensitive: key.is_sensitive(),
        read_only,
        config_type: key.config_type,
        synonyms,
        documentation: key.documentation,
    }
}

/// What is set under any of `names`, layer by layer, and their defaults.
fn broker_values(names: &[&'static str], layers: &Layers<'_>) -> Vec<ConfigSynonym> {
    let keys: Vec<_> = names.iter().filter_map(|name| broker_key(name)).collect();
    let shown = |key: &ConfigKey, value: Option<String>| value.filter(|_| !key.is_sensitive());
    let mut set: Vec<ConfigSynonym> = keys
        .iter()
        .flat_map(|key| {
            layers.set(key.name).map(|(text, source)| {
                let value = shown(key, Some(text.to_owned()));
                ConfigSynonym { name: key.name, value, source }
            })
        })
        .collect();
    set.sort_by_key(|synonym| synonym.source.code());
    let defaults = keys.iter().filter_map(|key| {
        let value = Some(key.preset_value().text()?);
        Some(ConfigSynonym {
            name: key.name,
            value: shown(key, value),
            source: ConfigSource::Default,
        })
    });
    set.extend(defaults);
    set
}

/// The broker keys that say the same in another unit, in the order in which they count.
fn units_of(name: &'static str) -> &'static [&'static str] {
    match name {
        "log.roll.ms" | "log.roll.hours" => &["log.roll.ms", "log.roll.hours"],
        "log.roll.jitter.ms" | "log.roll.jitter.hours" => {
            &["log.roll.jitter.ms", "log.roll.jitter.hours"]
        }
        "log.flush.interval.ms" => &["log.flush.interval.ms", "log.flush.scheduler.interval.ms"],
        "log.retention.ms" | "log.retention.minutes" | "log.retention.hours" => {
            &["log.retention.ms", "log.retention.minutes", "log.retention.hours"]
        }
        _ => std::slice::from_ref(&broker_key(name).expect("the name is a row of the table").name),
    }
}

#[cfg(test)]
mod tests;
