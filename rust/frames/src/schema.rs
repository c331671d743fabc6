//! The columns of a frame, in Spark's order.

use std::sync::{Arc, LazyLock};

use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};

/// The time zone of timestamps.
pub const TIME_ZONE: &str = "UTC";

/// The schema of every frame:
///
/// | column | type | |
/// | --- | --- | --- |
/// | key | binary view | null if the record has none |
/// | value | binary view | null if the record has none (a tombstone) |
/// | topic | dictionary of utf8 | |
/// | partition | int32 | |
/// | offset | int64 | |
/// | timestamp | timestamp\[ms, UTC\] | null if the record has none |
/// | `timestamp_type` | int8 | 0 create time, 1 log append time, -1 none |
/// | headers | list of struct of key: utf8 view, value: binary view | empty if the record has none
/// |
pub fn schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| Arc::new(Schema::new(fields())));
    Arc::clone(&SCHEMA)
}

fn fields() -> Vec<Field> {
    let topic = DataType::Dictionary(DataType::Int32.into(), DataType::Utf8.into());
    let timestamp = DataType::Timestamp(TimeUnit::Millisecond, Some(TIME_ZONE.into()));
    vec![
        Field::new("key", DataType::BinaryView, true),
        Field::new("value", DataType::BinaryView, true),
        Field::new("topic", topic, false),
        Field::new("partition", DataType::Int32, false),
        Field::new("offset", DataType::Int64, false),
        Field::new("timestamp", timestamp, true),
        Field::new("timestamp_type", DataType::Int8, false),
        Field::new("headers", DataType::List(header_item()), false),
    ]
}

/// An item of the headers column.
pub(crate) fn header_item() -> Arc<Field> {
    Arc::new(Field::new("item", DataType::Struct(header_fields()), false))
}

/// What a header consists of.
pub(crate) fn header_fields() -> Fields {
    Fields::from(vec![
        Field::new("key", DataType::Utf8View, false),
        Field::new("value", DataType::BinaryView, true),
    ])
}
