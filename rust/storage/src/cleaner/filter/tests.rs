//! Batches that pass the filter, one after the other.

use base::LeaderEpoch;
use bytes::Bytes;
use records::{BatchBuilder, Compression, HEADER_BYTES, ProducerStamp};

use super::super::offset_map::OffsetMapLimits;
use super::*;
use crate::producer_state::AbortedTransaction;

const NOW: i64 = 1_000_000;
const RETENTION: i64 = 500;

/// A batch in the log at `base`: keys, and whether each has a value.
fn batch(base: i64, records: &[(&str, bool)], stamp: &ProducerStamp) -> RecordBatch {
    let mut builder = BatchBuilder::new(1 << 16);
    for (number, (key, has_value)) in records.iter().enumerate() {
        let value = has_value.then_some(b"value".as_slice());
        builder.try_append(10 + number as i64, Some(key.as_bytes()), value, &[]).unwrap();
    }
    placed(base, &builder.finish(stamp, Compression::default()).unwrap())
}

fn plain(base: i64, records: &[(&str, bool)]) -> RecordBatch {
    batch(base, records, &ProducerStamp::NONE)
}

/// The batch as it lies in the log.
fn placed(base: i64, bytes: &[u8]) -> RecordBatch {
    let header = BatchHeader {
        base_offset: Offset(base),
        partition_leader_epoch: LeaderEpoch(2),
        ..BatchHeader::parse(bytes).unwrap()
    };
    let bytes = [&header.encode()[..], &bytes[HEADER_BYTES..]].concat();
    RecordBatch::parse(Bytes::from(bytes)).unwrap()
}

fn stamp(producer: i64, transactional: bool) -> ProducerStamp {
    ProducerStamp {
        producer_id: ProducerId(producer),
        producer_epoch: ProducerEpoch(0),
        base_sequence: 0,
        transactional,
    }
}

fn marker(base: i64, producer: i64, record: &ControlRecord) -> RecordBatch {
    let bytes = record.end_transaction_batch(ProducerId(producer), ProducerEpoch(0), 10);
    placed(base, &bytes)
}

/// A filter that knows these keys at these offsets, and all that lies below `end`.
fn filter(keys: &[(&str, i64)], end: i64) -> RecordFilter {
    let limits = OffsetMapLimits { bytes_max: 10_000, load_factor: 0.9 };
    let mut map = OffsetMap::new(100, &limits, [1; 16]);
    for (key, offset) in keys {
        map.put(key.as_bytes(), Offset(*offset));
    }
    map.pass(Offset(end - 1));
    RecordFilter {
        map,
        transactions: CleanedTransactions::default(),
        producers: BTreeMap::new(),
        now_ms: NOW,
        delete_retention_ms: RETENTION,
    }
}

impl RecordFilter {
    /// What stays of a batch in the middle of a segment.
    fn rest(&mut self, batch: &RecordBatch) -> Option<RecordBatch> {
        self.rest_of(batch, false)
    }

    fn rest_of(&mut self, batch: &RecordBatch, is_last: bool) -> Option<RecordBatch> {
        let mut out = Vec::new();
        let header = self.filter(batch, is_last, &mut out).unwrap();
        assert_eq!(header.is_none(), out.is_empty());
        header.map(|header| {
            let rest = RecordBatch::parse(Bytes::from(out)).unwrap();
            rest.verify_crc().unwrap();
            assert_eq!(rest.header(), &header);
            assert_eq!(header.last_offset(), batch.header().last_offset());
            assert_eq!(header.base_offset, batch.header().base_offset);
            assert_eq!(header.partition_leader_epoch, LeaderEpoch(2));
            rest
        })
    }
}

fn offsets(batch: Option<&RecordBatch>) -> Vec<i64> {
    let records = batch.map(|batch| batch.records().unwrap());
    records.iter().flatten().map(|record| record.unwrap().offset.0).collect()
}

#[test]
fn the_last_record_of_each_key_stays() {
    let mut filter = filter(&[("a", 12), ("b", 11)], 20);
    let batch = plain(10, &[("a", true), ("b", true), ("a", true), ("old", true)]);
    let rest = filter.rest(&batch);
    assert_eq!(offsets(rest.as_ref()), [11, 12, 13], "a key that is not dirty has no later one");
    assert_eq!(filter.rest(&plain(5, &[("a", true), ("b", true)])).map(|_| ()), None);
    let untouched = plain(12, &[("a", true)]);
    assert_eq!(filter.rest(&untouched).unwrap().bytes(), untouched.bytes());
}

