//! `AlterConfigs` (key 33), v0-v2: replaces all configs of a resource; the older way, kept for
//! older clients.

use metadata::controller::ReplaceConfigs;
use wire::alter_configs::{
    AlterConfigsRequest, AlterConfigsResourceResponse, AlterConfigsResponse,
};

use crate::config_resource::{Resources, entity_of};
use crate::request::RequestContext;

/// Replaces what can be replaced; each resource has an answer of its own.
pub(crate) async fn handle(
    context: RequestContext,
    request: AlterConfigsRequest,
) -> AlterConfigsResponse {
    let resources = request.resources.into_iter().map(|resource| {
        let entity = entity_of(&context, resource.resource_type, &resource.resource_name);
        let configs = resource.configs.into_iter().map(|config| (config.name, config.value));
        let configs = configs.collect();
        let replaced = entity.map(|entity| (entity, configs));
        ((resource.resource_type, resource.resource_name), replaced)
    });
    let resources = Resources::new(resources);
    let replace =
        ReplaceConfigs { resources: resources.accepted(), validate_only: request.validate_only };
    let rules = context.broker.config_rules();
    let decided =
        context.broker.controller.change(move |image, _| replace.decide(image, &rules)).await;
    let responses = resources.answers(&decided).map(|(named, error_code, error_message)| {
        let (resource_type, resource_name) = named;
        AlterConfigsResourceResponse { error_code, error_message, resource_type, resource_name }
    });
    AlterConfigsResponse { responses: responses.collect(), ..AlterConfigsResponse::default() }
}
