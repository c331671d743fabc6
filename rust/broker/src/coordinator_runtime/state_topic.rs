//! The topics that coordinators keep their records in: created when they are first needed.

use base::ErrorCode;
use metadata::MetadataImage;
use metadata::controller::{CreateTopics, NewTopic};
use metadata::internal_topic::{OFFSETS_TOPIC, TRANSACTIONS_TOPIC};

use crate::broker::Broker;
use crate::config::BrokerConfig;

/// Kafka's replication factor of both, where it is not set.
const REPLICATION_FACTOR_DEFAULT: i16 = 3;
/// Kafka's `transaction.state.log.min.isr`, where it is not set.
const MIN_IN_SYNC_REPLICAS_DEFAULT: i16 = 2;

/// Waits until the topic of this name exists and takes records; creates it if nobody has.
pub(crate) async fn ensure(broker: &Broker, name: &'static str) -> Result<(), ErrorCode> {
    if broker.controller.image().topic_by_name(name).is_some() {
        return Ok(());
    }
    let (config, rules) = (broker.config.clone(), broker.config_rules());
    let created = broker.controller.change(move |image, rng| {
        let create = CreateTopics {
            topics: vec![new_topic(&config, image, name)],
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
    tracing::error!(%rejection, "{name} cannot be created: no coordinator");
    Err(ErrorCode::CoordinatorNotAvailable)
}

/// A topic of this name as the broker's keys want it: a coordinator's is another than a user's,
/// whoever asks for it first.
pub(crate) fn new_topic(config: &BrokerConfig, image: &MetadataImage, name: &str) -> NewTopic {
    match name {
        OFFSETS_TOPIC => offsets_topic(config, image),
        TRANSACTIONS_TOPIC => transactions_topic(config, image),
        _ => NewTopic::with_defaults(name),
    }
}

fn offsets_topic(config: &BrokerConfig, image: &MetadataImage) -> NewTopic {
    let config = &config.offsets_topic;
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

fn transactions_topic(config: &BrokerConfig, image: &MetadataImage) -> NewTopic {
    let config = &config.transactions_topic;
    let replication_factor = replication_factor(config.replication_factor, image);
    let most_that_there_are = MIN_IN_SYNC_REPLICAS_DEFAULT.min(replication_factor);
    let min_in_sync_replicas = config.min_in_sync_replicas.unwrap_or(most_that_there_are);
    NewTopic {
        partitions: config.partitions,
        replication_factor,
        configs: vec![
            own("cleanup.policy", "compact".to_owned()),
            own("compression.type", "uncompressed".to_owned()),
            own("min.insync.replicas", min_in_sync_replicas.to_string()),
            own("segment.bytes", config.segment_bytes.to_string()),
            own("unclean.leader.election.enable", "false".to_owned()),
        ],
        ..NewTopic::with_defaults(TRANSACTIONS_TOPIC)
    }
}

fn own(key: &str, value: String) -> (String, Option<String>) {
    (key.to_owned(), Some(value))
}

/// What was asked for, or else Kafka's default as far as there are so many brokers: a cluster of
/// one coordinates without being told to.
fn replication_factor(asked_for: Option<i16>, image: &MetadataImage) -> i16 {
    asked_for.unwrap_or_else(|| {
        let brokers = image.brokers().filter(|broker| broker.is_active()).count();
        i16::try_from(brokers)
            .unwrap_or(REPLICATION_FACTOR_DEFAULT)
            .clamp(1, REPLICATION_FACTOR_DEFAULT)
    })
}
