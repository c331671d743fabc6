//! Checks what a producer sent to a partition, record by record and in bounded memory, before it
//! may be appended.
//!
//! The rules are those of Kafka's log validator for format 2, some of them stricter, where no
//! client of that format notices: offset deltas must be dense in every batch (Kafka writes a
//! compressed one with holes anew), a transaction needs a producer id, and only the broker sets
//! timestamps to `LogAppendTime`, whatever the topic's timestamp type.

use std::ops::RangeInclusive;

use base::{ErrorCode, ProducerId};
use bytes::Bytes;
use thiserror::Error;

use crate::NO_TIMESTAMP;
use crate::attributes::TimestampType;
use crate::batch::{BatchError, RecordBatch};
use crate::compression::{CompressionType, DecompressError};
use crate::cursor::{Cursor, Fields};
use crate::header::BatchHeader;
use crate::produce_batch::ProduceBatch;
use crate::record::{RecordError, RecordShape};
use crate::window::Window;

/// How many rejected records an answer lists.
pub const REJECTED_RECORDS_MAX: usize = 1000;

/// Who wants to append.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AppendOrigin {
    /// A client, which may not write control records.
    #[default]
    Client,
    /// This broker's own coordinators.
    Coordinator,
}

/// What a topic and a request allow. The default is that of Kafka's configuration keys at time 0.
#[derive(Clone, Copy, Debug)]
pub struct ProduceRules {
    /// Who wants to append.
    pub origin: AppendOrigin,
    /// `message.timestamp.type`.
    pub timestamp_type: TimestampType,
    /// `max.message.bytes`: the largest batch.
    pub message_bytes_max: usize,
    /// `message.timestamp.before.max.ms`: how far a timestamp may lie back.
    pub timestamp_before_max_ms: i64,
    /// `message.timestamp.after.max.ms`: how far a timestamp may lie ahead.
    pub timestamp_after_max_ms: i64,
    /// The time.
    pub now_ms: i64,
    /// Whether every record needs a key, as in a compacted topic.
    pub keys_required: bool,
    /// Whether the request's version knows zstd (KIP-110: from 7 on).
    pub zstd_allowed: bool,
}

impl Default for ProduceRules {
    fn default() -> Self {
        Self {
            origin: AppendOrigin::Client,
            timestamp_type: TimestampType::CreateTime,
            message_bytes_max: 1024 * 1024 + 12,
            timestamp_before_max_ms: i64::MAX,
            timestamp_after_max_ms: 60 * 60 * 1000,
            now_ms: 0,
            keys_required: false,
            zstd_allowed: true,
        }
    }
}

impl ProduceRules {
    /// What a record's timestamp may be, if it has one.
    fn timestamps(&self) -> RangeInclusive<i64> {
        if self.timestamp_type == TimestampType::LogAppendTime {
            return i64::MIN..=i64::MAX;
        }
        self.now_ms.saturating_sub(self.timestamp_before_max_ms)
            ..=self.now_ms.saturating_add(self.timestamp_after_max_ms)
    }
}

/// A record because of which its batch was refused (KIP-467).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedRecord {
    /// The record's place in the batch, from 0.
    pub batch_index: i32,
    /// What is wrong with it.
    pub message: String,
}

/// Why a batch may not be appended.
#[derive(Debug, Error)]
pub enum InvalidRecords {
    /// There is nothing to append.
    #[error("a produce request must have one record batch per partition, and this one has none")]
    NoBatch,
    /// The bytes are not one record batch.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// The batch is larger than the topic allows.
    #[error("a record batch of {size} bytes exceeds max.message.bytes, which is {limit}")]
    TooLarge {
        /// The length of the batch.
        size: usize,
        /// The topic's limit.
        limit: usize,
    },
    /// The header's offsets and count do not agree, or are not those of a new batch.
    #[error(
        "the header of the record batch has base offset {base_offset}, last offset delta \
         {last_offset_delta} and {record_count} records; a new batch starts at 0 and is dense"
    )]
    Offsets {
        /// The base offset.
        base_offset: i64,
        /// The last offset delta.
        last_offset_delta: i32,
        /// The record count.
        record_count: i32,
    },
    /// A client wrote control records.
    #[error("clients may not write control records")]
    Control,
    /// The header names a producer without epoch or sequence, or a transaction without producer.
    #[error(
        "the record batch has producer id {producer_id}, epoch {producer_epoch}, sequence \
         {base_sequence} and transactional {transactional}, which do not go together"
    )]
    Producer {
        /// The producer id.
        producer_id: i64,
        /// The producer epoch.
        producer_epoch: i16,
        /// The sequence number.
        base_sequence: i32,
        /// Whether the batch is transactional.
        transactional: bool,
    },
    /// The request's version does not know zstd.
    #[error("zstd needs version 7 of the produce request")]
    ZstdNotAllowed,
    /// A producer claimed to know the append time.
    #[error("producers may not set the timestamp type to LogAppendTime")]
    TimestampType,
    /// A record's offset delta is not its place in the batch.
    #[error("record {index} of the batch has offset delta {offset_delta}")]
    OffsetDelta {
        /// The record's place in the batch.
        index: i32,
        /// Its offset delta.
        offset_delta: i32,
    },
    /// Records break a rule of the topic.
    #[error("{} records were rejected, the first: {}", rejected.len(), first_message(rejected))]
    Rejected {
        /// [`ErrorCode::InvalidTimestamp`] if one has a timestamp out of range, else
        /// [`ErrorCode::InvalidRecord`].
        code: ErrorCode,
        /// The first of them, up to [`REJECTED_RECORDS_MAX`].
        rejected: Vec<RejectedRecord>,
    },
}

