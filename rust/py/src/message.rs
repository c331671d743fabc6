//! One record as Python sees it: a row of a batch, whose parts are made into objects when they are
//! asked for.

use std::sync::Arc;

use arrow_array::builder::{
    BinaryViewBuilder, Int8Builder, Int32Builder, Int64Builder, ListBuilder,
    StringDictionaryBuilder, StringViewBuilder, StructBuilder, TimestampMillisecondBuilder,
};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int8Type, Int32Type, Int64Type, TimestampMillisecondType};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;
use base::TopicPartition;
use pyo3::exceptions::PyKeyError;
use pyo3::types::{PyAnyMethods, PyBytes, PyDelta, PyModule, PyTuple, PyTzInfo};
use pyo3::{Bound, IntoPyObject, IntoPyObjectExt, PyAny, PyResult, Python, pyclass, pymethods};

use crate::error::Error;

/// The columns of [`frames::schema`], in its order.
const KEY: usize = 0;
const VALUE: usize = 1;
const TOPIC: usize = 2;
const PARTITION: usize = 3;
const OFFSET: usize = 4;
const TIMESTAMP: usize = 5;
const TIMESTAMP_TYPE: usize = 6;
const HEADERS: usize = 7;

/// A header as Python has it; a value may be missing.
pub(crate) type HeaderPair = (String, Option<Vec<u8>>);

/// A record by its parts, in the columns' order.
pub(crate) type Row =
    (Option<Vec<u8>>, Option<Vec<u8>>, String, i32, i64, Option<i64>, i8, Vec<HeaderPair>);

/// A record.
#[pyclass(frozen, module = "ottla._core")]
#[derive(Clone, Debug)]
pub(crate) struct Message {
    chunk: Arc<RecordBatch>,
    row: usize,
}

impl Message {
    /// The record in row `row` of `chunk`, which has that many.
    pub(crate) fn view(chunk: Arc<RecordBatch>, row: usize) -> Self {
        Self { chunk, row }
    }

    /// The part that is in a column, as an object.
    pub(crate) fn part<'py>(&self, py: Python<'py>, column: &str) -> PyResult<Bound<'py, PyAny>> {
        match column {
            "key" => self.key(py).into_bound_py_any(py),
            "value" => self.value(py).into_bound_py_any(py),
            "topic" => self.topic().into_bound_py_any(py),
            "partition" => self.partition().into_bound_py_any(py),
            "offset" => self.offset().into_bound_py_any(py),
            "timestamp" => self.timestamp(py)?.into_bound_py_any(py),
            "timestamp_type" => self.timestamp_type().into_bound_py_any(py),
            "headers" => self.headers(py).into_bound_py_any(py),
            other => Err(PyKeyError::new_err(other.to_owned())),
        }
    }

    pub(crate) fn topic_partition(&self) -> TopicPartition {
        TopicPartition::new(self.topic(), self.partition())
    }

    pub(crate) fn is_of(&self, partition: &TopicPartition) -> bool {
        self.partition() == partition.partition.0 && self.topic() == &*partition.topic
    }

    pub(crate) fn offset_in_log(&self) -> i64 {
        self.offset()
    }

    pub(crate) fn to_row(&self) -> Row {
        let owned = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
        (
            owned(self.bytes(KEY)),
            owned(self.bytes(VALUE)),
            self.topic().to_owned(),
            self.partition(),
            self.offset(),
            self.timestamp_ms(),
            self.timestamp_type(),
            self.header_pairs().map(|(name, value)| (name.to_owned(), owned(value))).collect(),
        )
    }

    fn bytes(&self, column: usize) -> Option<&[u8]> {
        let column = self.chunk.column(column).as_binary_view();
        column.is_valid(self.row).then(|| column.value(self.row))
    }

    fn header_pairs(&self) -> impl Iterator<Item = (&str, Option<&[u8]>)> {
        let headers = self.chunk.column(HEADERS).as_list::<i32>();
        let offsets = headers.value_offsets();
        let range = offsets[self.row] as usize..offsets[self.row + 1] as usize;
        let items = headers.values().as_struct();
        let (names, values) = (items.column(0).as_string_view(), items.column(1).as_binary_view());
        range
            .map(move |item| (names.value(item), values.is_valid(item).then(|| values.value(item))))
    }
}

