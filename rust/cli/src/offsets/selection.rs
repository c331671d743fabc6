//! Which partitions are meant: by name, or by patterns as Kafka's tool takes them.

use std::collections::BTreeSet;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

use base::TopicPartition;
use clap::Args;
use client::{Admin, Pattern, PatternError, TopicListing, TopicScope};
use thiserror::Error;

use crate::failure::Failure;

/// All partitions, unless some are named or chosen.
#[derive(Clone, Debug, Args)]
pub(super) struct Selection {
    /// Topics, or some of their partitions as `orders:0,3`; all topics if nothing is said.
    #[arg(
        value_name = "TOPIC[:PARTITION,...]",
        conflicts_with_all = ["topics", "partitions", "topic_partitions"]
    )]
    names: Vec<TopicScope>,
    /// Topics whose whole names match one of these regular expressions.
    #[arg(long = "topic", value_name = "REGEX[,REGEX...]", value_parser = include_list)]
    topics: Vec<Pattern>,
    /// Only these partitions of each topic.
    #[arg(
        long,
        value_name = "PARTITION[,PARTITION...]",
        value_delimiter = ',',
        value_parser = clap::value_parser!(i32).range(0..)
    )]
    partitions: Vec<i32>,
    /// Topics whose whole names match, each with its partitions: `orders:0`, `orders:0-3` (without
    /// 3), `orders:2-`, `orders:-3`, `orders.*`, or `:0` for that of every topic.
    #[arg(
        long,
        value_name = "[REGEX][:PARTITIONS][,...]",
        value_delimiter = ',',
        conflicts_with_all = ["topics", "partitions"]
    )]
    topic_partitions: Vec<PartitionFilter>,
    /// Leave out the topics that belong to the brokers, as `__consumer_offsets`.
    #[arg(long, alias = "exclude-internal-topics")]
    exclude_internal: bool,
}

/// Some partitions of some topics.
#[derive(Clone, Debug)]
struct PartitionFilter {
    /// Of these topics; of all if `None`.
    topics: Option<Pattern>,
    /// Wider than numbers of partitions are, so that the last of them has one after it.
    partitions: Range<i64>,
}

/// A text is no filter.
#[derive(Debug, Error)]
enum FilterError {
    #[error(transparent)]
    Pattern(#[from] PatternError),
    #[error("`{0}` names no partitions: write one (`:0`), or from and to (`:0-3`, `:2-`, `:-3`)")]
    Partitions(String),
}

impl Selection {
    /// The partitions that there are of those that are meant. To choose none is an error.
    pub(super) async fn find(&self, admin: &Admin) -> Result<BTreeSet<TopicPartition>, Failure> {
        if !self.names.is_empty() {
            let expanded = admin.expand(&self.names).await;
            return expanded.map_err(|(about, error)| Failure::of(about, error));
        }
        let listed = admin.list_topics().await.map_err(Failure::new)?;
        let chosen = self.choose(&listed);
        if chosen.is_empty() && self.chooses() {
            return Err(Failure::new("no topic has a partition that matches"));
        }
        Ok(chosen)
    }

    fn choose(&self, listed: &[TopicListing]) -> BTreeSet<TopicPartition> {
        let mut chosen = BTreeSet::new();
        for topic in listed.iter().filter(|topic| !(topic.is_internal && self.exclude_internal)) {
            let name: Arc<str> = topic.name.as_str().into();
            let count = i32::try_from(topic.partitions).unwrap_or(i32::MAX);
            let numbers = (0..count).filter(|number| self.has(&name, *number));
            chosen.extend(numbers.map(|number| TopicPartition::new(name.clone(), number)));
        }
        chosen
    }

    fn has(&self, topic: &str, partition: i32) -> bool {
        if !self.topic_partitions.is_empty() {
            return self.topic_partitions.iter().any(|filter| filter.has(topic, partition));
        }
        (self.topics.is_empty() || self.topics.iter().any(|pattern| pattern.matches(topic)))
            && (self.partitions.is_empty() || self.partitions.contains(&partition))
    }

