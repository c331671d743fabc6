//! Which partitions are meant, as Kafka's tools write it: `orders`, or `orders:0,3`.

use std::str::FromStr;

use thiserror::Error;

/// A topic, or some of its partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicScope {
    /// The topic.
    pub topic: String,
    /// Some partitions; all if `None`.
    pub partitions: Option<Vec<i32>>,
}

impl TopicScope {
    /// All partitions of a topic.
    pub fn whole(topic: impl Into<String>) -> Self {
        Self { topic: topic.into(), partitions: None }
    }
}

/// A text names no partitions.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` names no partitions: write `topic`, or `topic:0,3` for some of its partitions")]
pub struct ScopeError(String);

impl FromStr for TopicScope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let refuse = || ScopeError(text.to_owned());
        let (topic, partitions) = match text.split_once(':') {
            None => (text, None),
            Some((topic, numbers)) => {
                let number = |number: &str| match number.trim().parse() {
                    Ok(number) if number >= 0 => Ok(number),
                    _ => Err(refuse()),
                };
                let numbers = numbers.split(',').map(number).collect::<Result<Vec<_>, _>>()?;
                (topic, Some(numbers))
            }
        };
        if topic.is_empty() {
            return Err(refuse());
        }
        Ok(Self { topic: topic.to_owned(), partitions })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_stands_alone_or_with_its_partitions() {
        assert_eq!("t".parse(), Ok(TopicScope::whole("t")));
        let some = TopicScope { topic: "t".into(), partitions: Some(vec![0, 3]) };
        assert_eq!("t:0, 3".parse(), Ok(some));
    }

    #[test]
    fn what_names_no_partition_is_refused() {
        for text in ["", ":1", "t:", "t:-1", "t:x", "t:1:2", "t:3000000000"] {
            assert!(text.parse::<TopicScope>().is_err(), "{text:?}");
        }
    }
}
