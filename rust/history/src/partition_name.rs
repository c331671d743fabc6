//! A partition as it is written into a line: `topic-partition`, as its directory is named.

use base::TopicPartition;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};

pub(crate) fn serialize<S: Serializer>(
    partition: &TopicPartition,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(partition)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<TopicPartition, D::Error> {
    let name = String::deserialize(deserializer)?;
    parse(&name).ok_or_else(|| D::Error::custom(format!("{name:?} is not topic-partition")))
}

fn parse(name: &str) -> Option<TopicPartition> {
    let (topic, partition) = name.rsplit_once('-')?;
    let partition = partition.parse().ok().filter(|partition| *partition >= 0)?;
    (!topic.is_empty()).then(|| TopicPartition::new(topic, partition))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_may_have_hyphens_in_its_name() {
        let partition = TopicPartition::new("of-yesterday", 12);
        assert_eq!(parse("of-yesterday-12"), Some(partition));
    }

    #[test]
    fn a_name_without_topic_or_number_is_refused() {
        for name in ["", "orders", "-1", "orders-", "orders-x", "orders-99999999999"] {
            assert_eq!(parse(name), None, "{name}");
        }
    }
}
