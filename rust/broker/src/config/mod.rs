//! Configuration under Kafka's names: one table of keys, and the typed values that the broker and
//! its topics run on.
//!
//! ```text
//!   server.properties ─ Properties ─┐
//!   command line, Python ───────────┴─> BrokerConfig::load ─> typed fields, warnings, errors
//!   topic overrides + Layers (dynamic, static, default) ─> TopicConfig::resolve ─> the log
//!   the same layers ─> describe_broker / describe_topic ─> what DescribeConfigs answers
//! ```

pub mod broker_config;
pub mod broker_keys;
pub mod cleaner_config;
pub mod describe;
pub mod error;
pub mod group_config;
pub mod group_keys;
pub mod key;
pub mod layers;
pub mod listener;
pub mod properties;
pub mod reference;
pub mod rules;
pub mod topic_config;
mod topic_durability;
pub mod topic_keys;
pub mod validator;
pub mod value;

#[cfg(test)]
mod contract_tests;

pub use broker_config::{BrokerConfig, LoadedConfig};
pub use cleaner_config::resolve_cleaner;
pub use describe::{
    ConfigEntry, ConfigSource, ConfigSynonym, describe_all_brokers, describe_broker,
    describe_group, describe_topic,
};
pub use error::{ConfigError, ConfigWarning, InvalidConfiguration};
pub use group_config::{resolve_group, resolve_group_coordinator};
pub use key::{ConfigKey, Importance, Preset, Standing, Update};
pub use layers::Layers;
pub use listener::Listener;
pub use properties::{InvalidProperties, Properties};
pub use rules::TableRules;
pub use topic_config::{Durability, TimestampType, TopicConfig};
pub use validator::Validator;
pub use value::{ConfigType, Value};
