//! `DeleteGroups` (key 42), v0-v2: deletes groups that nobody is in, with their offsets.

use wire::delete_groups::{DeletableGroupResult, DeleteGroupsRequest, DeleteGroupsResponse};

use crate::request::RequestContext;

/// Asks the coordinator of each group; who names one twice is answered twice.
pub(crate) async fn handle(
    context: RequestContext,
    request: DeleteGroupsRequest,
) -> DeleteGroupsResponse {
    let mut results = Vec::with_capacity(request.groups_names.len());
    for group_id in request.groups_names {
        results.push(delete(&context, group_id).await);
    }
    DeleteGroupsResponse { results, ..DeleteGroupsResponse::default() }
}

async fn delete(context: &RequestContext, group_id: String) -> DeletableGroupResult {
    let request = DeleteGroupsRequest { groups_names: vec![group_id.clone()] };
    match context.ask_group(&group_id, request).await {
        Ok(answer) => answer.results.into_iter().next().expect("one group was to be deleted"),
        Err(code) => DeletableGroupResult { group_id, error_code: code.code() },
    }
}
