//! Tests of frames: what was produced is what the columns show, however it was fetched.

use arrow_array::cast::AsArray;
use arrow_array::types::{Int8Type, Int32Type, Int64Type, TimestampMillisecondType};
use arrow_array::{Array, StructArray};
use base::{LeaderEpoch, ProducerEpoch, ProducerId};
use bytes::Bytes;
use proptest::prelude::*;
use records::{
    BatchBuilder, ControlRecord, Header, ProduceRules, ProducerStamp, RetainedRecords,
    TimestampType, empty_batch, validate_produce,
};

use super::*;

type Field = Option<Vec<u8>>;

/// A record with everything owned, to compare with.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Plain {
    timestamp: Option<i64>,
    key: Field,
    value: Field,
    headers: Vec<(String, Field)>,
}

fn plain(key: Option<&str>, value: Option<&str>) -> Plain {
    let bytes = |text: Option<&str>| text.map(|text| text.as_bytes().to_vec());
    Plain { timestamp: Some(1000), key: bytes(key), value: bytes(value), headers: vec![] }
}

fn any_record() -> impl Strategy<Value = Plain> {
    let field = || prop::option::of(prop::collection::vec(any::<u8>(), 0..40));
    let headers = prop::collection::vec(("[a-c]{0,20}", field()), 0..3);
    let timestamp = prop::option::of(0..i64::MAX / 2);
    (timestamp, field(), field(), prop::option::weighted(0.3, headers)).prop_map(
        |(timestamp, key, value, headers)| Plain {
            timestamp,
            key,
            value,
            headers: headers.unwrap_or_default(),
        },
    )
}

/// A batch as a log would hold it from `base_offset` on.
fn appended(records: &[Plain], base_offset: i64, codec: CompressionType) -> Bytes {
    let mut builder = BatchBuilder::new(1 << 20);
    for record in records {
        let headers: Vec<Header<'_>> =
            record.headers.iter().map(|(key, value)| Header::new(key, value.as_deref())).collect();
        let timestamp = record.timestamp.unwrap_or(NO_TIMESTAMP);
        let (key, value) = (record.key.as_deref(), record.value.as_deref());
        builder.try_append(timestamp, key, value, &headers).unwrap();
    }
    let batch = builder.finish(&ProducerStamp::NONE, codec.into()).unwrap();
    stamped(&batch, base_offset, None)
}

fn stamped(batch: &Bytes, base_offset: i64, log_append_time_ms: Option<i64>) -> Bytes {
    let rules = ProduceRules {
        timestamp_after_max_ms: i64::MAX,
        origin: records::AppendOrigin::Coordinator,
        ..ProduceRules::default()
    };
    let produced = validate_produce(batch, &rules).unwrap();
    let header = produced.stamped_header(Offset(base_offset), LeaderEpoch(0), log_append_time_ms);
    [&header[..], &produced.body()].concat().into()
}

fn fetched(records: Bytes, from: i64) -> FetchedPartition {
    let response = records.clone();
    FetchedPartition::new("orders".into(), PartitionIndex(3), &response, records, Offset(from))
}

fn frame(fetched: &mut FetchedPartition) -> RecordBatch {
    let mut builder = FrameBuilder::new(usize::MAX);
    builder.append(fetched).unwrap();
    builder.finish().unwrap()
}

fn field(column: &BinaryViewArray, row: usize) -> Field {
    column.is_valid(row).then(|| column.value(row).to_vec())
}

fn headers_of(headers: &StructArray) -> Vec<(String, Field)> {
    let keys = headers.column(0).as_string_view();
    let values = headers.column(1).as_binary_view();
    (0..headers.len()).map(|row| (keys.value(row).to_owned(), field(values, row))).collect()
}

/// The rows of a frame with their offsets.
fn rows(frame: &RecordBatch) -> Vec<(i64, Plain)> {
    let offsets = frame.column_by_name("offset").unwrap().as_primitive::<Int64Type>();
    let timestamps = frame.column(5).as_primitive::<TimestampMillisecondType>();
    let headers = frame.column_by_name("headers").unwrap().as_list::<i32>();
    (0..frame.num_rows())
        .map(|row| {
            let plain = Plain {
                timestamp: timestamps.is_valid(row).then(|| timestamps.value(row)),
                key: field(frame.column(0).as_binary_view(), row),
                value: field(frame.column(1).as_binary_view(), row),
                headers: headers_of(headers.value(row).as_struct()),
            };
            (offsets.value(row), plain)
        })
        .collect()
}

