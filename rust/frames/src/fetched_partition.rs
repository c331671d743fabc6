//! What a fetch has brought of one partition, taken frame by frame.

use std::sync::Arc;

use base::{Offset, PartitionIndex};
use bytes::Bytes;
use records::{BatchError, BatchRecords, Batches, RecordPosition, batches};

/// The fetched records of a partition, and how far they have been taken.
#[derive(Clone, Debug)]
pub struct FetchedPartition {
    topic: Arc<str>,
    partition: PartitionIndex,
    response: Bytes,
    batches: Batches,
    current: Option<Current>,
    next_offset: Offset,
    end_offset: Offset,
    check_crcs: bool,
}

/// A batch that has been taken in part.
#[derive(Clone, Debug)]
pub(crate) struct Current {
    pub(crate) records: BatchRecords,
    pub(crate) position: RecordPosition,
}

impl FetchedPartition {
    /// The record batches `records` of a partition, wanted from `from` on: a fetch may bring
    /// earlier records of the first batch too. `response` is the buffer that `records` is a slice
    /// of and keeps alive, or `records` itself.
    pub fn new(
        topic: Arc<str>,
        partition: PartitionIndex,
        response: &Bytes,
        records: Bytes,
        from: Offset,
    ) -> Self {
        let within = response.as_ptr_range().contains(&records.as_ptr())
            && records.as_ptr_range().end <= response.as_ptr_range().end;
        let response = if within { response } else { &records };
        Self {
            topic,
            partition,
            response: response.clone(),
            batches: batches(records),
            current: None,
            next_offset: from,
            end_offset: Offset(i64::MAX),
            check_crcs: true,
        }
    }

    /// The same without the records at `end_offset` and later.
    #[must_use]
    pub fn up_to(self, end_offset: Offset) -> Self {
        Self { end_offset, ..self }
    }

    /// The same with `check.crcs` as the consumer has it; it is on at first.
    #[must_use]
    pub fn with_check_crcs(self, check_crcs: bool) -> Self {
        Self { check_crcs, ..self }
    }

    /// The topic.
    pub fn topic(&self) -> &Arc<str> {
        &self.topic
    }

    /// The partition.
    pub fn partition(&self) -> PartitionIndex {
        self.partition
    }

    /// The offset after the last record that was taken or passed over: where a consumer goes on,
    /// and what it commits.
    pub fn next_offset(&self) -> Offset {
        self.next_offset
    }

    /// The bytes that have not been taken, as they were fetched.
    pub fn remaining_bytes(&self) -> usize {
        self.batches.rest().len()
            + self
                .current
                .as_ref()
                .map_or(0, |current| current.records.body().len() - current.position.body_bytes())
    }

    /// The buffer that keys and values of an uncompressed batch are slices of.
    pub(crate) fn response(&self) -> &Bytes {
        &self.response
    }

    /// Whether a record's offset is wanted still.
    #[inline]
    pub(crate) fn wants(&self, offset: Offset) -> bool {
        (self.next_offset..self.end_offset).contains(&offset)
    }

    /// Notes that everything before `offset` was taken; it never goes back.
    #[inline]
    pub(crate) fn advance(&mut self, offset: Offset) {
        self.next_offset = self.next_offset.max(offset.min(self.end_offset));
    }

    /// The batch to take records from, passing over those that hold none that are wanted.
    pub(crate) fn take_current(&mut self) -> Result<Option<Current>, BatchError> {
        if let Some(current) = self.current.take() {
            return Ok(Some(current));
        }
        while self.next_offset < self.end_offset {
            let Some(batch) = self.batches.next() else { return Ok(None) };
            let batch = batch?;
            let header = batch.header();
            if header.attributes.is_control() || header.next_offset() <= self.next_offset {
                self.advance(header.next_offset());
                continue;
            }
            if header.base_offset >= self.end_offset {
                self.advance(self.end_offset);
                return Ok(None);
            }
            if self.check_crcs {
                batch.verify_crc()?;
            }
            let records = batch.records()?;
            return Ok(Some(Current { records, position: RecordPosition::default() }));
        }
        Ok(None)
    }

    /// Puts back a batch that has not been taken whole.
    pub(crate) fn put_back(&mut self, current: Current) {
        self.current = Some(current);
    }
}
