//! `DescribeGroups` (key 15), v0-v6: the members of classic groups and what they were assigned.
//!
//! v3 tells what the client may do (KIP-430), v4 the members' instances (KIP-345), v6 that a group
//! is not known (KIP-1043).

use wire::describe_groups::{DescribeGroupsRequest, DescribeGroupsResponse, DescribedGroup};

use crate::authorized_operations::GROUP;
use crate::request::RequestContext;

/// Asks the coordinator of each group.
pub(crate) async fn handle(
    context: RequestContext,
    request: DescribeGroupsRequest,
) -> DescribeGroupsResponse {
    let mut groups = Vec::with_capacity(request.groups.len());
    for group_id in request.groups {
        let mut group = describe(&context, group_id).await;
        if request.include_authorized_operations && group.error_code == 0 {
            group.authorized_operations = GROUP;
        }
        groups.push(group);
    }
    DescribeGroupsResponse { groups, ..DescribeGroupsResponse::default() }
}

async fn describe(context: &RequestContext, group_id: String) -> DescribedGroup {
    let groups = vec![group_id.clone()];
    let request = DescribeGroupsRequest { groups, ..DescribeGroupsRequest::default() };
    match context.ask_group(&group_id, request).await {
        Ok(answer) => answer.groups.into_iter().next().expect("one group was asked for"),
        Err(code) => {
            DescribedGroup { group_id, error_code: code.code(), ..DescribedGroup::default() }
        }
    }
}
