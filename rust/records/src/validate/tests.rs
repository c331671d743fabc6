//! Tests of the rules for produced batches, each with the code that Kafka answers.

use super::*;
use crate::builder::tests::{Plain, build};
use crate::builder::{BatchBuilder, ProducerStamp};
use crate::control::ControlRecord;
use crate::header::HEADER_BYTES;
use base::{Offset, ProducerEpoch};

const NOW_MS: i64 = 1_700_000_000_000;

fn rules() -> ProduceRules {
    ProduceRules { now_ms: NOW_MS, ..ProduceRules::default() }
}

fn plain(timestamp: i64) -> Plain {
    Plain { timestamp, key: None, value: Some(b"value".to_vec()), headers: vec![] }
}

fn batch(codec: CompressionType) -> Bytes {
    let records: Vec<Plain> = (0..10).map(|delta| plain(NOW_MS - delta)).collect();
    build(&records, &ProducerStamp::NONE, codec)
}

/// The batch with another header and a right CRC.
fn with_header(bytes: &Bytes, change: impl FnOnce(&mut BatchHeader)) -> Bytes {
    let mut header = BatchHeader::parse(bytes).unwrap();
    change(&mut header);
    let body = &bytes[HEADER_BYTES..];
    [&header.encode_over(body), body].concat().into()
}

/// The batch with another body (given uncompressed) and a right header.
fn with_body(codec: CompressionType, body: &[u8]) -> Bytes {
    let mut bytes = batch(codec)[..HEADER_BYTES].to_vec();
    crate::compression::compress(codec.into(), body, &mut bytes).unwrap();
    let batch_length = bytes.len() as i32 - 12;
    with_header_of(bytes, batch_length)
}

fn with_header_of(mut bytes: Vec<u8>, batch_length: i32) -> Bytes {
    bytes[8..12].copy_from_slice(&batch_length.to_be_bytes());
    with_header(&bytes.into(), |_| {})
}

fn refused(bytes: &Bytes, rules: &ProduceRules, code: ErrorCode) -> InvalidRecords {
    let error = validate_produce(bytes, rules).unwrap_err();
    assert_eq!(error.code(), code, "{error}");
    error
}

#[test]
fn a_good_batch_passes_with_every_codec() {
    for codec in CompressionType::ALL {
        let bytes = batch(codec);
        let produced = validate_produce(&bytes, &rules()).unwrap();
        assert_eq!(
            (produced.max_timestamp(), produced.offset_delta_of_max_timestamp()),
            (NOW_MS, 0)
        );
        assert_eq!((produced.record_count(), produced.size_in_bytes()), (10, bytes.len()));
        assert_eq!(produced.bytes().as_ptr(), bytes.as_ptr());
    }
}

#[test]
fn exactly_one_batch_is_taken() {
    refused(&Bytes::new(), &rules(), ErrorCode::InvalidRecord);
    let bytes = batch(CompressionType::None);
    let two = Bytes::from([&bytes[..], &bytes[..]].concat());
    refused(&two, &rules(), ErrorCode::InvalidRecord);
    let trailing = Bytes::from([&bytes[..], b"x"].concat());
    refused(&trailing, &rules(), ErrorCode::InvalidRecord);
    for cut in 1..bytes.len() {
        let error = validate_produce(&bytes.slice(..cut), &rules()).unwrap_err();
        assert_eq!(error.code(), ErrorCode::CorruptMessage);
    }
}

#[test]
fn every_flipped_bit_is_refused_but_for_the_leader_epoch() {
    for codec in CompressionType::ALL {
        let bytes = batch(codec);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let result = validate_produce(&flipped.into(), &rules());
            // The leader writes its own epoch over whatever the producer sent.
            assert_eq!(result.is_ok(), (12..16).contains(&(bit / 8)), "{codec}, bit {bit}");
        }
    }
}

