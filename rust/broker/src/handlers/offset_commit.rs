//! `OffsetCommit` (key 8), v2-v10: stores how far a group has come, durably.
//!
//! v6 adds leader epochs (KIP-320), v7 static members (KIP-345), v9 members of the new protocol and
//! v10 topic ids (KIP-848). The answer leaves when the offsets are below the high watermark.

use base::ErrorCode;
use wire::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestTopic, OffsetCommitResponse,
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};

use crate::request::RequestContext;

/// Lets the group's coordinator answer.
pub(crate) async fn handle(
    context: RequestContext,
    request: OffsetCommitRequest,
) -> OffsetCommitResponse {
    let group = request.group_id.clone();
    let refusal = refusal_of(&request);
    context.ask_group(&group, request).await.unwrap_or_else(refusal)
}

/// The answer if there is no coordinator to give it. A whole request has no error of its own, so
/// that each partition bears it.
fn refusal_of(
    request: &OffsetCommitRequest,
) -> impl FnOnce(ErrorCode) -> OffsetCommitResponse + use<> {
    let topics = request.topics.iter().map(unanswered);
    let mut response = OffsetCommitResponse { topics: topics.collect(), ..Default::default() };
    move |code| {
        let partitions = response.topics.iter_mut().flat_map(|topic| &mut topic.partitions);
        partitions.for_each(|partition| partition.error_code = code.code());
        response
    }
}

fn unanswered(topic: &OffsetCommitRequestTopic) -> OffsetCommitResponseTopic {
    let partition = |index| OffsetCommitResponsePartition { partition_index: index, error_code: 0 };
    OffsetCommitResponseTopic {
        name: topic.name.clone(),
        topic_id: topic.topic_id,
        partitions: topic.partitions.iter().map(|p| partition(p.partition_index)).collect(),
    }
}
