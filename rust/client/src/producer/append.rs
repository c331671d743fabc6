//! Into the open batch: by a sending thread, or by the driver for a record that was sent before its
//! topic was known.

use std::sync::Arc;

use client_core::producer::{NewRecord, PlacementError, ProducerInput};

use super::machine::Shared;
use super::{Busy, TrySendError};
use crate::delivery::{BatchDelivery, Delivery};
use crate::error::SendError;
use crate::topics::{PartitionBuffer, Topic};

/// Where a record is to go, and what it needs there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// The partition that it is meant for; by its key if `None`.
    pub(super) partition: Option<i32>,
    /// No batch that holds only this record is larger.
    pub(super) bytes: usize,
    /// What it has of `buffer.memory` already. A record that has as much as it needs is always
    /// appended.
    pub(super) reserved_bytes: usize,
}

impl Shared {
    /// Appends a record to the batch of its partition, which is chosen here.
    pub(super) fn append_to(
        &self,
        topic: &Topic,
        new: &NewRecord<'_>,
        place: &Place,
    ) -> Result<Delivery, TrySendError> {
        let key = new.key.filter(|_| !self.config.partitioner_ignore_keys);
        let partition = place.partition.unwrap_or_else(|| topic.choose(key) as i32);
        let buffer = usize::try_from(partition).ok().and_then(|index| topic.partitions.get(index));
        let Some(buffer) = buffer else {
            let (topic, partitions) = (topic.name.clone(), topic.partitions.len());
            let error = PlacementError::NoSuchPartition { topic, partition, partitions };
            return Err(TrySendError::Refused(error.into()));
        };
        let (delivery, is_new) = self.append(buffer, new, place)?;
        if place.partition.is_none() && key.is_none() {
            topic.note_sticky(partition as u32, place.bytes, is_new);
        }
        Ok(delivery)
    }

    /// Copies the record into the open batch, or into a new one.
    fn append(
        &self,
        buffer: &PartitionBuffer,
        new: &NewRecord<'_>,
        place: &Place,
    ) -> Result<(Delivery, bool), TrySendError> {
        let &Place { bytes, reserved_bytes, .. } = place;
        let too_large = |_| {
            let (limit, limit_bytes) = ("the record batch format", i32::MAX as usize);
            TrySendError::Refused(SendError::TooLarge { record_bytes: bytes, limit, limit_bytes })
        };
        let mut accumulator = buffer.accumulator.lock();
        if let Some((index, batch)) = accumulator.try_append(new).map_err(too_large)? {
            if reserved_bytes > 0 {
                self.memory.release(reserved_bytes);
            }
            return Ok((Delivery::new(batch.clone(), index, new.timestamp_ms), false));
        }
        self.seal(&mut accumulator, &buffer.topic_partition);
        let mut batch_bytes = self.config.batch_bytes.max(bytes);
        if !self.memory.try_reserve(batch_bytes - reserved_bytes) {
            if reserved_bytes < bytes {
                return Err(TrySendError::Busy(Busy::Memory { bytes: batch_bytes }));
            }
            batch_bytes = reserved_bytes;
        }
        let topic_partition = buffer.topic_partition.clone();
        let batch = Arc::new(BatchDelivery::new(topic_partition.clone(), batch_bytes));
        let created_at = self.clock.now();
        accumulator.open(batch_bytes, created_at, batch.clone());
        let appended = accumulator.try_append(new).map_err(too_large)?;
        assert!(appended.is_some(), "a new batch has room for the record it was made for");
        self.tell(ProducerInput::Opened { topic_partition, created_at });
        Ok((Delivery::new(batch, 0, new.timestamp_ms), true))
    }
}
