//! What a consumer knows of itself: how far behind it is, and what it has done so far.

use std::collections::BTreeMap;

use base::TopicPartition;
use client::ConsumerMetrics;
use pyo3::types::{PyDict, PyDictMethods};
use pyo3::{Bound, Py, Python};

use super::{Inner, Place, place};
use crate::error::Error;
use crate::runtime;

/// Partition, position, committed offset and end of the log.
pub(super) type LagRow = (Place, Option<i64>, Option<i64>, i64);

impl Inner {
    /// Asks where the assigned partitions end, and what the group has committed.
    pub(super) fn lag(&self, py: Python<'_>) -> Result<Vec<LagRow>, Error> {
        let partitions = self.client.assignment();
        let ends = runtime::wait(py, None, self.client.end_offsets(&partitions))?;
        let ends = ends.ok_or(Error::Interrupted)??;
        let committed = if self.group.is_some() {
            let asked = partitions.iter().cloned().collect();
            runtime::wait(py, None, self.client.committed(asked))?.ok_or(Error::Interrupted)??
        } else {
            BTreeMap::new()
        };
        let row = |partition: &TopicPartition| {
            let committed = committed.get(partition).and_then(|row| row.as_ref());
            let end = ends.get(partition).copied().unwrap_or(0);
            (place(partition), self.position(partition), committed.map(|row| row.offset), end)
        };
        Ok(partitions.iter().map(row).collect())
    }

    /// The offset of the next record that the program gets, once it is known.
    pub(super) fn position(&self, partition: &TopicPartition) -> Option<i64> {
        let between = self.between().position(partition);
        between.or_else(|| self.client.position(partition))
    }

    /// By the names that Python has for them.
    pub(super) fn metrics(&self, py: Python<'_>) -> Result<Py<PyDict>, Error> {
        let ConsumerMetrics {
            counts,
            assigned_partitions,
            buffered_bytes,
            records_lag_max,
            rebalances,
        } = self.client.metrics();
        let metrics = PyDict::new(py);
        metrics.set_item("records_consumed_total", counts.records)?;
        metrics.set_item("bytes_consumed_total", counts.bytes)?;
        metrics.set_item("fetch_total", counts.fetches)?;
        metrics.set_item("fetch_seconds_total", counts.fetch_duration.as_secs_f64())?;
        metrics.set_item("fetch_seconds_max", counts.fetch_duration_max.as_secs_f64())?;
        metrics.set_item("commit_total", counts.commits)?;
        metrics.set_item("failed_commit_total", counts.failed_commits)?;
        metrics.set_item("reset_total", counts.resets)?;
        metrics.set_item("assigned_partitions", assigned_partitions)?;
        metrics.set_item("buffered_bytes", buffered_bytes)?;
        metrics.set_item("records_lag_max", records_lag_max)?;
        metrics.set_item("rebalance_total", rebalances.count)?;
        metrics.set_item("lost_total", rebalances.lost_count)?;
        metrics.set_item("rebalance_seconds_total", rebalances.duration.as_secs_f64())?;
        metrics.set_item("rebalance_seconds_max", rebalances.duration_max.as_secs_f64())?;
        let last = rebalances.last;
        metrics.set_item("last_rebalance_cause", last.as_ref().map(|last| last.cause.clone()))?;
        let seconds = last.map(|last| last.duration.as_secs_f64());
        metrics.set_item("last_rebalance_seconds", seconds)?;
        Ok(Bound::unbind(metrics))
    }
}
