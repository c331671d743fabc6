//! What can be wrong with a configuration, each message naming the key and what to do about it.

use base::ErrorCode;
use thiserror::Error;

/// One key that cannot be as it is.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// The value is of another type, or out of range.
    #[error("{key}={value} is invalid: {reason}")]
    Invalid {
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// What it must be.
        reason: String,
    },
    /// The value would change what the broker means, and that is not built yet.
    #[error("{key}={value} is not supported yet: {reason}")]
    Refused {
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// What is supported.
        reason: String,
    },
    /// There is no such key.
    #[error("there is no {scope} configuration key {key}{}", suggestion(*.nearest))]
    Unknown {
        /// `topic`, `group` or `broker`.
        scope: &'static str,
        /// The key.
        key: String,
        /// The key that it resembles.
        nearest: Option<&'static str>,
    },
    /// The key takes a new value only at the start.
    #[error("{key} cannot be changed while the broker runs; set it in its file and restart it")]
    ReadOnly {
        /// The key.
        key: String,
    },
    /// The topic has the key's value for as long as it exists.
    #[error(
        "{key} cannot be changed from {from} to {to}: a topic has its records in memory or on the \
         disk for as long as it exists; delete it and create it anew"
    )]
    ForGood {
        /// The key.
        key: String,
        /// The value that the topic has.
        from: String,
        /// The value that was asked for, if need be by asking for the default.
        to: String,
    },
    /// The key can be set for one broker only.
    #[error("{key} cannot be set for all brokers at once; name a broker")]
    PerBroker {
        /// The key.
        key: String,
    },
}

impl ConfigError {
    /// The key that is at fault.
    pub fn key(&self) -> &str {
        match self {
            Self::Invalid { key, .. }
            | Self::Refused { key, .. }
            | Self::Unknown { key, .. }
            | Self::ReadOnly { key }
            | Self::ForGood { key, .. }
            | Self::PerBroker { key } => key,
        }
    }

    /// What the protocol answers.
    pub fn error_code(&self) -> ErrorCode {
        match self {
            Self::Invalid { .. }
            | Self::Refused { .. }
            | Self::Unknown { .. }
            | Self::ForGood { .. } => ErrorCode::InvalidConfig,
            Self::ReadOnly { .. } | Self::PerBroker { .. } => ErrorCode::InvalidRequest,
        }
    }
}

/// Everything that is wrong with a broker's configuration: a user should not have to find it out
/// one by one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the configuration cannot be used: {}", joined(.errors))]
pub struct InvalidConfiguration {
    /// At least one error.
    pub errors: Vec<ConfigError>,
}

/// Something that the operator should know, though the broker starts.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ConfigWarning {
    /// There is no such key; Kafka ignores it too.
    #[error("{key} is not a configuration key and is ignored{}", suggestion(*.nearest))]
    Unknown {
        /// The key.
        key: String,
        /// The key that it resembles.
        nearest: Option<&'static str>,
    },
    /// The key tunes something that Ottla does in another way, or not yet.
    #[error(
        "{key}={value} is accepted but changes nothing: it tunes a part that works differently here"
    )]
    NoEffect {
        /// The key.
        key: String,
        /// The value.
        value: String,
    },
    /// Anything else, with what happens instead.
    #[error("{key}={value}: {note}")]
    Note {
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// What happens.
        note: String,
    },
}

/// The name among `names` that `key` resembles, if it resembles any.
pub(super) fn nearest(
    key: &str,
    names: impl Iterator<Item = &'static str>,
) -> Option<&'static str> {
    // A third of its letters wrong, and it is another word.
    let distance_max = key.chars().count() / 3;
    names
        .map(|name| (strsim::damerau_levenshtein(key, name), name))
        .filter(|(distance, _)| *distance <= distance_max)
        .min()
        .map(|(_, name)| name)
}

fn suggestion(nearest: Option<&'static str>) -> String {
    nearest.map(|name| format!("; did you mean {name}?")).unwrap_or_default()
}

fn joined(errors: &[ConfigError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 3] = ["retention.ms", "retention.bytes", "segment.bytes"];

    #[test]
    fn a_misspelt_key_finds_its_neighbour_and_another_word_does_not() {
        for (key, neighbour) in [
            ("retention.mss", Some("retention.ms")),
            ("retnetion.ms", Some("retention.ms")),
            ("retention_bytes", Some("retention.bytes")),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(key, NAMES.into_iter()), neighbour, "{key}");
        }
    }

    #[test]
    fn a_message_names_the_key_and_what_to_do() {
        let unknown = ConfigError::Unknown {
            scope: "topic",
            key: "retention.mss".to_owned(),
            nearest: Some("retention.ms"),
        };
        assert_eq!(
            unknown.to_string(),
            "there is no topic configuration key retention.mss; did you mean retention.ms?"
        );
        assert_eq!(unknown.error_code(), ErrorCode::InvalidConfig);
        let all = InvalidConfiguration {
            errors: vec![unknown, ConfigError::ReadOnly { key: "node.id".to_owned() }],
        };
        assert!(all.to_string().contains("retention.mss") && all.to_string().contains("node.id"));
    }
}
