//! The limits and intervals of a log directory.

use std::time::Duration;

use super::queue::QueueLimits;
use crate::cleaner::CleanerConfig;
use crate::journal::JournalConfig;

/// What bounds a log directory, and how often it looks after itself.
#[derive(Clone, Debug, PartialEq)]
pub struct DirectoryConfig {
    /// The journal's size.
    pub journal: JournalConfig,
    /// What may wait for the appender.
    pub submissions: QueueLimits,
    /// What may wait for the journal writer.
    pub journal_entries: QueueLimits,
    /// From this many bytes for one partition in one gathering on, its segment is synced instead of
    /// its batches being journalled: one write costs less than two, and from here on its sync takes
    /// no longer than the journal's.
    pub segment_sync_bytes_min: usize,
    /// A log's recovery point is moved to its end when so many bytes lie behind it: recovery checks
    /// every one of them.
    pub unchecked_bytes_max: u64,
    /// All recovery points are moved when so many bytes lie behind them together: what a start
    /// after a crash takes depends on neither the size nor the number of the logs.
    pub unchecked_bytes_total_max: u64,
    /// Segments are synced for the journal's sake when it holds so many bytes that only it holds
    /// durably.
    pub journal_release_bytes: usize,
    /// How often logs are looked through for files that nobody uses and records that are to be
    /// synced.
    pub sweep_interval: Duration,
    /// `log.retention.check.interval.ms`
    pub retention_interval: Duration,
    /// `log.segment.delete.delay.ms`: how long the files of a deleted log are kept.
    pub delete_delay: Duration,
    /// The most bytes that topics of durability `memory` take together.
    pub memory_bytes_max: u64,
    /// What bounds the cleaner of compacted logs.
    pub cleaner: CleanerConfig,
}

impl Default for DirectoryConfig {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        Self {
            journal: JournalConfig::default(),
            submissions: QueueLimits { items_max: 64 * 1024, bytes_max: 128 * MIB },
            journal_entries: QueueLimits { items_max: 64 * 1024, bytes_max: 128 * MIB },
            segment_sync_bytes_min: 256 * 1024,
            unchecked_bytes_max: 8 * MIB as u64,
            unchecked_bytes_total_max: 64 * MIB as u64,
            journal_release_bytes: 16 * MIB,
            sweep_interval: Duration::from_secs(30),
            retention_interval: Duration::from_mins(5),
            delete_delay: Duration::from_mins(1),
            memory_bytes_max: 256 * MIB as u64,
            cleaner: CleanerConfig::default(),
        }
    }
}