#[pymethods]
impl Message {
    /// A record by its parts: what a pickle is opened with.
    #[new]
    #[expect(clippy::too_many_arguments, reason = "they are a record's parts")]
    fn new(
        key: Option<Vec<u8>>,
        value: Option<Vec<u8>>,
        topic: String,
        partition: i32,
        offset: i64,
        timestamp_ms: Option<i64>,
        timestamp_type: i8,
        headers: Vec<HeaderPair>,
    ) -> Result<Self, Error> {
        let row = (key, value, topic, partition, offset, timestamp_ms, timestamp_type, headers);
        Ok(Self { chunk: Arc::new(rows_to_chunk(&[row])?), row: 0 })
    }

    #[getter]
    fn key<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.bytes(KEY).map(|bytes| PyBytes::new(py, bytes))
    }

    #[getter]
    fn value<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.bytes(VALUE).map(|bytes| PyBytes::new(py, bytes))
    }

    #[getter]
    fn topic(&self) -> &str {
        let topics = self.chunk.column(TOPIC).as_dictionary::<Int32Type>();
        let key = topics.key(self.row).unwrap_or(0);
        topics.values().as_string::<i32>().value(key)
    }

    #[getter]
    fn partition(&self) -> i32 {
        self.chunk.column(PARTITION).as_primitive::<Int32Type>().value(self.row)
    }

    #[getter]
    fn offset(&self) -> i64 {
        self.chunk.column(OFFSET).as_primitive::<Int64Type>().value(self.row)
    }

    /// Milliseconds since 1970, or None.
    #[getter]
    fn timestamp_ms(&self) -> Option<i64> {
        let column = self.chunk.column(TIMESTAMP).as_primitive::<TimestampMillisecondType>();
        column.is_valid(self.row).then(|| column.value(self.row))
    }

    /// The same as an aware datetime.
    #[getter]
    fn timestamp<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        const MILLISECONDS_PER_DAY: i64 = 86_400_000;
        let Some(milliseconds) = self.timestamp_ms() else { return Ok(None) };
        let datetime = PyModule::import(py, "datetime")?.getattr("datetime")?;
        let epoch = datetime.call1((1970, 1, 1, 0, 0, 0, 0, PyTzInfo::utc(py)?))?;
        let days = milliseconds.div_euclid(MILLISECONDS_PER_DAY);
        let rest = milliseconds.rem_euclid(MILLISECONDS_PER_DAY);
        let (seconds, rest) = (rest / 1000, rest % 1000);
        let days = i32::try_from(days).unwrap_or(i32::MAX); // too large for Python in any case
        let since = PyDelta::new(py, days, seconds as i32, rest as i32 * 1000, true)?;
        epoch.add(since).map(Some)
    }

    /// 0: the producer's clock, 1: the broker's, -1: there is none.
    #[getter]
    fn timestamp_type(&self) -> i8 {
        self.chunk.column(TIMESTAMP_TYPE).as_primitive::<Int8Type>().value(self.row)
    }

    #[getter]
    fn headers<'py>(&self, py: Python<'py>) -> Vec<(&str, Option<Bound<'py, PyBytes>>)> {
        self.header_pairs()
            .map(|(name, value)| (name, value.map(|value| PyBytes::new(py, value))))
            .collect()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let shown = |bytes: Option<&[u8]>| -> PyResult<String> {
            const SHOWN_BYTES_MAX: usize = 64;
            let Some(bytes) = bytes else { return Ok("None".to_owned()) };
            let cut = &bytes[..bytes.len().min(SHOWN_BYTES_MAX)];
            let more = if cut.len() < bytes.len() { "..." } else { "" };
            Ok(format!("{}{more}", PyBytes::new(py, cut).repr()?))
        };
        let (key, value) = (shown(self.bytes(KEY))?, shown(self.bytes(VALUE))?);
        let (topic, partition, offset) = (self.topic(), self.partition(), self.offset());
        Ok(format!("<ottla.Message {topic}-{partition}@{offset} key={key} value={value}>"))
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.to_row() == other.to_row()
    }

    fn __hash__(&self) -> u64 {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        (self.topic(), self.partition(), self.offset()).hash(&mut hasher);
        hasher.finish()
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let parts = (
            self.key(py),
            self.value(py),
            self.topic(),
            self.partition(),
            self.offset(),
            self.timestamp_ms(),
            self.timestamp_type(),
            self.headers(py),
        );
        let parts = parts.into_pyobject(py)?;
        PyTuple::new(py, [py.get_type::<Self>().into_any(), parts.into_any()])
    }
}

