//! How far groups are behind, as a frame and as rows.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use client::PartitionLag;
use pyo3::types::PyCapsule;
use pyo3::{Bound, PyAny, Python, pyclass, pymethods};

use crate::capsule;
use crate::error::Error;

/// A partition of a group: group, topic, partition, committed offset, end offset, lag, member,
/// instance, client, host, and why the end is not known.
type Row = (
    String,
    String,
    i32,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
);

/// How far groups are behind, partition by partition.
#[pyclass(frozen, module = "ottla._core")]
#[derive(Debug)]
pub(crate) struct Lag {
    rows: Vec<Row>,
    frame: RecordBatch,
}

#[pymethods]
impl Lag {
    /// Of these rows: what a pickle is opened with.
    #[staticmethod]
    fn from_rows(rows: Vec<Row>) -> Result<Self, Error> {
        let frame = frame(&rows)?;
        Ok(Self { rows, frame })
    }

    #[getter]
    fn rows(&self) -> Vec<Row> {
        self.rows.clone()
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> Result<Bound<'py, PyCapsule>, Error> {
        let frame = std::slice::from_ref(&self.frame);
        capsule::export_stream(py, &self.frame.schema(), frame, requested_schema)
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyCapsule>, Error> {
        capsule::export_schema(py, &self.frame.schema())
    }

    fn __len__(&self) -> usize {
        self.rows.len()
    }
}

impl Lag {
    pub(super) fn of(groups: Vec<(String, Vec<PartitionLag>)>) -> Result<Self, Error> {
        let rows = groups.into_iter().flat_map(|(group, partitions)| {
            partitions.into_iter().map(move |partition| row(&group, partition))
        });
        Self::from_rows(rows.collect())
    }
}

fn row(group: &str, partition: PartitionLag) -> Row {
    let lag = partition.lag();
    let name = partition.topic_partition;
    let (end_offset, error) = match partition.end_offset {
        Ok(offset) => (Some(offset), None),
        Err(error) => (None, Some(error.to_string())),
    };
    let committed = partition.committed.map(|committed| committed.offset);
    let (member, instance, client, host) = match partition.owner {
        Some(owner) => (
            Some(owner.member_id),
            owner.group_instance_id,
            Some(owner.client_id),
            Some(owner.client_host),
        ),
        None => (None, None, None, None),
    };
    let (topic, number) = (name.topic.to_string(), name.partition.0);
    (
        group.to_owned(),
        topic,
        number,
        committed,
        end_offset,
        lag,
        member,
        instance,
        client,
        host,
        error,
    )
}

fn schema() -> SchemaRef {
    let text = |name, is_nullable| Field::new(name, DataType::Utf8, is_nullable);
    let number = |name| Field::new(name, DataType::Int64, true);
    Arc::new(Schema::new(vec![
        text("group", false),
        text("topic", false),
        Field::new("partition", DataType::Int32, false),
        number("committed_offset"),
        number("end_offset"),
        number("lag"),
        text("member_id", true),
        text("group_instance_id", true),
        text("client_id", true),
        text("host", true),
        text("error", true),
    ]))
}

fn frame(rows: &[Row]) -> Result<RecordBatch, Error> {
    let texts = |text: fn(&Row) -> Option<&str>| -> ArrayRef {
        Arc::new(rows.iter().map(text).collect::<StringArray>())
    };
    let numbers = |number: fn(&Row) -> Option<i64>| -> ArrayRef {
        Arc::new(rows.iter().map(number).collect::<Int64Array>())
    };
    let columns: Vec<ArrayRef> = vec![
        texts(|row| Some(&row.0)),
        texts(|row| Some(&row.1)),
        Arc::new(rows.iter().map(|row| row.2).collect::<Int32Array>()),
        numbers(|row| row.3),
        numbers(|row| row.4),
        numbers(|row| row.5),
        texts(|row| row.6.as_deref()),
        texts(|row| row.7.as_deref()),
        texts(|row| row.8.as_deref()),
        texts(|row| row.9.as_deref()),
        texts(|row| row.10.as_deref()),
    ];
    RecordBatch::try_new(schema(), columns).map_err(|error| Error::Arrow(error.to_string()))
}
