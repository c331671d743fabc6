//! Why a log refuses: one enum for each operation.

use std::io;

use base::{Offset, TopicId};
use records::{BatchError, ControlBatchError, ControlRecordError};
use thiserror::Error;

use super::config::Durability;
use crate::checkpoint_file::CheckpointError;
use crate::producer_state::ProducerError;

/// Why nothing can be done with a log any more.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unavailable {
    /// The disk has failed under it.
    #[error("the log has failed and takes nothing more: {0}")]
    Failed(String),
    /// Its topic was deleted.
    #[error("the log was deleted")]
    Retired,
}

/// Why a batch was not appended.
#[derive(Debug, Error)]
pub enum AppendError {
    /// The producer's epoch or sequence is not the one that follows.
    #[error(transparent)]
    Producer(#[from] ProducerError),
    /// A stamped batch does not begin where the log ends.
    #[error("a batch begins at offset {found} where the log ends at {log_end}")]
    NotAtLogEnd {
        /// The log's end.
        log_end: Offset,
        /// The batch's base offset.
        found: Offset,
    },
    /// A stamped batch is damaged.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// A control batch does not say what it is for.
    #[error(transparent)]
    Control(#[from] ControlRecordError),
    /// No segment could hold the batch.
    #[error("a batch of {bytes} bytes is larger than a segment can be")]
    TooLarge {
        /// The batch's length.
        bytes: usize,
    },
    /// No offset is left.
    #[error("the log has no offsets left for {records} records")]
    OffsetsExhausted {
        /// The records in the batch.
        records: i64,
    },
    /// The disk has no room; the log is as it was.
    #[error("no room for the batch: {0}")]
    StorageFull(io::Error),
    /// The log has failed before, does so now, or is gone.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<ControlBatchError> for AppendError {
    fn from(error: ControlBatchError) -> Self {
        match error {
            ControlBatchError::Batch(error) => error.into(),
            ControlBatchError::Record(error) => error.into(),
        }
    }
}

/// Why a log cannot be read from an offset.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The records are not there any more, or not yet.
    #[error("offset {offset} lies outside of the log, which has {log_start} to {log_end}")]
    OffsetOutOfRange {
        /// The offset that was asked for.
        offset: Offset,
        /// The log's start.
        log_start: Offset,
        /// The log's end.
        log_end: Offset,
    },
    /// The place to read from is not in memory, and the reader must not wait: it is to ask again
    /// where it may.
    #[error("the index is not in memory")]
    WouldBlock,
    /// The disk did not give the bytes, or not those that were written.
    #[error("the log cannot be read: {0}")]
    Io(io::Error),
    /// The log has failed or is gone.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::WouldBlock => Self::WouldBlock,
            _ => Self::Io(error),
        }
    }
}

/// Why records cannot be deleted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DeleteRecordsError {
    /// Records above the high watermark cannot go.
    #[error("records before {before} cannot be deleted: the high watermark is {high_watermark}")]
    OffsetOutOfRange {
        /// The offset that was asked for.
        before: Offset,
        /// The high watermark.
        high_watermark: Offset,
    },
    /// The log has failed or is gone.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Why a log cannot change its configuration.
#[derive(Debug, Error)]
pub enum ConfigureError {
    /// A log in memory stays there, and no other gets there.
    #[error("a topic of durability {from:?} cannot become {to:?}: copy it to another topic")]
    Durability {
        /// The durability it has.
        from: Durability,
        /// The durability that was asked for.
        to: Durability,
    },
    /// What was appended so far could not be synced.
    #[error("what was appended so far could not be synced: {0}")]
    Sync(#[from] io::Error),
}

/// Why a log cannot be opened.
#[derive(Debug, Error)]
pub enum LogOpenError {
    /// The disk failed.
    #[error("the log's directory {directory} cannot be read: {source}")]
    Io {
        /// The partition's directory.
        directory: String,
        /// What the disk said.
        source: io::Error,
    },
    /// A small file beside the segments is malformed.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The directory belongs to another topic of this name.
    #[error(
        "the directory {directory} belongs to topic id {found}, not to {expected}: move it away"
    )]
    TopicId {
        /// The partition's directory.
        directory: String,
        /// The id in the directory.
        found: TopicId,
        /// The id of the topic.
        expected: TopicId,
    },
    /// A segment is damaged where no crash can damage it.
    #[error(
        "the segment {base_offset} in {directory} is damaged at byte {position}, although it was \
         durable up to offset {durable_before}: {reason}; restore the directory from a backup, or \
         move it away to start without its records"
    )]
    Damaged {
        /// The partition's directory.
        directory: String,
        /// The segment.
        base_offset: Offset,
        /// Where in its file.
        position: u32,
        /// Below it everything was durable.
        durable_before: Offset,
        /// What is wrong there.
        reason: String,
    },
    /// Records are gone that no crash can take.
    #[error(
        "no segment in {directory} begins below offset {base_offset}, although the log was durable \
         up to offset {durable_before}: bring back the files that were taken away, or move the \
         directory away to start without its records"
    )]
    Missing {
        /// The partition's directory.
        directory: String,
        /// The first segment that is left.
        base_offset: Offset,
        /// Below it everything was durable.
        durable_before: Offset,
    },
    /// A segment is larger than one can be.
    #[error("the segment {file} has {bytes} bytes, more than a segment can have")]
    SegmentTooLarge {
        /// The segment's file.
        file: String,
        /// Its length.
        bytes: u64,
    },
}
