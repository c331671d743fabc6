//! Where a broker's values come from, highest first: set for it while it runs, set for all brokers,
//! its file, the default.

use metadata::image::Configs;

use super::broker_config::BrokerConfig;
use super::describe::ConfigSource;
use super::error::ConfigError;
use super::key::ConfigKey;
use super::value::Value;

/// All layers of one broker.
#[derive(Clone, Copy, Debug)]
pub struct Layers<'a> {
    /// What was set for this broker while it runs.
    pub broker: &'a Configs,
    /// What was set for all brokers while they run.
    pub all_brokers: &'a Configs,
    /// What the broker was started with.
    pub started_with: &'a BrokerConfig,
}

impl Layers<'_> {
    /// The texts that are set for a broker key, highest layer first.
    pub fn set(&self, name: &str) -> impl Iterator<Item = (&str, ConfigSource)> {
        let broker = self.broker.get(name).map(|text| (text, ConfigSource::DynamicBroker));
        let all = self.all_brokers.get(name).map(|text| (text, ConfigSource::DynamicDefaultBroker));
        let file = self.started_with.set(name).map(|text| (text, ConfigSource::StaticBroker));
        let dynamic = broker.into_iter().chain(all).map(|(text, source)| (text.as_str(), source));
        dynamic.chain(file)
    }

    /// The value of a broker key.
    pub fn value(&self, key: &ConfigKey) -> Result<Value, ConfigError> {
        let highest = self.set(key.name).next();
        highest.map_or_else(|| Ok(key.preset_value()), |(text, _)| key.parse(text))
    }
}
