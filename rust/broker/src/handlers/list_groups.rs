//! `ListGroups` (key 16), v0-v5: the groups that this broker coordinates.
//!
//! v4 filters by state (KIP-518), v5 by type (KIP-848).

use wire::list_groups::{ListGroupsRequest, ListGroupsResponse};

use crate::request::RequestContext;

/// Asks every shard; one that still loads makes the client come again, since the list would not be
/// whole.
pub(crate) async fn handle(
    context: RequestContext,
    request: ListGroupsRequest,
) -> ListGroupsResponse {
    match context.broker.coordinator.ask_all(&context.client(), &request).await {
        Ok(lists) => ListGroupsResponse {
            groups: lists.into_iter().flat_map(|list| list.groups).collect(),
            ..ListGroupsResponse::default()
        },
        Err(code) => {
            ListGroupsResponse { error_code: code.code(), ..ListGroupsResponse::default() }
        }
    }
}
