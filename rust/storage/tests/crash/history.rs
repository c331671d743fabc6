//! What happens to a log directory before the power is cut.

use storage::log::{Durability, LogConfig};

/// A partition in a history: one digit is enough to tell them apart.
pub(crate) type Partition = u8;

/// One thing that happens.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    /// The topic of the partition is made (again), under a new id.
    Create(Partition, Settings),
    /// Batches of so many bytes each are submitted together.
    Append(Partition, usize, usize),
    /// A record of so many bytes with this key is submitted.
    Put(Partition, u8, usize),
    /// A record with this key and no value is submitted.
    Delete(Partition, u8),
    /// A record of so many bytes is submitted in the transaction of this producer.
    Transact(Partition, i64, usize),
    /// The marker is submitted that commits or aborts it.
    End(Partition, i64, Outcome),
    /// The machines run until they have nothing to do.
    Settle,
    /// The machines take so many steps, in a seeded order.
    Steps(u32),
    /// Records are deleted up to the high watermark less so many.
    DeleteRecords(Partition, i64),
    /// Records are cut off from the log's end less so many on.
    Truncate(Partition, i64),
    /// The topic is deleted.
    DeleteTopic(Partition),
    /// The topic takes other settings.
    Configure(Partition, Settings),
    /// Somebody asks for a sync.
    Flush(Partition),
    /// Time passes.
    Advance(i64),
    /// The directory is closed and opened again.
    Restart,
}

/// How a transaction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Commit,
    Abort,
}

/// A topic's configuration, as far as histories vary it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) durability: Durability,
    pub(crate) segment_bytes: u32,
    pub(crate) retention_bytes: Option<u64>,
    pub(crate) flush_messages: Option<i64>,
    pub(crate) compact: bool,
}

const DISK: Settings = Settings {
    durability: Durability::Disk,
    segment_bytes: 1 << 20,
    retention_bytes: None,
    flush_messages: None,
    compact: false,
};
const OS: Settings = Settings { durability: Durability::Os, ..DISK };
const SMALL_SEGMENTS: Settings = Settings { segment_bytes: 2_000, ..DISK };
const SMALL_OS_SEGMENTS: Settings = Settings { segment_bytes: 2_000, ..OS };
const RETAINED: Settings = Settings { retention_bytes: Some(4_000), ..SMALL_SEGMENTS };
const COMPACTED: Settings = Settings { compact: true, ..SMALL_SEGMENTS };
const COMPACTED_OS: Settings = Settings { compact: true, ..SMALL_OS_SEGMENTS };
const FLUSHED: Settings = Settings { flush_messages: Some(3), ..OS };

/// Longer than the sweep and the retention interval.
pub(crate) const LONG_MS: i64 = 10 * 60 * 1000;

impl Settings {
    pub(crate) fn log_config(self) -> LogConfig {
        LogConfig {
            durability: self.durability,
            segment_bytes: self.segment_bytes,
            retention_bytes: self.retention_bytes,
            flush_messages: self.flush_messages,
            compact: self.compact,
            delete: !self.compact || self.retention_bytes.is_some(),
            min_cleanable_dirty_ratio: 0.0,
            // A tombstone may go with the second cleaning.
            delete_retention_ms: 1_000,
            // The coordinators of these producers are not to be asked.
            verifies_transactions: false,
            ..LogConfig::default()
        }
    }
}

use Event::{
    Advance, Append, Configure, Create, Delete, DeleteRecords, DeleteTopic, End, Flush, Put,
    Restart, Settle, Steps, Transact, Truncate,
};
use Outcome::{Abort, Commit};

