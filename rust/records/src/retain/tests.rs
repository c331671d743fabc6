//! Batches that lose records, read back.

use base::{LeaderEpoch, Offset, ProducerEpoch, ProducerId};
use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::builder::{BatchBuilder, ProducerStamp};
use crate::{Compression, Header, RecordBatch};

type Fields = (i64, Option<Vec<u8>>, Option<Vec<u8>>);

/// A batch in a log at offset 100: key, value and timestamp of each record.
fn stored(records: &[Fields], codec: CompressionType) -> RecordBatch {
    let mut builder = BatchBuilder::new(1 << 20);
    for (timestamp, key, value) in records {
        let headers = [Header::new("h", Some(b"1")), Header::new("none", None)];
        builder.try_append(*timestamp, key.as_deref(), value.as_deref(), &headers).unwrap();
    }
    let stamp = ProducerStamp {
        producer_id: ProducerId(7),
        producer_epoch: ProducerEpoch(3),
        base_sequence: 40,
        transactional: false,
    };
    let bytes = builder.finish(&stamp, Compression::from(codec)).unwrap();
    let sent = *RecordBatch::parse(bytes.clone()).unwrap().header();
    let header =
        BatchHeader { base_offset: Offset(100), partition_leader_epoch: LeaderEpoch(5), ..sent };
    let stored = [&header.encode()[..], &bytes[HEADER_BYTES..]].concat();
    RecordBatch::parse(Bytes::from(stored)).unwrap()
}

fn records_of(batch: &RecordBatch) -> Vec<(i64, Fields, usize)> {
    let records = batch.records().unwrap();
    let owned = |field: Option<&[u8]>| field.map(<[u8]>::to_vec);
    let fields = records.iter().map(|record| {
        let record = record.unwrap();
        let fields = (record.timestamp, owned(record.key), owned(record.value));
        (record.offset.0, fields, record.headers.len())
    });
    fields.collect()
}

fn key(number: u8, timestamp: i64) -> Fields {
    (timestamp, Some(vec![number]), Some(vec![number; 20]))
}

#[test]
fn what_stays_keeps_its_offsets_and_the_header_its_producer() {
    let batch = stored(&[key(1, 10), key(2, 30), key(3, 20), key(4, 15)], CompressionType::None);
    let records = batch.records().unwrap();
    let kept = RetainedRecords::select(&records, |record| record.offset.0 % 2 == 0).unwrap();
    assert!(!kept.is_whole() && !kept.is_empty() && !kept.has_tombstone());
    let mut out = b"before".to_vec();
    let header = kept.write(None, &mut out).unwrap();
    let rest = RecordBatch::parse(Bytes::from(out.split_off(6))).unwrap();
    rest.verify_crc().unwrap();
    assert_eq!((out.as_slice(), rest.header()), (&b"before"[..], &header));
    let offsets: Vec<i64> = records_of(&rest).iter().map(|record| record.0).collect();
    assert_eq!(offsets, [100, 102]);
    assert_eq!((header.base_offset, header.last_offset()), (Offset(100), Offset(103)));
    assert_eq!((header.base_sequence, header.last_sequence()), (40, 43));
    assert_eq!((header.producer_id, header.producer_epoch), (ProducerId(7), ProducerEpoch(3)));
    assert_eq!(header.partition_leader_epoch, LeaderEpoch(5));
    assert_eq!((header.base_timestamp, header.max_timestamp, header.record_count), (10, 20, 2));
}

