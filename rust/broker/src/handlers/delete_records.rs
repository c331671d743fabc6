//! `DeleteRecords` (key 21), v0-v2: moves the start of a partition's log (KIP-107).

use base::{ErrorCode, Offset};
use wire::delete_records::{
    DeleteRecordsPartition, DeleteRecordsPartitionResult, DeleteRecordsRequest,
    DeleteRecordsResponse, DeleteRecordsTopicResult,
};

use crate::request::RequestContext;

/// The low watermark of a partition whose records could not be deleted.
const INVALID_LOW_WATERMARK: i64 = -1;
/// The offset that stands for the high watermark.
const HIGH_WATERMARK: i64 = -1;

/// Moves each log's start; the answer leaves when the new start is durable.
pub(crate) async fn handle(
    context: RequestContext,
    request: DeleteRecordsRequest,
) -> DeleteRecordsResponse {
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for asked in &topic.partitions {
            partitions.push(answer(asked, delete(&context, &topic.name, asked).await));
        }
        topics.push(DeleteRecordsTopicResult { name: topic.name, partitions });
    }
    DeleteRecordsResponse { topics, ..DeleteRecordsResponse::default() }
}

async fn delete(
    context: &RequestContext,
    topic: &str,
    asked: &DeleteRecordsPartition,
) -> Result<Offset, ErrorCode> {
    let partition = context.broker.partitions.by_name(topic, asked.partition_index)?;
    let high_watermark = partition.offsets().high_watermark;
    let before = match asked.offset {
        HIGH_WATERMARK => high_watermark,
        offset if offset < 0 || Offset(offset) > high_watermark => {
            return Err(ErrorCode::OffsetOutOfRange);
        }
        offset => Offset(offset),
    };
    partition.delete_records(&context.broker.directory, before).await
}

fn answer(
    asked: &DeleteRecordsPartition,
    result: Result<Offset, ErrorCode>,
) -> DeleteRecordsPartitionResult {
    let (low_watermark, error_code) = match result {
        Ok(start) => (start.0, ErrorCode::None.code()),
        Err(code) => (INVALID_LOW_WATERMARK, code.code()),
    };
    let partition_index = asked.partition_index;
    DeleteRecordsPartitionResult { partition_index, low_watermark, error_code }
}
