//! `DescribeConfigs` (key 32), v1-v4: the configuration of topics, groups and brokers, and where
//! each value comes from.
//!
//! v1 adds the synonyms (KIP-226), v3 the types and documentation (KIP-569).

use std::collections::BTreeSet;

use base::ErrorCode;
use metadata::controller::validate_topic_name;
use metadata::image::{ConfigEntity, Configs};
use metadata::{MetadataImage, Rejection};
use wire::describe_configs::{
    DescribeConfigsRequest, DescribeConfigsResource, DescribeConfigsResourceResult,
    DescribeConfigsResponse, DescribeConfigsResult, DescribeConfigsSynonym,
};

use crate::config::{
    ConfigEntry, describe_all_brokers, describe_broker, describe_group, describe_topic,
};
use crate::config_resource::entity_of;
use crate::request::RequestContext;

/// Answers each resource on its own, and once: a short name has a long answer.
pub(crate) fn handle(
    context: &RequestContext,
    request: &DescribeConfigsRequest,
) -> DescribeConfigsResponse {
    let image = context.broker.controller.image();
    let mut answered = BTreeSet::new();
    let asked = request.resources.iter();
    let asked = asked.filter(|asked| answered.insert((asked.resource_type, &asked.resource_name)));
    let results = asked.map(|resource| {
        let entries = entries(context, &image, resource);
        result(request, resource, entries)
    });
    DescribeConfigsResponse { results: results.collect(), ..DescribeConfigsResponse::default() }
}

/// All entries of a topic with these overrides.
pub(crate) fn topic_entries(
    context: &RequestContext,
    image: &MetadataImage,
    overrides: &Configs,
) -> Result<Vec<ConfigEntry>, Rejection> {
    let layers = context.broker.topic_configs.layers(image);
    describe_topic(overrides, &layers)
        .map_err(|error| Rejection::new(error.error_code(), error.to_string()))
}

fn entries(
    context: &RequestContext,
    image: &MetadataImage,
    resource: &DescribeConfigsResource,
) -> Result<Vec<ConfigEntry>, Rejection> {
    let entity = entity_of(context, resource.resource_type, &resource.resource_name)?;
    match &entity {
        ConfigEntity::Topic(name) => {
            validate_topic_name(name)?;
            if image.topic_by_name(name).is_none() {
                let code = ErrorCode::UnknownTopicOrPartition;
                return Err(Rejection::new(
                    code,
                    "This server does not host this topic-partition.",
                ));
            }
            topic_entries(context, image, image.configs(&entity))
        }
        ConfigEntity::Group(id) if id.is_empty() => {
            Err(Rejection::new(ErrorCode::InvalidRequest, "Group name must not be empty"))
        }
        // A group may be configured before anybody is in it.
        ConfigEntity::Group(_) => {
            let layers = context.broker.topic_configs.layers(image);
            describe_group(image.configs(&entity), &layers)
                .map_err(|error| Rejection::new(error.error_code(), error.to_string()))
        }
        ConfigEntity::Broker(_) => describe_broker(&context.broker.topic_configs.layers(image))
            .map_err(|error| Rejection::new(error.error_code(), error.to_string())),
        ConfigEntity::BrokerDefault => {
            Ok(describe_all_brokers(&context.broker.topic_configs.layers(image)))
        }
    }
}

fn result(
    request: &DescribeConfigsRequest,
    resource: &DescribeConfigsResource,
    entries: Result<Vec<ConfigEntry>, Rejection>,
) -> DescribeConfigsResult {
    let answer = DescribeConfigsResult {
        resource_type: resource.resource_type,
        resource_name: resource.resource_name.clone(),
        ..DescribeConfigsResult::default()
    };
    match entries {
        Err(rejection) => DescribeConfigsResult {
            error_code: rejection.code.code(),
            error_message: Some(rejection.message),
            ..answer
        },
        Ok(entries) => {
            let asked = resource.configuration_keys.as_ref().filter(|keys| !keys.is_empty());
            let is_asked =
                |entry: &ConfigEntry| asked.is_none_or(|keys| keys.iter().any(|k| k == entry.name));
            let entries = entries.into_iter().filter(is_asked);
            DescribeConfigsResult {
                configs: entries.map(|e| on_wire(request, e)).collect(),
                ..answer
            }
        }
    }
}

fn on_wire(request: &DescribeConfigsRequest, entry: ConfigEntry) -> DescribeConfigsResourceResult {
    let synonyms = entry.synonyms.into_iter().filter(|_| request.include_synonyms);
    DescribeConfigsResourceResult {
        name: entry.name.to_owned(),
        value: entry.value,
        read_only: entry.read_only,
        config_source: entry.source.code(),
        is_sensitive: entry.is_sensitive,
        synonyms: synonyms
            .map(|synonym| DescribeConfigsSynonym {
                name: synonym.name.to_owned(),
                value: synonym.value,
                source: synonym.source.code(),
            })
            .collect(),
        config_type: entry.config_type.code(),
        documentation: request.include_documentation.then(|| entry.documentation.to_owned()),
    }
}