/// All histories by name.
pub(crate) const HISTORIES: &[(&str, &[Event])] = &[
    (
        "one_partition",
        &[
            Create(0, DISK),
            Append(0, 1, 200),
            Settle,
            Append(0, 3, 200),
            Settle,
            Append(0, 1, 5_000),
            Steps(4),
        ],
    ),
    (
        "many_partitions",
        &[
            Create(0, DISK),
            Create(1, DISK),
            Create(2, OS),
            Append(0, 1, 300),
            Append(1, 2, 300),
            Append(2, 1, 300),
            Steps(5),
            Append(1, 1, 300),
            Append(0, 2, 300),
            Settle,
            Append(2, 2, 300),
            Append(0, 1, 300),
            Append(1, 1, 300),
            Steps(3),
        ],
    ),
    (
        "segments_roll",
        &[
            Create(0, SMALL_SEGMENTS),
            Create(1, SMALL_OS_SEGMENTS),
            Append(0, 3, 800),
            Settle,
            Append(1, 4, 800),
            Append(0, 3, 800),
            Steps(6),
            Flush(0),
            Append(0, 2, 800),
            Settle,
        ],
    ),
    (
        "large_appends_sync_their_segments",
        &[
            Create(0, DISK),
            Create(1, DISK),
            Append(0, 1, 300),
            Append(1, 1, 300),
            Settle,
            Append(0, 1, 9_000),
            Append(1, 1, 300),
            Steps(3),
            Append(0, 1, 300),
            Append(0, 6, 1_500),
            Settle,
            Append(0, 1, 300),
            Settle,
        ],
    ),
    (
        "the_ring_wraps_and_grows",
        &[
            Create(0, DISK),
            Create(1, DISK),
            Append(0, 1, 4_500),
            Steps(4),
            Append(1, 1, 4_500),
            Steps(4),
            Append(0, 1, 4_500),
            Steps(4),
            Append(1, 1, 4_500),
            Settle,
            Append(0, 1, 4_500),
            Append(1, 1, 4_500),
            Steps(6),
            Append(0, 1, 4_500),
            Append(1, 1, 4_500),
            Settle,
            Append(0, 1, 200),
            Settle,
            Append(1, 1, 4_500),
            Settle,
        ],
    ),
    (
        "retention_moves_the_log_start",
        &[
            Create(0, RETAINED),
            Append(0, 6, 800),
            Settle,
            Append(0, 6, 800),
            Settle,
            Advance(LONG_MS),
            Settle,
            Append(0, 2, 800),
            Settle,
            Advance(LONG_MS),
            Settle,
        ],
    ),
    (
        "records_are_deleted",
        &[
            Create(0, SMALL_SEGMENTS),
            Append(0, 5, 800),
            Settle,
            DeleteRecords(0, 2),
            Steps(3),
            Append(0, 2, 800),
            Settle,
            DeleteRecords(0, 0),
            Settle,
            Append(0, 2, 800),
            Advance(LONG_MS),
            Settle,
        ],
    ),
    (
        "the_end_is_truncated",
        &[
            Create(0, SMALL_SEGMENTS),
            Create(1, OS),
            Append(0, 4, 800),
            Append(1, 2, 300),
            Settle,
            Truncate(0, 3),
            Append(0, 2, 700),
            Append(1, 1, 300),
            Settle,
            Truncate(1, 1),
            Append(1, 1, 400),
            Append(0, 1, 9_000),
            Settle,
            Truncate(0, 1),
            Append(0, 1, 300),
            Settle,
        ],
    ),
    (
        "topics_are_deleted_and_made_again",
        &[
            Create(0, DISK),
            Create(1, DISK),
            Append(0, 2, 300),
            Append(1, 1, 300),
            Settle,
            Append(0, 1, 300),
            DeleteTopic(0),
            Create(0, DISK),
            Append(0, 1, 400),
            Append(1, 1, 300),
            Settle,
            DeleteTopic(0),
            Create(0, OS),
            Append(0, 2, 300),
            Settle,
            Advance(LONG_MS),
            Settle,
        ],
    ),
    (
        "durability_is_raised",
        &[
            Create(0, OS),
            Append(0, 3, 300),
            Settle,
            Configure(0, DISK),
            Append(0, 2, 300),
            Settle,
            Configure(0, OS),
            Append(0, 2, 300),
            Settle,
            Configure(0, DISK),
            Append(0, 1, 300),
            Settle,
        ],
    ),
    (
        "flush_messages_asks_for_syncs",
        &[
            Create(0, FLUSHED),
            Append(0, 2, 300),
            Settle,
            Append(0, 2, 300),
            Steps(3),
            Append(0, 3, 300),
            Settle,
        ],
    ),
    (
        "a_clean_stop_comes_between",
        &[
            Create(0, DISK),
            Create(1, SMALL_OS_SEGMENTS),
            Append(0, 2, 300),
            Append(1, 3, 800),
            Settle,
            Restart,
            Append(0, 2, 300),
            Append(1, 2, 800),
            Settle,
            Restart,
            Append(0, 1, 300),
            Settle,
        ],
    ),
    (
        "keys_are_compacted",
        &[
            Create(0, COMPACTED),
            Put(0, 1, 600),
            Put(0, 2, 600),
            Put(0, 1, 600),
            Put(0, 1, 600),
            Settle,
            Put(0, 3, 900),
            Put(0, 3, 900),
            Put(0, 1, 900),
            Settle,
            Advance(LONG_MS),
            Settle,
            Put(0, 2, 600),
            Put(0, 1, 600),
            Put(0, 4, 900),
            Settle,
            Advance(LONG_MS),
            Settle,
            Put(0, 4, 300),
            Steps(4),
        ],
    ),
    (
        "deleted_keys_stay_deleted",
        &[
            Create(0, COMPACTED),
            Create(1, COMPACTED_OS),
            Put(0, 1, 900),
            Put(1, 1, 900),
            Put(0, 2, 900),
            Delete(0, 1),
            Delete(1, 1),
            Settle,
            Put(0, 3, 900),
            Put(1, 3, 900),
            Put(0, 3, 900),
            Put(1, 3, 900),
            Settle,
            Advance(LONG_MS),
            Settle,
            Put(0, 4, 900),
            Put(1, 4, 900),
            Put(0, 4, 900),
            Put(1, 4, 900),
            Settle,
            Advance(LONG_MS),
            Settle,
            Put(0, 5, 900),
            Put(0, 5, 900),
            Steps(6),
            Advance(LONG_MS),
            Settle,
        ],
    ),
    (
        "logs_change_while_they_are_compacted",
        &[
            Create(0, COMPACTED),
            Put(0, 1, 900),
            Put(0, 2, 900),
            Put(0, 1, 900),
            Put(0, 2, 900),
            Put(0, 1, 900),
            Settle,
            Advance(LONG_MS),
            Steps(20),
            DeleteRecords(0, 2),
            Steps(12),
            Put(0, 3, 900),
            Settle,
            Advance(LONG_MS),
            Steps(20),
            DeleteTopic(0),
            Create(0, COMPACTED),
            Put(0, 1, 900),
            Put(0, 1, 900),
            Put(0, 1, 900),
            Put(0, 1, 900),
            Settle,
            Advance(LONG_MS),
            Settle,
        ],
    ),
    (
        "a_compacted_log_is_stopped_and_truncated",
        &[
            Create(0, COMPACTED),
            Put(0, 1, 900),
            Put(0, 1, 900),
            Put(0, 2, 900),
            Put(0, 2, 900),
            Settle,
            Advance(LONG_MS),
            Settle,
            Restart,
            Put(0, 1, 900),
            Put(0, 3, 300),
            Settle,
            Truncate(0, 1),
            Put(0, 3, 900),
            Settle,
            Advance(LONG_MS),
            Settle,
            Configure(0, SMALL_SEGMENTS),
            Put(0, 4, 900),
            Settle,
        ],
    ),
    (
        "transactions_begin_and_end",
        &[
            Create(0, SMALL_SEGMENTS),
            Create(1, SMALL_OS_SEGMENTS),
            Transact(0, 1, 400),
            Transact(1, 1, 400),
            Transact(0, 2, 400),
            Settle,
            End(0, 1, Abort),
            End(1, 1, Abort),
            Append(0, 1, 300),
            Settle,
            Transact(0, 1, 700),
            Transact(1, 1, 700),
            Append(0, 2, 700),
            Append(1, 2, 700),
            Settle,
            Flush(0),
            End(0, 2, Commit),
            End(0, 1, Abort),
            End(1, 1, Abort),
            Settle,
            Transact(0, 1, 300),
            Steps(4),
        ],
    ),
    (
        "transactions_are_cut_off_and_stopped",
        &[
            Create(0, SMALL_SEGMENTS),
            Transact(0, 1, 700),
            Append(0, 2, 700),
            End(0, 1, Abort),
            Transact(0, 2, 300),
            Settle,
            Truncate(0, 2),
            Settle,
            End(0, 1, Commit),
            Transact(0, 2, 700),
            Append(0, 1, 700),
            Settle,
            Restart,
            End(0, 2, Abort),
            Transact(0, 1, 700),
            Settle,
            Truncate(0, 1),
            End(0, 1, Abort),
            Append(0, 2, 700),
            Settle,
            DeleteRecords(0, 2),
            Advance(LONG_MS),
            Settle,
        ],
    ),
    (
        "aborted_transactions_are_compacted",
        &[
            Create(0, COMPACTED),
            Put(0, 1, 600),
            Transact(0, 1, 600),
            Transact(0, 2, 600),
            End(0, 1, Abort),
            Put(0, 1, 900),
            End(0, 2, Commit),
            Settle,
            Transact(0, 1, 600),
            End(0, 1, Abort),
            Put(0, 2, 900),
            Put(0, 2, 900),
            Settle,
            Advance(LONG_MS),
            Settle,
            Transact(0, 1, 900),
            End(0, 1, Commit),
            Put(0, 3, 900),
            Put(0, 3, 900),
            Settle,
            Advance(LONG_MS),
            Settle,
            Put(0, 4, 900),
            Put(0, 4, 900),
            Put(0, 4, 900),
            Settle,
            Advance(LONG_MS),
            Settle,
        ],
    ),
];
