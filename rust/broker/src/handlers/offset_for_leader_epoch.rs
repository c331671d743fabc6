//! `OffsetForLeaderEpoch` (key 23), v2-v4: where a leader epoch ends, so that a client can find
//! where its log diverges (KIP-320).

use base::LeaderEpoch;
use wire::offset_for_leader_epoch::{
    EpochEndOffset, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse,
    OffsetForLeaderPartition, OffsetForLeaderTopicResult,
};

use crate::request::RequestContext;

/// Answers each partition on its own.
pub(crate) fn handle(
    context: &RequestContext,
    request: &OffsetForLeaderEpochRequest,
) -> OffsetForLeaderEpochResponse {
    let topics = request.topics.iter().map(|topic| OffsetForLeaderTopicResult {
        topic: topic.topic.clone(),
        partitions: topic.partitions.iter().map(|p| answer(context, &topic.topic, p)).collect(),
    });
    OffsetForLeaderEpochResponse {
        topics: topics.collect(),
        ..OffsetForLeaderEpochResponse::default()
    }
}

fn answer(
    context: &RequestContext,
    topic: &str,
    asked: &OffsetForLeaderPartition,
) -> EpochEndOffset {
    let found = context.broker.partitions.by_name(topic, asked.partition).and_then(|partition| {
        partition.check_epoch(LeaderEpoch(asked.current_leader_epoch))?;
        Ok(partition.end_of_epoch(LeaderEpoch(asked.leader_epoch)))
    });
    let unknown = EpochEndOffset { partition: asked.partition, ..EpochEndOffset::default() };
    match found {
        Ok(Some((epoch, end_offset))) => {
            EpochEndOffset { leader_epoch: epoch.0, end_offset: end_offset.0, ..unknown }
        }
        Ok(None) => unknown,
        Err(code) => EpochEndOffset { error_code: code.code(), ..unknown },
    }
}
