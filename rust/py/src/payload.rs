//! What Python gives for keys, values, headers and timestamps.

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::types::{PyAnyMethods, PyBool, PyBytes, PyDict, PyInt, PyList, PyString, PyTypeMethods};
use pyo3::{Borrowed, Bound, FromPyObject, PyAny, PyErr, PyResult};

/// A key or value: bytes and text where they lie, other buffers copied, since their owner may
/// change them.
#[derive(Debug)]
pub(crate) enum Payload<'a> {
    /// Memory that cannot change while the call lasts.
    Borrowed(&'a [u8]),
    /// Memory of a bytearray, memoryview or array.
    Copied(Vec<u8>),
}

/// A record's headers, in order.
#[derive(Debug, Default)]
pub(crate) struct HeaderList(Vec<(String, Option<Vec<u8>>)>);

/// A timestamp: milliseconds since 1970, or a datetime.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timestamp(pub(crate) i64);

impl Payload<'_> {
    #[inline]
    pub(crate) fn as_slice(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Copied(bytes) => bytes,
        }
    }
}

impl<'a, 'py> FromPyObject<'a, 'py> for Payload<'a> {
    type Error = PyErr;

    #[inline]
    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if object.is_instance_of::<PyBytes>() {
            return <&'a [u8]>::extract(object).map(Self::Borrowed).map_err(PyErr::from);
        }
        if object.is_instance_of::<PyString>() {
            return <&'a str>::extract(object).map(|text| Self::Borrowed(text.as_bytes()));
        }
        copied(&object).map(Self::Copied)
    }
}

impl HeaderList {
    /// The headers as the client takes them.
    pub(crate) fn headers(&self) -> Vec<client::Header<'_>> {
        self.0
            .iter()
            .map(|(key, value)| client::Header { key: key.as_bytes(), value: value.as_deref() })
            .collect()
    }
}

impl<'a, 'py> FromPyObject<'a, 'py> for HeaderList {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        let pairs: Vec<(String, Bound<'py, PyAny>)> = if let Ok(dict) = object.cast::<PyDict>() {
            dict.as_any().call_method0("items")?.try_iter()?.map(pair).collect::<PyResult<_>>()?
        } else if object.cast::<PyList>().is_ok() || object.is_instance_of::<pyo3::types::PyTuple>()
        {
            object.try_iter()?.map(pair).collect::<PyResult<_>>()?
        } else {
            return Err(wrong_type("headers are a dict, or a list of (name, value)", &object));
        };
        let value = |value: Bound<'py, PyAny>| -> PyResult<Option<Vec<u8>>> {
            if value.is_none() {
                return Ok(None);
            }
            Payload::extract(value.as_borrowed()).map(|value| Some(value.as_slice().to_vec()))
        };
        let headers = pairs.into_iter().map(|(name, bytes)| Ok((name, value(bytes)?)));
        headers.collect::<PyResult<_>>().map(Self)
    }
}

impl<'a, 'py> FromPyObject<'a, 'py> for Timestamp {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        const MILLISECONDS: f64 = 1000.0;
        let expected = "a timestamp is a datetime, or an int of milliseconds since 1970";
        let too_old = || Err(PyValueError::new_err("a record cannot be older than 1970"));
        if object.is_instance_of::<PyInt>() && !object.is_instance_of::<PyBool>() {
            let milliseconds = object.extract()?;
            return if milliseconds < 0 { too_old() } else { Ok(Self(milliseconds)) };
        }
        let Ok(seconds) = object.call_method0("timestamp") else {
            return Err(wrong_type(expected, &object));
        };
        let milliseconds = (seconds.extract::<f64>()? * MILLISECONDS).round();
        if milliseconds < 0.0 {
            return too_old();
        }
        Ok(Self(milliseconds as i64))
    }
}

fn pair(item: PyResult<Bound<'_, PyAny>>) -> PyResult<(String, Bound<'_, PyAny>)> {
    item?.extract()
}

fn copied(object: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    let Ok(buffer) = PyBuffer::<u8>::get(object) else {
        return Err(wrong_type(
            "keys and values are bytes, str, bytearray, memoryview or None",
            object,
        ));
    };
    buffer.to_vec(object.py())
}

fn wrong_type(expected: &str, object: &Bound<'_, PyAny>) -> PyErr {
    let name = object.get_type().name().map(|name| name.to_string());
    PyTypeError::new_err(format!("{expected}, not {}", name.unwrap_or_else(|_| "this".into())))
}