#[test]
fn old_formats_are_refused() {
    for magic in [0, 1, 3] {
        let mut bytes = batch(CompressionType::None).to_vec();
        bytes[16] = magic;
        refused(&bytes.into(), &rules(), ErrorCode::InvalidRecord);
    }
}

#[test]
fn a_batch_larger_than_the_topic_allows_is_refused() {
    let bytes = batch(CompressionType::None);
    let limited = |message_bytes_max| ProduceRules { message_bytes_max, ..rules() };
    assert!(validate_produce(&bytes, &limited(bytes.len())).is_ok());
    refused(&bytes, &limited(bytes.len() - 1), ErrorCode::MessageTooLarge);
}

#[test]
fn counts_and_offsets_must_agree() {
    let bytes = batch(CompressionType::None);
    let changed = |change: fn(&mut BatchHeader)| with_header(&bytes, change);
    for bytes in [
        changed(|header| header.base_offset = Offset(1)),
        changed(|header| header.base_offset = Offset(-1)),
        changed(|header| header.last_offset_delta = 8),
        changed(|header| header.last_offset_delta = -1),
        changed(|header| header.record_count = 0),
        changed(|header| header.record_count = -1),
        changed(|header| (header.record_count, header.last_offset_delta) = (i32::MIN, i32::MAX)),
        // Consistent in the header, but not what the body holds.
        changed(|header| (header.record_count, header.last_offset_delta) = (9, 8)),
        changed(|header| (header.record_count, header.last_offset_delta) = (11, 10)),
    ] {
        let error = refused(&bytes, &rules(), ErrorCode::InvalidRecord);
        assert!(error.rejected().is_empty());
    }
}

#[test]
fn offset_deltas_must_be_dense() {
    for codec in CompressionType::ALL {
        let record = [12, 0, 0, 8, 1, 1, 0]; // offset delta 4 in the first place
        let bytes = with_body(codec, &record.repeat(10));
        let error = refused(&bytes, &rules(), ErrorCode::InvalidRecord);
        assert!(matches!(error, InvalidRecords::OffsetDelta { index: 0, offset_delta: 4 }));
    }
}

#[test]
fn malformed_records_are_found_behind_a_right_crc() {
    for codec in CompressionType::ALL {
        for body in [&b""[..], b"\x01", b"\x0c\0\0\0\x01\x01\x02", &[0xff; 30], &[0; 30]] {
            let error = refused(&with_body(codec, body), &rules(), ErrorCode::InvalidRecord);
            assert!(matches!(error, InvalidRecords::Batch(BatchError::Record { .. })), "{error}");
        }
    }
}

#[test]
fn a_body_that_is_not_compressed_as_it_claims_is_refused() {
    for codec in &CompressionType::ALL[1..] {
        let bytes = with_header(&batch(CompressionType::None), |header| {
            header.attributes = header.attributes.with_compression(*codec);
        });
        refused(&bytes, &rules(), ErrorCode::InvalidRecord);
    }
    for id in 5..8 {
        let bytes = with_header(&batch(CompressionType::None), |header| header.attributes.0 |= id);
        refused(&bytes, &rules(), ErrorCode::UnsupportedCompressionType);
    }
}

#[test]
fn a_bomb_is_refused_in_bounded_memory() {
    let mut builder = BatchBuilder::with_capacity(usize::MAX, 0);
    builder.try_append(NOW_MS, None, Some(&vec![0; 64 << 20]), &[]).unwrap();
    let bomb = builder.finish(&ProducerStamp::NONE, CompressionType::Zstd.into()).unwrap();
    refused(&bomb, &rules(), ErrorCode::MessageTooLarge);
}

#[test]
fn zstd_needs_a_request_that_knows_it() {
    let old = ProduceRules { zstd_allowed: false, ..rules() };
    refused(&batch(CompressionType::Zstd), &old, ErrorCode::UnsupportedCompressionType);
    assert!(validate_produce(&batch(CompressionType::Lz4), &old).is_ok());
}

