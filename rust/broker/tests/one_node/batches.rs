//! Record batches as producers send them, and what is in those that come back.

use base::{Offset, ProducerEpoch, ProducerId};
use bytes::Bytes;
use records::{BatchBuilder, CompressionType, ProducerStamp, RecordBatch, batches};
use wire::Records;

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
pub(crate) fn idempotent_batch(
    (producer_id, producer_epoch): (i64, i16),
    base_sequence: i32,
    values: &[&str],
) -> Bytes {
    let stamp = ProducerStamp {
        producer_id: ProducerId(producer_id),
        producer_epoch: ProducerEpoch(producer_epoch),
        base_sequence,
        transactional: false,
    };
    stamped(values, TIMESTAMP_MS, &stamp)
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
            if record.offset >= Offset(from) {
                let value = String::from_utf8(record.value.unwrap().to_vec()).unwrap();
                all.push((record.offset.0, value));
            }
        }
    }
    all
}
