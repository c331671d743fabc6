//! `IncrementalAlterConfigs` (key 44), v0-v1: changes configs key by key (KIP-339).

use base::ErrorCode;
use metadata::Rejection;
use metadata::controller::{ConfigOperation, ConfigUpdate, IncrementalAlterConfigs};
use wire::incremental_alter_configs::{
    AlterConfigsResource, AlterConfigsResourceResponse, IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
};

use crate::config_resource::{Resources, entity_of};
use crate::request::RequestContext;

/// Changes what can be changed; each resource has an answer of its own.
pub(crate) async fn handle(
    context: RequestContext,
    request: IncrementalAlterConfigsRequest,
) -> IncrementalAlterConfigsResponse {
    let resources = request.resources.into_iter().map(|resource| {
        let entity = entity_of(&context, resource.resource_type, &resource.resource_name);
        let named = (resource.resource_type, resource.resource_name.clone());
        (named, entity.and_then(|entity| Ok((entity, updates(resource)?))))
    });
    let resources = Resources::new(resources);
    let alter = IncrementalAlterConfigs {
        resources: resources.accepted(),
        validate_only: request.validate_only,
    };
    let rules = context.broker.config_rules();
    let decided =
        context.broker.controller.change(move |image, _| alter.decide(image, &rules)).await;
    let responses = resources.answers(&decided).map(|(named, error_code, error_message)| {
        let (resource_type, resource_name) = named;
        AlterConfigsResourceResponse { error_code, error_message, resource_type, resource_name }
    });
    IncrementalAlterConfigsResponse {
        responses: responses.collect(),
        ..IncrementalAlterConfigsResponse::default()
    }
}

fn updates(resource: AlterConfigsResource) -> Result<Vec<ConfigUpdate>, Rejection> {
    let updates = resource.configs.into_iter().map(|config| {
        let operation = ConfigOperation::from_wire(config.config_operation).ok_or_else(|| {
            let message = format!("Unknown operation type {}", config.config_operation);
            Rejection::new(ErrorCode::InvalidRequest, message)
        })?;
        Ok(ConfigUpdate { key: config.name, operation, value: config.value })
    });
    updates.collect()
}
