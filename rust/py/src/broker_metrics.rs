//! What a broker has done so far, in numbers, by the names that Python has for them.

use ::broker::{BrokerServer, CleanerMetrics, RebalanceMetrics};
use pyo3::types::{PyDict, PyDictMethods};
use pyo3::{Bound, PyResult, Python};

/// A snapshot.
#[derive(Debug)]
pub(crate) struct BrokerMetrics {
    free_request_bytes: usize,
    rebalances: RebalanceMetrics,
    cleaner: CleanerMetrics,
    late_transactions: usize,
}

impl BrokerMetrics {
    pub(crate) fn of(server: &BrokerServer) -> Self {
        Self {
            free_request_bytes: server.free_request_bytes(),
            rebalances: server.rebalance_metrics(),
            cleaner: server.cleaner_metrics(),
            late_transactions: server.partitions_with_late_transactions(),
        }
    }

    pub(crate) fn into_dict(self, py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
        let Self { free_request_bytes, rebalances, cleaner, late_transactions } = self;
        let metrics = PyDict::new(py);
        metrics.set_item("free_request_bytes", free_request_bytes)?;
        let RebalanceMetrics { rebalances, took, took_max, causes } = rebalances;
        metrics.set_item("rebalance_total", rebalances)?;
        metrics.set_item("rebalance_seconds_total", took.as_secs_f64())?;
        metrics.set_item("rebalance_seconds_max", took_max.as_secs_f64())?;
        for (kind, count) in causes {
            let name = format!("rebalance_cause_{}_total", kind.replace('-', "_"));
            metrics.set_item(name, count)?;
        }
        metrics.set_item("partitions_with_late_transactions_count", late_transactions)?;
        add_cleaner(&metrics, &cleaner)?;
        Ok(metrics)
    }
}

fn add_cleaner(metrics: &Bound<'_, PyDict>, cleaner: &CleanerMetrics) -> PyResult<()> {
    metrics.set_item("cleaner_cleaning_total", cleaner.cleanings)?;
    metrics.set_item("cleaner_abandoned_cleaning_total", cleaner.abandoned_cleanings)?;
    metrics.set_item("cleaner_clean_time_secs_total", cleaner.clean_time.as_secs_f64())?;
    metrics.set_item("cleaner_bytes_read_total", cleaner.bytes_read)?;
    metrics.set_item("cleaner_bytes_written_total", cleaner.bytes_written)?;
    metrics.set_item("cleaner_map_bytes", cleaner.map_bytes)?;
    metrics.set_item("cleaner_map_bytes_max", cleaner.map_bytes_max)?;
    metrics.set_item("cleaner_max_clean_time_secs", cleaner.max_clean_time.as_secs_f64())?;
    metrics.set_item("cleaner_recopy_percent", cleaner.recopy_percent)?;
    let utilization = cleaner.max_buffer_utilization_percent;
    metrics.set_item("cleaner_max_buffer_utilization_percent", utilization)?;
    metrics.set_item("cleaner_max_dirty_percent", cleaner.max_dirty_percent)?;
    let delay_secs = cleaner.max_compaction_delay.as_secs_f64();
    metrics.set_item("cleaner_max_compaction_delay_secs", delay_secs)?;
    metrics.set_item("cleaner_uncleanable_partitions_count", cleaner.uncleanable_partitions)?;
    let since_ms = cleaner.time_since_last_run.map_or(-1.0, |since| since.as_secs_f64() * 1000.0);
    metrics.set_item("cleaner_time_since_last_run_ms", since_ms)
}