#[test]
fn what_the_map_does_not_know_of_stays() {
    let mut filter = filter(&[("a", 12)], 13);
    assert_eq!(offsets(filter.rest(&plain(12, &[("a", true), ("a", true)])).as_ref()), [12, 13]);
    assert_eq!(offsets(filter.rest(&plain(14, &[("a", false)])).as_ref()), [14]);
}

#[test]
fn a_tombstone_gets_a_horizon_first_and_goes_after_it() {
    let mut first = filter(&[("a", 11)], 20);
    let marked = first.rest(&plain(10, &[("k", true), ("a", false)])).unwrap();
    assert_eq!(marked.header().delete_horizon_ms(), Some(NOW + RETENTION));
    assert_eq!(offsets(Some(&marked)), [10, 11]);
    for (now, left) in [(NOW + RETENTION - 1, vec![10, 11]), (NOW + RETENTION, vec![10])] {
        let mut later = RecordFilter { now_ms: now, ..filter(&[], 20) };
        let rest = later.rest(&marked);
        assert_eq!(offsets(rest.as_ref()), left, "{now}");
        assert_eq!(rest.unwrap().header().delete_horizon_ms(), Some(NOW + RETENTION));
    }
}

#[test]
fn records_without_a_key_go() {
    let mut builder = BatchBuilder::new(1 << 10);
    builder.try_append(1, None, Some(b"value"), &[]).unwrap();
    let bytes = builder.finish(&ProducerStamp::NONE, Compression::default()).unwrap();
    assert!(filter(&[], 20).rest(&placed(3, &bytes)).is_none());
    assert!(filter(&[], 2).rest(&placed(3, &bytes)).is_some(), "unless they are not clean yet");
}

#[test]
fn the_last_batch_of_a_producer_and_of_a_segment_stay_empty() {
    let mut filter = filter(&[("a", 19)], 20);
    filter.producers.insert(ProducerId(7), LastOfProducer::Batch(Offset(6)));
    let of = |base| batch(base, &[("a", true)], &stamp(7, false));
    assert!(filter.rest(&of(5)).is_none());
    let kept = filter.rest(&of(6)).unwrap();
    assert_eq!((kept.header().record_count, kept.header().base_sequence), (0, 0));
    assert!(filter.rest(&plain(7, &[("a", true)])).is_none());
    let last = filter.rest_of(&plain(8, &[("a", true), ("a", true)]), true).unwrap();
    assert_eq!((last.header().record_count, last.header().last_offset()), (0, Offset(9)));
    // Emptied, it goes with the next cleaning, when it is the last no more.
    assert!(filter.rest(&last).is_none());
    assert!(filter.rest(&kept).is_some());
}

#[test]
fn an_aborted_transaction_goes_and_its_marker_follows_after_a_horizon() {
    let abort = ControlRecord::Abort { coordinator_epoch: 0 };
    let aborted = AbortedTransaction {
        producer_id: ProducerId(7),
        first_offset: Offset(4),
        last_offset: Offset(5),
        last_stable_offset: Offset(6),
    };
    let data = batch(4, &[("a", true)], &stamp(7, true));
    let mut first = filter(&[], 20);
    first.transactions = CleanedTransactions::new(vec![aborted]);
    assert!(first.rest(&data).is_none());
    let kept = first.rest(&marker(5, 7, &abort)).unwrap();
    assert_eq!(kept.header().delete_horizon_ms(), None, "its batches were there");

    let mut second = filter(&[], 20);
    second.transactions = CleanedTransactions::new(vec![aborted]);
    let marked = second.rest(&kept).unwrap();
    assert_eq!(marked.header().delete_horizon_ms(), Some(NOW + RETENTION));
    let mut third = RecordFilter { now_ms: NOW + RETENTION, ..filter(&[], 20) };
    assert!(third.rest(&marked).is_none());

    let mut producer = RecordFilter { now_ms: NOW + RETENTION, ..filter(&[], 20) };
    producer.producers.insert(ProducerId(7), LastOfProducer::Marker(ProducerEpoch(0)));
    let empty = producer.rest(&marked).unwrap();
    assert!(empty.header().attributes.is_control() && empty.header().record_count == 0);
}

#[test]
fn a_commit_marker_stays_as_long_as_a_batch_of_its_transaction_does() {
    let commit = ControlRecord::Commit { coordinator_epoch: 0 };
    let mut first = filter(&[("a", 4)], 20);
    assert!(first.rest(&batch(4, &[("a", true)], &stamp(7, true))).is_some());
    let kept = first.rest(&marker(5, 7, &commit)).unwrap();
    assert_eq!(kept.header().delete_horizon_ms(), None);
    assert!(filter(&[], 20).rest(&kept).unwrap().header().delete_horizon_ms().is_some());
}
