//! `WriteTxnMarkers` (key 27), v1-v2: ends transactions on partitions that are led here (KIP-98).
//!
//! v2 says which version of transactions the producer uses (KIP-1228).

use std::sync::Arc;

use base::{ErrorCode, ProducerEpoch, ProducerId};
use tokio::task::JoinSet;
use wire::write_txn_markers::{
    WritableTxnMarker, WritableTxnMarkerPartitionResult, WritableTxnMarkerResult,
    WritableTxnMarkerTopicResult, WriteTxnMarkersRequest, WriteTxnMarkersResponse,
};

use crate::request::RequestContext;
use crate::transaction_marker::EndTransactionMarker;

/// So many partitions of a request are written to at a time.
const WRITES_MAX: usize = 256;

/// Writes all markers at once, and answers when each is replicated or has failed.
pub(crate) async fn handle(
    context: RequestContext,
    request: WriteTxnMarkersRequest,
) -> WriteTxnMarkersResponse {
    let mut codes: Vec<ErrorCode> = Vec::new();
    let mut writes = JoinSet::new();
    for (number, (marker, topic, index)) in wanted(&request).enumerate() {
        if writes.len() == WRITES_MAX {
            note(&mut codes, writes.join_next().await);
        }
        codes.push(ErrorCode::UnknownServerError);
        let (broker, topic) = (Arc::clone(&context.broker), topic.to_owned());
        writes.spawn(async move { (number, marker.write(&broker, &topic, index).await) });
    }
    while let Some(written) = writes.join_next().await {
        note(&mut codes, Some(written));
    }
    answer(&request, codes)
}

/// What is to be written where, in the order of the request.
fn wanted(
    request: &WriteTxnMarkersRequest,
) -> impl Iterator<Item = (EndTransactionMarker, &str, i32)> {
    request.markers.iter().flat_map(|marker| {
        let end = end_of(marker);
        marker.topics.iter().flat_map(move |topic| {
            let indexes = topic.partition_indexes.iter();
            indexes.map(move |&index| (end, topic.name.as_str(), index))
        })
    })
}

fn end_of(marker: &WritableTxnMarker) -> EndTransactionMarker {
    EndTransactionMarker {
        producer_id: ProducerId(marker.producer_id),
        producer_epoch: ProducerEpoch(marker.producer_epoch),
        coordinator_epoch: marker.coordinator_epoch,
        is_commit: marker.transaction_result,
        transaction_version: i16::from(marker.transaction_version),
    }
}

/// A write that has panicked stays an unknown error.
fn note(
    codes: &mut [ErrorCode],
    written: Option<Result<(usize, ErrorCode), tokio::task::JoinError>>,
) {
    match written {
        Some(Ok((number, code))) => codes[number] = code,
        Some(Err(error)) => tracing::error!(%error, "a marker was not written"),
        None => {}
    }
}

/// The codes in the order of the request.
fn answer(request: &WriteTxnMarkersRequest, codes: Vec<ErrorCode>) -> WriteTxnMarkersResponse {
    let mut codes = codes.into_iter();
    let markers = request.markers.iter().map(|marker| {
        let topics = marker.topics.iter().map(|topic| {
            let partitions = topic.partition_indexes.iter().zip(codes.by_ref());
            let partitions = partitions.map(|(&partition_index, code)| {
                WritableTxnMarkerPartitionResult { partition_index, error_code: code.code() }
            });
            WritableTxnMarkerTopicResult {
                name: topic.name.clone(),
                partitions: partitions.collect(),
            }
        });
        WritableTxnMarkerResult { producer_id: marker.producer_id, topics: topics.collect() }
    });
    WriteTxnMarkersResponse { markers: markers.collect() }
}

#[cfg(test)]
mod tests {
    use wire::write_txn_markers::WritableTxnMarkerTopic;

    use super::*;

    fn marker(producer_id: i64, topics: &[(&str, &[i32])]) -> WritableTxnMarker {
        let topics = topics.iter().map(|(name, indexes)| WritableTxnMarkerTopic {
            name: (*name).to_owned(),
            partition_indexes: indexes.to_vec(),
        });
        WritableTxnMarker {
            producer_id,
            producer_epoch: 0,
            transaction_result: true,
            topics: topics.collect(),
            coordinator_epoch: 0,
            transaction_version: 0,
        }
    }

    #[test]
    fn each_partition_gets_the_code_of_its_own_marker() {
        let markers = vec![marker(1, &[("a", &[0, 1]), ("b", &[5])]), marker(2, &[("a", &[1])])];
        let codes = [
            ErrorCode::None,
            ErrorCode::UnknownTopicOrPartition,
            ErrorCode::InvalidProducerEpoch,
            ErrorCode::TransactionCoordinatorFenced,
        ];
        let answered = answer(&WriteTxnMarkersRequest { markers }, codes.to_vec());
        let found: Vec<(i64, String, i32, i16)> = answered
            .markers
            .iter()
            .flat_map(|marker| marker.topics.iter().map(move |topic| (marker.producer_id, topic)))
            .flat_map(|(producer, topic)| {
                topic.partitions.iter().map(move |partition| {
                    let (index, code) = (partition.partition_index, partition.error_code);
                    (producer, topic.name.clone(), index, code)
                })
            })
            .collect();
        let expected = [
            (1, "a".to_owned(), 0, 0),
            (1, "a".to_owned(), 1, 3),
            (1, "b".to_owned(), 5, 47),
            (2, "a".to_owned(), 1, 52),
        ];
        assert_eq!(found, expected);
    }
}
