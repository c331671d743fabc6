//! One configuration key: what it is called, what it takes, and what Ottla does with it.

use super::error::ConfigError;
use super::validator::Validator;
use super::value::{ConfigType, Value};

/// A row of the table of keys.
#[derive(Clone, Copy, Debug)]
pub struct ConfigKey {
    /// Kafka's name, or ours if it begins with `ottla.`.
    pub name: &'static str,
    /// The type of its values.
    pub config_type: ConfigType,
    /// The value when none is set.
    pub preset: Preset,
    /// What values must satisfy.
    pub validator: Validator,
    /// How much a user should care, in Kafka's judgement.
    pub importance: Importance,
    /// What Ottla does with it.
    pub standing: Standing,
    /// Whether a running broker takes a new value.
    pub update: Update,
    /// What it means.
    pub documentation: &'static str,
}

/// The value of a key that is not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// This one, in a properties file's syntax.
    Value(&'static str),
    /// None.
    Null,
    /// Kafka asks for one; what Ottla assumes is said in the documentation.
    Required,
}

/// Kafka's judgement of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Importance {
    /// Everybody should look at it.
    High,
    /// Some should.
    Medium,
    /// Few should.
    Low,
}

impl Importance {
    /// Kafka's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        }
    }
}

/// What Ottla does with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It does what the documentation says.
    Acted,
    /// It is accepted with a warning: it only tunes what Ottla does in another way, or not at all
    /// yet.
    Tunes,
    /// Another value than the default is refused: it would change what the broker means, and is not
    /// built yet.
    Refused,
}

/// Whether a running broker takes a new value for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update {
    /// Only at the start.
    ReadOnly,
    /// For one broker.
    PerBroker,
    /// For one broker, or for all of them.
    ClusterWide,
}

impl ConfigKey {
    /// Reads and checks a value.
    pub fn parse(&self, text: &str) -> Result<Value, ConfigError> {
        let value = self.config_type.parse(text).map_err(|reason| self.invalid(text, reason))?;
        self.validator.check(&value).map_err(|reason| self.invalid(text, reason))?;
        Ok(value)
    }

    /// The default as a value.
    pub fn preset_value(&self) -> Value {
        match self.preset {
            Preset::Value(text) => {
                self.config_type.parse(text).expect("a test reads every default of the table")
            }
            Preset::Null | Preset::Required => Value::Null,
        }
    }

    /// Whether Ottla can do what `value` asks for; if not, the error says what is supported.
    pub fn check_supported(&self, value: &Value) -> Result<(), ConfigError> {
        let text = value.to_string();
        if self.standing == Standing::Refused && *value != self.preset_value() {
            let reason = match self.preset_value().text() {
                Some(only) if !only.is_empty() => format!("only {only} is, which is the default"),
                _ => "it must stay unset".to_owned(),
            };
            return Err(self.refused(&text, reason));
        }
        Ok(())
    }

    /// Whether values are never shown.
    pub fn is_sensitive(&self) -> bool {
        self.config_type == ConfigType::Password
    }

    /// The error for a value that the key does not take.
    pub fn invalid(&self, value: &str, reason: impl Into<String>) -> ConfigError {
        ConfigError::Invalid {
            key: self.name.to_owned(),
            value: if self.is_sensitive() { "[hidden]".to_owned() } else { value.to_owned() },
            reason: reason.into(),
        }
    }

    /// The error for a value that Ottla does not support yet.
    pub fn refused(&self, value: &str, reason: impl Into<String>) -> ConfigError {
        ConfigError::Refused {
            key: self.name.to_owned(),
            value: if self.is_sensitive() { "[hidden]".to_owned() } else { value.to_owned() },
            reason: reason.into(),
        }
    }
}

/// Writes a table of keys: name, type, default, condition, importance, standing, update, then what
/// it means.
macro_rules! config_keys {
    ($table:ident $($name:literal, $config_type:ident, $preset:expr, $validator:expr,
        $importance:ident, $standing:ident, $update:ident, $documentation:literal;)*) => {
        mod rows {
            use $crate::config::key::prelude::*;

            pub(in $crate::config) static ROWS: &[ConfigKey] = &[$(
                ConfigKey {
                    name: $name,
                    config_type: ConfigType::$config_type,
                    preset: $preset,
                    validator: $validator,
                    importance: Importance::$importance,
                    standing: Standing::$standing,
                    update: Update::$update,
                    documentation: $documentation,
                },
            )*];
        }

        /// This file's rows, in the order of their names.
        pub(in $crate::config) use rows::ROWS as $table;
    };
}
pub(super) use config_keys;

/// What the rows of a table are made of.
pub(super) mod prelude {
    pub(in crate::config) use super::{
        ConfigKey, Importance,
        Preset::{Null, Required, Value},
        Standing, Update,
    };
    pub(in crate::config) use crate::config::validator::Validator::{
        Any, AtLeast, AutoOffsetReset, Between, GzipLevel, NonEmpty, NonEmptyList, NonNull, OneOf,
        OneOfIgnoringCase, ThrottledReplicas,
    };
    pub(in crate::config) use crate::config::value::ConfigType;
}
