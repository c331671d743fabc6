//! The admin client's configuration.

use std::time::Duration;

use super::connection::int_millis;
use super::{ConfigError, ConnectionConfig, Owners, Settings, Warning};

/// What the admin client is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminConfig {
    /// Connections and metadata.
    pub connection: ConnectionConfig,
    /// `default.api.timeout.ms`: how long one call may take, retries included.
    pub default_api_timeout: Duration,
    /// `retries`: how often a request is sent again.
    pub retries: u32,
}

impl AdminConfig {
    /// Reads Kafka's dotted keys.
    pub fn from_pairs<K: AsRef<str>, V: Into<String>>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Result<(Self, Vec<Warning>), ConfigError> {
        let mut settings = Settings::check(Owners::ADMIN, pairs)?;
        let config = Self {
            connection: ConnectionConfig::read(&settings)?,
            default_api_timeout: int_millis(&settings, "default.api.timeout.ms")?,
            retries: settings.number::<i32>("retries", 0..)?.unsigned_abs(),
        };
        Ok((config, settings.take_warnings()))
    }
}
