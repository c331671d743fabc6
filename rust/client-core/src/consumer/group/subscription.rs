//! What a consumer subscribes to: topics by name, or all whose names match a pattern.

use std::collections::BTreeSet;
use std::sync::Arc;

use regex_lite::Regex;
use thiserror::Error;

use crate::cluster::Cluster;

/// The longest pattern.
const PATTERN_LENGTH_MAX: usize = 10_000;

/// A subscription.
#[derive(Clone, Debug)]
pub enum Subscription {
    /// These topics, whether they exist yet or not.
    Topics(BTreeSet<Arc<str>>),
    /// Every topic whose whole name matches, now and later.
    Pattern(Pattern),
}

/// A regular expression that the whole name of a topic is to match.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: Arc<str>,
    whole: Regex,
}

/// What is subscribed to now, as far as is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::consumer) struct Topics {
    pub(in crate::consumer) names: BTreeSet<Arc<str>>,
    /// What the names follow from, for a coordinator that resolves it by itself.
    pub(in crate::consumer) pattern: Option<Arc<str>>,
}

/// A pattern is none.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{pattern}` is no regular expression: {reason}")]
pub struct PatternError {
    /// What was given.
    pub pattern: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Subscription {
    /// By names.
    pub fn topics<T: Into<Arc<str>>>(names: impl IntoIterator<Item = T>) -> Self {
        Self::Topics(names.into_iter().map(Into::into).collect())
    }

    /// By a regular expression that the whole name is to match.
    pub fn pattern(pattern: &str) -> Result<Self, PatternError> {
        Ok(Self::Pattern(Pattern::new(pattern)?))
    }

    /// Sees to it that the topics are known and kept fresh.
    pub(in crate::consumer) fn want(&self, cluster: &mut Cluster) {
        match self {
            Self::Topics(names) => {
                cluster.want_all_topics(false);
                for name in names {
                    cluster.want_topic(name);
                }
            }
            Self::Pattern(_) => cluster.want_all_topics(true),
        }
    }

    /// The topics that are subscribed to now, as far as is known.
    pub(in crate::consumer) fn resolve(&self, cluster: &Cluster, exclude_internal: bool) -> Topics {
        match self {
            Self::Topics(names) => Topics { names: names.clone(), pattern: None },
            Self::Pattern(pattern) => {
                let topics = cluster.metadata().topics().filter(|(name, topic)| {
                    !(exclude_internal && topic.is_internal) && pattern.matches(name)
                });
                let names = topics.map(|(name, _)| name.clone()).collect();
                Topics { names, pattern: Some(pattern.text.clone()) }
            }
        }
    }
}

impl Pattern {
    /// Reads a regular expression.
    pub fn new(pattern: &str) -> Result<Self, PatternError> {
        let refuse = |reason: String| {
            let pattern = pattern.chars().take(200).collect();
            PatternError { pattern, reason }
        };
        if pattern.len() > PATTERN_LENGTH_MAX {
            return Err(refuse(format!("it is longer than {PATTERN_LENGTH_MAX} bytes")));
        }
        let whole = format!("^(?:{pattern})$");
        let whole = Regex::new(&whole).map_err(|error| refuse(error.to_string()))?;
        Ok(Self { text: pattern.into(), whole })
    }

    /// Whether the whole name matches.
    pub fn matches(&self, name: &str) -> bool {
        self.whole.is_match(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_about_the_whole_name() {
        let pattern = Pattern::new("a.*|b").unwrap();
        let matches = ["a", "ab", "b", "xa", "bb"].map(|name| pattern.matches(name));
        assert_eq!(matches, [true, true, true, false, false]);
    }

    #[test]
    fn what_is_no_pattern_is_refused_with_the_reason() {
        let error = Subscription::pattern("(").unwrap_err().to_string();
        assert!(error.starts_with("`(` is no regular expression: "), "{error}");
        assert!(Subscription::pattern(&"a".repeat(PATTERN_LENGTH_MAX + 1)).is_err());
    }
}
