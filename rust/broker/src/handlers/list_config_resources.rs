//! `ListConfigResources` (key 74), v0-v1: what has, or may have, a configuration of its own:
//! topics, brokers, and the groups for which something is set (KIP-1142). v0 asks for subscriptions
//! to clients' metrics only, of which there are none.

use std::collections::BTreeSet;

use base::ErrorCode;
use metadata::MetadataImage;
use metadata::image::ConfigEntity;
use wire::list_config_resources::{
    ConfigResource, ListConfigResourcesRequest, ListConfigResourcesResponse,
};

use crate::request::RequestContext;

const TOPIC: i8 = 2;
const BROKER: i8 = 4;
const BROKER_LOGGER: i8 = 8;
const CLIENT_METRICS: i8 = 16;
const GROUP: i8 = 32;

/// Lists resources of the types that are asked for, or of all.
pub(crate) fn handle(
    context: &RequestContext,
    request: &ListConfigResourcesRequest,
) -> ListConfigResourcesResponse {
    let known: &[i8] = match context.api_version {
        0 => &[CLIENT_METRICS],
        _ => &[TOPIC, BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP],
    };
    let asked: BTreeSet<i8> = match request.resource_types.as_slice() {
        [] => known.iter().copied().collect(),
        types => types.iter().copied().collect(),
    };
    if asked.iter().any(|resource_type| !known.contains(resource_type)) {
        let error_code = ErrorCode::UnsupportedVersion.code();
        return ListConfigResourcesResponse { error_code, ..Default::default() };
    }
    let image = context.broker.controller.image();
    let config_resources = asked.iter().flat_map(|&asked| resources(&image, asked)).collect();
    ListConfigResourcesResponse { config_resources, ..ListConfigResourcesResponse::default() }
}

fn resources(image: &MetadataImage, resource_type: i8) -> Vec<ConfigResource> {
    let brokers = || image.brokers().filter(|broker| broker.is_active());
    let names: Vec<String> = match resource_type {
        TOPIC => image.topics().map(|topic| topic.name.to_string()).collect(),
        BROKER | BROKER_LOGGER => brokers().map(|broker| broker.id.to_string()).collect(),
        GROUP => image.configured().filter_map(|(entity, _)| group_id(entity)).collect(),
        _ => Vec::new(),
    };
    let named = names.into_iter();
    named.map(|resource_name| ConfigResource { resource_name, resource_type }).collect()
}

fn group_id(entity: &ConfigEntity) -> Option<String> {
    match entity {
        ConfigEntity::Group(id) => Some(id.clone()),
        _ => None,
    }
}
