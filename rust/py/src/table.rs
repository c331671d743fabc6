//! A small table that Python has made, as Arrow columns: what is known of many partitions.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{Field, Schema};
use pyo3::exceptions::PyValueError;
use pyo3::types::{PyAnyMethods, PyCapsule};
use pyo3::{Bound, PyAny, Python, pyfunction};

use crate::capsule;
use crate::error::Error;

/// A column: name, type and values, each of which may be None.
type Column<'py> = (String, String, Bound<'py, PyAny>);

/// A stream of one batch with these columns, in the types of `requested_schema` if there is one.
#[pyfunction]
#[pyo3(signature = (columns, requested_schema=None))]
pub(crate) fn table_stream<'py>(
    py: Python<'py>,
    columns: Vec<Column<'py>>,
    requested_schema: Option<&Bound<'py, PyAny>>,
) -> Result<Bound<'py, PyCapsule>, Error> {
    let chunk = batch(columns)?;
    capsule::export_stream(py, &chunk.schema(), std::slice::from_ref(&chunk), requested_schema)
}

/// What [`table_stream`] will have.
#[pyfunction]
pub(crate) fn table_schema<'py>(
    py: Python<'py>,
    columns: Vec<Column<'py>>,
) -> Result<Bound<'py, PyCapsule>, Error> {
    capsule::export_schema(py, &batch(columns)?.schema())
}

fn batch(columns: Vec<Column<'_>>) -> Result<RecordBatch, Error> {
    let mut fields = Vec::new();
    let mut arrays = Vec::new();
    for (name, kind, values) in columns {
        let array = array(&kind, &values)?;
        fields.push(Field::new(name, array.data_type().clone(), true));
        arrays.push(array);
    }
    let chunk = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays);
    chunk.map_err(|error| Error::Arrow(error.to_string()))
}

fn array(kind: &str, values: &Bound<'_, PyAny>) -> Result<ArrayRef, Error> {
    Ok(match kind {
        "string" => Arc::new(StringArray::from(values.extract::<Vec<Option<String>>>()?)),
        "int32" => Arc::new(Int32Array::from(values.extract::<Vec<Option<i32>>>()?)),
        "int64" => Arc::new(Int64Array::from(values.extract::<Vec<Option<i64>>>()?)),
        "float64" => Arc::new(Float64Array::from(values.extract::<Vec<Option<f64>>>()?)),
        _ => return Err(PyValueError::new_err(format!("{kind:?} is no type of a column")).into()),
    })
}
