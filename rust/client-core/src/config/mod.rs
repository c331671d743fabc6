//! Configuration with Kafka's keys, defaults and units: text in, one typed struct for each client
//! out.
//!
//! An unknown key is an error that names its nearest neighbour. A known key that is not built is
//! never ignored: one that only tunes is accepted with a [`Warning`], one that changes meaning is
//! refused by name.

mod admin;
mod connection;
mod consumer;
mod group;
mod iso_duration;
mod producer;
mod reference;
mod settings;
mod table;

use thiserror::Error;

pub use admin::AdminConfig;
pub use connection::{Address, ConnectionConfig};
pub use consumer::{ConsumerConfig, IsolationLevel, OffsetReset};
pub use group::{GroupConfig, GroupProtocol};
pub use producer::{Acks, ProducerConfig};
pub use reference::reference_page;
pub use settings::{Settings, Warning};
pub use table::{KEYS, Key, Support};

/// A set of clients: those that a key belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owners(u8);

impl Owners {
    /// The producer.
    pub const PRODUCER: Self = Self(1);
    /// The consumer.
    pub const CONSUMER: Self = Self(2);
    /// The admin client.
    pub const ADMIN: Self = Self(4);
    /// All of them.
    pub const ALL: Self = Self(7);

    /// Both sets together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether every client of `other` is in this set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    fn noun(self) -> &'static str {
        match self {
            Self::PRODUCER => "producer",
            Self::CONSUMER => "consumer",
            Self::ADMIN => "admin client",
            _ => "client",
        }
    }
}

/// Why a configuration was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// No such key, anywhere.
    #[error("the {client} knows no key `{key}`{}", suggestion(*.nearest))]
    Unknown {
        /// The client that was configured.
        client: &'static str,
        /// The key as it was given.
        key: String,
        /// The known key whose name is nearest, if one is near.
        nearest: Option<&'static str>,
    },
    /// The key changes what the client means, and is not built.
    #[error("`{key}` is refused: {reason}")]
    NotBuilt {
        /// The key.
        key: &'static str,
        /// What is missing, and what to do instead.
        reason: &'static str,
    },
    /// The value cannot be what the key asks for.
    #[error("`{key}={value}` is refused: {reason}")]
    Value {
        /// The key.
        key: &'static str,
        /// The value as it was given.
        value: String,
        /// What was expected.
        reason: String,
    },
    /// A key that has no default was not given.
    #[error("`{0}` is missing: it has no default")]
    Missing(&'static str),
    /// Two values contradict each other.
    #[error("{0}")]
    Contradiction(String),
}

fn suggestion(nearest: Option<&'static str>) -> String {
    nearest.map(|name| format!(": did you mean `{name}`?")).unwrap_or_default()
}

#[cfg(test)]
mod tests;
