//! Tests of walking over batches and their records, whole, cut and damaged.

use super::*;
use crate::builder::tests::Plain;
use crate::builder::tests::{build, read};
use crate::builder::{BatchBuilder, ProducerStamp};
use crate::record::Header;

fn records(count: u8) -> Vec<Plain> {
    let record = |number: u8| Plain {
        timestamp: 1000 + i64::from(number),
        key: number.is_multiple_of(2).then(|| vec![number; 3]),
        value: (!number.is_multiple_of(3)).then(|| vec![number; 40]),
        headers: vec![("h".to_owned(), Some(vec![number]))],
    };
    (0..count).map(record).collect()
}

fn batch(codec: CompressionType) -> Bytes {
    build(&records(7), &ProducerStamp::NONE, codec)
}

#[test]
fn batches_are_walked_over_and_a_cut_one_ends_the_walk() {
    let (first, second) = (batch(CompressionType::None), batch(CompressionType::Lz4));
    let run = Bytes::from([&first[..], &second[..]].concat());
    for cut in 0..=run.len() {
        let whole = usize::from(cut >= first.len()) + usize::from(cut == run.len());
        let mut walk = batches(run.slice(..cut));
        assert_eq!(walk.by_ref().map(Result::unwrap).count(), whole, "cut at {cut}");
        let walked: usize = [first.len(), second.len()][..whole].iter().sum();
        assert_eq!(walk.rest().len(), cut - walked);
    }
}

#[test]
fn a_batch_is_a_view_and_so_are_its_records() {
    let bytes = batch(CompressionType::None);
    let place = bytes.as_ptr_range();
    let parsed = RecordBatch::parse(bytes.clone()).unwrap();
    assert!(place.contains(&parsed.body().as_ptr()));
    let records = parsed.records().unwrap();
    assert_eq!(records.body().as_ptr(), parsed.body().as_ptr());
    for record in records.owned().map(Result::unwrap) {
        for field in [record.key, record.value, record.headers[0].1.clone()].into_iter().flatten() {
            assert!(place.contains(&field.as_ptr()));
        }
    }
}

#[test]
fn owned_records_outlive_their_batch() {
    for codec in CompressionType::ALL {
        let parsed = RecordBatch::parse(batch(codec)).unwrap();
        let owned: Vec<OwnedRecord> =
            parsed.records().unwrap().owned().map(Result::unwrap).collect();
        drop(parsed);
        for (record, plain) in owned.iter().zip(records(7)) {
            assert_eq!(record.key.as_deref(), plain.key.as_deref());
            assert_eq!(record.value.as_deref(), plain.value.as_deref());
            assert_eq!(record.headers[0].0, "h");
            assert_eq!(record.timestamp, plain.timestamp);
        }
        let offsets: Vec<i64> = owned.iter().map(|record| record.offset.0).collect();
        assert_eq!(offsets, (0..7).collect::<Vec<i64>>());
    }
}

#[test]
fn a_foreign_format_ends_the_walk_with_an_error() {
    let mut old = batch(CompressionType::None).to_vec();
    old[16] = 1;
    let mut walk = batches([&old[..], &batch(CompressionType::None)].concat().into());
    let error = walk.next().unwrap().unwrap_err();
    assert!(matches!(error, BatchError::UnsupportedMagic { magic: 1 }));
    assert!(walk.next().is_none());
}

#[test]
fn one_batch_must_fill_its_bytes() {
    let bytes = batch(CompressionType::Zstd);
    assert!(RecordBatch::parse(bytes.clone()).is_ok());
    let more = Bytes::from([&bytes[..], b"xy"].concat());
    let error = RecordBatch::parse(more).unwrap_err();
    assert!(matches!(error, BatchError::TrailingBytes { length: 2 }));
    for cut in 0..bytes.len() {
        let error = RecordBatch::parse(bytes.slice(..cut)).unwrap_err();
        assert!(matches!(error, BatchError::HeaderCut { .. } | BatchError::BodyCut { .. }));
    }
}

/// Reads all there is to read of a batch that may be damaged.
fn exhaust(bytes: Bytes) -> Result<(), BatchError> {
    for batch in batches(bytes) {
        for record in &batch?.records()? {
            for header in record?.headers {
                header.key_text();
            }
        }
    }
    Ok(())
}

#[test]
fn every_flipped_bit_inside_the_crc_is_found_and_none_makes_a_reader_panic() {
    for codec in CompressionType::ALL {
        let bytes = batch(codec);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let flipped = Bytes::from(flipped);
            let Ok(parsed) = RecordBatch::parse(flipped.clone()) else { continue };
            let covered = bit / 8 >= 17;
            assert_eq!(parsed.verify_crc().is_err(), covered, "{codec}, bit {bit}");
            // Without a look at the CRC the damage may go unseen, but never out of bounds.
            let _ = exhaust(flipped);
        }
    }
}

#[test]
fn a_count_that_is_wrong_is_found() {
    let with_count = |record_count| {
        let bytes = batch(CompressionType::None);
        let header = BatchHeader { record_count, ..BatchHeader::parse(&bytes).unwrap() };
        let body = &bytes[HEADER_BYTES..];
        let bytes = Bytes::from([&header.encode_over(body), body].concat());
        RecordBatch::parse(bytes).unwrap()
    };
    let error = with_count(-1).records().unwrap_err();
    assert!(matches!(error, BatchError::RecordCount { count: -1 }));

    let few = with_count(6).records().unwrap();
    let results: Vec<_> = few.iter().collect();
    assert_eq!(results.len(), 6);
    let error = results[5].as_ref().unwrap_err();
    assert!(matches!(error, BatchError::Record { index: 5, source: RecordError::TrailingBytes }));

    let many = with_count(i32::MAX).records().unwrap();
    let results: Vec<_> = many.iter().collect();
    assert_eq!(results.len(), 8);
    assert!(matches!(results[7], Err(BatchError::Record { index: 7, .. })));
}

#[test]
fn a_batch_that_compaction_has_emptied_has_no_record() {
    let mut header = *RecordBatch::parse(batch(CompressionType::None)).unwrap().header();
    header.record_count = 0;
    header.batch_length = 49;
    let parsed = RecordBatch::parse(Bytes::from(header.encode_over(&[]).to_vec())).unwrap();
    assert_eq!(read(&parsed), []);
    assert_eq!(parsed.header().next_offset(), Offset(7));
}

#[test]
fn a_batch_that_grows_beyond_its_limit_is_refused() {
    let mut builder = BatchBuilder::with_capacity(usize::MAX, 0);
    builder.try_append(0, None, Some(&vec![0; 64 << 20]), &[Header::new("h", None)]).unwrap();
    let bomb = builder.finish(&ProducerStamp::NONE, CompressionType::Zstd.into()).unwrap();
    let error = RecordBatch::parse(bomb).unwrap().records().unwrap_err();
    assert!(matches!(error, BatchError::Decompress(DecompressError::TooLarge { .. })));
}

#[test]
fn a_walk_goes_on_where_an_earlier_one_stopped() {
    for codec in CompressionType::ALL {
        let records = RecordBatch::parse(batch(codec)).unwrap().records().unwrap();
        let all: Vec<_> = records.iter().map(Result::unwrap).collect();
        for stop in 0..=all.len() {
            let mut first = records.iter();
            assert_eq!(first.by_ref().take(stop).count(), stop);
            let position = first.record_position();
            let rest: Vec<_> = records.iter_from(position).map(Result::unwrap).collect();
            assert_eq!(rest, all[stop..]);
            assert_eq!(position.body_bytes() == records.body().len(), stop == all.len());
        }
    }
}
