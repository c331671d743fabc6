//! Record batches as producers send them, and what is in those that come back.

use std::collections::BTreeSet;

use base::{Clock, Offset, ProducerEpoch, ProducerId, SystemClock};
use bytes::Bytes;
use records::{BatchBuilder, CompressionType, ProducerStamp, RecordBatch, batches};
use wire::Records;
use wire::fetch::PartitionData;

/// The timestamp of records whose time does not matter: 2026-01-01.
pub(crate) const TIMESTAMP_MS: i64 = 1_767_225_600_000;

/// A batch of these values.
pub(crate) fn batch(values: &[&str]) -> Bytes {
    stamped(values, TIMESTAMP_MS, &ProducerStamp::NONE)
}

/// A batch of these values, all of one time.
pub(crate) fn batch_at(timestamp_ms: i64, values: &[&str]) -> Bytes {
    stamped(values, timestamp_ms, &ProducerStamp::NONE)
}

/// A batch of one record of so many bytes.
pub(crate) fn batch_of_bytes(bytes: usize) -> Bytes {
    batch(&["x".repeat(bytes).as_str()])
}

/// A batch of an idempotent producer.
pub(crate) fn idempotent_batch(producer: (i64, i16), base_sequence: i32, values: &[&str]) -> Bytes {
    stamped(values, TIMESTAMP_MS, &stamp(producer, base_sequence))
}

/// A batch of a producer's transaction. It is of now, as the markers are: records of long ago would
/// have a segment of their own, and one fetch reads no further than a segment.
pub(crate) fn transactional_batch(
    producer: (i64, i16),
    base_sequence: i32,
    values: &[&str],
) -> Bytes {
    let stamp = ProducerStamp { transactional: true, ..stamp(producer, base_sequence) };
    stamped(values, SystemClock.unix_ms(), &stamp)
}

/// The stamp of an idempotent batch.
pub(crate) fn stamp(
    (producer_id, producer_epoch): (i64, i16),
    base_sequence: i32,
) -> ProducerStamp {
    ProducerStamp {
        producer_id: ProducerId(producer_id),
        producer_epoch: ProducerEpoch(producer_epoch),
        base_sequence,
        transactional: false,
    }
}

fn stamped(values: &[&str], timestamp_ms: i64, stamp: &ProducerStamp) -> Bytes {
    builder(values, timestamp_ms).finish(stamp, CompressionType::None.into()).unwrap()
}

/// A batch under construction that holds these values.
pub(crate) fn builder(values: &[&str], timestamp_ms: i64) -> BatchBuilder {
    let mut builder = BatchBuilder::with_capacity(usize::MAX, 1024);
    for value in values {
        builder.try_append(timestamp_ms, None, Some(value.as_bytes()), &[]).unwrap();
    }
    builder
}

/// The whole batches of a fetched partition.
pub(crate) fn batches_in(records: Option<&Records>) -> Vec<RecordBatch> {
    let bytes = records.and_then(Records::as_bytes).cloned().unwrap_or_default();
    let all: Vec<_> = batches(bytes).map(Result::unwrap).collect();
    for batch in &all {
        batch.verify_crc().unwrap();
    }
    all
}

/// The offsets and values of a fetched partition, from `from` on: a fetch gives the whole batch
/// that holds the offset.
pub(crate) fn records_in(records: Option<&Records>, from: i64) -> Vec<(i64, String)> {
    let mut all = Vec::new();
    for batch in batches_in(records) {
        for record in &batch.records().unwrap() {
            let record = record.unwrap();
            if record.offset >= Offset(from) && !batch.header().attributes.is_control() {
                let value = String::from_utf8(record.value.unwrap().to_vec()).unwrap();
                all.push((record.offset.0, value));
            }
        }
    }
    all
}

/// The values of a partition that was fetched as committed: those of aborted transactions are left
/// out, as clients do it.
pub(crate) fn committed_in(fetched: &PartitionData) -> Vec<String> {
    let mut to_come: Vec<(i64, i64)> = fetched
        .aborted_transactions
        .iter()
        .flatten()
        .map(|aborted| (aborted.first_offset, aborted.producer_id))
        .collect();
    let mut aborted = BTreeSet::new();
    let mut values = Vec::new();
    for batch in batches_in(fetched.records.as_ref()) {
        let header = batch.header();
        to_come.retain(|&(first_offset, producer_id)| {
            let has_begun = first_offset <= header.base_offset.0;
            if has_begun {
                aborted.insert(producer_id);
            }
            !has_begun
        });
        if header.attributes.is_control() {
            aborted.remove(&header.producer_id.0);
        } else if !header.attributes.is_transactional() || !aborted.contains(&header.producer_id.0)
        {
            for record in &batch.records().unwrap() {
                let value = record.unwrap().value.unwrap().to_vec();
                values.push(String::from_utf8(value).unwrap());
            }
        }
    }
    values
}
