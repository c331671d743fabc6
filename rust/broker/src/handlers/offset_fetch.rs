//! `OffsetFetch` (key 9), v1-v10: how far groups have come.
//!
//! v2 has an error for the whole group, v5 leader epochs (KIP-320), v8 several groups (KIP-709), v9
//! members of the new protocol and v10 topic ids (KIP-848).

use base::ErrorCode;
use wire::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchResponse,
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponseTopic,
};

use crate::request::RequestContext;

/// The first version that asks for several groups.
const GROUPS_VERSION_MIN: i16 = 8;
/// The first version that has an error for the whole group.
const GROUP_ERROR_VERSION_MIN: i16 = 2;

/// Asks the coordinator of each group.
pub(crate) async fn handle(
    context: RequestContext,
    request: OffsetFetchRequest,
) -> OffsetFetchResponse {
    if context.api_version < GROUPS_VERSION_MIN {
        return fetch_one(&context, request).await;
    }
    let mut groups = Vec::with_capacity(request.groups.len());
    for group in request.groups {
        groups.push(fetch_group(&context, group, request.require_stable).await);
    }
    OffsetFetchResponse { groups, ..OffsetFetchResponse::default() }
}

async fn fetch_one(context: &RequestContext, request: OffsetFetchRequest) -> OffsetFetchResponse {
    let group = request.group_id.clone();
    let topics = request.topics.clone().unwrap_or_default();
    context.ask_group(&group, request).await.unwrap_or_else(|code| {
        if context.api_version >= GROUP_ERROR_VERSION_MIN {
            return OffsetFetchResponse { error_code: code.code(), ..Default::default() };
        }
        let topics = topics.into_iter().map(|topic| refused(topic, code)).collect();
        OffsetFetchResponse { topics, ..OffsetFetchResponse::default() }
    })
}

async fn fetch_group(
    context: &RequestContext,
    group: OffsetFetchRequestGroup,
    require_stable: bool,
) -> OffsetFetchResponseGroup {
    let group_id = group.group_id.clone();
    let groups = vec![group];
    let request = OffsetFetchRequest { groups, require_stable, ..OffsetFetchRequest::default() };
    let answer = context.ask_group(&group_id, request).await;
    let failed = |code: ErrorCode| OffsetFetchResponseGroup {
        group_id: group_id.clone(),
        error_code: code.code(),
        ..OffsetFetchResponseGroup::default()
    };
    match answer {
        Ok(answer) => answer.groups.into_iter().next().expect("one group was asked for"),
        Err(code) => failed(code),
    }
}

fn refused(topic: OffsetFetchRequestTopic, code: ErrorCode) -> OffsetFetchResponseTopic {
    let partition = |&partition_index: &i32| OffsetFetchResponsePartition {
        partition_index,
        committed_offset: -1,
        metadata: Some(String::new()),
        error_code: code.code(),
        ..OffsetFetchResponsePartition::default()
    };
    let partitions = topic.partition_indexes.iter().map(partition).collect();
    OffsetFetchResponseTopic { name: topic.name, partitions }
}
