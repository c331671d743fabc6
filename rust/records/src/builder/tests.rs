//! Tests of the builder: what goes in comes out, limits hold, and the bytes are Kafka's.

use proptest::prelude::*;

use super::*;
use crate::batch::{RecordBatch, batches};
use crate::validate::{ProduceRules, validate_produce};

/// A record with everything owned, to compare with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plain {
    pub(crate) timestamp: i64,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: Vec<(String, Option<Vec<u8>>)>,
}

/// Any record with short fields, so that a batch holds many.
pub(crate) fn any_record() -> impl Strategy<Value = Plain> {
    let bytes = || prop::option::of(prop::collection::vec(any::<u8>(), 0..200));
    let headers = prop::collection::vec(("[a-c]{0,3}", bytes()), 0..4);
    (any::<i64>(), bytes(), bytes(), headers).prop_map(|(timestamp, key, value, headers)| Plain {
        timestamp,
        key,
        value,
        headers,
    })
}

/// Seals a batch of `records`.
pub(crate) fn build(records: &[Plain], stamp: &ProducerStamp, codec: CompressionType) -> Bytes {
    let mut builder = BatchBuilder::with_capacity(1 << 20, 0);
    for (index, record) in records.iter().enumerate() {
        let headers: Vec<Header<'_>> =
            record.headers.iter().map(|(key, value)| Header::new(key, value.as_deref())).collect();
        let place = builder
            .try_append(record.timestamp, record.key.as_deref(), record.value.as_deref(), &headers)
            .unwrap();
        assert_eq!(place, index as i32);
    }
    let estimated_bytes = builder.estimated_bytes();
    let batch = builder.finish(stamp, codec.into()).unwrap();
    if codec == CompressionType::None {
        assert_eq!(batch.len(), estimated_bytes);
    }
    batch
}

/// Reads a batch back.
pub(crate) fn read(batch: &RecordBatch) -> Vec<Plain> {
    batch
        .records()
        .unwrap()
        .iter()
        .map(|record| {
            let record = record.unwrap();
            Plain {
                timestamp: record.timestamp,
                key: record.key.map(<[u8]>::to_vec),
                value: record.value.map(<[u8]>::to_vec),
                headers: record
                    .headers
                    .into_iter()
                    .map(|header| {
                        (header.key_text().into_owned(), header.value.map(<[u8]>::to_vec))
                    })
                    .collect(),
            }
        })
        .collect()
}

const STAMP: ProducerStamp = ProducerStamp {
    producer_id: ProducerId(4711),
    producer_epoch: ProducerEpoch(3),
    base_sequence: 17,
    transactional: true,
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_goes_in_comes_out_with_every_codec(
        records in prop::collection::vec(any_record(), 1..40),
    ) {
        for codec in CompressionType::ALL {
            let bytes = build(&records, &STAMP, codec);
            let all: Vec<RecordBatch> = batches(bytes.clone()).map(Result::unwrap).collect();
            prop_assert_eq!(all.len(), 1);
            let batch = &all[0];
            batch.verify_crc().unwrap();
            prop_assert_eq!(&read(batch), &records);

            let header = batch.header();
            prop_assert_eq!(header.record_count as usize, records.len());
            prop_assert_eq!(header.attributes.compression().unwrap(), codec);
            prop_assert_eq!((header.producer_id, header.base_sequence), (STAMP.producer_id, 17));
            prop_assert_eq!(header.last_sequence(), 16 + records.len() as i32);
            prop_assert!(header.attributes.is_transactional());
            let rules =
                ProduceRules { timestamp_after_max_ms: i64::MAX, ..ProduceRules::default() };
            let produced = validate_produce(&bytes, &rules).unwrap();
            let latest = records.iter().map(|record| record.timestamp).max().unwrap();
            prop_assert_eq!(produced.max_timestamp(), latest.max(NO_TIMESTAMP));
        }
    }
}

#[test]
fn a_batch_is_full_at_its_limit_and_takes_one_large_record() {
    let mut builder = BatchBuilder::new(HEADER_BYTES + 30);
    assert!(builder.is_empty());
    assert_eq!(builder.try_append(0, None, Some(&[0; 100]), &[]), Ok(0));
    assert_eq!(builder.try_append(0, None, None, &[]), Err(AppendError::Full));
    assert_eq!(builder.record_count(), 1);

    // A record without key and value takes seven bytes: length, attributes, two deltas, two nulls,
    // no header.
    let mut builder = BatchBuilder::new(HEADER_BYTES + 21);
    for index in 0..3 {
        assert_eq!(builder.try_append(5, None, None, &[]), Ok(index));
    }
    assert_eq!(builder.try_append(5, None, None, &[]), Err(AppendError::Full));
    assert_eq!(builder.estimated_bytes(), HEADER_BYTES + 21);
}

#[test]
fn a_limit_beyond_the_format_is_cut_to_it() {
    let builder = BatchBuilder::with_capacity(usize::MAX, 0);
    assert_eq!(builder.batch_bytes, BATCH_BYTES_LIMIT);
}

#[test]
fn records_lie_in_a_batch_as_the_format_says() {
    let mut builder = BatchBuilder::new(1024);
    let headers = [Header::new("h", Some(b"1")), Header::new("h", None)];
    builder.try_append(1000, Some(b"k"), Some(b"value"), &headers).unwrap();
    builder.try_append(1100, None, None, &[]).unwrap();
    let batch = builder.finish(&ProducerStamp::NONE, Compression::default()).unwrap();
    let body = [
        38, 0, 0, 0, // nineteen bytes, no attribute, no delta
        2, b'k', 10, b'v', b'a', b'l', b'u', b'e', // key, value
        4, 2, b'h', 2, b'1', 2, b'h', 1, // two headers of the same key
        14, 0, 0xc8, 0x01, 2, // timestamp delta 100, offset delta 1
        1, 1, 0, // no key, no value, no header
    ];
    assert_eq!(batch[HEADER_BYTES..], body);
}

#[test]
fn a_new_stamp_changes_the_producer_and_nothing_else() {
    let records = [Plain { timestamp: 1, key: None, value: Some(vec![1; 300]), headers: vec![] }];
    for codec in CompressionType::ALL {
        let bytes = build(&records, &ProducerStamp::NONE, codec);
        let shared = bytes.clone();
        let stamped = restamp(bytes, &STAMP).unwrap();
        assert_eq!(stamped, build(&records, &STAMP, codec));
        assert_eq!(restamp(stamped, &ProducerStamp::NONE).unwrap(), shared);
    }
    assert!(restamp(Bytes::from_static(b"no batch"), &STAMP).is_err());
}

#[test]
fn bytes_that_nobody_shares_are_stamped_in_place() {
    let records = [Plain { timestamp: 1, key: None, value: Some(vec![1; 300]), headers: vec![] }];
    let bytes = build(&records, &ProducerStamp::NONE, CompressionType::None);
    let place = bytes.as_ptr();
    assert_eq!(restamp(bytes, &STAMP).unwrap().as_ptr(), place);
}

#[test]
#[should_panic(expected = "a batch without records is never finished")]
fn an_empty_batch_is_a_bug() {
    let _ = BatchBuilder::new(100).finish(&ProducerStamp::NONE, Compression::default());
}