#[test]
fn control_batches_come_from_coordinators_only() {
    let commit = ControlRecord::Commit { coordinator_epoch: 1 };
    let bytes = commit.end_transaction_batch(ProducerId(1), ProducerEpoch(0), NOW_MS);
    let error = refused(&bytes, &rules(), ErrorCode::InvalidRecord);
    assert!(matches!(error, InvalidRecords::Control));
    let own = ProduceRules { origin: AppendOrigin::Coordinator, ..rules() };
    assert!(validate_produce(&bytes, &own).is_ok());
}

#[test]
fn a_producer_is_named_wholly_or_not_at_all() {
    let stamped = |producer_id, epoch, base_sequence, transactional| {
        let stamp = ProducerStamp {
            producer_id: ProducerId(producer_id),
            producer_epoch: ProducerEpoch(epoch),
            base_sequence,
            transactional,
        };
        build(&[plain(NOW_MS)], &stamp, CompressionType::None)
    };
    for good in [
        stamped(-1, -1, -1, false),
        stamped(-1, 0, 0, false), // Kafka looks at neither without a producer id
        stamped(0, 0, 0, false),
        stamped(9, 1, i32::MAX, true),
    ] {
        assert!(validate_produce(&good, &rules()).is_ok());
    }
    for bad in [stamped(9, 0, -1, false), stamped(9, -1, 0, false), stamped(-1, -1, -1, true)] {
        let error = refused(&bad, &rules(), ErrorCode::InvalidRecord);
        assert!(matches!(error, InvalidRecords::Producer { .. }));
    }
}

#[test]
fn only_the_broker_sets_an_append_time() {
    let bytes = with_header(&batch(CompressionType::None), |header| {
        header.attributes = header.attributes.with_timestamp_type(TimestampType::LogAppendTime);
    });
    refused(&bytes, &rules(), ErrorCode::InvalidTimestamp);
}

#[test]
fn timestamps_out_of_range_are_listed_record_by_record() {
    let limited =
        ProduceRules { timestamp_before_max_ms: 1000, timestamp_after_max_ms: 500, ..rules() };
    let timestamps =
        [NOW_MS, NOW_MS - 1000, NOW_MS - 1001, NOW_MS + 500, NOW_MS + 501, NO_TIMESTAMP, i64::MIN];
    let records: Vec<Plain> = timestamps.into_iter().map(plain).collect();
    for codec in CompressionType::ALL {
        let bytes = build(&records, &ProducerStamp::NONE, codec);
        let error = refused(&bytes, &limited, ErrorCode::InvalidTimestamp);
        let rejected: Vec<i32> =
            error.rejected().iter().map(|rejected| rejected.batch_index).collect();
        assert_eq!(rejected, [2, 4, 6]);
        let append_time = ProduceRules { timestamp_type: TimestampType::LogAppendTime, ..limited };
        assert!(validate_produce(&bytes, &append_time).is_ok());
    }
}

#[test]
fn records_without_a_key_are_listed_where_keys_are_required() {
    let mut records: Vec<Plain> = (0..2000).map(|_| plain(NOW_MS)).collect();
    records[1].key = Some(vec![]);
    let compacted = ProduceRules { keys_required: true, ..rules() };
    for codec in CompressionType::ALL {
        let bytes = build(&records, &ProducerStamp::NONE, codec);
        let error = refused(&bytes, &compacted, ErrorCode::InvalidRecord);
        assert_eq!(error.rejected().len(), REJECTED_RECORDS_MAX);
        assert_eq!(error.rejected()[0].batch_index, 0);
        assert_eq!(error.rejected()[1].batch_index, 2);
    }
    for record in &mut records {
        record.key = Some(b"k".to_vec());
    }
    let bytes = build(&records, &ProducerStamp::NONE, CompressionType::Gzip);
    assert!(validate_produce(&bytes, &compacted).is_ok());
}
