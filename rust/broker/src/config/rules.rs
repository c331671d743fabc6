//! The table of keys as the controller sees it: whether a topic, group or broker may have the
//! configuration that was asked for.

use std::sync::Arc;

use base::ErrorCode;
use metadata::image::{ConfigEntity, Configs};
use metadata::{ConfigRules, MetadataImage, Rejection};

use super::broker_config::BrokerConfig;
use super::broker_keys::{broker_key, nearest_broker_key};
use super::cleaner_config::resolve_cleaner;
use super::error::ConfigError;
use super::group_config::{check_group, resolve_group_coordinator};
use super::group_keys::group_key;
use super::key::{Preset, Update};
use super::layers::Layers;
use super::topic_config::TopicConfig;
use super::topic_durability;
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
    fn accept(
        &self,
        image: &MetadataImage,
        entity: &ConfigEntity,
        configs: Configs,
    ) -> Result<Configs, Rejection> {
        let accepted = match entity {
            ConfigEntity::Topic(name) => self.accept_topic(image, name, configs),
            ConfigEntity::Group(id) if id.is_empty() => {
                let message = "Default group resources are not allowed.";
                return Err(Rejection::new(ErrorCode::InvalidRequest, message));
            }
            ConfigEntity::Group(_) => check_group(&configs, &self.layers(image)).map(|()| configs),
            ConfigEntity::Broker(_) | ConfigEntity::BrokerDefault => {
                self.check_broker(entity, &configs).map(|()| configs)
            }
        };
        accepted.map_err(|error| Rejection::new(error.error_code(), error.to_string()))
    }

    fn list_default(&self, entity: &ConfigEntity, key: &str) -> Option<String> {
        let key = match entity {
            ConfigEntity::Topic(_) => topic_key(key),
            ConfigEntity::Group(_) => group_key(key),
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

impl TableRules {
    fn layers<'a>(&'a self, image: &'a MetadataImage) -> Layers<'a> {
        Layers {
            broker: image.configs(&ConfigEntity::Broker(self.started_with.node_id)),
            all_brokers: image.configs(&ConfigEntity::BrokerDefault),
            started_with: &self.started_with,
        }
    }

    fn accept_topic(
        &self,
        image: &MetadataImage,
        name: &str,
        configs: Configs,
    ) -> Result<Configs, ConfigError> {
        let layers = self.layers(image);
        TopicConfig::resolve(name, &configs, &layers)?;
        let exists = image.topic_by_name(name).is_some();
        let before = exists.then(|| image.configs(&ConfigEntity::Topic(name.to_owned())));
        topic_durability::settle(before, configs, &layers)
    }

    fn check_broker(&self, entity: &ConfigEntity, configs: &Configs) -> Result<(), ConfigError> {
        let none = Configs::new();
        let (scope, broker, all_brokers) = match entity {
            ConfigEntity::BrokerDefault => (Update::ClusterWide, &none, configs),
            _ => (Update::PerBroker, configs, &none),
        };
        check_running_brokers_keys(configs, scope)?;
        let layers = Layers { broker, all_brokers, started_with: &self.started_with };
        TopicConfig::without_overrides(&layers)?;
        resolve_cleaner(&layers)?;
        resolve_group_coordinator(&layers).map(|_| ())
    }
}

/// Whether running brokers take these values, of one broker or of all.
fn check_running_brokers_keys(configs: &Configs, scope: Update) -> Result<(), ConfigError> {
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
