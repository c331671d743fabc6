//! Changes the configs of topics, groups and brokers: key by key (KIP-339), or all at once as the
//! older API does.

use base::ErrorCode;

use super::config_rules::ConfigRules;
use super::decision::{Answers, Decision, Records, Rejection, repeated};
use crate::image::{ConfigEntity, Configs, MetadataImage};
use crate::record::{ConfigRecord, MetadataRecord};

/// Changes, key by key.
#[derive(Clone, Debug)]
pub struct IncrementalAlterConfigs {
    /// What changes for each entity.
    pub resources: Vec<(ConfigEntity, Vec<ConfigUpdate>)>,
    /// Whether only to say what would happen.
    pub validate_only: bool,
}

/// The older way: the given configs take the place of all that an entity has.
#[derive(Clone, Debug)]
pub struct ReplaceConfigs {
    /// What each entity shall have.
    pub resources: Vec<(ConfigEntity, RequestedConfigs)>,
    /// Whether only to say what would happen.
    pub validate_only: bool,
}

/// Keys and values as a request has them; null values are refused.
pub type RequestedConfigs = Vec<(String, Option<String>)>;

/// A change of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigUpdate {
    /// The key.
    pub key: String,
    /// What to do.
    pub operation: ConfigOperation,
    /// The value, which only a deletion goes without.
    pub value: Option<String>,
}

/// What to do with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigOperation {
    /// Give it this value.
    Set,
    /// Go back to the default.
    Delete,
    /// Add these elements to its list.
    Append,
    /// Take these elements from its list.
    Subtract,
}

impl ConfigOperation {
    /// The operation with this number on the wire.
    pub fn from_wire(operation: i8) -> Option<Self> {
        match operation {
            0 => Some(Self::Set),
            1 => Some(Self::Delete),
            2 => Some(Self::Append),
            3 => Some(Self::Subtract),
            _ => None,
        }
    }
}

impl IncrementalAlterConfigs {
    /// Decides on `image`. One bad key leaves its entity as it was, and the others are changed.
    pub fn decide(
        &self,
        image: &MetadataImage,
        rules: &dyn ConfigRules,
    ) -> Result<Decision<Answers<ConfigEntity, ()>>, Rejection> {
        decide_each(image, rules, &self.resources, self.validate_only, |entity, updates| {
            check_keys(updates.iter().map(|update| &update.key))?;
            let lacking = updates
                .iter()
                .filter(|u| u.operation != ConfigOperation::Delete && u.value.is_none());
            check_nulls(lacking.map(|update| update.key.as_str()))?;
            let mut configs = image.configs(entity).clone();
            for update in updates {
                update.apply(entity, rules, &mut configs)?;
            }
            Ok(configs)
        })
    }
}

impl ReplaceConfigs {
    /// Decides on `image`. One bad key leaves its entity as it was, and the others are changed.
    pub fn decide(
        &self,
        image: &MetadataImage,
        rules: &dyn ConfigRules,
    ) -> Result<Decision<Answers<ConfigEntity, ()>>, Rejection> {
        decide_each(image, rules, &self.resources, self.validate_only, |_, configs| {
            check_keys(configs.iter().map(|(key, _)| key))?;
            let lacking = configs.iter().filter(|(_, value)| value.is_none());
            check_nulls(lacking.map(|(key, _)| key.as_str()))?;
            Ok(configs.iter().filter_map(|(k, v)| Some((k.clone(), v.clone()?))).collect())
        })
    }
}

impl ConfigUpdate {
    fn apply(
        &self,
        entity: &ConfigEntity,
        rules: &dyn ConfigRules,
        configs: &mut Configs,
    ) -> Result<(), Rejection> {
        let value = self.value.clone().unwrap_or_default();
        match self.operation {
            ConfigOperation::Set => {
                configs.insert(self.key.clone(), value);
            }
            ConfigOperation::Delete => {
                configs.remove(&self.key);
            }
            ConfigOperation::Append | ConfigOperation::Subtract => {
                let default =
                    rules.list_default(entity, &self.key).ok_or_else(|| self.no_list())?;
                let current = configs.get(&self.key).unwrap_or(&default);
                let list = self.changed_list(current, &value);
                configs.insert(self.key.clone(), list);
            }
        }
        Ok(())
    }

