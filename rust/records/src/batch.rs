//! Batches in a run of bytes, as a fetch or a segment holds them, and the records inside a batch.

use base::Offset;
use bytes::Bytes;
use thiserror::Error;

use crate::attributes::TimestampType;
use crate::compression::{CompressionType, DecompressError, decompress, decompressed_bytes_max};
use crate::control::{ControlBatchError, ControlRecord};
use crate::cursor::{Cursor, Fields};
use crate::header::{BatchHeader, CRC_START, HEADER_BYTES};
use crate::record::{RawRecord, Record, RecordError};

/// Why a batch cannot be read.
#[derive(Debug, Error)]
pub enum BatchError {
    /// The bytes end inside the header.
    #[error("a record batch needs a header of 61 bytes, and has {available}")]
    HeaderCut {
        /// The bytes that are there.
        available: usize,
    },
    /// The bytes end inside the body.
    #[error("a record batch of {needed} bytes has only {available}")]
    BodyCut {
        /// The length of the batch by its header.
        needed: usize,
        /// The bytes that are there.
        available: usize,
    },
    /// The length field is too small for a header.
    #[error("the length field of a record batch is {batch_length}, less than a header")]
    LengthTooSmall {
        /// The length field.
        batch_length: i32,
    },
    /// Bytes follow the batch.
    #[error("{length} bytes follow the record batch")]
    TrailingBytes {
        /// The number of bytes that follow.
        length: usize,
    },
    /// The batch has another format than version 2.
    #[error("record batches of format {magic} are not supported, only format 2 is")]
    UnsupportedMagic {
        /// The format.
        magic: i8,
    },
    /// The bytes are not those that were written.
    #[error(
        "the record batch is corrupt: its CRC is {stored:#010x}, that of its bytes {computed:#010x}"
    )]
    CrcMismatch {
        /// The CRC in the header.
        stored: u32,
        /// The CRC of the bytes.
        computed: u32,
    },
    /// The attributes name no codec.
    #[error("the record batch is compressed with the unknown codec {id}")]
    UnknownCompression {
        /// The codec's number.
        id: u8,
    },
    /// The record count is negative.
    #[error("the record batch declares {count} records")]
    RecordCount {
        /// The declared number.
        count: i32,
    },
    /// The body cannot be decompressed.
    #[error(transparent)]
    Decompress(#[from] DecompressError),
    /// A record cannot be read.
    #[error("record {index} of the batch is malformed: {source}")]
    Record {
        /// The record's place in the batch, from 0.
        index: i32,
        /// What is wrong with it.
        source: RecordError,
    },
}

/// The batches in `bytes`, one after the other. A batch that is cut at the end of the bytes ends
/// the walk without an error: a fetch response may be cut anywhere.
pub fn batches(bytes: Bytes) -> Batches {
    Batches { rest: bytes }
}

/// Walks over batches.
#[derive(Clone, Debug)]
pub struct Batches {
    rest: Bytes,
}

impl Batches {
    /// What has not been walked over: when the walk has ended, the cut batch at the end.
    pub fn rest(&self) -> &Bytes {
        &self.rest
    }
}

impl Iterator for Batches {
    type Item = Result<RecordBatch, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        match RecordBatch::split_first(&mut self.rest) {
            Ok(batch) => Some(Ok(batch)),
            Err(BatchError::HeaderCut { .. } | BatchError::BodyCut { .. }) => None,
            Err(error) => {
                self.rest.clear();
                Some(Err(error))
            }
        }
    }
}

/// A batch whose header has been parsed and whose body is all there; its CRC has not been looked
/// at.
#[derive(Clone, Debug)]
pub struct RecordBatch {
    header: BatchHeader,
    bytes: Bytes,
}

impl RecordBatch {
    /// The one batch that fills `bytes`.
    pub fn parse(mut bytes: Bytes) -> Result<Self, BatchError> {
        let batch = Self::split_first(&mut bytes)?;
        match bytes.len() {
            0 => Ok(batch),
            length => Err(BatchError::TrailingBytes { length }),
        }
    }

    /// Takes the first batch off `bytes`, which stay as they are on an error.
    pub fn split_first(bytes: &mut Bytes) -> Result<Self, BatchError> {
        let header = BatchHeader::parse(bytes)?;
        let needed = header.size_in_bytes();
        if needed > bytes.len() {
            return Err(BatchError::BodyCut { needed, available: bytes.len() });
        }
        Ok(Self { header, bytes: bytes.split_to(needed) })
    }

    /// The header.
    pub fn header(&self) -> &BatchHeader {
        &self.header
    }

