//! The table of keys as the controller sees it: whether a topic or broker may have the
//! configuration that was asked for.

use std::sync::Arc;

use metadata::image::{ConfigEntity, Configs};
use metadata::{ConfigRules, Rejection};

use super::broker_config::BrokerConfig;
use super::broker_keys::{broker_key, nearest_broker_key};
use super::error::ConfigError;
use super::key::{Preset, Update};
use super::layers::Layers;
use super::topic_config::TopicConfig;
use super::topic_keys::topic_key;
use super::value::ConfigType;

/// The rules of one broker.
#[derive(Clone, Debug)]
pub struct TableRules {
    started_with: Arc<BrokerConfig>,
}

impl TableRules {
    /// The rules over what the broker was started with.
    pub fn new(started_with: Arc<BrokerConfig>) -> Self {
        Self { started_with }
    }
}

impl ConfigRules for TableRules {
    fn validate(&self, entity: &ConfigEntity, configs: &Configs) -> Result<(), Rejection> {
        let none = Configs::new();
        let started_with = &self.started_with;
        let checked = match entity {
            ConfigEntity::Topic(_) => {
                let layers = Layers { broker: &none, all_brokers: &none, started_with };
                TopicConfig::resolve(configs, &layers).map(|_| ())
            }
            ConfigEntity::Broker(_) => check_broker(configs, Update::PerBroker).and_then(|()| {
                let layers = Layers { broker: configs, all_brokers: &none, started_with };
                TopicConfig::resolve(&none, &layers).map(|_| ())
            }),
            ConfigEntity::BrokerDefault => {
                check_broker(configs, Update::ClusterWide).and_then(|()| {
                    let layers = Layers { broker: &none, all_brokers: configs, started_with };
                    TopicConfig::resolve(&none, &layers).map(|_| ())
                })
            }
        };
        checked.map_err(|error| Rejection::new(error.error_code(), error.to_string()))
    }

    fn list_default(&self, entity: &ConfigEntity, key: &str) -> Option<String> {
        let key = match entity {
            ConfigEntity::Topic(_) => topic_key(key),
            ConfigEntity::Broker(_) | ConfigEntity::BrokerDefault => broker_key(key),
        }?;
        if key.config_type != ConfigType::List {
            return None;
        }
        match key.preset {
            Preset::Value(text) => Some(text.to_owned()),
            Preset::Null | Preset::Required => Some(String::new()),
        }
    }
}

/// Whether running brokers take these values, of one broker or of all.
fn check_broker(configs: &Configs, scope: Update) -> Result<(), ConfigError> {
    for (name, text) in configs {
        let key = broker_key(name).ok_or_else(|| ConfigError::Unknown {
            scope: "broker",
            key: name.clone(),
            nearest: nearest_broker_key(name),
        })?;
        match key.update {
            Update::ReadOnly => return Err(ConfigError::ReadOnly { key: name.clone() }),
            Update::PerBroker if scope == Update::ClusterWide => {
                return Err(ConfigError::PerBroker { key: name.clone() });
            }
            Update::PerBroker | Update::ClusterWide => {}
        }
        key.check_supported(&key.parse(text)?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
