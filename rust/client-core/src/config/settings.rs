//! The keys and values that were given, checked against the table, and read as Kafka reads them.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeBounds;
use std::str::FromStr;

use super::{ConfigError, KEYS, Key, Owners, Support};

/// A key that was accepted although it has no effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The key.
    pub key: &'static str,
    /// Why it has no effect.
    pub reason: &'static str,
}

/// What was given for one client, by key, and nothing that this client does not know.
#[derive(Debug)]
pub struct Settings {
    owner: Owners,
    given: BTreeMap<&'static str, String>,
    warnings: Vec<Warning>,
}

impl Settings {
    /// Checks every key against the table; a later value for the same key replaces an earlier one.
    pub fn check<K: AsRef<str>, V: Into<String>>(
        owner: Owners,
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, ConfigError> {
        let mut settings = Self { owner, given: BTreeMap::new(), warnings: Vec::new() };
        for (name, value) in pairs {
            let key = find(owner, name.as_ref()).ok_or_else(|| ConfigError::Unknown {
                client: owner.noun(),
                key: name.as_ref().to_owned(),
                nearest: nearest(owner, name.as_ref()),
            })?;
            let value: String = value.into();
            let value = value.trim();
            match key.support {
                Support::Acted => {}
                _ if is_default(key, value) => continue,
                Support::Tunes(reason) => {
                    settings.warnings.push(Warning { key: key.name, reason });
                }
                Support::Refused(reason) => {
                    return Err(ConfigError::NotBuilt { key: key.name, reason });
                }
            }
            settings.given.insert(key.name, value.to_owned());
        }
        Ok(settings)
    }

    /// The warnings, once.
    pub fn take_warnings(&mut self) -> Vec<Warning> {
        std::mem::take(&mut self.warnings)
    }

    /// Whether the key was given.
    pub(super) fn is_given(&self, name: &'static str) -> bool {
        self.given.contains_key(name)
    }

    /// The value as text, or Kafka's default.
    pub(super) fn text(&self, name: &'static str) -> &str {
        let key = self.key(name);
        match self.given.get(name) {
            Some(value) => value,
            None if key.default == "(empty)" => "",
            None => key.default,
        }
    }

    /// A name, or nothing if it is not given.
    pub(super) fn name(&self, name: &'static str) -> Result<Option<String>, ConfigError> {
        if !self.is_given(name) || self.text(name) == "null" {
            return Ok(None);
        }
        let given = self.text(name);
        if given.is_empty() || given.contains(char::is_control) {
            return Err(self.refuse(name, "expected a name"));
        }
        Ok(Some(given.to_owned()))
    }

    /// A number in `range`.
    pub(super) fn number<T>(
        &self,
        name: &'static str,
        range: impl RangeBounds<T> + std::fmt::Debug,
    ) -> Result<T, ConfigError>
    where
        T: FromStr + PartialOrd,
    {
        let number = self.text(name).parse().map_err(|_| self.refuse(name, "expected a number"))?;
        if range.contains(&number) {
            return Ok(number);
        }
        Err(self.refuse(name, format_args!("expected a number in {range:?}")))
    }

    /// `true` or `false`, in any case.
    pub(super) fn boolean(&self, name: &'static str) -> Result<bool, ConfigError> {
        match self.text(name).to_ascii_lowercase().as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(self.refuse(name, "expected true or false")),
        }
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(
        &self,
        name: &'static str,
        choices: &[(&'static str, T)],
    ) -> Result<T, ConfigError> {
        let text = self.text(name);
        choices.iter().find(|(word, _)| *word == text).map(|(_, choice)| *choice).ok_or_else(|| {
            let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
            self.refuse(name, format_args!("expected one of {}", words.join(", ")))
        })
    }

    /// The error for a value that cannot be.
    pub(super) fn refuse(&self, name: &'static str, reason: impl Display) -> ConfigError {
        ConfigError::Value {
            key: name,
            value: self.text(name).to_owned(),
            reason: reason.to_string(),
        }
    }

    fn key(&self, name: &str) -> &'static Key {
        find(self.owner, name).expect("the configs read only keys of the table: a test reads all")
    }
}

fn find(owner: Owners, name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name && key.owners.contains(owner))
}

fn is_default(key: &Key, value: &str) -> bool {
    match key.default {
        "(empty)" | "[]" | "null" => value.is_empty() || value == key.default,
        default => default.eq_ignore_ascii_case(value),
    }
}

/// The key of `owner` that takes the fewest edits to reach from `name`, whose underscores count as
/// dots, if it is near.
fn nearest(owner: Owners, name: &str) -> Option<&'static str> {
    let name = name.trim().to_ascii_lowercase().replace(['_', '-'], ".");
    // A third of its letters wrong, and it is another word.
    let edits_max = name.len() / 3;
    KEYS.iter()
        .filter(|key| key.owners.contains(owner))
        .map(|key| (edits(&name, key.name), key.name))
        .filter(|(edits, _)| *edits <= edits_max)
        .min()
        .map(|(_, name)| name)
}

/// The Levenshtein distance, over bytes: one row of the table at a time. The text is bounded by
/// [`NAME_LENGTH_MAX`].
fn edits(from: &str, to: &str) -> usize {
    const NAME_LENGTH_MAX: usize = 128;
    let from = from.as_bytes();
    let from = &from[..from.len().min(NAME_LENGTH_MAX)];
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, a) in from.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, b) in to.bytes().enumerate() {
            let substituted = diagonal + usize::from(*a != b);
            diagonal = row[column + 1];
            row[column + 1] = substituted.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}