    /// The whole batch, header included.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The whole batch, given up.
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }

    /// The records as they lie in the batch, compressed or not.
    pub fn body(&self) -> &[u8] {
        &self.bytes[HEADER_BYTES..]
    }

    /// Compares the CRC with the bytes.
    pub fn verify_crc(&self) -> Result<(), BatchError> {
        let computed = crc32c::crc32c(&self.bytes[CRC_START..]);
        if computed == self.header.crc {
            Ok(())
        } else {
            Err(BatchError::CrcMismatch { stored: self.header.crc, computed })
        }
    }

    /// What it says if it is a control batch; nothing if compaction has emptied it.
    pub fn control_record(&self) -> Result<Option<ControlRecord>, ControlBatchError> {
        if self.header.attributes.is_control() {
            ControlRecord::first_of(&self.records()?)
        } else {
            Ok(None)
        }
    }

    /// The records, decompressed once if need be, in bounded memory.
    pub fn records(&self) -> Result<BatchRecords, BatchError> {
        let body = self.bytes.slice(HEADER_BYTES..);
        let body = match self.header.attributes.compression()? {
            CompressionType::None => body,
            codec => decompress(codec, &body, decompressed_bytes_max(body.len()))?.into(),
        };
        if self.header.record_count < 0 {
            return Err(BatchError::RecordCount { count: self.header.record_count });
        }
        Ok(BatchRecords { header: self.header, body })
    }
}

/// The records of a batch, decompressed.
#[derive(Clone, Debug)]
pub struct BatchRecords {
    header: BatchHeader,
    body: Bytes,
}

impl BatchRecords {
    /// The batch's header.
    pub fn header(&self) -> &BatchHeader {
        &self.header
    }

    /// The decompressed body, which every key, value and header is a slice of: for an uncompressed
    /// batch it shares the batch's own buffer.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The records, borrowed.
    pub fn iter(&self) -> RecordIter<'_> {
        self.iter_from(RecordPosition::default())
    }

    /// The records from a position that an earlier walk over them has reached.
    pub fn iter_from(&self, position: RecordPosition) -> RecordIter<'_> {
        let log_append_time = match self.header.attributes.timestamp_type() {
            TimestampType::CreateTime => None,
            TimestampType::LogAppendTime => Some(self.header.max_timestamp),
        };
        RecordIter {
            cursor: Cursor::new(self.body.get(position.body_bytes..).unwrap_or_default()),
            start: position.body_bytes,
            base_offset: self.header.base_offset,
            base_timestamp: self.header.base_timestamp,
            log_append_time,
            count: self.header.record_count,
            index: position.index,
        }
    }

    /// The records, each sharing the ownership of the body.
    pub fn owned(&self) -> impl Iterator<Item = Result<OwnedRecord, BatchError>> + '_ {
        self.iter().map(|record| Ok(OwnedRecord::of(&record?, &self.body)))
    }
}

impl<'a> IntoIterator for &'a BatchRecords {
    type Item = Result<Record<'a>, BatchError>;
    type IntoIter = RecordIter<'a>;

    fn into_iter(self) -> RecordIter<'a> {
        self.iter()
    }
}

/// How far a walk over the records of a batch has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordPosition {
    body_bytes: usize,
    index: i32,
}

impl RecordPosition {
    /// The bytes of the body that lie behind.
    pub fn body_bytes(self) -> usize {
        self.body_bytes
    }
}

/// Walks over the records of a batch; ends at the first error.
#[derive(Clone, Debug)]
pub struct RecordIter<'a> {
    cursor: Cursor<'a>,
    /// Where in the body the cursor began.
    start: usize,
    base_offset: Offset,
    base_timestamp: i64,
    log_append_time: Option<i64>,
    count: i32,
    index: i32,
}

impl<'a> RecordIter<'a> {
    /// Where the next record begins, for [`BatchRecords::iter_from`].
    pub fn record_position(&self) -> RecordPosition {
        let body_bytes = self.start + self.cursor.position() as usize;
        RecordPosition { body_bytes, index: self.index }
    }

    fn read(&mut self) -> Result<Record<'a>, RecordError> {
        let raw = RawRecord::read(&mut self.cursor)?;
        if self.index + 1 == self.count && !self.cursor.rest().is_empty() {
            return Err(RecordError::TrailingBytes);
        }
        let timestamp = self.base_timestamp.wrapping_add(raw.timestamp_delta);
        Ok(Record {
            offset: Offset(self.base_offset.0.wrapping_add(i64::from(raw.offset_delta))),
            timestamp: self.log_append_time.unwrap_or(timestamp),
            key: raw.key,
            value: raw.value,
            headers: raw.headers,
        })
    }
}

impl<'a> Iterator for RecordIter<'a> {
    type Item = Result<Record<'a>, BatchError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.index >= self.count {
            return None;
        }
        let result = self.read();
        let index = self.index;
        self.index = if result.is_ok() { index + 1 } else { self.count };
        Some(result.map_err(|source| BatchError::Record { index, source }))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // Not the lower bound: the count is only a claim.
        (0, Some((self.count - self.index).max(0) as usize))
    }
}

/// A record that keeps its batch's body alive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedRecord {
    /// The record's offset.
    pub offset: Offset,
    /// Milliseconds since 1970; what they mean, the batch says.
    pub timestamp: i64,
    /// The key.
    pub key: Option<Bytes>,
    /// The value.
    pub value: Option<Bytes>,
    /// The headers, key and value, in their order.
    pub headers: Vec<(Bytes, Option<Bytes>)>,
}

impl OwnedRecord {
    fn of(record: &Record<'_>, body: &Bytes) -> Self {
        let share = |field: Option<&[u8]>| field.map(|field| body.slice_ref(field));
        Self {
            offset: record.offset,
            timestamp: record.timestamp,
            key: share(record.key),
            value: share(record.value),
            headers: record
                .headers
                .into_iter()
                .map(|header| (body.slice_ref(header.key), share(header.value)))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests;
