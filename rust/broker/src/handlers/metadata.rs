//! Metadata (key 3), v0-v13: brokers, topics and leaders.
//!
//! v10 adds topic ids (KIP-516), v12 asks by them, v13 has an error code of its own (KIP-1102). A
//! topic that is created by being asked for is answered when it exists, so that no client has to
//! back off.

use std::collections::BTreeSet;

use base::{ErrorCode, TopicId};
use metadata::MetadataImage;
use metadata::controller::{CreateTopics, validate_topic_name};
use metadata::image::TopicImage;
use metadata::internal_topic::is_internal;
use wire::metadata::{
    MetadataRequest, MetadataResponse, MetadataResponseBroker, MetadataResponsePartition,
    MetadataResponseTopic,
};

use crate::authorized_operations::{CLUSTER, TOPIC};
use crate::coordinator_runtime::state_topic;
use crate::request::RequestContext;

/// The first version that may ask by topic id.
const BY_ID_VERSION_MIN: i16 = 12;

/// What a request asks for.
enum Asked {
    All,
    Names(BTreeSet<String>),
    Ids(BTreeSet<TopicId>),
}

/// Answers with what is committed, after creating what may be created.
pub(crate) async fn handle(context: RequestContext, request: MetadataRequest) -> MetadataResponse {
    let asked = match asked(&request, context.api_version) {
        Ok(asked) => asked,
        Err(code) => return refused(&context, &request, code),
    };
    let mut unknown = ErrorCode::UnknownTopicOrPartition;
    if let Asked::Names(names) = &asked
        && request.allow_auto_topic_creation
        && context.broker.config.auto_create_topics_enable
        && let Err(code) = create_missing(&context, names).await
    {
        unknown = code;
    }
    let image = context.broker.controller.image();
    let mut topics = match asked {
        Asked::All => image.topics().map(|topic| known(topic)).collect(),
        Asked::Names(names) => names.into_iter().map(|name| named(&image, name, unknown)).collect(),
        Asked::Ids(ids) => ids.into_iter().map(|id| identified(&image, id)).collect::<Vec<_>>(),
    };
    if request.include_topic_authorized_operations {
        for topic in &mut topics {
            topic.topic_authorized_operations = TOPIC;
        }
    }
    response(&context, &image, &request, topics)
}

/// In v0 an empty list means all topics, later a null one does.
fn asked(request: &MetadataRequest, api_version: i16) -> Result<Asked, ErrorCode> {
    let Some(topics) = &request.topics else { return Ok(Asked::All) };
    if topics.is_empty() && api_version == 0 {
        return Ok(Asked::All);
    }
    if api_version < BY_ID_VERSION_MIN
        && topics.iter().any(|t| t.name.is_none() || !TopicId(t.topic_id).is_zero())
    {
        return Err(ErrorCode::InvalidRequest);
    }
    let ids = topics.iter().map(|topic| TopicId(topic.topic_id)).filter(|id| !id.is_zero());
    let ids: BTreeSet<TopicId> = ids.collect();
    if !ids.is_empty() {
        return Ok(Asked::Ids(ids));
    }
    Ok(Asked::Names(topics.iter().filter_map(|topic| topic.name.clone()).collect()))
}

/// Creates the topics that are not there. The error is what those are answered with that still are
/// not.
async fn create_missing(
    context: &RequestContext,
    names: &BTreeSet<String>,
) -> Result<(), ErrorCode> {
    let image = context.broker.controller.image();
    let missing = names.iter().filter(|name| image.topic_by_name(name).is_none());
    let config = &context.broker.config;
    let topics: Vec<_> = missing.map(|name| state_topic::new_topic(config, &image, name)).collect();
    if topics.is_empty() {
        return Ok(());
    }
    let create = CreateTopics {
        topics,
        validate_only: false,
        default_partitions: context.broker.config.num_partitions,
        default_replication_factor: context.broker.config.default_replication_factor,
    };
    let rules = context.broker.config_rules();
    let created =
        context.broker.controller.change(move |image, rng| create.decide(image, &rules, rng));
    match created.await {
        // A topic that alone could not be created is unknown, or wrongly named.
        Ok(_) => Ok(()),
        Err(rejection) if rejection.code == ErrorCode::KafkaStorageError => {
            Err(storage_failed(context.api_version))
        }
        Err(rejection) => {
            tracing::warn!(%rejection, "topics could not be created on demand");
            Ok(())
        }
    }
}

