//! What becomes of a record that was sent: a handle, and the result.

use std::time::Duration;

use pyo3::types::PyTuple;
use pyo3::{Bound, PyErr, PyResult, Python, pyclass, pymethods};

use crate::error::Error;
use crate::fork::ProcessBound;
use crate::runtime;

/// A record's way into the log.
#[pyclass(frozen, module = "ottla._core")]
#[derive(Debug)]
pub(crate) struct Delivery {
    delivery: ProcessBound<client::Delivery>,
}

/// A record in the log.
#[pyclass(frozen, eq, hash, module = "ottla._core")]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Delivered {
    #[pyo3(get)]
    topic: String,
    #[pyo3(get)]
    partition: i32,
    #[pyo3(get)]
    offset: Option<i64>,
    #[pyo3(get)]
    timestamp_ms: i64,
}

impl Delivery {
    pub(crate) fn new(delivery: client::Delivery) -> Self {
        Self { delivery: ProcessBound::new(delivery) }
    }
}

#[pymethods]
impl Delivery {
    /// Whether there is a result.
    fn done(&self) -> Result<bool, Error> {
        Ok(self.delivery.get()?.poll().is_some())
    }

    /// The result; waits for it, for `timeout` seconds at most.
    #[pyo3(signature = (timeout=None))]
    fn result(&self, py: Python<'_>, timeout: Option<f64>) -> Result<Delivered, Error> {
        let delivery = self.delivery.get()?;
        if let Some(result) = delivery.poll() {
            return Ok(result?.into());
        }
        let limit = timeout.map(seconds).transpose()?;
        if let Some(result) = runtime::wait(py, limit, delivery.wait())? {
            return Ok(result?.into());
        }
        let (place, limit) = (delivery.batch().topic_partition(), timeout.unwrap_or_default());
        Err(Error::TimedOut(if place.is_placed() {
            format!("{place} has not acknowledged the record within {limit} s")
        } else {
            format!("topic {place} is not known within {limit} s: the record waits for it")
        }))
    }

    #[getter]
    fn topic(&self) -> Result<String, Error> {
        Ok(self.delivery.get()?.batch().topic_partition().topic.to_string())
    }

    /// Where the record goes, or None: its topic is not known yet.
    #[getter]
    fn partition(&self) -> Result<Option<i32>, Error> {
        Ok(partition(self.delivery.get()?.batch().topic_partition()))
    }

    /// Where the record is, or None: not known yet, not delivered, or the broker did not say.
    #[getter]
    fn offset(&self) -> Result<Option<i64>, Error> {
        let result = self.delivery.get()?.poll();
        Ok(result.and_then(Result::ok).and_then(|delivered| delivered.offset))
    }

    #[getter]
    fn timestamp_ms(&self) -> Result<i64, Error> {
        let delivery = self.delivery.get()?;
        let result = delivery.poll().and_then(Result::ok);
        Ok(result.map_or(delivery.timestamp_ms(), |delivered| delivered.timestamp_ms))
    }

    /// Why the record was not delivered, or None.
    #[getter]
    fn error(&self, py: Python<'_>) -> Result<Option<pyo3::Py<pyo3::PyAny>>, Error> {
        let failed = self.delivery.get()?.poll().and_then(Result::err);
        Ok(failed.map(|error| PyErr::from(Error::Delivery(error)).into_value(py).into_any()))
    }

    fn __repr__(&self) -> Result<String, Error> {
        let delivery = self.delivery.get()?;
        let place = delivery.batch().topic_partition();
        Ok(match delivery.poll() {
            None => format!("<ottla.Delivery to {place}, pending>"),
            Some(Ok(delivered)) => match delivered.offset {
                Some(offset) => format!("<ottla.Delivery to {place} at offset {offset}>"),
                None => format!("<ottla.Delivery to {place}, done>"),
            },
            Some(Err(error)) => format!("<ottla.Delivery to {place}, failed: {error}>"),
        })
    }
}

#[pymethods]
impl Delivered {
    #[new]
    fn new(topic: String, partition: i32, offset: Option<i64>, timestamp_ms: i64) -> Self {
        Self { topic, partition, offset, timestamp_ms }
    }

    fn __repr__(&self) -> String {
        let Self { topic, partition, offset, timestamp_ms } = self;
        let offset = offset.map_or_else(|| "None".to_owned(), |offset| offset.to_string());
        format!(
            "Delivered(topic={topic:?}, partition={partition}, offset={offset}, \
             timestamp_ms={timestamp_ms})"
        )
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let arguments = (self.topic.as_str(), self.partition, self.offset, self.timestamp_ms);
        let arguments = pyo3::IntoPyObject::into_pyobject(arguments, py)?;
        PyTuple::new(py, [py.get_type::<Self>().into_any(), arguments.into_any()])
    }
}

impl From<client::Delivered> for Delivered {
    fn from(delivered: client::Delivered) -> Self {
        Self {
            topic: delivered.topic_partition.topic.to_string(),
            partition: delivered.topic_partition.partition.0,
            offset: delivered.offset,
            timestamp_ms: delivered.timestamp_ms,
        }
    }
}

/// The number of a partition, if it is one.
pub(crate) fn partition(place: &base::TopicPartition) -> Option<i32> {
    place.is_placed().then_some(place.partition.0)
}

/// A time that Python gave in seconds.
pub(crate) fn seconds(seconds: f64) -> Result<Duration, Error> {
    Duration::try_from_secs_f64(seconds).map_err(|_| {
        let message = format!("{seconds} is no number of seconds to wait");
        Error::Python(pyo3::exceptions::PyValueError::new_err(message))
    })
}
