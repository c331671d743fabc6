//! The topic that the group coordinator keeps its records in: created when it is first needed.

use base::ErrorCode;
use metadata::MetadataImage;
use metadata::controller::{CreateTopics, NewTopic};

use crate::broker::Broker;
use crate::config::BrokerConfig;

/// Its name.
pub(crate) const OFFSETS_TOPIC: &str = "__consumer_offsets";

/// Waits until the topic exists and takes records; creates it if nobody has.
pub(crate) async fn ensure(broker: &Broker) -> Result<(), ErrorCode> {
    if broker.controller.image().topic_by_name(OFFSETS_TOPIC).is_some() {
        return Ok(());
    }
    let (config, rules) = (broker.config.clone(), broker.config_rules());
    let created = broker.controller.change(move |image, rng| {
        let create = CreateTopics {
            topics: vec![new_topic(&config, image)],
            validate_only: false,
            default_partitions: config.num_partitions,
            default_replication_factor: config.default_replication_factor,
        };
        create.decide(image, &rules, rng)
    });
    let rejection = match created.await {
        Err(rejection) => rejection,
        Ok(answers) => match answers.into_values().next() {
            Some(Err(rejection)) => rejection,
            _ => return Ok(()),
        },
    };
    // Somebody else was faster.
    if rejection.code == ErrorCode::TopicAlreadyExists {
        return Ok(());
    }
    tracing::error!(%rejection, "{OFFSETS_TOPIC} cannot be created: no groups");
    Err(ErrorCode::CoordinatorNotAvailable)
}

/// The topic as the broker's keys want it.
pub(crate) fn new_topic(config: &BrokerConfig, image: &MetadataImage) -> NewTopic {
    let config = &config.offsets_topic;
    let own = |key: &str, value: String| (key.to_owned(), Some(value));
    NewTopic {
        partitions: config.partitions,
        replication_factor: replication_factor(config.replication_factor, image),
        configs: vec![
            own("cleanup.policy", "compact".to_owned()),
            own("compression.type", "producer".to_owned()),
            own("segment.bytes", config.segment_bytes.to_string()),
        ],
        ..NewTopic::with_defaults(OFFSETS_TOPIC)
    }
}

/// What was asked for, or else Kafka's 3 as far as there are so many brokers: a cluster of one
/// serves groups without being told to.
fn replication_factor(asked_for: Option<i16>, image: &MetadataImage) -> i16 {
    const DEFAULT: i16 = 3;
    asked_for.unwrap_or_else(|| {
        let brokers = image.brokers().filter(|broker| broker.is_active()).count();
        i16::try_from(brokers).unwrap_or(DEFAULT).clamp(1, DEFAULT)
    })
}
