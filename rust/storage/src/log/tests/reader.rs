//! Producers with transactions, and a reader of committed records that does as clients do.

use std::collections::{BTreeSet, VecDeque};

use base::{ProducerEpoch, ProducerId, Wait};
use bytes::Bytes;
use records::{
    AppendOrigin, BatchBuilder, Compression, ControlRecord, ProduceBatch, ProduceRules,
    ProducerStamp, batches, validate_produce,
};

use super::super::*;
use super::fixture::*;
use crate::producer_state::{AbortedTransaction, VerificationStart};

const NOW_MS: i64 = 1_000;

/// A producer of this id and epoch.
pub(super) type Producer = (i64, i16);

/// A batch of a transaction, whose records have a key each.
pub(super) fn transactional(producer: Producer, sequence: i32, keys: &[u64]) -> ProduceBatch {
    let (producer_id, producer_epoch) = (ProducerId(producer.0), ProducerEpoch(producer.1));
    let base_sequence = sequence;
    keyed(keys, &ProducerStamp { producer_id, producer_epoch, base_sequence, transactional: true })
}

/// A batch of records with these keys.
pub(super) fn keyed(keys: &[u64], stamp: &ProducerStamp) -> ProduceBatch {
    let mut builder = BatchBuilder::new(1 << 20);
    for key in keys {
        builder.try_append(NOW_MS, Some(&key.to_be_bytes()), Some(&[7; 40]), &[]).unwrap();
    }
    let bytes = builder.finish(stamp, Compression::default()).unwrap();
    let rules = ProduceRules { now_ms: NOW_MS, ..ProduceRules::default() };
    validate_produce(&bytes, &rules).unwrap()
}

impl Log {
    /// Appends to a producer's transaction, which is verified if it is new here.
    pub(super) fn put_in_transaction(
        &self,
        producer: Producer,
        sequence: i32,
        keys: &[u64],
    ) -> Appended {
        let start = VerificationStart {
            producer_id: ProducerId(producer.0),
            producer_epoch: ProducerEpoch(producer.1),
            base_sequence: sequence,
            supports_epoch_bump: false,
        };
        let guard = self.begin_verification(&start, NOW_MS).unwrap();
        let terms = AppendTerms::Records { origin: AppendOrigin::Client, guard };
        let batch = transactional(producer, sequence, keys);
        self.append_on(&terms, &batch, EPOCH, NOW_MS).unwrap()
    }

    /// Appends the marker that ends a producer's transaction.
    pub(super) fn end_transaction(&self, producer: Producer, is_commit: bool) -> Appended {
        self.try_end_transaction(producer, is_commit).unwrap()
    }

    pub(super) fn try_end_transaction(
        &self,
        (producer_id, producer_epoch): Producer,
        is_commit: bool,
    ) -> Result<Appended, AppendError> {
        let coordinator_epoch = 0;
        let record = if is_commit {
            ControlRecord::Commit { coordinator_epoch }
        } else {
            ControlRecord::Abort { coordinator_epoch }
        };
        let (producer_id, producer_epoch) =
            (ProducerId(producer_id), ProducerEpoch(producer_epoch));
        let marker = ProduceBatch::end_transaction(&record, producer_id, producer_epoch, NOW_MS);
        let terms = AppendTerms::Marker { transaction_version: 2 };
        self.append_on(&terms, &marker, EPOCH, NOW_MS)
    }

    /// The aborted transactions of a range: whose, from where and up to where.
    pub(super) fn aborted_in(&self, from: i64, up_to: i64) -> Vec<(i64, i64, i64)> {
        let found = self.aborted_transactions(Offset(from), Offset(up_to), Wait::Allowed).unwrap();
        let parts =
            |it: &AbortedTransaction| (it.producer_id.0, it.first_offset.0, it.last_offset.0);
        found.iter().map(parts).collect()
    }

    /// The offsets of the committed records from `from` on, read a little at a time.
    pub(super) fn committed_from(&self, from: i64) -> Vec<i64> {
        let end = self.offsets().last_stable;
        let mut committed = Vec::new();
        let mut next = Offset(from);
        while next < end {
            let range = ReadRange { from: next, up_to: end, max_bytes: 400, min_one: true };
            let read = self.read_committed(&range, Wait::Allowed).unwrap();
            let bytes = Bytes::from(read.records.read_all().unwrap());
            assert!(!bytes.is_empty(), "nothing can be read at {next} below {end}");
            let batches = batches(bytes).map(Result::unwrap).collect::<Vec<_>>();
            next = batches.last().unwrap().header().next_offset();
            let mut aborted = read.aborted;
            aborted.sort_by_key(|aborted| aborted.first_offset);
            committed.extend(decided(&batches, aborted.into()));
        }
        committed.retain(|&offset| offset >= from);
        committed
    }
}

/// The offsets of the records that hold, in what one fetch has given.
fn decided(
    batches: &[records::RecordBatch],
    mut aborted: VecDeque<AbortedTransaction>,
) -> Vec<i64> {
    let mut held = Vec::new();
    let mut void = BTreeSet::new();
    for batch in batches {
        let header = batch.header();
        while let Some(next) = aborted.pop_front_if(|it| it.first_offset <= header.last_offset()) {
            void.insert(next.producer_id);
        }
        match batch.control_record().unwrap() {
            Some(ControlRecord::Abort { .. }) => drop(void.remove(&header.producer_id)),
            _ if header.attributes.is_control() => {}
            _ if header.attributes.is_transactional() && void.contains(&header.producer_id) => {}
            _ => {
                let records = batch.records().unwrap();
                held.extend(records.iter().map(|record| record.unwrap().offset.0));
            }
        }
    }
    held
}
