//! Has the markers written that the coordinator of a transaction owes to its partitions.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::ErrorCode;
use coordinator::transaction::{Markers, MarkersOutcome};
use tokio::task::JoinSet;

use crate::broker::Broker;
use crate::transaction_marker::EndTransactionMarker;

/// To so many partitions of a transaction a marker is written at a time.
const WRITES_MAX: usize = 256;

/// Writes a marker to each partition, and tells what became of it there. One of which nothing is
/// heard is asked for again by the coordinator.
pub(crate) async fn write_markers(broker: &Arc<Broker>, markers: Markers) -> MarkersOutcome {
    let Markers { token, transactional_id, ref partitions, .. } = markers;
    let marker = EndTransactionMarker {
        producer_id: markers.producer_id,
        producer_epoch: markers.producer_epoch,
        coordinator_epoch: markers.coordinator_epoch,
        is_commit: markers.commit,
        transaction_version: markers.transaction_version,
    };
    let mut outcomes = BTreeMap::<String, Vec<(i32, ErrorCode)>>::new();
    let mut writes = JoinSet::new();
    for (topic, indexes) in partitions {
        for &index in indexes {
            if writes.len() == WRITES_MAX
                && let Some(Ok((topic, index, code))) = writes.join_next().await
            {
                outcomes.entry(topic).or_default().push((index, code));
            }
            let (broker, topic) = (Arc::clone(broker), topic.clone());
            writes.spawn(async move {
                let code = marker.write(&broker, &topic, index).await;
                (topic, index, code)
            });
        }
    }
    while let Some(written) = writes.join_next().await {
        if let Ok((topic, index, code)) = written {
            outcomes.entry(topic).or_default().push((index, code));
        }
    }
    let partitions = outcomes.into_iter().collect();
    MarkersOutcome { token, transactional_id, partitions }
}