impl InvalidRecords {
    /// The code that the producer is answered.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::NoBatch
            | Self::Offsets { .. }
            | Self::Control
            | Self::Producer { .. }
            | Self::OffsetDelta { .. } => ErrorCode::InvalidRecord,
            Self::Batch(error) => batch_error_code(error),
            Self::TooLarge { .. } => ErrorCode::MessageTooLarge,
            Self::ZstdNotAllowed => ErrorCode::UnsupportedCompressionType,
            Self::TimestampType => ErrorCode::InvalidTimestamp,
            Self::Rejected { code, .. } => *code,
        }
    }

    /// The records that the answer lists, none if the batch as a whole is refused.
    pub fn rejected(&self) -> &[RejectedRecord] {
        match self {
            Self::Rejected { rejected, .. } => rejected,
            _ => &[],
        }
    }
}

fn first_message(rejected: &[RejectedRecord]) -> &str {
    rejected.first().map_or("", |rejected| &rejected.message)
}

/// `CORRUPT_MESSAGE` makes a producer send again: it is for bytes that changed on the way. Bytes
/// with the right CRC that are wrong all the same were sent so, and would be so again.
fn batch_error_code(error: &BatchError) -> ErrorCode {
    match error {
        BatchError::HeaderCut { .. }
        | BatchError::BodyCut { .. }
        | BatchError::LengthTooSmall { .. }
        | BatchError::CrcMismatch { .. } => ErrorCode::CorruptMessage,
        BatchError::UnknownCompression { .. } => ErrorCode::UnsupportedCompressionType,
        BatchError::Decompress(error)
        | BatchError::Record { source: RecordError::Decompress(error), .. } => match error {
            DecompressError::Malformed { .. } => ErrorCode::InvalidRecord,
            DecompressError::TooLarge { .. } => ErrorCode::MessageTooLarge,
        },
        BatchError::TrailingBytes { .. }
        | BatchError::UnsupportedMagic { .. }
        | BatchError::RecordCount { .. }
        | BatchError::Record { .. } => ErrorCode::InvalidRecord,
    }
}

/// Checks that `bytes` are exactly one record batch that may be appended under `rules`.
pub fn validate_produce(
    bytes: &Bytes,
    rules: &ProduceRules,
) -> Result<ProduceBatch, InvalidRecords> {
    if bytes.is_empty() {
        return Err(InvalidRecords::NoBatch);
    }
    let batch = RecordBatch::parse(bytes.clone())?;
    let header = *batch.header();
    if bytes.len() > rules.message_bytes_max {
        return Err(InvalidRecords::TooLarge { size: bytes.len(), limit: rules.message_bytes_max });
    }
    batch.verify_crc()?;
    check_offsets(&header)?;
    check_producer(&header, rules.origin)?;
    if header.attributes.timestamp_type() == TimestampType::LogAppendTime {
        return Err(InvalidRecords::TimestampType);
    }
    let mut check = RecordCheck::new(&header, rules);
    match header.attributes.compression()? {
        CompressionType::None => check.records(Cursor::new(batch.body()))?,
        CompressionType::Zstd if !rules.zstd_allowed => return Err(InvalidRecords::ZstdNotAllowed),
        codec => {
            let window = Window::new(codec, batch.body()).map_err(BatchError::from)?;
            check.records(window)?;
        }
    }
    check.finish(bytes)
}

