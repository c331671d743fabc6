//! Batches that foreign clients wrote are read, and ours are written as they were when foreign
//! clients read them (`tests/golden/records` says who wrote what).

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fs;
use std::path::PathBuf;

use base::{ProducerEpoch, ProducerId};
use bytes::Bytes;
use records::{
    BatchBuilder, CompressionType, Header, ProduceRules, ProducerStamp, RecordBatch,
    validate_produce,
};

const STAMP: ProducerStamp = ProducerStamp {
    producer_id: ProducerId(4711),
    producer_epoch: ProducerEpoch(3),
    base_sequence: 17,
    transactional: true,
};

struct Size {
    name: &'static str,
    records: usize,
    repeats: usize,
}

const SIZES: [Size; 2] = [
    Size { name: "small", records: 12, repeats: 3 },
    Size { name: "large", records: 250, repeats: 100 },
];

struct Expected {
    timestamp: i64,
    key: Option<String>,
    value: Option<String>,
    headers: Vec<(&'static str, Option<String>)>,
}

/// The same rule as `record` in `generate.py`.
fn expected(index: usize, repeats: usize) -> Expected {
    let delta = if index == 3 { -5 } else { 7 * index as i64 };
    Expected {
        timestamp: 1_700_000_000_000 + delta,
        key: (!index.is_multiple_of(3)).then(|| format!("key-{index}")),
        value: (index % 5 != 4).then(|| format!("value {index} ").repeat(repeats)),
        headers: if index % 4 == 1 {
            vec![
                ("trace", Some(index.to_string())),
                ("trace", None),
                ("größe", Some(String::new())),
            ]
        } else {
            vec![]
        },
    }
}

fn path(writer: &str, codec: CompressionType, size: &Size) -> PathBuf {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/records");
    PathBuf::from(directory).join(format!("{writer}-{codec}-{}.bin", size.name))
}

/// Every codec and size there is a file of.
fn vectors() -> impl Iterator<Item = (CompressionType, &'static Size)> {
    CompressionType::ALL
        .into_iter()
        .flat_map(|codec| SIZES.iter().map(move |size| (codec, size)))
        .filter(|(codec, size)| *codec != CompressionType::None || size.name == "small")
}

fn check(bytes: Bytes, codec: CompressionType, size: &Size) {
    let rules = ProduceRules { now_ms: 1_700_000_000_000, ..ProduceRules::default() };
    let produced = validate_produce(&bytes, &rules).unwrap();
    assert_eq!(produced.max_timestamp(), 1_700_000_000_000 + 7 * (size.records as i64 - 1));

    let batch = RecordBatch::parse(bytes).unwrap();
    let header = batch.header();
    assert_eq!(header.attributes.compression().unwrap(), codec);
    assert!(header.attributes.is_transactional() && !header.attributes.is_control());
    assert_eq!((header.producer_id, header.producer_epoch), (STAMP.producer_id, ProducerEpoch(3)));
    assert_eq!((header.base_sequence, header.last_sequence()), (17, 16 + size.records as i32));

    let records = batch.records().unwrap();
    let records: Vec<_> = records.iter().map(Result::unwrap).collect();
    assert_eq!(records.len(), size.records);
    for (index, record) in records.iter().enumerate() {
        let expected = expected(index, size.repeats);
        assert_eq!((record.offset.0, record.timestamp), (index as i64, expected.timestamp));
        assert_eq!(record.key, expected.key.as_ref().map(String::as_bytes));
        assert_eq!(record.value, expected.value.as_ref().map(String::as_bytes));
        let headers = expected
            .headers
            .iter()
            .map(|(key, value)| Header::new(key, value.as_ref().map(String::as_bytes)));
        assert!(record.headers.into_iter().eq(headers));
    }
}

#[test]
fn batches_of_foreign_clients_are_read() {
    for writer in ["kafka-python", "aiokafka"] {
        for (codec, size) in vectors() {
            let path = path(writer, codec, size);
            let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
            check(bytes.into(), codec, size);
        }
    }
}

#[test]
fn batches_are_written_as_foreign_clients_have_read_them() {
    for (codec, size) in vectors() {
        let mut builder = BatchBuilder::new(1 << 20);
        for index in 0..size.records {
            let Expected { timestamp, key, value, headers } = expected(index, size.repeats);
            let headers: Vec<Header<'_>> = headers
                .iter()
                .map(|(key, value)| Header::new(key, value.as_ref().map(String::as_bytes)))
                .collect();
            let (key, value) = (key.as_deref(), value.as_deref());
            builder
                .try_append(timestamp, key.map(str::as_bytes), value.map(str::as_bytes), &headers)
                .unwrap();
        }
        let batch = builder.finish(&STAMP, codec.into()).unwrap();
        check(batch.clone(), codec, size);
        let path = path("ottla", codec, size);
        if std::env::var_os("OTTLA_GOLDEN").is_some_and(|mode| mode == "write") {
            fs::write(&path, &batch).unwrap();
        }
        assert_eq!(fs::read(&path).unwrap(), batch, "{path:?}");
    }
}

#[test]
fn an_uncompressed_batch_is_byte_for_byte_that_of_every_client() {
    let small = &SIZES[0];
    let ours = fs::read(path("ottla", CompressionType::None, small)).unwrap();
    for writer in ["kafka-python", "aiokafka"] {
        let mut theirs = fs::read(path(writer, CompressionType::None, small)).unwrap();
        // The leader epoch of a batch that no leader has seen is anybody's choice, outside the CRC.
        theirs[12..16].copy_from_slice(&ours[12..16]);
        assert_eq!(theirs, ours, "{writer}");
    }
}
