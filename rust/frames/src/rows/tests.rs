//! Columns of every kind as records, and what is said of those that cannot be.

use arrow_array::builder::{
    BinaryBuilder, ListBuilder, MapBuilder, StringBuilder, StringViewBuilder, StructBuilder,
};
use arrow_array::{
    ArrayRef, Float64Array, Int64Array, LargeStringArray, StringViewArray, TimestampSecondArray,
    UInt8Array, UInt64Array,
};
use arrow_schema::{Field, Fields};

use super::*;

type Pairs = Vec<(Vec<u8>, Option<Vec<u8>>)>;

fn batch() -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable([
        ("user", Arc::new(StringViewArray::from(vec![Some("ann"), None])) as _, true),
        ("payload", Arc::new(LargeStringArray::from(vec![None, Some("{}")])) as _, true),
        ("at", Arc::new(TimestampSecondArray::from(vec![Some(7), None])) as _, true),
        ("share", Arc::new(Float64Array::from(vec![0.5, 1.0])) as _, true),
    ])
    .unwrap()
}

fn one_column(name: &str, column: ArrayRef) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable([(name, column, true)]).unwrap()
}

fn refusal(batch: &RecordBatch, names: ColumnNames<'_>) -> String {
    Rows::new(batch, names).unwrap_err().to_string()
}

#[test]
fn rows_are_made_of_the_columns_that_were_named() {
    let batch = batch();
    let names = ColumnNames {
        key: Some("user"),
        value: Some("payload"),
        timestamp: Some("at"),
        ..ColumnNames::default()
    };
    let rows = Rows::new(&batch, names).unwrap();
    assert_eq!(rows.len(), 2);
    let [first, second] = rows.collect::<Vec<_>>().try_into().unwrap();
    assert_eq!((first.key, first.value), (Some(b"ann".as_slice()), None));
    assert_eq!((second.key, second.value), (None, Some(b"{}".as_slice())));
    assert_eq!((first.timestamp, second.timestamp), (Some(7000), None));
}

#[test]
fn a_part_of_a_record_that_has_no_column_is_missing_everywhere() {
    let batch = batch();
    let names = ColumnNames { value: Some("payload"), ..ColumnNames::default() };
    for row in Rows::new(&batch, names).unwrap() {
        assert_eq!((row.key, row.timestamp, row.partition), (None, None, None));
        assert_eq!(row.headers.count(), 0);
    }
}

#[test]
fn an_error_names_the_column_and_its_type() {
    let batch = batch();
    assert_eq!(
        refusal(&batch, ColumnNames { key: Some("usr"), ..ColumnNames::default() }),
        "there is no column \"usr\"; the columns are user, payload, at, share"
    );
    assert_eq!(
        refusal(&batch, ColumnNames { value: Some("share"), ..ColumnNames::default() }),
        "column \"share\" has the type Float64; keys and values are of binary or string type"
    );
    for (names, said) in [
        (ColumnNames { timestamp: Some("user"), ..ColumnNames::default() }, "timestamps are of"),
        (ColumnNames { partition: Some("user"), ..ColumnNames::default() }, "partitions are of"),
        (ColumnNames { headers: Some("user"), ..ColumnNames::default() }, "headers are lists"),
    ] {
        let message = refusal(&batch, names);
        assert!(message.starts_with("column \"user\" has the type Utf8View; "), "{message}");
        assert!(message.contains(said), "{message}");
    }
}

#[test]
fn a_timestamp_that_kafka_does_not_have_names_its_row() {
    let at = |seconds: Vec<i64>| one_column("at", Arc::new(TimestampSecondArray::from(seconds)));
    let names = ColumnNames { timestamp: Some("at"), ..ColumnNames::default() };
    let name = "at".to_owned();
    assert_eq!(
        Rows::new(&at(vec![1, i64::MIN]), names).unwrap_err(),
        ColumnError::TimestampOutOfRange { name: name.clone(), row: 1 }
    );
    // Of -1, Kafka's mark of no timestamp, its own producer says the same.
    let minus_one = one_column("at", Arc::new(Int64Array::from(vec![Some(0), None, Some(-1)])));
    assert_eq!(
        Rows::new(&minus_one, names).unwrap_err(),
        ColumnError::TimestampBefore1970 { name, row: 2 }
    );
}

