//! `CreateTopics` (key 19), v2-v7: the answer leaves when the topics are committed and their
//! partitions take records.
//!
//! v5 answers with the configs (KIP-525), v7 with the topic id (KIP-516).

use base::{NodeId, PartitionIndex};
use metadata::controller::{CreateTopics, CreatedTopic, NewTopic};
use metadata::{MetadataImage, Rejection};
use wire::create_topics::{
    CreatableTopic, CreatableTopicConfigs, CreatableTopicResult, CreateTopicsRequest,
    CreateTopicsResponse,
};

use crate::handlers::describe_configs::topic_entries;
use crate::request::RequestContext;

/// Creates what can be created; each topic has an answer of its own.
pub(crate) async fn handle(
    context: RequestContext,
    request: CreateTopicsRequest,
) -> CreateTopicsResponse {
    let config = &context.broker.config;
    let names: Vec<String> = request.topics.iter().map(|topic| topic.name.clone()).collect();
    let create = CreateTopics {
        topics: request.topics.into_iter().map(new_topic).collect(),
        validate_only: request.validate_only,
        default_partitions: config.num_partitions,
        default_replication_factor: config.default_replication_factor,
    };
    let rules = context.broker.config_rules();
    let decided =
        context.broker.controller.change(move |image, rng| create.decide(image, &rules, rng));
    let decided = decided.await;
    let image = context.broker.controller.image();
    let mut answered = std::collections::BTreeSet::new();
    let topics = names.into_iter().filter(|name| answered.insert(name.clone())).map(|name| {
        let result = decided
            .as_ref()
            .map_err(Clone::clone)
            .and_then(|answers| answers[&name].as_ref().map_err(Clone::clone));
        match result {
            Ok(created) => created_result(&context, &image, name, created),
            Err(rejection) => rejected(name, rejection),
        }
    });
    CreateTopicsResponse { topics: topics.collect(), ..CreateTopicsResponse::default() }
}

fn new_topic(topic: CreatableTopic) -> NewTopic {
    let nodes = |ids: Vec<i32>| ids.into_iter().map(NodeId).collect();
    let assignments = topic.assignments.into_iter();
    NewTopic {
        name: topic.name,
        partitions: topic.num_partitions,
        replication_factor: topic.replication_factor,
        assignments: assignments
            .map(|a| (PartitionIndex(a.partition_index), nodes(a.broker_ids)))
            .collect(),
        configs: topic.configs.into_iter().map(|config| (config.name, config.value)).collect(),
    }
}

fn created_result(
    context: &RequestContext,
    image: &MetadataImage,
    name: String,
    created: &CreatedTopic,
) -> CreatableTopicResult {
    let entries = topic_entries(context, image, &created.configs).unwrap_or_default();
    let configs = entries.into_iter().map(|entry| CreatableTopicConfigs {
        name: entry.name.to_owned(),
        value: entry.value,
        read_only: entry.read_only,
        config_source: entry.source.code(),
        is_sensitive: entry.is_sensitive,
    });
    CreatableTopicResult {
        name,
        topic_id: created.id.0,
        error_message: None,
        num_partitions: created.partitions,
        replication_factor: created.replication_factor,
        configs: Some(configs.collect()),
        ..CreatableTopicResult::default()
    }
}

fn rejected(name: String, rejection: Rejection) -> CreatableTopicResult {
    CreatableTopicResult {
        name,
        error_code: rejection.code.code(),
        error_message: Some(rejection.message),
        configs: Some(Vec::new()),
        ..CreatableTopicResult::default()
    }
}
