//! Configurations of topics, brokers and groups: describe, and change one key at a time (KIP-339).

use std::time::Duration;

use base::NodeId;
use wire::describe_configs::{
    DescribeConfigsRequest, DescribeConfigsResource, DescribeConfigsResourceResult,
};
use wire::incremental_alter_configs::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest,
};

use super::{Each, each, unless_moved};
use crate::inquiry::{Inquiry, Reading, Target};

/// What has a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i8)]
pub enum ResourceType {
    /// A topic.
    Topic = 2,
    /// A broker, or with an empty name the default for all.
    Broker = 4,
    /// A consumer group (KIP-848).
    Group = 32,
}

/// One thing that has a configuration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConfigResource {
    /// What kind of thing.
    pub kind: ResourceType,
    /// The topic's or group's name, or the broker's number.
    pub name: String,
}

impl ConfigResource {
    /// The topic `name`.
    pub fn topic(name: impl Into<String>) -> Self {
        Self { kind: ResourceType::Topic, name: name.into() }
    }

    /// The broker `node`.
    pub fn broker(node: NodeId) -> Self {
        Self { kind: ResourceType::Broker, name: node.to_string() }
    }

    /// The group `name`.
    pub fn group(name: impl Into<String>) -> Self {
        Self { kind: ResourceType::Group, name: name.into() }
    }

    /// Only the broker itself knows its own configuration.
    fn target(&self) -> Target {
        match (self.kind, self.name.parse()) {
            (ResourceType::Broker, Ok(node)) => Target::Node(NodeId(node)),
            _ => Target::Any,
        }
    }
}

/// One key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigEntry {
    /// Its name.
    pub name: String,
    /// Its value; `None` if it is secret.
    pub value: Option<String>,
    /// Where the value comes from.
    pub source: ConfigSource,
    /// Whether it cannot be changed while the broker runs.
    pub is_read_only: bool,
    /// Whether it is secret.
    pub is_sensitive: bool,
    /// Where else a value was found, the one in force first.
    pub synonyms: Vec<ConfigSynonym>,
    /// What the broker says about it, if asked.
    pub documentation: Option<String>,
}

/// A place that has a value for a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigSynonym {
    /// The name there.
    pub name: String,
    /// The value there.
    pub value: Option<String>,
    /// Where that is.
    pub source: ConfigSource,
}

/// Where a value comes from, by Kafka's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigSource {
    /// Set on the topic.
    Topic,
    /// Set on this broker while it ran.
    DynamicBroker,
    /// Set on all brokers while they ran.
    DynamicDefaultBroker,
    /// From the broker's properties file.
    StaticBroker,
    /// Kafka's default.
    Default,
    /// Set on the group.
    Group,
    /// Another: this number.
    Other(i8),
}

impl ConfigSource {
    fn of(source: i8) -> Self {
        match source {
            1 => Self::Topic,
            2 => Self::DynamicBroker,
            3 => Self::DynamicDefaultBroker,
            4 => Self::StaticBroker,
            5 => Self::Default,
            8 => Self::Group,
            other => Self::Other(other),
        }
    }
}

/// What to do with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i8)]
pub enum ConfigOperation {
    /// Set it.
    Set = 0,
    /// Go back to the default.
    Delete = 1,
    /// Add to the list that it is.
    Append = 2,
    /// Take out of the list that it is.
    Subtract = 3,
}

/// A change of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigChange {
    /// The key.
    pub name: String,
    /// What to do with it.
    pub operation: ConfigOperation,
    /// With what; `None` to delete.
    pub value: Option<String>,
}

/// Describes one resource: all keys, or those of `keys`.
pub fn describe_configs(
    resource: &ConfigResource,
    keys: Option<&[String]>,
    timeout: Duration,
) -> Inquiry<DescribeConfigsRequest, Vec<ConfigEntry>> {
    let asked = DescribeConfigsResource {
        resource_type: resource.kind as i8,
        resource_name: resource.name.clone(),
        configuration_keys: keys.map(<[String]>::to_vec),
    };
    let request = DescribeConfigsRequest {
        resources: vec![asked],
        include_synonyms: true,
        include_documentation: false,
    };
    Inquiry::new(resource.target(), request, timeout, |response| {
        let Some(row) = response.results.into_iter().next() else {
            return Reading::Refused(base::ErrorCode::UnknownServerError, None);
        };
        match super::code(row.error_code) {
            base::ErrorCode::None => Reading::Done(row.configs.into_iter().map(entry).collect()),
            code => Reading::Refused(code, row.error_message),
        }
    })
}

/// Changes keys of one resource, or only checks whether it could.
pub fn alter_configs(
    resource: &ConfigResource,
    changes: &[ConfigChange],
    validate_only: bool,
    timeout: Duration,
) -> Inquiry<IncrementalAlterConfigsRequest, Each<String, ()>> {
    let change = |change: &ConfigChange| AlterableConfig {
        name: change.name.clone(),
        config_operation: change.operation as i8,
        value: change.value.clone(),
    };
    let altered = AlterConfigsResource {
        resource_type: resource.kind as i8,
        resource_name: resource.name.clone(),
        configs: changes.iter().map(change).collect(),
    };
    let request = IncrementalAlterConfigsRequest { resources: vec![altered], validate_only };
    let target = match resource.target() {
        Target::Any => Target::Controller,
        target => target,
    };
    Inquiry::new(target, request, timeout, |response| {
        let results = response.responses.into_iter();
        let results =
            results.map(|row| (row.resource_name, each(row.error_code, row.error_message)));
        unless_moved(results.collect())
    })
}

fn entry(row: DescribeConfigsResourceResult) -> ConfigEntry {
    let synonyms = row.synonyms.into_iter().map(|synonym| ConfigSynonym {
        name: synonym.name,
        value: synonym.value,
        source: ConfigSource::of(synonym.source),
    });
    ConfigEntry {
        name: row.name,
        value: row.value,
        source: ConfigSource::of(row.config_source),
        is_read_only: row.read_only,
        is_sensitive: row.is_sensitive,
        synonyms: synonyms.collect(),
        documentation: row.documentation,
    }
}
