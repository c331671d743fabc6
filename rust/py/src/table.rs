//! A small table that Python has made, as Arrow columns: what is known of many partitions.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{Field, Schema};
use pyo3::exceptions::PyValueError;
use pyo3::types::{PyAnyMethods, PyCapsule};
use pyo3::{Bound, PyAny, Python, pyfunction};

use crate::capsule;
use crate::error::Error;

/// A stream of one batch with these columns: name, type and values, each of which may be None.
#[pyfunction]
pub(crate) fn table_stream<'py>(
    py: Python<'py>,
    columns: Vec<(String, String, Bound<'py, PyAny>)>,
) -> Result<Bound<'py, PyCapsule>, Error> {
    let mut fields = Vec::new();
    let mut arrays = Vec::new();
    for (name, kind, values) in columns {
        let array = array(&kind, &values)?;
        fields.push(Field::new(name, array.data_type().clone(), true));
        arrays.push(array);
    }
    let schema = Arc::new(Schema::new(fields));
    let chunk = RecordBatch::try_new(schema.clone(), arrays);
    let chunk = chunk.map_err(|error| Error::Arrow(error.to_string()))?;
    capsule::export_stream(py, &schema, &[chunk], None)
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
