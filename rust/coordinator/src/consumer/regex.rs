//! The topics that members name by regular expressions, of RE2's syntax: the coordinator looks for
//! them, so that all members see the same ones.

use std::collections::BTreeSet;
use std::sync::Arc;

use base::ErrorCode;
use metadata::internal_topic::is_internal;
use regex::Regex;
use wire::coordinator_records::{
    ConsumerGroupRegularExpressionKey, ConsumerGroupRegularExpressionValue,
};

use super::heartbeat::Refusal;
use super::{ConsumerGroup, Draft};
use crate::expression::whole_match;

/// Compiles an expression, which has to match the whole name of a topic.
fn compile(expression: &str) -> Result<Regex, Refusal> {
    whole_match(expression).map_err(|why| {
        let message = format!("SubscribedTopicRegex `{expression}` is not valid: {why}.");
        Refusal::new(ErrorCode::InvalidRegularExpression, message)
    })
}

impl ConsumerGroup {
    pub(crate) fn uses_regexes(&self) -> bool {
        self.members().any(|(_, member)| member.regex().is_some())
    }

    /// The expressions that members use.
    fn used_regexes(&self) -> BTreeSet<String> {
        let members = self.members().filter_map(|(_, member)| member.regex());
        members.map(str::to_owned).collect()
    }
}

impl Draft<'_> {
    /// Whether the expression can be used. One that is in use has been looked at.
    pub(super) fn validate_regex(&mut self, expression: &str) -> Result<(), Refusal> {
        if expression.is_empty() || self.regexes.contains_key(expression) {
            return Ok(());
        }
        self.compiled = Some((expression.to_owned(), compile(expression)?));
        Ok(())
    }

    /// Looks for the topics of expressions that are new, and forgets those that nobody uses any
    /// more.
    pub(super) fn update_regexes(&mut self) {
        let used = self.used_regexes();
        let unused: Vec<String> =
            self.regexes.keys().filter(|regex| !used.contains(*regex)).cloned().collect();
        for regex in unused {
            let tombstone = self.regex_tombstone(&regex);
            self.write(tombstone);
        }
        for regex in used {
            if !self.regexes.contains_key(&regex) {
                self.resolve_regex(&regex);
            }
        }
    }

    /// Looks for the topics of every expression again.
    pub(super) fn resolve_regexes(&mut self) {
        for regex in self.used_regexes() {
            self.resolve_regex(&regex);
        }
    }

    fn resolve_regex(&mut self, expression: &str) {
        // One that a later release has let in matches nothing here.
        let compiled = match self.compiled.take() {
            Some((validated, compiled)) if validated == expression => Some(compiled),
            _ => compile(expression).ok(),
        };
        let matches = |name: &str| {
            // Nobody means the brokers' own topics by `.*`.
            !is_internal(name) && compiled.as_ref().is_some_and(|regex| regex.is_match(name))
        };
        let topics: BTreeSet<String> = self
            .image
            .topics()
            .map(|topic| topic.name.to_string())
            .filter(|name| matches(name))
            .collect();
        let known = self.regexes.get(expression).map(Arc::clone);
        if known.as_ref().is_some_and(|known| known.topics == topics) {
            return;
        }
        let key = ConsumerGroupRegularExpressionKey {
            group_id: self.id.clone(),
            regular_expression: expression.to_owned(),
        };
        let value = ConsumerGroupRegularExpressionValue {
            topics: topics.into_iter().collect(),
            version: known.map_or(0, |known| known.version.saturating_add(1)),
            timestamp: self.now.unix_ms,
        };
        self.write((key, Some(value)));
    }
}
