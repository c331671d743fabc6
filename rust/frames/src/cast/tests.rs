//! Tests of casts: the same rows in the requested layout, or an error that names the column.

use arrow_array::types::Int32Type;
use arrow_array::{
    BinaryViewArray, DictionaryArray, Int32Array, StringArray, StringViewArray,
    TimestampMillisecondArray,
};
use arrow_schema::{Field, Schema};

use super::*;

const ROWS: [Option<&str>; 4] =
    [Some("one"), None, Some(""), Some("a value that is longer than a view holds")];

fn frame() -> RecordBatch {
    let values: BinaryViewArray = ROWS.iter().map(|row| row.map(str::as_bytes)).collect();
    let topics: DictionaryArray<Int32Type> = ["a", "b", "a", "a"].into_iter().collect();
    let times = TimestampMillisecondArray::from(vec![Some(1500), None, Some(-1), Some(0)])
        .with_timezone("UTC");
    let partitions = Int32Array::from(vec![1, 2, 3, 4]);
    RecordBatch::try_from_iter_with_nullable([
        ("value", Arc::new(values) as ArrayRef, true),
        ("topic", Arc::new(topics), true),
        ("timestamp", Arc::new(times), true),
        ("partition", Arc::new(partitions), true),
    ])
    .unwrap()
}

fn requested(columns: &[(&str, DataType)]) -> SchemaRef {
    let field = |(name, to): &(&str, DataType)| Field::new(*name, to.clone(), true);
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
}

fn column(name: &str, to: DataType) -> Result<ArrayRef, CastError> {
    let cast = cast(&frame(), &requested(&[(name, to)]))?;
    Ok(Arc::clone(cast.column(0)))
}

#[test]
fn the_own_schema_gives_the_same_columns() {
    let frame = frame();
    assert_eq!(cast(&frame, &frame.schema()).unwrap(), frame);
}

#[test]
fn bytes_and_text_come_in_every_layout() {
    for to in [
        DataType::Binary,
        DataType::LargeBinary,
        DataType::BinaryView,
        DataType::Utf8,
        DataType::LargeUtf8,
        DataType::Utf8View,
    ] {
        let values = column("value", to.clone()).unwrap();
        assert_eq!(values.data_type(), &to);
        let bytes = BytesColumn::new(&values).unwrap();
        for (row, expected) in ROWS.iter().enumerate() {
            assert_eq!(bytes.get(row), expected.map(str::as_bytes), "{to}");
        }
        let topics = column("topic", to).unwrap();
        let bytes = BytesColumn::new(&topics).unwrap();
        assert_eq!((bytes.get(0), bytes.get(1)), (Some(&b"a"[..]), Some(&b"b"[..])));
    }
}

#[test]
fn views_of_bytes_become_views_of_text_in_place() {
    let frame = frame();
    let bytes = frame.column(0).as_binary_view().clone();
    let text = cast(&frame, &requested(&[("value", DataType::Utf8View)])).unwrap();
    let text: &StringViewArray = text.column(0).as_string_view();
    assert_eq!(text.value(3).as_ptr(), bytes.value(3).as_ptr());
}

#[test]
fn bytes_that_are_not_text_name_their_row() {
    let values = BinaryViewArray::from(vec![Some(&b"text"[..]), None, Some(b"\xff")]);
    let frame = RecordBatch::try_from_iter([("value", Arc::new(values) as ArrayRef)]).unwrap();
    for to in [DataType::Utf8, DataType::LargeUtf8, DataType::Utf8View] {
        let error = cast(&frame, &requested(&[("value", to)])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "row 2 of column \"value\" is not UTF-8: ask for a binary type"
        );
    }
}

#[test]
fn timestamps_come_in_every_unit_and_zone() {
    for (unit, expected) in [
        (TimeUnit::Second, [1, -1, 0]),
        (TimeUnit::Millisecond, [1500, -1, 0]),
        (TimeUnit::Microsecond, [1_500_000, -1000, 0]),
        (TimeUnit::Nanosecond, [1_500_000_000, -1_000_000, 0]),
    ] {
        for zone in [None, Some("Europe/Prague".into())] {
            let to = DataType::Timestamp(unit, zone);
            let times = column("timestamp", to.clone()).unwrap();
            assert_eq!(times.data_type(), &to);
            assert!(times.is_null(1));
            let values = times.to_data().buffers()[0].typed_data::<i64>().to_vec();
            assert_eq!([values[0], values[2], values[3]], expected, "{to}");
        }
    }
}

#[test]
fn a_timestamp_out_of_range_names_its_row() {
    let times = TimestampMillisecondArray::from(vec![0, i64::MAX]);
    let frame = RecordBatch::try_from_iter([("timestamp", Arc::new(times) as ArrayRef)]).unwrap();
    let to = DataType::Timestamp(TimeUnit::Nanosecond, None);
    let error = cast(&frame, &requested(&[("timestamp", to)])).unwrap_err();
    assert!(matches!(error, CastError::OutOfRange { row: 1, .. }), "{error}");
}

#[test]
fn columns_are_given_in_the_requested_order_and_number() {
    let columns = [("partition", DataType::Int32), ("value", DataType::Binary)];
    let some = cast(&frame(), &requested(&columns)).unwrap();
    assert_eq!((some.num_columns(), some.num_rows()), (2, 4));
    let none = cast(&frame(), &requested(&[])).unwrap();
    assert_eq!((none.num_columns(), none.num_rows()), (0, 4));
}

#[test]
fn what_cannot_be_given_is_refused_by_name() {
    let refused = |name, to| column(name, to).unwrap_err().to_string();
    assert_eq!(refused("nothing", DataType::Int32), "a frame has no column \"nothing\"");
    assert_eq!(
        refused("partition", DataType::Int64),
        "column \"partition\" of type Int32 cannot be given as Int64"
    );
    assert_eq!(
        refused("value", DataType::Int64),
        "column \"value\" of type BinaryView cannot be given as Int64"
    );
}

#[test]
fn a_null_where_none_was_asked_for_is_refused() {
    let strict = Schema::new(vec![Field::new("value", DataType::Binary, false)]);
    let error = cast(&frame(), &Arc::new(strict)).unwrap_err();
    assert!(matches!(error, CastError::Arrow(_)), "{error}");
}

#[test]
fn text_of_a_frame_can_be_read_as_text() {
    let text = column("value", DataType::Utf8).unwrap();
    let text: &StringArray = text.as_string();
    assert!(text.iter().eq(ROWS));
}
