//! Records: delete all before an offset. Each partition's leader is asked, so this is one round of
//! a survey.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base::{ErrorCode, NodeId, TopicPartition};
use wire::delete_records::{
    DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsResponse, DeleteRecordsTopic,
};

use super::topics::millis;
use crate::inquiry::{Inquiry, Reading, Target};

/// Asks `leader` to delete the records before each offset; -1 stands for the high watermark.
pub fn delete_records(
    leader: NodeId,
    offsets: &[(TopicPartition, i64)],
    timeout: Duration,
) -> Inquiry<DeleteRecordsRequest, DeleteRecordsResponse> {
    let mut topics: BTreeMap<Arc<str>, Vec<DeleteRecordsPartition>> = BTreeMap::new();
    for (partition, offset) in offsets {
        let row =
            DeleteRecordsPartition { partition_index: partition.partition.0, offset: *offset };
        topics.entry(partition.topic.clone()).or_default().push(row);
    }
    let topics = topics.into_iter();
    let topics = topics
        .map(|(name, partitions)| DeleteRecordsTopic { name: name.to_string(), partitions })
        .collect();
    let request = DeleteRecordsRequest { topics, timeout_ms: millis(timeout) };
    Inquiry::new(Target::Node(leader), request, timeout, Reading::Done)
}

/// What the answer says about a partition: its log start from now on.
pub fn read_deleted(
    response: &DeleteRecordsResponse,
    partition: &TopicPartition,
) -> Result<i64, ErrorCode> {
    let row = response
        .topics
        .iter()
        .find(|topic| *topic.name == *partition.topic)
        .and_then(|topic| {
            topic.partitions.iter().find(|row| row.partition_index == partition.partition.0)
        })
        .ok_or(ErrorCode::UnknownServerError)?;
    match super::code(row.error_code) {
        ErrorCode::None => Ok(row.low_watermark),
        code => Err(code),
    }
}
