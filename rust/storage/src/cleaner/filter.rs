//! What stays of a batch of a compacted log: pure, told of every batch in the order of the log.
//!
//! ```text
//! a record stays if    it is the last one of its key, and
//!                      it has a value, or its batch has no delete horizon yet, or that is to come
//! a batch stays        with the records that stay, marked with a delete horizon if one of them is
//!                      a tombstone, or if it is a marker of a transaction without batches; or
//! a batch stays empty  where it is the last of its producer, whose sequence it tells, or the last
//!                      of its segment, whose end it tells
//! ```
//!
//! Keeping the last batch of each segment is more than Kafka keeps, which does so for the last
//! segment only: segments then always end where the next one begins, which recovery checks.

use std::collections::BTreeMap;

use base::{Offset, ProducerEpoch, ProducerId};
use records::{
    BatchHeader, BatchRecords, ControlBatchError, ControlRecord, RecordBatch, RetainError,
    RetainedRecords, empty_batch,
};
use thiserror::Error;

use super::offset_map::OffsetMap;
use super::transactions::CleanedTransactions;

/// Why a batch cannot be cleaned.
#[derive(Debug, Error)]
pub(crate) enum FilterError {
    #[error(transparent)]
    Retain(#[from] RetainError),
    #[error(transparent)]
    Control(#[from] ControlBatchError),
}

impl From<records::BatchError> for FilterError {
    fn from(error: records::BatchError) -> Self {
        Self::Retain(error.into())
    }
}

/// What tells of a producer that may write again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LastOfProducer {
    /// The batch that ends at this offset has its last sequence number.
    Batch(Offset),
    /// Only a marker has its epoch.
    Marker(ProducerEpoch),
}

/// The rules of one cleaning.
#[derive(Debug)]
pub(crate) struct RecordFilter {
    pub(crate) map: OffsetMap,
    pub(crate) transactions: CleanedTransactions,
    pub(crate) producers: BTreeMap<ProducerId, LastOfProducer>,
    pub(crate) now_ms: i64,
    pub(crate) delete_retention_ms: i64,
}

impl RecordFilter {
    /// Appends to `out` what stays of the batch, and returns its header; none if it goes.
    pub(crate) fn filter(
        &mut self,
        batch: &RecordBatch,
        is_last_of_segment: bool,
        out: &mut Vec<u8>,
    ) -> Result<Option<BatchHeader>, FilterError> {
        let header = *batch.header();
        let records = batch.records()?;
        let (discards, marks) = self.pass(&header, &records)?;
        let retained = RetainedRecords::select(&records, |record| {
            !discards
                && (header.attributes.is_control()
                    || self.retains(&header, record.offset, record.key, record.value.is_some()))
        })?;
        if retained.is_empty() {
            let is_needed = is_last_of_segment || self.is_last_of_producer(&header);
            return Ok(is_needed.then(|| {
                let (header, bytes) = empty_batch(&header);
                out.extend_from_slice(&bytes);
                header
            }));
        }
        let needs_horizon =
            (retained.has_tombstone() || marks) && header.delete_horizon_ms().is_none();
        if retained.is_whole() && !needs_horizon {
            out.extend_from_slice(batch.bytes());
            return Ok(Some(header));
        }
        let horizon = self.now_ms.saturating_add(self.delete_retention_ms);
        Ok(Some(retained.write(needs_horizon.then_some(horizon), out)?))
    }

    /// Whether the records go, whatever they are, and whether the batch is a marker that tells of
    /// no batch.
    fn pass(
        &mut self,
        header: &BatchHeader,
        records: &BatchRecords,
    ) -> Result<(bool, bool), FilterError> {
        if !header.attributes.is_control() {
            return Ok((self.transactions.pass_batch(header), false));
        }
        let may_go =
            self.transactions.pass_control(header, ControlRecord::first_of(records)?.as_ref());
        let horizon_is_over = header.delete_horizon_ms().is_some_and(|at| at <= self.now_ms);
        Ok((may_go && horizon_is_over, may_go))
    }

    fn retains(
        &self,
        header: &BatchHeader,
        offset: Offset,
        key: Option<&[u8]>,
        has_value: bool,
    ) -> bool {
        if Some(offset) > self.map.latest() {
            return true;
        }
        // Without a key it was written before the topic was compacted, and none can replace it.
        let Some(key) = key else { return false };
        let is_last = self.map.get(key).is_none_or(|last| offset >= last);
        let horizon_is_to_come = header.delete_horizon_ms().is_none_or(|at| self.now_ms < at);
        is_last && (has_value || horizon_is_to_come)
    }

    fn is_last_of_producer(&self, header: &BatchHeader) -> bool {
        if !header.has_producer_id() {
            return false;
        }
        match self.producers.get(&header.producer_id) {
            Some(LastOfProducer::Batch(offset)) => *offset == header.last_offset(),
            Some(LastOfProducer::Marker(epoch)) => {
                header.attributes.is_control() && header.producer_epoch == *epoch
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests;