    fn changed_list(&self, current: &str, value: &str) -> String {
        let mut elements: Vec<&str> = current.split(',').filter(|e| !e.is_empty()).collect();
        for element in value.split(',') {
            let present = elements.iter().position(|e| *e == element);
            match (self.operation, present) {
                (ConfigOperation::Append, None) => elements.push(element),
                (ConfigOperation::Subtract, Some(index)) => {
                    elements.remove(index);
                }
                _ => {}
            }
        }
        elements.join(",")
    }

    fn no_list(&self) -> Rejection {
        let verb = if self.operation == ConfigOperation::Append { "APPEND" } else { "SUBTRACT" };
        let message = format!("Can't {verb} to key {} because its type is not LIST.", self.key);
        Rejection::new(ErrorCode::InvalidConfig, message)
    }
}

/// Decides entity by entity; `changed` says which configs an entity shall have.
fn decide_each<U>(
    image: &MetadataImage,
    rules: &dyn ConfigRules,
    resources: &[(ConfigEntity, U)],
    validate_only: bool,
    changed: impl Fn(&ConfigEntity, &U) -> Result<Configs, Rejection>,
) -> Result<Decision<Answers<ConfigEntity, ()>>, Rejection> {
    let repeated = repeated(resources.iter().map(|(entity, _)| entity));
    let mut records = Records::default();
    let mut answers = Answers::new();
    for (entity, updates) in resources {
        let decided = if repeated.contains(entity) {
            let message = "Each resource must appear at most once.";
            Err(Rejection::new(ErrorCode::InvalidRequest, message))
        } else {
            changed(entity, updates).and_then(|configs| {
                let configs = rules.accept(image, entity, configs)?;
                check_existence(image, entity)?;
                Ok(configs)
            })
        };
        let answer = decided.and_then(|configs| {
            records.extend(config_records(entity, image.configs(entity), &configs))
        });
        answers.insert(entity.clone(), answer);
    }
    records.decide(validate_only, answers)
}

fn check_keys<'a>(keys: impl Iterator<Item = &'a String>) -> Result<(), Rejection> {
    if repeated(keys).is_empty() {
        return Ok(());
    }
    Err(Rejection::new(ErrorCode::InvalidRequest, "Error due to duplicate config keys"))
}

fn check_nulls<'a>(keys: impl Iterator<Item = &'a str>) -> Result<(), Rejection> {
    let keys: Vec<&str> = keys.collect();
    if keys.is_empty() {
        return Ok(());
    }
    let message = format!("Null value not supported for : {}", keys.join(", "));
    Err(Rejection::new(ErrorCode::InvalidRequest, message))
}

fn check_existence(image: &MetadataImage, entity: &ConfigEntity) -> Result<(), Rejection> {
    match entity {
        ConfigEntity::Topic(name) if image.topic_by_name(name).is_none() => {
            let message = format!("The topic '{name}' does not exist.");
            Err(Rejection::new(ErrorCode::UnknownTopicOrPartition, message))
        }
        ConfigEntity::Broker(id) if image.broker(*id).is_none() => {
            let message = format!("No node with id {id} found.");
            Err(Rejection::new(ErrorCode::BrokerIdNotRegistered, message))
        }
        _ => Ok(()),
    }
}

/// What leads from one set of configs to the other.
fn config_records(entity: &ConfigEntity, before: &Configs, after: &Configs) -> Vec<MetadataRecord> {
    let record = |name: &String, value: Option<&String>| {
        MetadataRecord::Config(ConfigRecord {
            resource_type: entity.resource_type(),
            resource_name: entity.resource_name(),
            name: name.clone(),
            value: value.cloned(),
        })
    };
    let set = after.iter().filter(|(key, value)| before.get(*key) != Some(value));
    let deleted = before.keys().filter(|key| !after.contains_key(*key));
    set.map(|(key, value)| record(key, Some(value)))
        .chain(deleted.map(|key| record(key, None)))
        .collect()
}
