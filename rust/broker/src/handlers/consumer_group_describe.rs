//! `ConsumerGroupDescribe` (key 69), v0-v1: the members of consumer groups, what they own and what
//! they are to own (KIP-848).

use base::ErrorCode;
use wire::consumer_group_describe::{
    ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse, DescribedGroup,
};

use crate::authorized_operations::GROUP;
use crate::request::RequestContext;

/// Asks the coordinator of each group.
pub(crate) async fn handle(
    context: RequestContext,
    request: ConsumerGroupDescribeRequest,
) -> ConsumerGroupDescribeResponse {
    let mut groups = Vec::with_capacity(request.group_ids.len());
    for group_id in request.group_ids {
        let mut group = describe(&context, group_id).await;
        if request.include_authorized_operations && group.error_code == 0 {
            group.authorized_operations = GROUP;
        }
        groups.push(group);
    }
    ConsumerGroupDescribeResponse { groups, ..ConsumerGroupDescribeResponse::default() }
}

async fn describe(context: &RequestContext, group_id: String) -> DescribedGroup {
    if !context.broker.config.consumer_protocol_enable {
        return failed(group_id, ErrorCode::UnsupportedVersion);
    }
    if group_id.is_empty() {
        return failed(group_id, ErrorCode::InvalidGroupId);
    }
    let group_ids = vec![group_id.clone()];
    let request =
        ConsumerGroupDescribeRequest { group_ids, ..ConsumerGroupDescribeRequest::default() };
    match context.ask_group(&group_id, request).await {
        Ok(answer) => answer.groups.into_iter().next().expect("one group was asked for"),
        Err(code) => failed(group_id, code),
    }
}

fn failed(group_id: String, code: ErrorCode) -> DescribedGroup {
    DescribedGroup { group_id, error_code: code.code(), ..DescribedGroup::default() }
}
