//! Writes a batch in the wire format while its records arrive, so that sealing it copies nothing.

use base::{LeaderEpoch, Offset, ProducerEpoch, ProducerId};
use bytes::{Bytes, BytesMut};
use thiserror::Error;

use crate::attributes::Attributes;
use crate::batch::{BatchError, RecordBatch};
use crate::compression::{CompressError, Compression, CompressionType, compress};
use crate::header::{BatchHeader, HEADER_BYTES, LOG_OVERHEAD_BYTES};
use crate::record::{Header, NewRecord};
use crate::{NO_SEQUENCE, NO_TIMESTAMP};

/// The largest batch there can be: its length is an `i32`, and its records' lengths are.
const BATCH_BYTES_LIMIT: usize = i32::MAX as usize - HEADER_BYTES;

/// Who a batch comes from: nobody in particular, or an idempotent producer (KIP-98).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerStamp {
    /// The producer.
    pub producer_id: ProducerId,
    /// Its epoch.
    pub producer_epoch: ProducerEpoch,
    /// The sequence number of the batch's first record.
    pub base_sequence: i32,
    /// Whether the batch belongs to the producer's transaction.
    pub transactional: bool,
}

impl ProducerStamp {
    /// The stamp of a batch that is not idempotent.
    pub const NONE: Self = Self {
        producer_id: ProducerId::NONE,
        producer_epoch: ProducerEpoch::NONE,
        base_sequence: NO_SEQUENCE,
        transactional: false,
    };

    fn apply(&self, header: &mut BatchHeader) {
        header.producer_id = self.producer_id;
        header.producer_epoch = self.producer_epoch;
        header.base_sequence = self.base_sequence;
        header.attributes = header.attributes.with_transactional(self.transactional);
    }
}

/// Why a record was not appended; the batch is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AppendError {
    /// It belongs into the next batch.
    #[error("the batch is full")]
    Full,
    /// It fits into no batch.
    #[error("a record of {record_bytes} bytes is too large for the record batch format")]
    TooLarge {
        /// Its encoded length.
        record_bytes: usize,
    },
}

/// A batch that is being written. Its records lie uncompressed behind the room for the header until
/// it is finished.
#[derive(Debug)]
pub struct BatchBuilder {
    bytes: Vec<u8>,
    batch_bytes: usize,
    record_count: i32,
    base_timestamp: i64,
    max_timestamp: i64,
    control: bool,
}

impl BatchBuilder {
    /// An empty batch that grows to `batch_bytes`, header included, or as far as its one record
    /// needs. Room for all of it is taken at once.
    pub fn new(batch_bytes: usize) -> Self {
        let batch_bytes = batch_bytes.clamp(HEADER_BYTES, BATCH_BYTES_LIMIT);
        Self::with_capacity(batch_bytes, batch_bytes)
    }

    /// As [`Self::new`], with room for `capacity` bytes at first.
    pub fn with_capacity(batch_bytes: usize, capacity: usize) -> Self {
        let batch_bytes = batch_bytes.clamp(HEADER_BYTES, BATCH_BYTES_LIMIT);
        let mut bytes = Vec::with_capacity(capacity.clamp(HEADER_BYTES, batch_bytes));
        bytes.resize(HEADER_BYTES, 0);
        Self {
            bytes,
            batch_bytes,
            record_count: 0,
            base_timestamp: NO_TIMESTAMP,
            max_timestamp: NO_TIMESTAMP,
            control: false,
        }
    }

    /// An empty control batch, for [`crate::control`].
    pub(crate) fn control(batch_bytes: usize) -> Self {
        Self { control: true, ..Self::new(batch_bytes) }
    }

    /// Appends a record and returns its place in the batch, from 0. A record that would make the
    /// batch larger than allowed is refused unless it is the first.
    pub fn try_append(
        &mut self,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[Header<'_>],
    ) -> Result<i32, AppendError> {
        if self.record_count == 0 {
            self.base_timestamp = timestamp;
        }
        let record = NewRecord {
            offset_delta: self.record_count,
            timestamp_delta: timestamp.wrapping_sub(self.base_timestamp),
            key,
            value,
            headers,
        };
        let body_bytes = record.body_bytes();
        let record_bytes = NewRecord::framed_bytes(body_bytes);
        if self.bytes.len() + record_bytes > self.batch_bytes {
            if record_bytes > BATCH_BYTES_LIMIT - HEADER_BYTES {
                return Err(AppendError::TooLarge { record_bytes });
            }
            if self.record_count > 0 {
                return Err(AppendError::Full);
            }
        }
        if self.record_count == i32::MAX {
            return Err(AppendError::Full);
        }
        record.write(body_bytes, &mut self.bytes);
        self.max_timestamp = self.max_timestamp.max(timestamp);
        self.record_count += 1;
        Ok(record.offset_delta)
    }

    /// The length of the batch, header included, if it were finished now and not compressed.
    pub fn estimated_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The number of records.
    pub fn record_count(&self) -> i32 {
        self.record_count
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.record_count == 0
    }

    /// Seals the batch: compresses it, and writes the header in front. The base offset is 0, as a
    /// broker wants it.
    ///
    /// # Panics
    /// When there is no record: an empty batch cannot be sent.
    pub fn finish(
        self,
        stamp: &ProducerStamp,
        compression: Compression,
    ) -> Result<Bytes, CompressError> {
        assert!(self.record_count > 0, "a batch without records is never finished");
        let mut header = self.header(compression.codec);
        stamp.apply(&mut header);
        let mut batch = self.bytes;
        if compression.codec != CompressionType::None {
            let body = &batch[HEADER_BYTES..];
            let mut compressed = Vec::with_capacity(HEADER_BYTES + body.len() / 2);
            compressed.resize(HEADER_BYTES, 0);
            compress(compression, body, &mut compressed)?;
            batch = compressed;
        }
        header.batch_length = (batch.len() - LOG_OVERHEAD_BYTES) as i32;
        let (room, body) = batch.split_at_mut(HEADER_BYTES);
        room.copy_from_slice(&header.encode_over(body));
        Ok(batch.into())
    }

    fn header(&self, codec: CompressionType) -> BatchHeader {
        BatchHeader {
            base_offset: Offset::ZERO,
            batch_length: 0,
            partition_leader_epoch: LeaderEpoch::NONE,
            crc: 0,
            attributes: Attributes::default().with_compression(codec).with_control(self.control),
            last_offset_delta: self.record_count - 1,
            base_timestamp: self.base_timestamp,
            max_timestamp: self.max_timestamp,
            producer_id: ProducerId::NONE,
            producer_epoch: ProducerEpoch::NONE,
            base_sequence: NO_SEQUENCE,
            record_count: self.record_count,
        }
    }
}

/// The same batch under another stamp, as an idempotent producer needs it after its epoch was
/// bumped. The body is copied only if somebody else holds the bytes too.
pub fn restamp(batch: Bytes, stamp: &ProducerStamp) -> Result<Bytes, BatchError> {
    let parsed = RecordBatch::parse(batch)?;
    let mut header = *parsed.header();
    stamp.apply(&mut header);
    let mut bytes = BytesMut::from(parsed.into_bytes());
    let (room, body) = bytes.split_at_mut(HEADER_BYTES);
    room.copy_from_slice(&header.encode_over(body));
    Ok(bytes.freeze())
}

#[cfg(test)]
pub(crate) mod tests;
