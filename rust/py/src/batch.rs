//! A batch of records as Python sees it: Arrow columns that can be read again and again.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMillisecondType;
use arrow_array::types::{ArrowPrimitiveType, Int8Type, Int32Type, Int64Type};
use arrow_array::{Array, RecordBatch};
use base::TopicPartition;
use pyo3::exceptions::{PyIndexError, PyKeyError};
use pyo3::types::{PyBytes, PyCapsule, PyList};
use pyo3::{Bound, IntoPyObject, Py, PyAny, Python, pyclass, pymethods};

use crate::capsule;
use crate::error::Error;
use crate::message::{Message, Row, rows_to_chunk};

/// The offsets at which a consumer goes on after a batch.
pub(crate) type NextOffsets = Vec<(String, i32, i64)>;

/// What would be committed: topic, partition, offset, and in which assignment it was read.
pub(crate) type CommitRows = Vec<(String, i32, i64, Option<u64>)>;

/// Records in Arrow columns.
#[pyclass(frozen, module = "ottla._core")]
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    chunks: Vec<Arc<RecordBatch>>,
    rows: usize,
    commit_rows: CommitRows,
}

impl Batch {
    pub(crate) fn new(
        chunks: Vec<RecordBatch>,
        next_offsets: impl IntoIterator<Item = (TopicPartition, (i64, u64))>,
    ) -> Self {
        let chunks: Vec<_> = chunks.into_iter().map(Arc::new).collect();
        let rows = rows_of(&chunks);
        let commit_rows = next_offsets
            .into_iter()
            .map(|(place, (offset, tenure))| {
                (place.topic.to_string(), place.partition.0, offset, Some(tenure))
            })
            .collect();
        Self { chunks, rows, commit_rows }
    }
}

#[pymethods]
impl Batch {
    /// A batch of these rows: what a pickle is opened with.
    #[staticmethod]
    fn from_rows(rows: Vec<Row>, next_offsets: NextOffsets) -> Result<Self, Error> {
        let chunk = rows_to_chunk(&rows)?;
        let unowned = |(topic, partition, offset)| (topic, partition, offset, None);
        let commit_rows = next_offsets.into_iter().map(unowned).collect();
        Ok(Self { chunks: vec![Arc::new(chunk)], rows: rows.len(), commit_rows })
    }

    /// All batches as one; nothing is copied.
    #[staticmethod]
    fn concatenated(batches: Vec<Py<Self>>) -> Self {
        let mut chunks = Vec::new();
        let mut commit_rows = std::collections::BTreeMap::new();
        for batch in &batches {
            let batch = batch.get();
            chunks.extend(batch.chunks.iter().cloned());
            let places = batch.commit_rows.iter().cloned();
            commit_rows
                .extend(places.map(|(topic, partition, at, of)| ((topic, partition), (at, of))));
        }
        let rows = rows_of(&chunks);
        let commit_rows = commit_rows
            .into_iter()
            .map(|((topic, partition), (offset, tenure))| (topic, partition, offset, tenure))
            .collect();
        Self { chunks, rows, commit_rows }
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> Result<Bound<'py, PyCapsule>, Error> {
        let chunks: Vec<_> = self.chunks.iter().map(|chunk| RecordBatch::clone(chunk)).collect();
        capsule::export_stream(py, &frames::schema(), &chunks, requested_schema)
    }

    #[expect(clippy::unused_self, reason = "Arrow's interface is a method")]
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyCapsule>, Error> {
        capsule::export_schema(py, &frames::schema())
    }

    fn __len__(&self) -> usize {
        self.rows
    }

    /// Where a consumer goes on after it: topic, partition, offset.
    #[getter]
    fn next_offsets(&self) -> NextOffsets {
        let rows = self.commit_rows.iter();
        rows.map(|(topic, partition, offset, _)| (topic.clone(), *partition, *offset)).collect()
    }

    /// The same, with the assignment in which each partition was read.
    #[getter]
    fn commit_rows(&self) -> CommitRows {
        self.commit_rows.clone()
    }