fn check_offsets(header: &BatchHeader) -> Result<(), InvalidRecords> {
    let BatchHeader { base_offset, last_offset_delta, record_count, .. } = *header;
    let dense = record_count > 0 && last_offset_delta == record_count - 1;
    if dense && base_offset.0 == 0 {
        return Ok(());
    }
    Err(InvalidRecords::Offsets { base_offset: base_offset.0, last_offset_delta, record_count })
}

fn check_producer(header: &BatchHeader, origin: AppendOrigin) -> Result<(), InvalidRecords> {
    if origin == AppendOrigin::Coordinator {
        return Ok(());
    }
    if header.attributes.is_control() {
        return Err(InvalidRecords::Control);
    }
    let transactional = header.attributes.is_transactional();
    let consistent = if header.producer_id > ProducerId::NONE {
        header.producer_epoch.0 >= 0 && header.base_sequence >= 0
    } else {
        !transactional
    };
    if consistent {
        return Ok(());
    }
    Err(InvalidRecords::Producer {
        producer_id: header.producer_id.0,
        producer_epoch: header.producer_epoch.0,
        base_sequence: header.base_sequence,
        transactional,
    })
}

/// Walks over the records of a batch and gathers what is wrong with them.
struct RecordCheck<'a> {
    header: &'a BatchHeader,
    keys_required: bool,
    timestamps: RangeInclusive<i64>,
    max_timestamp: i64,
    offset_delta_of_max_timestamp: i32,
    code: ErrorCode,
    rejected: Vec<RejectedRecord>,
}

impl<'a> RecordCheck<'a> {
    fn new(header: &'a BatchHeader, rules: &'a ProduceRules) -> Self {
        Self {
            header,
            keys_required: rules.keys_required,
            timestamps: rules.timestamps(),
            max_timestamp: NO_TIMESTAMP,
            offset_delta_of_max_timestamp: 0,
            code: ErrorCode::InvalidRecord,
            rejected: Vec::new(),
        }
    }

    fn records(&mut self, mut fields: impl Fields) -> Result<(), InvalidRecords> {
        let malformed = |index, source| BatchError::Record { index, source };
        let count = self.header.record_count;
        for index in 0..count {
            let shape =
                RecordShape::read(&mut fields).map_err(|source| malformed(index, source))?;
            self.record(index, &shape)?;
        }
        match fields.is_at_end() {
            Ok(true) => Ok(()),
            Ok(false) => Err(malformed(count - 1, RecordError::TrailingBytes).into()),
            Err(error) => Err(malformed(count - 1, error).into()),
        }
    }

    #[inline]
    fn record(&mut self, index: i32, shape: &RecordShape) -> Result<(), InvalidRecords> {
        if shape.offset_delta != index {
            return Err(InvalidRecords::OffsetDelta { index, offset_delta: shape.offset_delta });
        }
        let timestamp = self.header.base_timestamp.wrapping_add(shape.timestamp_delta);
        if timestamp > self.max_timestamp {
            self.max_timestamp = timestamp;
            self.offset_delta_of_max_timestamp = index;
        }
        if self.keys_required && !shape.has_key {
            self.reject_keyless(index);
        } else if !self.timestamps.contains(&timestamp) && timestamp != NO_TIMESTAMP {
            self.reject_out_of_time(index, timestamp);
        }
        Ok(())
    }

    #[cold]
    fn reject_keyless(&mut self, batch_index: i32) {
        let message = "a compacted topic takes no record without a key".to_owned();
        self.reject(RejectedRecord { batch_index, message });
    }

    #[cold]
    fn reject_out_of_time(&mut self, batch_index: i32, timestamp: i64) {
        let (earliest, latest) = (self.timestamps.start(), self.timestamps.end());
        let message = format!(
            "timestamp {timestamp} is out of range; it should be within [{earliest}, {latest}]"
        );
        self.code = ErrorCode::InvalidTimestamp;
        self.reject(RejectedRecord { batch_index, message });
    }

    fn reject(&mut self, record: RejectedRecord) {
        if self.rejected.len() < REJECTED_RECORDS_MAX {
            self.rejected.push(record);
        }
    }

    fn finish(self, bytes: &Bytes) -> Result<ProduceBatch, InvalidRecords> {
        if !self.rejected.is_empty() {
            return Err(InvalidRecords::Rejected { code: self.code, rejected: self.rejected });
        }
        Ok(ProduceBatch {
            header: *self.header,
            bytes: bytes.clone(),
            max_timestamp: self.max_timestamp,
            offset_delta_of_max_timestamp: self.offset_delta_of_max_timestamp,
        })
    }
}

#[cfg(test)]
mod tests;
