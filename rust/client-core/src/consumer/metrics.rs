//! What a consumer has done so far, in numbers.

use std::time::Duration;

use super::group::RebalanceTotals;

/// A snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsumerMetrics {
    /// What is counted from the beginning.
    pub counts: Counts,
    /// How many partitions are read now.
    pub assigned_partitions: usize,
    /// What was fetched and not handed out.
    pub buffered_bytes: u64,
    /// How far the partition that is furthest behind is behind, as of its last fetch.
    pub records_lag_max: Option<i64>,
    /// The rebalances so far; none without a group.
    pub rebalances: RebalanceTotals,
}

/// What is counted from the beginning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records handed out; where compaction has left gaps, these are counted too.
    pub records: u64,
    /// Bytes of batches handed out, as they were fetched: compressed.
    pub bytes: u64,
    /// Fetches that were answered.
    pub fetches: u64,
    /// How long they took together, waiting for records to come included.
    pub fetch_duration: Duration,
    /// How long the longest took.
    pub fetch_duration_max: Duration,
    /// Commits that have succeeded, the consumer's own included.
    pub commits: u64,
    /// Commits that have failed.
    pub failed_commits: u64,
    /// Positions that were not in the log.
    pub resets: u64,
}

impl Counts {
    pub(super) fn note_fetch(&mut self, duration: Duration) {
        self.fetches += 1;
        self.fetch_duration += duration;
        self.fetch_duration_max = self.fetch_duration_max.max(duration);
    }

    pub(super) fn note_commit(&mut self, has_succeeded: bool) {
        let count = if has_succeeded { &mut self.commits } else { &mut self.failed_commits };
        *count += 1;
    }
}
