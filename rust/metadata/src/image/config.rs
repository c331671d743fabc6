//! Dynamic configuration in the image: what has been set for a topic, a group, a broker, or all
//! brokers.

use std::collections::BTreeMap;
use std::fmt;

use base::NodeId;
use thiserror::Error;

const TOPIC: i8 = 2;
const BROKER: i8 = 4;
const GROUP: i8 = 32;

/// Keys and values, by key.
pub type Configs = BTreeMap<String, String>;

/// What a configuration belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConfigEntity {
    /// A topic, by name.
    Topic(String),
    /// A group, by its id; nobody need be in it.
    Group(String),
    /// All brokers.
    BrokerDefault,
    /// One broker.
    Broker(NodeId),
}

/// A resource type and name that stand for no entity.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UnknownConfigEntity {
    /// Neither topic, group nor broker.
    #[error("Unknown resource type {0}")]
    Type(i8),
    /// A broker's name is its number, or nothing for all brokers.
    #[error("Invalid broker name {0}")]
    BrokerName(String),
}

impl ConfigEntity {
    /// The entity that a resource type and name of the protocol stand for.
    pub fn from_resource(resource_type: i8, name: &str) -> Result<Self, UnknownConfigEntity> {
        match resource_type {
            TOPIC => Ok(Self::Topic(name.to_owned())),
            GROUP => Ok(Self::Group(name.to_owned())),
            BROKER if name.is_empty() => Ok(Self::BrokerDefault),
            BROKER => match name.parse() {
                Ok(id) => Ok(Self::Broker(NodeId(id))),
                Err(_) => Err(UnknownConfigEntity::BrokerName(name.to_owned())),
            },
            other => Err(UnknownConfigEntity::Type(other)),
        }
    }

    /// Its resource type in the protocol.
    pub fn resource_type(&self) -> i8 {
        match self {
            Self::Topic(_) => TOPIC,
            Self::Group(_) => GROUP,
            Self::BrokerDefault | Self::Broker(_) => BROKER,
        }
    }

    /// Its resource name in the protocol.
    pub fn resource_name(&self) -> String {
        match self {
            Self::Topic(name) | Self::Group(name) => name.clone(),
            Self::BrokerDefault => String::new(),
            Self::Broker(id) => id.to_string(),
        }
    }
}

impl fmt::Display for ConfigEntity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Topic(name) => write!(f, "topic `{name}`"),
            Self::Group(id) => write!(f, "group `{id}`"),
            Self::BrokerDefault => f.write_str("all brokers"),
            Self::Broker(id) => write!(f, "broker {id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entity_survives_its_resource() {
        for entity in [
            ConfigEntity::Topic("orders".to_owned()),
            ConfigEntity::Group("readers".to_owned()),
            ConfigEntity::BrokerDefault,
            ConfigEntity::Broker(NodeId(7)),
        ] {
            let name = entity.resource_name();
            assert_eq!(ConfigEntity::from_resource(entity.resource_type(), &name), Ok(entity));
        }
    }

    #[test]
    fn other_types_and_names_that_are_no_number_are_refused_by_name() {
        let refusal = |kind, name| ConfigEntity::from_resource(kind, name).unwrap_err().to_string();
        assert_eq!(refusal(8, "x"), "Unknown resource type 8");
        assert_eq!(refusal(4, "x"), "Invalid broker name x");
    }
}