#[test]
fn what_compaction_has_left_comes_with_its_offsets_across_holes_and_empty_batches() {
    let records: Vec<Plain> = (0..6).map(|n| plain(Some(&n.to_string()), Some("v"))).collect();
    for codec in [CompressionType::None, CompressionType::Lz4] {
        let sparse = records::RecordBatch::parse(appended(&records, 0, codec)).unwrap();
        let emptied = records::RecordBatch::parse(appended(&records, 6, codec)).unwrap();
        let all = sparse.records().unwrap();
        let odd = RetainedRecords::select(&all, |record| record.offset.0 % 2 == 1).unwrap();
        let mut bytes = Vec::new();
        odd.write(Some(5), &mut bytes).unwrap();
        bytes.extend_from_slice(&empty_batch(emptied.header()).1);
        bytes.extend_from_slice(&appended(&records[..1], 14, codec));
        let mut fetched = fetched(bytes.into(), 2);
        let rows = rows(&frame(&mut fetched));
        let expected = [(3, records[3].clone()), (5, records[5].clone()), (14, records[0].clone())];
        assert_eq!(rows, expected);
        assert_eq!(fetched.next_offset(), Offset(15));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_was_produced_is_what_the_frames_show(
        batches in prop::collection::vec(
            (prop::collection::vec(any_record(), 1..12), 0..5_u8),
            0..6,
        ),
        rows_max in 1..20_usize,
        from in 0..30_usize,
    ) {
        let mut expected = Vec::new();
        let mut log = Vec::new();
        for (records, codec) in batches {
            let codec = CompressionType::from_id(codec).unwrap();
            log.extend_from_slice(&appended(&records, expected.len() as i64, codec));
            expected.extend(records);
        }
        let expected: Vec<(i64, Plain)> = (0..).zip(expected).skip(from).collect();
        let mut fetched = fetched(log.into(), from as i64);
        let mut shown = Vec::new();
        loop {
            let mut builder = FrameBuilder::new(rows_max);
            builder.append(&mut fetched).unwrap();
            let frame = builder.finish().unwrap();
            prop_assert!(frame.num_rows() <= rows_max);
            if frame.num_rows() == 0 {
                break;
            }
            shown.extend(rows(&frame));
            prop_assert_eq!(fetched.next_offset().0, shown.last().unwrap().0 + 1);
        }
        prop_assert_eq!(fetched.remaining_bytes(), 0);
        prop_assert_eq!(shown, expected);
    }
}

#[test]
fn columns_say_where_a_row_comes_from() {
    let mut builder = FrameBuilder::new(100);
    let records = [plain(Some("a"), Some("1")), plain(None, None)];
    for (topic, partition) in [("orders", 0), ("payments", 1), ("orders", 2)] {
        let log = appended(&records, 10, CompressionType::None);
        let partition = PartitionIndex(partition);
        let mut fetched =
            FetchedPartition::new(topic.into(), partition, &log.clone(), log, Offset(10));
        builder.append(&mut fetched).unwrap();
        assert_eq!(fetched.next_offset(), Offset(12));
    }
    assert_eq!(builder.row_count(), 6);
    let frame = builder.finish().unwrap();
    assert_eq!(frame.schema(), schema());
    let topics = frame.column(2).as_dictionary::<Int32Type>();
    let topics: Vec<_> =
        topics.downcast_dict::<StringArray>().unwrap().into_iter().flatten().collect();
    assert_eq!(topics, ["orders", "orders", "payments", "payments", "orders", "orders"]);
    assert_eq!(frame.column(3).as_primitive::<Int32Type>().values(), &[0, 0, 1, 1, 2, 2]);
    assert_eq!(frame.column(4).as_primitive::<Int64Type>().values(), &[10, 11, 10, 11, 10, 11]);
    assert_eq!(frame.column(6).as_primitive::<Int8Type>().values(), &[0; 6]);
}

#[test]
fn timestamps_are_of_the_type_that_their_batch_says_or_missing() {
    let mut records = vec![plain(None, Some("a")), plain(None, Some("b"))];
    records[1].timestamp = None;
    let created = appended(&records, 0, CompressionType::None);
    let mut builder = BatchBuilder::new(100);
    builder.try_append(5, None, Some(b"c"), &[]).unwrap();
    let batch = builder.finish(&ProducerStamp::NONE, CompressionType::None.into()).unwrap();
    let log_append_time = stamped(&batch, 2, Some(1234));
    let frame = frame(&mut fetched([created, log_append_time].concat().into(), 0));
    let timestamps = frame.column(5).as_primitive::<TimestampMillisecondType>();
    let timestamps: Vec<_> = timestamps.iter().collect();
    assert_eq!(timestamps, [Some(1000), None, Some(1234)]);
    let types = frame.column(6).as_primitive::<Int8Type>().values();
    assert_eq!(types, &[0, -1, TimestampType::LogAppendTime.id()]);
}

#[test]
fn an_empty_fetch_is_a_frame_without_rows_and_with_all_columns() {
    let frame = frame(&mut fetched(Bytes::new(), 0));
    assert_eq!((frame.num_rows(), frame.schema()), (0, schema()));
}

#[test]
fn keys_and_values_stay_where_they_were_fetched() {
    let value = "a value that is longer than a view holds itself, and than all around it";
    let log = appended(&vec![plain(Some("k"), Some(value)); 50], 0, CompressionType::None);
    let place = log.as_ptr_range();
    let frame = frame(&mut fetched(log.clone(), 0));
    let values = frame.column(1).as_binary_view();
    assert_eq!(values.data_buffers().len(), 1);
    for row in 0..50 {
        assert!(place.contains(&values.value(row).as_ptr()));
        assert_eq!(values.value(row), value.as_bytes());
    }
}

#[test]
fn a_frame_that_would_pin_more_than_it_shows_is_copied() {
    let value = "a value that is longer than a view holds itself, and than all around it";
    let log = appended(&vec![plain(Some("k"), Some(value)); 50], 0, CompressionType::None);
    let place = log.as_ptr_range();
    let mut fetched = fetched(log.clone(), 0);
    let mut builder = FrameBuilder::new(10);
    builder.append(&mut fetched).unwrap();
    assert!(builder.is_full());
    let frame = builder.finish().unwrap();
    let values = frame.column(1).as_binary_view();
    assert_eq!(values.data_buffers()[0].len(), 10 * value.len());
    assert!((0..10).all(|row| !place.contains(&values.value(row).as_ptr())));
    assert!((0..10).all(|row| values.value(row) == value.as_bytes()));
}

#[test]
fn partitions_of_one_response_pin_it_once() {
    let value = "a value that is longer than a view holds itself, and than all around it";
    let log = appended(&vec![plain(None, Some(value)); 20], 0, CompressionType::None);
    let response = Bytes::from([&log[..], &log[..], &log[..]].concat());
    let mut builder = FrameBuilder::new(1000);
    for partition in 0..3 {
        let records = response.slice(partition * log.len()..(partition + 1) * log.len());
        let index = PartitionIndex(partition as i32);
        let mut fetched =
            FetchedPartition::new("orders".into(), index, &response, records, Offset(0));
        builder.append(&mut fetched).unwrap();
    }
    let frame = builder.finish().unwrap();
    let values = frame.column(1).as_binary_view();
    assert_eq!(values.data_buffers().len(), 1);
    assert!(response.as_ptr_range().contains(&values.value(59).as_ptr()));
}

#[test]
fn headers_that_are_absent_cost_nothing_and_the_first_one_makes_the_column() {
    let mut records = vec![plain(None, Some("a")); 5];
    let log = appended(&records, 0, CompressionType::None);
    let without = frame(&mut fetched(log, 0));
    let column = without.column(7).as_list::<i32>();
    assert_eq!((column.len(), column.values().len(), column.null_count()), (5, 0, 0));

    records[3].headers = vec![("k".to_owned(), None), ("k".to_owned(), Some(b"v".to_vec()))];
    let log = appended(&records, 0, CompressionType::None);
    let with = frame(&mut fetched(log, 0));
    let column = with.column(7).as_list::<i32>();
    assert_eq!(column.value_offsets(), &[0, 0, 0, 0, 2, 2]);
    assert_eq!(rows(&with)[3].1.headers, records[3].headers);
}

#[test]
fn a_header_key_that_is_not_text_is_shown_with_a_mark() {
    let mut builder = BatchBuilder::new(1000);
    let headers = [
        Header { key: b"first key, longer than a view", value: Some(b"1") },
        Header { key: b"not \xff text, and longer than a view", value: None },
        Header { key: b"last", value: Some(b"2") },
    ];
    builder.try_append(0, None, None, &headers).unwrap();
    let batch = builder.finish(&ProducerStamp::NONE, CompressionType::None.into()).unwrap();
    let frame = frame(&mut fetched(batch, 0));
    let expected = [
        ("first key, longer than a view".to_owned(), Some(b"1".to_vec())),
        ("not \u{fffd} text, and longer than a view".to_owned(), None),
        ("last".to_owned(), Some(b"2".to_vec())),
    ];
    assert_eq!(rows(&frame)[0].1.headers, expected);
}

#[test]
fn control_records_are_passed_over_and_not_shown() {
    let commit = ControlRecord::Commit { coordinator_epoch: 0 };
    let marker = commit.end_transaction_batch(ProducerId(1), ProducerEpoch(0), 5);
    let data = appended(&[plain(None, Some("a"))], 0, CompressionType::None);
    let log = [data, stamped(&marker, 1, None)].concat();
    let mut fetched = fetched(log.into(), 0);
    assert_eq!(frame(&mut fetched).num_rows(), 1);
    assert_eq!(fetched.next_offset(), Offset(2));
}

#[test]
fn rows_outside_the_wanted_offsets_are_not_shown() {
    let records = |count| vec![plain(None, Some("a")); count];
    let log = [
        appended(&records(5), 0, CompressionType::None),
        appended(&records(5), 5, CompressionType::Lz4),
        appended(&records(5), 10, CompressionType::None),
    ]
    .concat();
    let show = |from, end| {
        let mut fetched = fetched(log.clone().into(), from).up_to(Offset(end));
        let offsets: Vec<i64> = rows(&frame(&mut fetched)).iter().map(|row| row.0).collect();
        (offsets, fetched.next_offset().0)
    };
    assert_eq!(show(3, 7), ((3..7).collect(), 7));
    assert_eq!(show(0, 10), ((0..10).collect(), 10));
    assert_eq!(show(7, 12), ((7..12).collect(), 12));
    assert_eq!(show(12, i64::MAX), ((12..15).collect(), 15));
    assert_eq!(show(4, 4), (vec![], 4));
    assert_eq!(show(20, 30), (vec![], 20));
}

#[test]
fn a_cut_batch_at_the_end_of_a_fetch_is_left_for_the_next() {
    let log = appended(&vec![plain(None, Some("a")); 5], 0, CompressionType::None);
    let cut = [&log[..], &log[..log.len() - 1]].concat();
    let mut fetched = fetched(cut.into(), 0);
    assert_eq!(frame(&mut fetched).num_rows(), 5);
    assert_eq!(fetched.next_offset(), Offset(5));
}

#[test]
fn a_damaged_batch_names_its_partition_and_offset_and_keeps_what_came_before() {
    let log = appended(&vec![plain(None, Some("a")); 5], 0, CompressionType::None);
    let mut next = appended(&vec![plain(None, Some("a")); 5], 5, CompressionType::None).to_vec();
    *next.last_mut().unwrap() ^= 1;
    let damaged: Bytes = [&log[..], &next].concat().into();

    let mut builder = FrameBuilder::new(100);
    let mut checked = fetched(damaged.clone(), 0);
    let error = builder.append(&mut checked).unwrap_err();
    assert_eq!(error.to_string(), "cannot read the records of orders-3 from offset 5");
    assert_eq!((builder.row_count(), checked.next_offset()), (5, Offset(5)));

    // Unchecked, the damage shows in the last record only, whose headers are cut now.
    let mut builder = FrameBuilder::new(100);
    let mut unchecked = fetched(damaged, 0).with_check_crcs(false);
    builder.append(&mut unchecked).unwrap_err();
    assert_eq!((builder.row_count(), unchecked.next_offset()), (9, Offset(9)));
    assert_eq!(builder.finish().unwrap().num_rows(), 9);
}

#[test]
fn no_flipped_bit_makes_a_frame_panic_or_go_back() {
    let mut records = vec![plain(Some("key"), Some("a value longer than a view holds")); 3];
    records[1].headers = vec![("a".to_owned(), Some(b"b".to_vec()))];
    for codec in CompressionType::ALL {
        let log = appended(&records, 4, codec);
        for bit in 0..log.len() * 8 {
            let mut flipped = log.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let mut fetched = fetched(flipped.into(), 4).with_check_crcs(false);
            let mut builder = FrameBuilder::new(100);
            // What the damage is called is no matter here: the records crate's tests tell.
            let _ = builder.append(&mut fetched);
            let offsets: Vec<i64> =
                rows(&builder.finish().unwrap()).iter().map(|row| row.0).collect();
            assert!(offsets.is_sorted() && offsets.iter().all(|offset| *offset >= 4));
            assert!(fetched.next_offset() >= Offset(4));
        }
    }
}

#[test]
fn a_frame_of_no_rows_takes_none() {
    let log = appended(&[plain(None, None)], 0, CompressionType::None);
    let mut fetched = fetched(log, 0);
    let mut builder = FrameBuilder::new(0);
    builder.append(&mut fetched).unwrap();
    assert!(builder.is_full());
    assert_eq!((builder.row_count(), fetched.next_offset()), (0, Offset(0)));
}