/// Every client tries again, and the newer ones say why. Those before v6 do not know
/// `KAFKA_STORAGE_ERROR` and would give up.
fn storage_failed(api_version: i16) -> ErrorCode {
    if api_version <= 5 { ErrorCode::LeaderNotAvailable } else { ErrorCode::KafkaStorageError }
}

fn known(topic: &TopicImage) -> MetadataResponseTopic {
    let partitions = topic.partitions().map(|(index, partition)| {
        let ids = |nodes: &[base::NodeId]| nodes.iter().map(|node| node.0).collect();
        let no_leader = partition.leader.is_none().then_some(ErrorCode::LeaderNotAvailable);
        MetadataResponsePartition {
            error_code: no_leader.unwrap_or(ErrorCode::None).code(),
            partition_index: index.0,
            leader_id: partition.leader.unwrap_or(base::NodeId::NONE).0,
            leader_epoch: partition.leader_epoch.0,
            replica_nodes: ids(&partition.replicas),
            isr_nodes: ids(&partition.isr),
            offline_replicas: Vec::new(),
        }
    });
    MetadataResponseTopic {
        name: Some(topic.name.to_string()),
        topic_id: topic.id.0,
        is_internal: is_internal(&topic.name),
        partitions: partitions.collect(),
        ..MetadataResponseTopic::default()
    }
}

fn named(image: &MetadataImage, name: String, unknown: ErrorCode) -> MetadataResponseTopic {
    if let Some(topic) = image.topic_by_name(&name) {
        return known(topic);
    }
    let code = match validate_topic_name(&name) {
        Ok(()) => unknown,
        Err(_) => ErrorCode::InvalidTopicException,
    };
    MetadataResponseTopic {
        error_code: code.code(),
        is_internal: is_internal(&name),
        name: Some(name),
        ..MetadataResponseTopic::default()
    }
}

fn identified(image: &MetadataImage, id: TopicId) -> MetadataResponseTopic {
    image.topic(id).map_or_else(
        || MetadataResponseTopic {
            error_code: ErrorCode::UnknownTopicId.code(),
            topic_id: id.0,
            name: None,
            ..MetadataResponseTopic::default()
        },
        |topic| known(topic),
    )
}

fn response(
    context: &RequestContext,
    image: &MetadataImage,
    request: &MetadataRequest,
    topics: Vec<MetadataResponseTopic>,
) -> MetadataResponse {
    let brokers = context.broker.end_points(image, &context.connection).into_iter();
    let mut response = MetadataResponse {
        brokers: brokers
            .map(|broker| MetadataResponseBroker {
                node_id: broker.node_id.0,
                host: broker.host,
                port: broker.port,
                rack: broker.rack,
            })
            .collect(),
        cluster_id: image.cluster_id().map(str::to_owned),
        controller_id: context.broker.node_id.0,
        topics,
        ..MetadataResponse::default()
    };
    if request.include_cluster_authorized_operations {
        response.cluster_authorized_operations = CLUSTER;
    }
    response
}

/// Until v12 there is no error but that of a topic.
fn refused(
    context: &RequestContext,
    request: &MetadataRequest,
    code: ErrorCode,
) -> MetadataResponse {
    let topics = request.topics.iter().flatten().map(|topic| MetadataResponseTopic {
        error_code: code.code(),
        name: Some(topic.name.clone().unwrap_or_default()),
        ..MetadataResponseTopic::default()
    });
    let image = context.broker.controller.image();
    response(context, &image, request, topics.collect())
}
