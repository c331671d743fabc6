//! What the topic's configuration says to its logs, under Kafka's names.

/// How safe a record is when this replica answers for it (`ottla.durability`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// It lies in this process.
    Memory,
    /// It lies in the machine's page cache.
    Os,
    /// It lies on the disk.
    #[default]
    Disk,
}

/// The keys that a log acts on. Defaults are Kafka's, but for the durability.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of its own")]
pub struct LogConfig {
    /// `ottla.durability`
    pub durability: Durability,
    /// `segment.bytes`: a segment is closed before it grows larger.
    pub segment_bytes: u32,
    /// No key: the active segment of a compacted log, which is never cleaned, is closed as soon as
    /// it is larger than the first, which is what the last cleaning has left, but no smaller than
    /// this; none: only as `segment.bytes` says.
    pub compacted_segment_bytes_min: Option<u32>,
    /// `segment.ms`: a segment is closed when its records span more.
    pub segment_ms: i64,
    /// `segment.jitter.ms`: up to so much is taken off `segment.ms`, so that not all segments close
    /// at once.
    pub segment_jitter_ms: i64,
    /// `segment.index.bytes`: a segment is closed when an index would grow larger.
    pub segment_index_bytes: u32,
    /// `index.interval.bytes`: an index has one entry for so many bytes.
    pub index_interval_bytes: u32,
    /// `retention.bytes`: a log keeps about so many; none for no limit.
    pub retention_bytes: Option<u64>,
    /// `retention.ms`: a segment is kept so long; none for ever.
    pub retention_ms: Option<i64>,
    /// Whether `cleanup.policy` says `delete`.
    pub delete: bool,
    /// Whether `cleanup.policy` says `compact`.
    pub compact: bool,
    /// `min.cleanable.dirty.ratio`: a log is cleaned when more of it is dirty.
    pub min_cleanable_dirty_ratio: f64,
    /// `min.compaction.lag.ms`: a record is not compacted away sooner.
    pub min_compaction_lag_ms: i64,
    /// `max.compaction.lag.ms`: a record waits no longer for the cleaner.
    pub max_compaction_lag_ms: i64,
    /// `delete.retention.ms`: a tombstone is kept so long after it was first cleaned.
    pub delete_retention_ms: i64,
    /// `file.delete.delay.ms`: a deleted segment's file is kept so long.
    pub file_delete_delay_ms: i64,
    /// `flush.messages`: so many records are acknowledged after a sync at the latest; none for
    /// never.
    pub flush_messages: Option<i64>,
    /// `flush.ms`: so long after it was appended a record is synced; none for never.
    pub flush_ms: Option<i64>,
    /// Whether `message.timestamp.type` is `LogAppendTime`.
    pub log_append_time: bool,
    /// `transaction.partition.verification.enable`: a transaction's first batch is only taken once
    /// its coordinator was asked (KIP-890).
    pub verifies_transactions: bool,
    /// `producer.id.expiration.ms`: a producer that was silent for so long is forgotten.
    pub producer_id_expiration_ms: i64,
}

impl Default for LogConfig {
    fn default() -> Self {
        const HOUR_MS: i64 = 60 * 60 * 1000;
        Self {
            durability: Durability::default(),
            segment_bytes: 1024 * 1024 * 1024,
            compacted_segment_bytes_min: None,
            segment_ms: 7 * 24 * HOUR_MS,
            segment_jitter_ms: 0,
            segment_index_bytes: 10 * 1024 * 1024,
            index_interval_bytes: 4096,
            retention_bytes: None,
            retention_ms: Some(7 * 24 * HOUR_MS),
            delete: true,
            compact: false,
            min_cleanable_dirty_ratio: 0.5,
            min_compaction_lag_ms: 0,
            max_compaction_lag_ms: i64::MAX,
            delete_retention_ms: 24 * HOUR_MS,
            file_delete_delay_ms: 60_000,
            flush_messages: None,
            flush_ms: None,
            log_append_time: false,
            verifies_transactions: true,
            producer_id_expiration_ms: 24 * HOUR_MS,
        }
    }
}

impl LogConfig {
    /// After how long a segment is closed: the active one is never cleaned, so a compacted log's
    /// is closed in time for `max.compaction.lag.ms`.
    pub(crate) fn roll_ms(&self) -> i64 {
        if self.compact { self.segment_ms.min(self.max_compaction_lag_ms) } else { self.segment_ms }
    }
}
