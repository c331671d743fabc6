//! Has the markers written that the coordinator of a transaction owes to its partitions.

use std::sync::Arc;

use base::ErrorCode;
use coordinator::transaction::{Markers, MarkersOutcome};
use tokio::task::{JoinError, JoinSet};

use crate::broker::Broker;
use crate::transaction_marker::EndTransactionMarker;

/// To so many partitions of a transaction a marker is written at a time.
const WRITES_MAX: usize = 256;

/// What became of a write, and where in the outcome that belongs: topic and partition.
type Written = ((usize, usize), ErrorCode);

/// Writes a marker to each partition, and tells what became of it there.
pub(crate) async fn write_markers(broker: &Arc<Broker>, markers: Markers) -> MarkersOutcome {
    let marker = EndTransactionMarker {
        producer_id: markers.producer_id,
        producer_epoch: markers.producer_epoch,
        coordinator_epoch: markers.coordinator_epoch,
        is_commit: markers.commit,
        transaction_version: markers.transaction_version,
    };
    let mut outcome = unknown(&markers);
    let mut writes = JoinSet::new();
    for (topic_place, (topic, indexes)) in markers.partitions.iter().enumerate() {
        for (place, &index) in indexes.iter().enumerate() {
            if writes.len() == WRITES_MAX {
                note(&mut outcome, writes.join_next().await);
            }
            let (broker, topic) = (Arc::clone(broker), topic.clone());
            writes.spawn(async move {
                ((topic_place, place), marker.write(&broker, &topic, index).await)
            });
        }
    }
    while let Some(written) = writes.join_next().await {
        note(&mut outcome, Some(written));
    }
    outcome
}

/// The outcome before anything is written.
fn unknown(markers: &Markers) -> MarkersOutcome {
    let partitions = markers.partitions.iter().map(|(topic, indexes)| {
        let codes = indexes.iter().map(|&index| (index, ErrorCode::UnknownServerError));
        (topic.clone(), codes.collect())
    });
    MarkersOutcome {
        token: markers.token,
        transactional_id: markers.transactional_id.clone(),
        partitions: partitions.collect(),
    }
}

/// A write that has panicked stays unknown, and the coordinator asks for it again.
fn note(outcome: &mut MarkersOutcome, written: Option<Result<Written, JoinError>>) {
    match written {
        Some(Ok(((topic, partition), code))) => outcome.partitions[topic].1[partition].1 = code,
        Some(Err(error)) => tracing::error!(%error, "a marker was not written"),
        None => {}
    }
}
