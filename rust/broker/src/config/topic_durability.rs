//! Whether a topic lies in memory, which is settled for good when it is created.
//!
//! A log is not converted: its records cannot come out of memory without having been there, nor go
//! into it without being taken from the disk. So a topic that is created in memory gets `memory` as
//! an override of its own, whatever it owes it to, and an override is all that makes a topic one in
//! memory. A broker's default can then change, while brokers run or between two starts, and no
//! topic changes sides: those without an override overlook a default of `memory`.

use metadata::image::Configs;

use super::broker_keys::broker_key;
use super::describe::{ConfigSource, ConfigSynonym};
use super::error::ConfigError;
use super::key::ConfigKey;
use super::layers::Layers;
use super::topic_config::topic_value;
use super::topic_keys::topic_key;
use super::value::Value;

/// The key of topics, and of the brokers that hold its default.
pub(super) const KEY: &str = "ottla.durability";
/// The value of topics that lie in memory.
const MEMORY: &str = "memory";

/// What a topic has of the brokers when it has no override: the first layer that says where on the
/// disk its records are safe.
pub(super) fn without_override(layers: &Layers<'_>) -> Result<Value, ConfigError> {
    let key = default_key();
    for (text, _) in layers.set(KEY) {
        let value = key.parse(text)?;
        if !is_memory(&value) {
            return Ok(value);
        }
    }
    Ok(key.preset_value())
}

/// Whether a value that is set somewhere counts for a topic: `memory` only as its own.
pub(super) fn counts(set: &ConfigSynonym) -> bool {
    set.source == ConfigSource::DynamicTopic || set.value.as_deref().map(str::trim) != Some(MEMORY)
}

/// The overrides that a topic gets when it asks for `asked` and had `before`, which a topic that is
/// about to be created had not.
pub(super) fn settle(
    before: Option<&Configs>,
    mut asked: Configs,
    layers: &Layers<'_>,
) -> Result<Configs, ConfigError> {
    let key = topic_key(KEY).expect("the name is a row of the table");
    let default = layers.value(default_key())?;
    let from = before.map(|before| topic_value(key, before, layers)).transpose()?;
    // Who had it as an override and takes that back has it as a default.
    let may_be_in_memory = from.as_ref().is_none_or(is_memory);
    if !asked.contains_key(KEY) && is_memory(&default) && may_be_in_memory {
        asked.insert(KEY.to_owned(), MEMORY.to_owned());
    }
    let to = topic_value(key, &asked, layers)?;
    match from {
        Some(from) if is_memory(&from) != is_memory(&to) => Err(ConfigError::ForGood {
            key: KEY.to_owned(),
            from: from.to_string(),
            to: to.to_string(),
        }),
        _ => Ok(asked),
    }
}

fn is_memory(value: &Value) -> bool {
    matches!(value, Value::Text(text) if text == MEMORY)
}

fn default_key() -> &'static ConfigKey {
    broker_key(KEY).expect("the name is a row of the table")
}

#[cfg(test)]
mod tests;
