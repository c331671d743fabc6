//! A partition's log as far as transactions matter: who writes, what is open, what a marker ends.

use std::collections::BTreeMap;

use base::ErrorCode;
use coordinator::transaction::Markers;

use crate::requests::Producer;

/// A record: of which transaction, and the how many-th.
pub(crate) type Record = (u64, u32);

#[derive(Clone, Debug, Default)]
pub(crate) struct PartitionLog {
    producers: BTreeMap<i64, ProducerEntry>,
    pub(crate) committed: Vec<Record>,
    pub(crate) aborted: Vec<Record>,
}

#[derive(Clone, Debug)]
struct ProducerEntry {
    epoch: i16,
    coordinator_epoch: i32,
    open: Vec<Record>,
    /// Counts markers: a write that was verified before one is not let in after it (KIP-890).
    markers: u64,
}

impl Default for ProducerEntry {
    fn default() -> Self {
        Self { epoch: -1, coordinator_epoch: -1, open: Vec::new(), markers: 0 }
    }
}

impl PartitionLog {
    /// Where a producer's markers stand when a write of its is being verified.
    pub(crate) fn guard(&self, producer: Producer) -> u64 {
        self.producers.get(&producer.0).map_or(0, |entry| entry.markers)
    }

    /// Appends what has been verified, if no marker has come since.
    pub(crate) fn append(
        &mut self,
        producer: Producer,
        guard: u64,
        record: Record,
    ) -> Result<(), ErrorCode> {
        if self.committed.contains(&record) || self.aborted.contains(&record) {
            // Its sequence number says so.
            return Err(ErrorCode::OutOfOrderSequenceNumber);
        }
        let entry = self.producers.entry(producer.0).or_default();
        if producer.1 < entry.epoch {
            return Err(ErrorCode::InvalidProducerEpoch);
        }
        if guard != entry.markers {
            return Err(ErrorCode::InvalidTxnState);
        }
        let is_bumped = producer.1 > entry.epoch;
        assert!(!is_bumped || entry.open.is_empty(), "an epoch began inside of a transaction");
        let transaction = entry.open.first().map_or(record.0, |open| open.0);
        assert_eq!(transaction, record.0, "two transactions of one producer are open");
        entry.epoch = producer.1;
        if !entry.open.contains(&record) {
            entry.open.push(record);
        }
        Ok(())
    }

    /// Writes a marker.
    pub(crate) fn end(&mut self, markers: &Markers) -> ErrorCode {
        let entry = self.producers.entry(markers.producer_id.0).or_default();
        let epoch = markers.producer_epoch.0;
        let is_again = epoch == entry.epoch && (entry.open.is_empty() || epoch == i16::MAX);
        let is_fenced = match markers.transaction_version {
            2.. => epoch <= entry.epoch && !is_again,
            _ => epoch < entry.epoch,
        };
        if is_fenced {
            return ErrorCode::InvalidProducerEpoch;
        }
        if markers.coordinator_epoch < entry.coordinator_epoch {
            return ErrorCode::TransactionCoordinatorFenced;
        }
        (entry.epoch, entry.coordinator_epoch) = (epoch, markers.coordinator_epoch);
        entry.markers += 1;
        let ended = if markers.commit { &mut self.committed } else { &mut self.aborted };
        ended.append(&mut entry.open);
        ErrorCode::None
    }

    pub(crate) fn open(&self) -> impl Iterator<Item = &Record> {
        self.producers.values().flat_map(|entry| &entry.open)
    }
}