    /// The memory that it keeps, what it shares with other batches included.
    #[getter]
    fn nbytes(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.get_array_memory_size()).sum()
    }

    /// The record in a row.
    fn message(&self, row: usize) -> Result<Message, Error> {
        let mut left = row;
        for chunk in &self.chunks {
            if left < chunk.num_rows() {
                return Ok(Message::view(Arc::clone(chunk), left));
            }
            left -= chunk.num_rows();
        }
        let message = format!("row {row} of a batch of {}", self.rows);
        Err(Error::Python(PyIndexError::new_err(message)))
    }

    /// Some of its rows; nothing is copied.
    fn slice(&self, start: usize, length: usize) -> Self {
        let (mut skip, mut left) = (start, length);
        let mut chunks = Vec::new();
        for chunk in &self.chunks {
            let from = skip.min(chunk.num_rows());
            let count = left.min(chunk.num_rows() - from);
            (skip, left) = (skip - from, left - count);
            if count > 0 {
                chunks.push(Arc::new(chunk.slice(from, count)));
            }
        }
        let rows = rows_of(&chunks);
        Self { chunks, rows, commit_rows: self.commit_rows.clone() }
    }

    /// A column of numbers as the bytes of an array; a missing timestamp is the least number.
    fn numbers<'py>(&self, py: Python<'py>, column: &str) -> Result<Bound<'py, PyBytes>, Error> {
        let mut bytes = Vec::new();
        for chunk in &self.chunks {
            let array = column_of(chunk, column)?;
            match column {
                "partition" => extend::<Int32Type>(&mut bytes, array),
                "offset" => extend::<Int64Type>(&mut bytes, array),
                "timestamp" => extend::<TimestampMillisecondType>(&mut bytes, array),
                "timestamp_type" => extend::<Int8Type>(&mut bytes, array),
                _ => return Err(no_column(column)),
            }
        }
        Ok(PyBytes::new(py, &bytes))
    }

    /// A column as Python objects.
    fn objects<'py>(&self, py: Python<'py>, column: &str) -> Result<Bound<'py, PyList>, Error> {
        let list = PyList::empty(py);
        for chunk in &self.chunks {
            column_of(chunk, column)?;
            for row in 0..chunk.num_rows() {
                let message = Message::view(Arc::clone(chunk), row);
                pyo3::types::PyListMethods::append(&list, message.part(py, column)?)?;
            }
        }
        Ok(list)
    }

    /// Every row by its parts: what goes into a pickle.
    fn rows<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyList>, Error> {
        let list = PyList::empty(py);
        for chunk in &self.chunks {
            for row in 0..chunk.num_rows() {
                let row = Message::view(Arc::clone(chunk), row).to_row().into_pyobject(py)?;
                pyo3::types::PyListMethods::append(&list, row)?;
            }
        }
        Ok(list)
    }
}

fn rows_of(chunks: &[Arc<RecordBatch>]) -> usize {
    chunks.iter().map(|chunk| chunk.num_rows()).sum()
}

fn column_of<'a>(chunk: &'a RecordBatch, column: &str) -> Result<&'a dyn Array, Error> {
    chunk.column_by_name(column).map(AsRef::as_ref).ok_or_else(|| no_column(column))
}

fn no_column(column: &str) -> Error {
    Error::Python(PyKeyError::new_err(column.to_owned()))
}

fn extend<T: ArrowPrimitiveType>(bytes: &mut Vec<u8>, array: &dyn Array)
where
    T::Native: Missing,
{
    let array = array.as_primitive::<T>();
    for value in array {
        value.unwrap_or(T::Native::MISSING).extend(bytes);
    }
}

/// A number as bytes, and what stands for none.
trait Missing: Copy {
    const MISSING: Self;
    fn extend(self, bytes: &mut Vec<u8>);
}

macro_rules! missing {
    ($($number:ty)*) => {
        $(impl Missing for $number {
            const MISSING: Self = Self::MIN;
            fn extend(self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_ne_bytes());
            }
        })*
    };
}
missing!(i8 i32 i64);