/// Where each row of a chunk is from: the key of its topic, which means the same in all of them,
/// and its partition.
pub(crate) fn places(chunk: &RecordBatch) -> impl Fn(usize) -> (i32, i32) {
    let topics = chunk.column(TOPIC).as_dictionary::<Int32Type>().keys().values();
    let partitions = chunk.column(PARTITION).as_primitive::<Int32Type>().values();
    |row| (topics[row], partitions[row])
}

/// Rows in columns of their own.
pub(crate) fn rows_to_chunk(rows: &[Row]) -> Result<RecordBatch, Error> {
    let schema = frames::schema();
    let mut keys = BinaryViewBuilder::new();
    let mut values = BinaryViewBuilder::new();
    let mut topics = StringDictionaryBuilder::<Int32Type>::new();
    let mut partitions = Int32Builder::new();
    let mut offsets = Int64Builder::new();
    let mut timestamps = TimestampMillisecondBuilder::new()
        .with_data_type(schema.field(TIMESTAMP).data_type().clone());
    let mut timestamp_types = Int8Builder::new();
    let mut headers = header_builder(schema.field(HEADERS).data_type());
    for (key, value, topic, partition, offset, timestamp, timestamp_type, pairs) in rows {
        keys.append_option(key.as_deref());
        values.append_option(value.as_deref());
        topics.append_value(topic);
        partitions.append_value(*partition);
        offsets.append_value(*offset);
        timestamps.append_option(*timestamp);
        timestamp_types.append_value(*timestamp_type);
        append_headers(&mut headers, pairs);
    }
    let columns: Vec<ArrayRef> = vec![
        Arc::new(keys.finish()),
        Arc::new(values.finish()),
        Arc::new(topics.finish()),
        Arc::new(partitions.finish()),
        Arc::new(offsets.finish()),
        Arc::new(timestamps.finish()),
        Arc::new(timestamp_types.finish()),
        Arc::new(headers.finish()),
    ];
    RecordBatch::try_new(schema, columns).map_err(|error| Error::Arrow(error.to_string()))
}

fn header_builder(list: &DataType) -> ListBuilder<StructBuilder> {
    let DataType::List(item) = list else { unreachable!("the headers are a list") };
    let DataType::Struct(fields) = item.data_type() else { unreachable!("of structs") };
    ListBuilder::new(StructBuilder::from_fields(fields.clone(), 0)).with_field(Arc::clone(item))
}

fn append_headers(builder: &mut ListBuilder<StructBuilder>, pairs: &[HeaderPair]) {
    const OF_SCHEMA: &str = "the fields are those of the schema";
    for (name, value) in pairs {
        let header = builder.values();
        header.field_builder::<StringViewBuilder>(0).expect(OF_SCHEMA).append_value(name);
        let values = header.field_builder::<BinaryViewBuilder>(1).expect(OF_SCHEMA);
        values.append_option(value.as_deref());
        header.append(true);
    }
    builder.append(true);
}