    fn chooses(&self) -> bool {
        !(self.topics.is_empty() && self.partitions.is_empty() && self.topic_partitions.is_empty())
    }
}

impl PartitionFilter {
    fn has(&self, topic: &str, partition: i32) -> bool {
        self.partitions.contains(&i64::from(partition))
            && self.topics.as_ref().is_none_or(|topics| topics.matches(topic))
    }
}

impl FromStr for PartitionFilter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        let (topics, partitions) = text.split_once(':').unwrap_or((text, ""));
        let refuse = || FilterError::Partitions(text.to_owned());
        let bound = |digits: &str, otherwise| match digits {
            "" => Ok(otherwise),
            digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse::<i32>().map(i64::from).map_err(|_| refuse())
            }
            _ => Err(refuse()),
        };
        let partitions = match partitions.split_once('-') {
            None if partitions.is_empty() => 0..i64::MAX,
            None => {
                let only = bound(partitions, 0)?;
                only..only + 1
            }
            Some((from, to)) => bound(from, 0)?..bound(to, i64::MAX)?,
        };
        let topics = if topics.is_empty() { None } else { Some(include_list(topics)?) };
        Ok(Self { topics, partitions })
    }
}

/// A list of regular expressions as one, read as Kafka's tools do: what is between two commas is an
/// alternative, blanks do not count, nor do quotes around it.
fn include_list(text: &str) -> Result<Pattern, PatternError> {
    let alternatives = text.replace(',', "|").replace(' ', "");
    Pattern::new(alternatives.trim_matches(['"', '\'']))
}

#[cfg(test)]
mod tests {
    use base::TopicId;
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        selection: Selection,
    }

    fn parse(line: &str) -> Result<Selection, clap::Error> {
        let line = Line::try_parse_from(["x"].into_iter().chain(line.split_whitespace()));
        line.map(|line| line.selection)
    }

    /// Of `orders` and `orders.v1` with three partitions each, and `__consumer_offsets` with one.
    fn chosen(line: &str) -> Vec<String> {
        let topic = |name: &str, partitions, is_internal| TopicListing {
            name: name.to_owned(),
            id: TopicId::ZERO,
            is_internal,
            partitions,
        };
        let listed = [
            topic("orders", 3, false),
            topic("orders.v1", 3, false),
            topic("__consumer_offsets", 1, true),
        ];
        let chosen = parse(line).unwrap().choose(&listed);
        chosen.into_iter().map(|name| name.to_string()).collect()
    }

    #[test]
    fn everything_is_chosen_unless_something_is_said() {
        assert_eq!(chosen("").len(), 7);
        assert_eq!(chosen("--exclude-internal-topics").len(), 6);
        assert_eq!(chosen("--partitions 2").join(" "), "orders-2 orders.v1-2");
    }

    #[test]
    fn topics_are_patterns_for_whole_names() {
        assert_eq!(chosen("--topic orders").len(), 3);
        assert_eq!(chosen("--topic order.*").len(), 6);
        assert_eq!(chosen("--topic rders").len(), 0);
        assert_eq!(chosen("--topic orders,__.*").len(), 4);
        assert_eq!(chosen("--topic orders --topic 'orders.v1'").len(), 6);
        let both = chosen("--topic .* --partitions 0,2 --exclude-internal");
        assert_eq!(both.join(" "), "orders-0 orders-2 orders.v1-0 orders.v1-2");
    }

    #[test]
    fn partitions_go_with_their_topics() {
        for (line, expected) in [
            ("orders:1", "orders-1"),
            ("orders:0-2", "orders-0 orders-1"),
            ("orders:1-", "orders-1 orders-2"),
            ("orders:-1", "orders-0"),
            ("orders:-", "orders-0 orders-1 orders-2"),
            ("orders:", "orders-0 orders-1 orders-2"),
            (":2", "orders-2 orders.v1-2"),
            ("orders:2,__.*,orders.*:0", "__consumer_offsets-0 orders-0 orders-2 orders.v1-0"),
            ("orders:2147483647", ""),
        ] {
            assert_eq!(chosen(&format!("--topic-partitions {line}")).join(" "), expected, "{line}");
        }
    }

    #[test]
    fn what_is_said_in_two_ways_or_means_nothing_is_refused() {
        for line in [
            "orders --topic orders",
            "orders --partitions 0",
            "--topic orders --topic-partitions orders:0",
            "--partitions 0 --topic-partitions orders:0",
            "--topic (",
            "--partitions -1",
            "--partitions x",
            "--topic-partitions orders:x",
            "--topic-partitions orders:+1",
            "--topic-partitions orders:1:2",
            "--topic-partitions orders:2147483648",
            "--topic-partitions (:0",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
        assert!(parse("orders:0 orders.v1").is_ok());
    }
}