#[test]
fn a_delete_horizon_replaces_the_base_timestamp_and_no_record_s_own() {
    let tombstone = (50, Some(vec![2]), None);
    let batch = stored(&[key(1, 10), tombstone], CompressionType::None);
    assert_eq!(batch.header().delete_horizon_ms(), None);
    let records = batch.records().unwrap();
    let kept = RetainedRecords::select(&records, |_| true).unwrap();
    assert!(kept.is_whole() && kept.has_tombstone());
    let mut out = Vec::new();
    kept.write(Some(1_000_000), &mut out).unwrap();
    let marked = RecordBatch::parse(Bytes::from(out)).unwrap();
    marked.verify_crc().unwrap();
    assert_eq!(marked.header().delete_horizon_ms(), Some(1_000_000));
    assert_eq!(records_of(&marked), records_of(&batch));

    // The horizon stays when further records go.
    let records = marked.records().unwrap();
    let kept = RetainedRecords::select(&records, |record| record.value.is_none()).unwrap();
    let mut out = Vec::new();
    assert_eq!(kept.write(None, &mut out).unwrap().delete_horizon_ms(), Some(1_000_000));
    let rest = RecordBatch::parse(Bytes::from(out)).unwrap();
    assert_eq!(records_of(&rest), records_of(&batch)[1..]);
}

#[test]
fn an_empty_batch_tells_offsets_and_producer_and_is_not_compressed() {
    let batch = stored(&[key(1, 10), key(2, 30)], CompressionType::Zstd);
    let (header, bytes) = empty_batch(batch.header());
    let empty = RecordBatch::parse(Bytes::copy_from_slice(&bytes)).unwrap();
    empty.verify_crc().unwrap();
    assert_eq!(empty.header(), &header);
    assert!(records_of(&empty).is_empty());
    let expected = BatchHeader {
        batch_length: 49,
        crc: header.crc,
        attributes: Attributes::default(),
        base_timestamp: -1,
        record_count: 0,
        ..*batch.header()
    };
    assert_eq!(header, expected);
    assert_eq!(header.max_timestamp, 30);
}

#[test]
fn all_records_of_a_batch_with_append_time_keep_it() {
    let batch = stored(&[key(1, 10), key(2, 30)], CompressionType::None);
    let attributes = batch.header().attributes.with_timestamp_type(TimestampType::LogAppendTime);
    let header = BatchHeader { attributes, max_timestamp: 99, ..*batch.header() };
    let bytes = [&header.encode_over(batch.body())[..], batch.body()].concat();
    let batch = RecordBatch::parse(Bytes::from(bytes)).unwrap();
    let records = batch.records().unwrap();
    let kept = RetainedRecords::select(&records, |record| record.offset.0 == 100).unwrap();
    let mut out = Vec::new();
    assert_eq!(kept.write(Some(5), &mut out).unwrap().max_timestamp, 99);
    let rest = RecordBatch::parse(Bytes::from(out)).unwrap();
    assert_eq!(records_of(&rest)[0].1.0, 99);
}

proptest! {
    #[test]
    fn any_choice_of_records_comes_back_as_it_was(
        records in prop::collection::vec(
            (any::<i64>(), prop::option::of(any::<[u8; 3]>()), prop::option::of(any::<[u8; 40]>())),
            1..20
        ),
        mask: u32,
        horizon in prop::option::of(any::<i64>()),
        codec in 0..5_u8,
    ) {
        let fields: Vec<Fields> = records
            .iter()
            .map(|(at, key, value)| (*at, key.map(Vec::from), value.map(Vec::from)))
            .collect();
        let batch = stored(&fields, CompressionType::from_id(codec).unwrap());
        let all = batch.records().unwrap();
        let keep = |offset: i64| mask >> (offset - 100) & 1 == 1;
        let kept = RetainedRecords::select(&all, |record| keep(record.offset.0)).unwrap();
        let mut expected = records_of(&batch);
        expected.retain(|record| keep(record.0));
        prop_assert_eq!(kept.is_empty(), expected.is_empty());
        prop_assert_eq!(kept.is_whole(), expected.len() == fields.len());
        if !expected.is_empty() {
            let mut out = Vec::new();
            kept.write(horizon, &mut out).unwrap();
            let rest = RecordBatch::parse(Bytes::from(out)).unwrap();
            rest.verify_crc().unwrap();
            prop_assert_eq!(rest.header().delete_horizon_ms(), horizon);
            prop_assert_eq!(records_of(&rest), expected);
        }
    }
}
