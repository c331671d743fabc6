//! What log compaction leaves of a batch: some of its records, or none, behind a header that still
//! tells its offsets, its leader's epoch and its producer's sequence numbers (KIP-98, KIP-534).
//!
//! Records are copied as they lie. Only a batch that gets a delete horizon is written anew: the
//! horizon takes the place of the base timestamp, which the records' timestamps are relative to.

use std::ops::Range;

use base::varint;

use crate::NO_TIMESTAMP;
use crate::attributes::{Attributes, TimestampType};
use crate::batch::{BatchError, BatchRecords};
use crate::compression::{CompressError, CompressionType, compress};
use crate::cursor::{Cursor, Fields};
use crate::header::{BatchHeader, HEADER_BYTES, LOG_OVERHEAD_BYTES};
use crate::record::{Record, RecordError};
use thiserror::Error;

/// Why the rest of a batch could not be written.
#[derive(Debug, Error)]
pub enum RetainError {
    /// A record cannot be read.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// The records cannot be compressed again.
    #[error(transparent)]
    Compress(#[from] CompressError),
    /// The records are larger than a batch can be: they compress worse than before.
    #[error("the records that stay would make a batch of {bytes} bytes")]
    TooLarge {
        /// The length that it would have.
        bytes: usize,
    },
}

/// The records of a batch that stay.
#[derive(Clone, Debug)]
pub struct RetainedRecords<'a> {
    records: &'a BatchRecords,
    /// Where they lie in the body; neighbours are one run.
    runs: Vec<Range<usize>>,
    count: i32,
    max_timestamp: i64,
    has_tombstone: bool,
}

impl<'a> RetainedRecords<'a> {
    /// Those for which `keep` holds.
    pub fn select(
        records: &'a BatchRecords,
        mut keep: impl FnMut(&Record<'a>) -> bool,
    ) -> Result<Self, BatchError> {
        let (runs, max_timestamp) = (Vec::new(), NO_TIMESTAMP);
        let mut selected = Self { records, runs, count: 0, max_timestamp, has_tombstone: false };
        let mut iter = records.iter();
        loop {
            let start = iter.record_position().body_bytes();
            let Some(record) = iter.next() else { return Ok(selected) };
            let record = record?;
            if keep(&record) {
                selected.push(&record, start..iter.record_position().body_bytes());
            }
        }
    }

    fn push(&mut self, record: &Record<'_>, range: Range<usize>) {
        match self.runs.last_mut() {
            Some(run) if run.end == range.start => run.end = range.end,
            _ => self.runs.push(range),
        }
        self.count += 1;
        self.max_timestamp = self.max_timestamp.max(record.timestamp);
        self.has_tombstone |= record.value.is_none();
    }

    /// Whether no record stays.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether every record stays.
    pub fn is_whole(&self) -> bool {
        self.count == self.records.header().record_count
    }

    /// Whether a record without a value stays.
    pub fn has_tombstone(&self) -> bool {
        self.has_tombstone
    }

    /// Appends the batch with only these records to `out`, in the compression that it had, and
    /// returns its header. With a new delete horizon (KIP-534) the base timestamp is that one.
    ///
    /// # Panics
    /// When no record stays: that is an [`empty_batch`].
    pub fn write(
        &self,
        delete_horizon_ms: Option<i64>,
        out: &mut Vec<u8>,
    ) -> Result<BatchHeader, RetainError> {
        assert!(self.count > 0, "a batch without records has nothing to write");
        let header = *self.records.header();
        let base_timestamp = delete_horizon_ms.unwrap_or(header.base_timestamp);
        let start = out.len();
        out.resize(start + HEADER_BYTES, 0);
        let codec = header.attributes.compression()?;
        if codec == CompressionType::None {
            self.write_body(base_timestamp, out)?;
        } else {
            let mut body = Vec::with_capacity(self.runs.iter().map(Range::len).sum());
            self.write_body(base_timestamp, &mut body)?;
            compress(codec.into(), &body, out)?;
        }
        let bytes = out.len() - start;
        let batch_length = i32::try_from(bytes - LOG_OVERHEAD_BYTES)
            .map_err(|_| RetainError::TooLarge { bytes })?;
        let has_horizon = delete_horizon_ms.is_some() || header.attributes.has_delete_horizon();
        let mut header = BatchHeader {
            batch_length,
            attributes: header.attributes.with_delete_horizon(has_horizon),
            base_timestamp,
            max_timestamp: match header.attributes.timestamp_type() {
                TimestampType::CreateTime => self.max_timestamp,
                TimestampType::LogAppendTime => header.max_timestamp,
            },
            record_count: self.count,
            ..header
        };
        let (room, body) = out[start..].split_at_mut(HEADER_BYTES);
        let encoded = header.encode_over(body);
        room.copy_from_slice(&encoded);
        header.crc = BatchHeader::parse(&encoded)?.crc;
        Ok(header)
    }

    fn write_body(&self, base_timestamp: i64, out: &mut Vec<u8>) -> Result<(), BatchError> {
        let body = self.records.body();
        let shift = self.records.header().base_timestamp.wrapping_sub(base_timestamp);
        for run in &self.runs {
            if shift == 0 {
                out.extend_from_slice(&body[run.clone()]);
            } else {
                shift_timestamps(&body[run.clone()], shift, out)
                    .map_err(|source| BatchError::Record { index: 0, source })?;
            }
        }
        Ok(())
    }
}

/// The batch without any record, as it stays where its offsets or its producer must not be
/// forgotten.
pub fn empty_batch(header: &BatchHeader) -> (BatchHeader, [u8; HEADER_BYTES]) {
    let attributes = Attributes::default()
        .with_timestamp_type(header.attributes.timestamp_type())
        .with_transactional(header.attributes.is_transactional())
        .with_control(header.attributes.is_control());
    let mut empty = BatchHeader {
        batch_length: (HEADER_BYTES - LOG_OVERHEAD_BYTES) as i32,
        attributes,
        base_timestamp: NO_TIMESTAMP,
        record_count: 0,
        ..*header
    };
    let bytes = empty.encode_over(&[]);
    empty.crc = BatchHeader::parse(&bytes).expect("it was encoded just now").crc;
    (empty, bytes)
}

/// Copies records with `shift` added to their timestamp deltas.
fn shift_timestamps(run: &[u8], shift: i64, out: &mut Vec<u8>) -> Result<(), RecordError> {
    let mut cursor = Cursor::new(run);
    while !cursor.rest().is_empty() {
        let length = usize::try_from(cursor.varint()?).unwrap_or(usize::MAX);
        let mut fields = Cursor::new(cursor.take(length)?);
        let attributes = fields.byte()?;
        let timestamp_delta = fields.varlong()?.wrapping_add(shift);
        let rest = fields.rest();
        let length = 1 + varint::length_i64(timestamp_delta) + rest.len();
        // It was read from a batch, whose length is an i32, and grows by less than ten bytes.
        varint::write_i32(i32::try_from(length).unwrap_or(i32::MAX), out);
        out.push(attributes);
        varint::write_i64(timestamp_delta, out);
        out.extend_from_slice(rest);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
