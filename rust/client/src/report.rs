//! What a flush reports: for each partition how many records were delivered, how many failed and
//! why, and what is left.

use std::collections::BTreeMap;
use std::fmt;

use base::TopicPartition;
use client_core::producer::{BatchOutcome, DeliveryError};
use parking_lot::Mutex;

/// The results since the last report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlushReport {
    /// One row for each partition that had a result, or still waits for one; records whose topic is
    /// not known have one without a partition.
    pub partitions: Vec<PartitionReport>,
}

/// One partition's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionReport {
    /// Which partition.
    pub topic_partition: TopicPartition,
    /// Records that are in the log.
    pub delivered: u64,
    /// Records that are not, or of which nobody knows.
    pub failed: u64,
    /// Records that have no result.
    pub pending: u64,
    /// Why the first of the failed ones failed.
    pub first_error: Option<DeliveryError>,
}

impl FlushReport {
    /// Whether everything was delivered.
    pub fn is_ok(&self) -> bool {
        self.partitions.iter().all(|row| row.failed == 0 && row.pending == 0)
    }

    /// The records that failed.
    pub fn failed(&self) -> u64 {
        self.partitions.iter().map(|row| row.failed).sum()
    }

    /// The records that were delivered.
    pub fn delivered(&self) -> u64 {
        self.partitions.iter().map(|row| row.delivered).sum()
    }

    /// The records that have no result.
    pub fn pending(&self) -> u64 {
        self.partitions.iter().map(|row| row.pending).sum()
    }
}

impl fmt::Display for FlushReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} delivered, {} failed, {} pending",
            self.delivered(),
            self.failed(),
            self.pending()
        )?;
        for row in self.partitions.iter().filter(|row| row.failed > 0 || row.pending > 0) {
            let (name, failed, pending) = (&row.topic_partition, row.failed, row.pending);
            write!(f, "; {name}: {failed} failed, {pending} pending")?;
            if let Some(error) = &row.first_error {
                write!(f, " ({error})")?;
            }
        }
        Ok(())
    }
}

/// Counts results as they come.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    rows: Mutex<BTreeMap<TopicPartition, PartitionReport>>,
}

impl Tally {
    /// Records were sealed into a batch.
    pub(crate) fn sealed(&self, topic_partition: &TopicPartition, records: u64) {
        self.row(topic_partition, |row| row.pending += records);
    }

    /// Records are in an open batch after all.
    pub(crate) fn unsealed(&self, topic_partition: &TopicPartition, records: u64) {
        self.row(topic_partition, |row| row.pending -= records);
    }

    /// The batch has its result.
    pub(crate) fn completed(
        &self,
        topic_partition: &TopicPartition,
        records: u32,
        outcome: &BatchOutcome,
    ) {
        self.row(topic_partition, |row| {
            row.pending -= u64::from(records);
            for (count, part) in outcome.parts(records) {
                match part {
                    BatchOutcome::Failed { error, .. } => {
                        row.failed += u64::from(count);
                        row.first_error.get_or_insert_with(|| error.clone());
                    }
                    BatchOutcome::Delivered { .. } | BatchOutcome::Split(_) => {
                        row.delivered += u64::from(count);
                    }
                }
            }
        });
    }

    /// The counts, which begin anew but for what is pending.
    pub(crate) fn take(&self) -> FlushReport {
        let mut rows = self.rows.lock();
        let is_news = |row: &&PartitionReport| row.delivered + row.failed + row.pending > 0;
        let partitions = rows.values().filter(is_news).cloned().collect();
        rows.retain(|_, row| row.pending > 0);
        for row in rows.values_mut() {
            (row.delivered, row.failed, row.first_error) = (0, 0, None);
        }
        FlushReport { partitions }
    }

    /// The records that have no result, by partition.
    pub(crate) fn pending(&self) -> BTreeMap<TopicPartition, u64> {
        let rows = self.rows.lock();
        let pending = rows.iter().filter(|(_, row)| row.pending > 0);
        pending.map(|(name, row)| (name.clone(), row.pending)).collect()
    }

    fn row(&self, topic_partition: &TopicPartition, change: impl FnOnce(&mut PartitionReport)) {
        let mut rows = self.rows.lock();
        if let Some(row) = rows.get_mut(topic_partition) {
            return change(row);
        }
        let mut row = PartitionReport {
            topic_partition: topic_partition.clone(),
            delivered: 0,
            failed: 0,
            pending: 0,
            first_error: None,
        };
        change(&mut row);
        rows.insert(topic_partition.clone(), row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_counts_what_came_since_the_last_and_what_is_left() {
        let tally = Tally::default();
        let (a, b) = (TopicPartition::new("t", 0), TopicPartition::new("t", 1));
        tally.sealed(&a, 3);
        tally.sealed(&a, 4);
        tally.sealed(&b, 5);
        let delivered = BatchOutcome::Delivered { base_offset: None, log_append_time_ms: None };
        let error = DeliveryError::Fatal { reason: "it was closed".into() };
        tally.completed(&a, 3, &delivered);
        tally.completed(&b, 5, &BatchOutcome::Failed { error, records: Vec::new() });
        let report = tally.take();
        assert_eq!((report.delivered(), report.failed(), report.pending()), (3, 5, 4));
        assert!(!report.is_ok());
        assert!(report.to_string().contains("t-1: 5 failed, 0 pending (the producer has failed"));
        tally.completed(&a, 4, &delivered);
        let report = tally.take();
        assert!(report.is_ok());
        assert_eq!(report.delivered(), 4);
        assert_eq!(tally.take(), FlushReport::default());
    }
}