#[test]
fn partitions_are_integers_of_any_width_and_null_leaves_the_choice_to_the_key() {
    let names = ColumnNames { partition: Some("p"), ..ColumnNames::default() };
    let read = |column: ArrayRef| -> Result<Vec<_>, _> {
        let batch = one_column("p", column);
        Rows::new(&batch, names).map(|rows| rows.map(|row| row.partition).collect())
    };
    let expected = Ok(vec![Some(3), None]);
    assert_eq!(read(Arc::new(Int64Array::from(vec![Some(3), None]))), expected);
    assert_eq!(read(Arc::new(UInt8Array::from(vec![Some(3), None]))), expected);
    let no_partition =
        |number| Err(ColumnError::NoPartition { name: "p".to_owned(), row: 1, number });
    assert_eq!(read(Arc::new(Int64Array::from(vec![0, -1]))), no_partition(-1));
    let large = i128::from(u64::MAX);
    assert_eq!(read(Arc::new(UInt64Array::from(vec![0, u64::MAX]))), no_partition(large));
}

fn pairs(batch: &RecordBatch) -> Vec<Pairs> {
    let names = ColumnNames { headers: Some("h"), ..ColumnNames::default() };
    let owned = |row: Row<'_>| {
        row.headers.map(|(key, value)| (key.to_vec(), value.map(<[u8]>::to_vec))).collect()
    };
    Rows::new(batch, names).unwrap().map(owned).collect()
}

fn expected() -> Vec<Pairs> {
    let pair = |key: &str, value: Option<&str>| (key.into(), value.map(Into::into));
    vec![vec![pair("a", Some("1")), pair("a", None)], vec![], vec![pair("b", Some(""))]]
}

#[test]
fn headers_are_lists_of_structs() {
    let fields = Fields::from(vec![
        Field::new("key", DataType::Utf8View, false),
        Field::new("value", DataType::Binary, true),
    ]);
    let builders: Vec<Box<dyn arrow_array::builder::ArrayBuilder>> =
        vec![Box::new(StringViewBuilder::new()), Box::new(BinaryBuilder::new())];
    let mut lists = ListBuilder::new(StructBuilder::new(fields, builders));
    for row in [&[("a", Some("1")), ("a", None)][..], &[], &[("b", Some(""))]] {
        for (key, value) in row {
            let header = lists.values();
            header.field_builder::<StringViewBuilder>(0).unwrap().append_value(key);
            header.field_builder::<BinaryBuilder>(1).unwrap().append_option(*value);
            header.append(true);
        }
        lists.append(!row.is_empty()); // an empty row is a null
    }
    let lists: ArrayRef = Arc::new(lists.finish());
    assert_eq!(pairs(&one_column("h", lists.clone())), expected());
    assert_eq!(pairs(&one_column("h", lists.slice(1, 2))), expected()[1..]);
}

#[test]
fn headers_are_maps() {
    let mut maps = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    for row in [&[("a", Some("1")), ("a", None)][..], &[], &[("b", Some(""))]] {
        for (key, value) in row {
            maps.keys().append_value(key);
            maps.values().append_option(*value);
        }
        maps.append(true).unwrap();
    }
    assert_eq!(pairs(&one_column("h", Arc::new(maps.finish()))), expected());
}

#[test]
fn a_header_without_a_key_is_refused_by_its_row() {
    let fields = Fields::from(vec![
        Field::new("key", DataType::Utf8, true),
        Field::new("value", DataType::Utf8, true),
    ]);
    let builders: Vec<Box<dyn arrow_array::builder::ArrayBuilder>> =
        vec![Box::new(StringBuilder::new()), Box::new(StringBuilder::new())];
    let mut lists = ListBuilder::new(StructBuilder::new(fields, builders));
    lists.append(true);
    let header = lists.values();
    header.field_builder::<StringBuilder>(0).unwrap().append_null();
    header.field_builder::<StringBuilder>(1).unwrap().append_value("v");
    header.append(true);
    lists.append(true);
    let batch = one_column("h", Arc::new(lists.finish()));
    let names = ColumnNames { headers: Some("h"), ..ColumnNames::default() };
    assert_eq!(refusal(&batch, names), "row 1 of column \"h\" has a header without a key");
}
