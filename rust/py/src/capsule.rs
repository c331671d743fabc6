//! Arrow data in and out of Python, by the `PyCapsule` interface: no copy, and no pyarrow.

use std::sync::Arc;

use arrow_array::ffi_stream::{FFI_ArrowArrayStream, RecordBatchStreamReader};
use arrow_array::{RecordBatch, RecordBatchIterator, RecordBatchReader};
use arrow_schema::ffi::FFI_ArrowSchema;
use arrow_schema::{ArrowError, Schema, SchemaRef};
use pyo3::exceptions::PyTypeError;
use pyo3::types::{
    PyAnyMethods, PyCapsule, PyCapsuleMethods, PyDict, PyDictMethods, PyModule, PyStringMethods,
    PyTypeMethods,
};
use pyo3::{Bound, PyAny, PyErr, Python};

use crate::error::Error;

/// A capsule with a stream of `chunks`, in their own types or in those that are asked for.
pub(crate) fn export_stream<'py>(
    py: Python<'py>,
    schema: &SchemaRef,
    chunks: &[RecordBatch],
    requested: Option<&Bound<'py, PyAny>>,
) -> Result<Bound<'py, PyCapsule>, Error> {
    let (schema, chunks) = match requested.filter(|requested| !requested.is_none()) {
        None => (schema.clone(), chunks.to_vec()),
        Some(requested) => {
            let schema = import_schema(requested)?;
            let cast = |chunk: &RecordBatch| frames::cast(chunk, &schema);
            let cast = py.detach(|| chunks.iter().map(cast).collect::<Result<Vec<_>, _>>())?;
            (schema, cast)
        }
    };
    let chunks = chunks.into_iter().map(Ok::<_, ArrowError>);
    let reader: Box<dyn RecordBatchReader + Send> =
        Box::new(RecordBatchIterator::new(chunks, schema));
    let stream = FFI_ArrowArrayStream::new(reader);
    Ok(PyCapsule::new_with_value(py, stream, c"arrow_array_stream")?)
}

/// A capsule with a schema.
pub(crate) fn export_schema<'py>(
    py: Python<'py>,
    schema: &Schema,
) -> Result<Bound<'py, PyCapsule>, Error> {
    let schema = FFI_ArrowSchema::try_from(schema).map_err(arrow_error)?;
    Ok(PyCapsule::new_with_value(py, schema, c"arrow_schema")?)
}

/// The stream of any object that has one: a data frame of Polars, pandas or `DuckDB`, a pyarrow
/// table, a batch of ours.
pub(crate) fn import_stream(frame: &Bound<'_, PyAny>) -> Result<RecordBatchStreamReader, Error> {
    let Ok(method) = frame.getattr("__arrow_c_stream__") else {
        let name = frame.get_type().name().map(|name| name.to_string()).unwrap_or_default();
        return Err(Error::Python(PyTypeError::new_err(format!(
            "{name} is no frame: it has no __arrow_c_stream__, as those of Polars, pandas, \
             pyarrow and DuckDB have"
        ))));
    };
    let method = match typed(frame)? {
        Some(typed) => typed.getattr("__arrow_c_stream__")?,
        None => method,
    };
    let capsule = method.call0()?;
    let capsule = capsule.cast::<PyCapsule>().map_err(PyErr::from)?;
    let pointer = capsule.pointer_checked(Some(c"arrow_array_stream"))?;
    #[expect(unsafe_code, reason = "Arrow's C stream interface is a pointer")]
    // SAFETY: a capsule of this name holds a valid stream. It is moved out, and what stays is
    // marked as released.
    let reader = unsafe { RecordBatchStreamReader::from_raw(pointer.as_ptr().cast()) };
    reader.map_err(arrow_error)
}

/// The frame with bytes for columns of nothing but nulls, if it has such columns and is one of
/// Polars: it exports them with a buffer, which Arrow's type of nulls does not have.
fn typed<'py>(frame: &Bound<'py, PyAny>) -> Result<Option<Bound<'py, PyAny>>, Error> {
    let Ok(types) = frame.getattr("dtypes") else { return Ok(None) };
    if !frame.get_type().module()?.to_cow()?.starts_with("polars.") {
        return Ok(None);
    }
    let polars = PyModule::import(frame.py(), "polars")?;
    let (null, bytes) = (polars.getattr("Null")?, polars.getattr("Binary")?);
    if !types.contains(&null)? {
        return Ok(None);
    }
    let casts = PyDict::new(frame.py());
    casts.set_item(null, bytes)?;
    Ok(Some(frame.call_method1("cast", (casts,))?))
}

fn import_schema(requested: &Bound<'_, PyAny>) -> Result<SchemaRef, Error> {
    let capsule = requested.cast::<PyCapsule>().map_err(PyErr::from)?;
    let pointer = capsule.pointer_checked(Some(c"arrow_schema"))?;
    #[expect(unsafe_code, reason = "Arrow's C data interface is a pointer")]
    // SAFETY: a capsule of this name holds a valid schema, and lives while it is read.
    let schema = unsafe { pointer.cast::<FFI_ArrowSchema>().as_ref() };
    Schema::try_from(schema).map(Arc::new).map_err(arrow_error)
}

fn arrow_error(error: ArrowError) -> Error {
    Error::Arrow(error.to_string())
}
