//! The producer: one call from Python copies a record into its batch.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use base::{LeaderEpoch, TopicPartition};
use client::{
    FlushReport, GroupMetadata, OffsetAndMetadata, ProducerConfig, Record, SendError,
    TransactionError, TrySendError,
};
use pyo3::exceptions::PyTypeError;
use pyo3::types::{PyAnyMethods, PyTypeMethods};
use pyo3::{Bound, FromPyObject, Py, PyAny, PyErr, Python, pyclass, pymethods};

use crate::callbacks::Callbacks;
use crate::consumer::GroupRow;
use crate::delivery::{Delivery, partition, seconds};
use crate::error::Error;
use crate::fork::ProcessBound;
use crate::payload::{HeaderList, Payload, Timestamp};
use crate::runtime;
use crate::write::{Write, WriteColumns};

/// How long a producer that was given up without being closed goes on delivering.
const DROP_DELIVERS_MAX: Duration = Duration::from_secs(5);

/// Where the rows of a frame go: all to one partition, or each to its own.
#[derive(Debug, FromPyObject)]
enum PartitionOrColumn {
    #[pyo3(transparent, annotation = "int")]
    Partition(i32),
    #[pyo3(transparent, annotation = "str")]
    Column(String),
}

/// Topic, partition, offset, the leader's epoch before it (-1 if that is not known), and whatever
/// the program wants to remember.
type OffsetRow = (String, i32, i64, i32, String);

/// A row of a report: topic, partition if it has one, delivered, failed, pending, and why the first
/// one failed.
type ReportRow = (String, Option<i32>, u64, u64, u64, Option<Py<PyAny>>);

/// A report, what callbacks have raised, and how often.
type Outcome = (Vec<ReportRow>, Vec<Py<PyAny>>, usize);

/// A producer.
#[pyclass(frozen, subclass, module = "ottla._core")]
#[derive(Debug)]
pub(crate) struct Producer {
    inner: ProcessBound<Inner>,
    #[pyo3(get)]
    warnings: Vec<String>,
}

#[derive(Debug)]
struct Inner {
    client: Arc<client::Producer>,
    closed: AtomicBool,
    /// Made with the first callback.
    callbacks: OnceLock<Arc<Callbacks>>,
}

#[pymethods]
impl Producer {
    /// Connects; raises if no broker answers.
    #[new]
    fn connect(py: Python<'_>, pairs: Vec<(String, String)>) -> Result<Self, Error> {
        let (config, warnings) = ProducerConfig::from_pairs(pairs)?;
        let handle = runtime::handle()?;
        let connected = runtime::wait(py, None, client::Producer::connect(config, &handle))?;
        let client = Arc::new(connected.ok_or(Error::Interrupted)??);
        let inner = Inner { client, closed: AtomicBool::new(false), callbacks: OnceLock::new() };
        let warnings = warnings.iter().map(|w| format!("{}: {}", w.key, w.reason)).collect();
        Ok(Self { inner: ProcessBound::new(inner), warnings })
    }

    /// Sends a record, and waits only if the buffer is full.
    #[pyo3(signature = (topic, value=None, key=None, *, headers=None, timestamp=None,
                        partition=None, on_delivery=None))]
    #[expect(clippy::too_many_arguments, reason = "they are a record's parts, by keyword")]
    fn produce(
        &self,
        py: Python<'_>,
        topic: &str,
        value: Option<Payload<'_>>,
        key: Option<Payload<'_>>,
        headers: Option<HeaderList>,
        timestamp: Option<Timestamp>,
        partition: Option<i32>,
        on_delivery: Option<Py<PyAny>>,
    ) -> Result<(), Error> {
        let headers = headers.unwrap_or_default();
        let headers = headers.headers();
        let record = record(topic, value.as_ref(), key.as_ref(), &headers, timestamp, partition);
        let inner = self.inner.get()?;
        if let Some(wrong) = on_delivery.as_ref().filter(|call| !call.bind(py).is_callable()) {
            return Err(Error::Python(not_callable(wrong.bind(py))));
        }
        let Some(callback) = on_delivery else { return inner.send(py, &record).map(|_| ()) };
        let callbacks = inner.callbacks()?;
        callbacks.reserve(py)?;
        callbacks.collect(callback, inner.send(py, &record)?);
        Ok(())
    }

    /// The same, with a handle on the result.
    #[pyo3(signature = (topic, value=None, key=None, *, headers=None, timestamp=None,
                        partition=None))]
    #[expect(clippy::too_many_arguments, reason = "they are a record's parts, by keyword")]
    fn send(
        &self,
        py: Python<'_>,
        topic: &str,
        value: Option<Payload<'_>>,
        key: Option<Payload<'_>>,
        headers: Option<HeaderList>,
        timestamp: Option<Timestamp>,
        partition: Option<i32>,
    ) -> Result<Delivery, Error> {
        let headers = headers.unwrap_or_default();
        let headers = headers.headers();
        let record = record(topic, value.as_ref(), key.as_ref(), &headers, timestamp, partition);
        self.inner.get()?.send(py, &record).map(Delivery::new)
    }

    /// Sends the rows of a frame; answers how many there were.
    #[pyo3(signature = (frame, topic, *, value=Some("value"), key=None, headers=None,
                        timestamp=None, partition=None))]
    #[expect(clippy::too_many_arguments, reason = "they name the columns, by keyword")]
    fn write(
        &self,
        py: Python<'_>,
        frame: &Bound<'_, PyAny>,
        topic: &str,
        value: Option<&str>,
        key: Option<&str>,
        headers: Option<&str>,
        timestamp: Option<&str>,
        partition: Option<PartitionOrColumn>,
    ) -> Result<u64, Error> {
        let client = &self.inner.get()?.client;
        let (partition, partitions) = match &partition {
            Some(PartitionOrColumn::Partition(partition)) => (Some(*partition), None),
            Some(PartitionOrColumn::Column(name)) => (None, Some(name.as_str())),
            None => (None, None),
        };
        let columns = WriteColumns { key, value, timestamp, partition: partitions, headers };
        Write { client, topic, partition, columns }.run(py, frame)
    }

    /// Waits until everything that was sent has its result and its callback was called; answers the
    /// report, and what callbacks have raised.
    fn finish(&self, py: Python<'_>, timeout: Option<f64>) -> Result<Outcome, Error> {
        let inner = self.inner.get()?;
        let limit = timeout.map(seconds).transpose()?;
        let flushed = runtime::wait(py, limit, inner.client.flush())?;
        let report = flushed.unwrap_or_else(|| inner.client.report());
        inner.outcome(py, report, limit)
    }

    /// Takes no more records, waits for the results of those it has, and gives up the rest.
    fn close_core(&self, py: Python<'_>, timeout: f64) -> Result<Outcome, Error> {
        let inner = self.inner.get()?;
        let limit = seconds(timeout)?;
        inner.closed.store(true, Ordering::Relaxed);
        let closed = runtime::wait(py, None, inner.client.close(limit))?;
        inner.outcome(py, closed.unwrap_or_default(), Some(limit))
    }

    /// The records without a result: topic, partition if it has one, count.
    fn pending(&self) -> Result<Vec<(String, Option<i32>, u64)>, Error> {
        let pending = self.inner.get()?.client.pending();
        let row = |(place, count): (base::TopicPartition, u64)| {
            (place.topic.to_string(), partition(&place), count)
        };
        Ok(pending.into_iter().map(row).collect())
    }

    /// How many partitions a topic has.
    fn partitions(&self, py: Python<'_>, topic: &str) -> Result<usize, Error> {
        let count = runtime::wait(py, None, self.inner.get()?.client.partitions(topic))?;
        Ok(count.ok_or(Error::Interrupted)??)
    }

    fn init_transactions_core(&self, py: Python<'_>) -> Result<(), Error> {
        done(runtime::wait(py, None, self.inner.get()?.client.init_transactions())?)
    }

    fn begin_transaction_core(&self, py: Python<'_>) -> Result<(), Error> {
        done(runtime::wait(py, None, self.inner.get()?.client.begin_transaction())?)
    }

    fn commit_transaction_core(&self, py: Python<'_>) -> Result<(), Error> {
        done(runtime::wait(py, None, self.inner.get()?.client.commit_transaction())?)
    }

    fn abort_transaction_core(&self, py: Python<'_>) -> Result<(), Error> {
        done(runtime::wait(py, None, self.inner.get()?.client.abort_transaction())?)
    }

    /// Commits offsets with the transaction, as a member of a group.
    fn send_offsets_core(
        &self,
        py: Python<'_>,
        group: GroupRow,
        rows: Vec<OffsetRow>,
    ) -> Result<(), Error> {
        let (group_id, member_id, generation, instance_id) = group;
        let group = GroupMetadata { group_id, member_id, generation, instance_id };
        let offsets = rows.into_iter().map(|(topic, partition, offset, epoch, metadata)| {
            let offset = OffsetAndMetadata { offset, leader_epoch: LeaderEpoch(epoch), metadata };
            (TopicPartition::new(topic, partition), offset)
        });
        let sent = self.inner.get()?.client.send_offsets(group, offsets.collect());
        done(runtime::wait(py, None, sent)?)
    }

    #[getter]
    fn transactional_id(&self) -> Result<Option<String>, Error> {
        Ok(self.inner.get()?.client.config().transactional_id.clone())
    }

    #[getter]
    fn is_closed(&self) -> Result<bool, Error> {
        Ok(self.inner.get()?.closed.load(Ordering::Relaxed))
    }
}

impl Inner {
    #[inline]
    fn send(&self, py: Python<'_>, record: &Record<'_>) -> Result<client::Delivery, Error> {
        match self.client.try_send(record) {
            Ok(delivery) => Ok(delivery),
            Err(TrySendError::Busy(_)) => {
                let sent = runtime::wait(py, None, self.client.send(record))?;
                Ok(sent.ok_or(Error::Interrupted)??)
            }
            Err(TrySendError::Refused(error)) => Err(self.refused(error)),
        }
    }

    fn refused(&self, error: SendError) -> Error {
        match error {
            SendError::Transaction(error) => Error::Transaction(error),
            SendError::Closed(_) if self.closed.load(Ordering::Relaxed) => {
                Error::Closed("producer")
            }
            error => Error::Send(error),
        }
    }

    fn callbacks(&self) -> Result<&Arc<Callbacks>, Error> {
        if let Some(callbacks) = self.callbacks.get() {
            return Ok(callbacks);
        }
        let started = Callbacks::start()?;
        Ok(self.callbacks.get_or_init(|| started))
    }

    fn outcome(
        &self,
        py: Python<'_>,
        report: FlushReport,
        limit: Option<Duration>,
    ) -> Result<Outcome, Error> {
        let rows = report.partitions.into_iter().map(|row| {
            let place = row.topic_partition;
            let error = row.first_error.map(|error| PyErr::from(Error::Delivery(error)));
            let error = error.map(|error| error.into_value(py).into_any());
            let (topic, partition) = (place.topic.to_string(), partition(&place));
            (topic, partition, row.delivered, row.failed, row.pending, error)
        });
        let rows = rows.collect();
        let Some(callbacks) = self.callbacks.get() else { return Ok((rows, Vec::new(), 0)) };
        callbacks.settle(py, limit)?;
        let raised = callbacks.take_raised();
        let exceptions = raised.exceptions.into_iter();
        let exceptions = exceptions.map(|error| error.into_value(py).into_any()).collect();
        Ok((rows, exceptions, raised.count))
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if self.closed.load(Ordering::Relaxed) {
            return;
        }
        // Nobody waits for it: what was sent is delivered, or what was not is told of in the log.
        let client = Arc::clone(&self.client);
        let delivering = runtime::finish_later(async move {
            let report = client.close(DROP_DELIVERS_MAX).await;
            if !report.is_ok() {
                tracing::error!("a producer was given up without being closed: {report}");
            }
        });
        if delivering.is_err() {
            tracing::error!("a producer was given up, and there is no runtime to deliver for it");
        }
    }
}

/// What came of a call about transactions, if the process is not ending.
fn done(result: Option<Result<(), TransactionError>>) -> Result<(), Error> {
    Ok(result.ok_or(Error::Interrupted)??)
}

fn not_callable(object: &Bound<'_, PyAny>) -> PyErr {
    let name = object.get_type().name().map(|name| name.to_string()).unwrap_or_default();
    PyTypeError::new_err(format!(
        "on_delivery is called with the delivery, and {name} is no function"
    ))
}

fn record<'a>(
    topic: &'a str,
    value: Option<&'a Payload<'_>>,
    key: Option<&'a Payload<'_>>,
    headers: &'a [client::Header<'a>],
    timestamp: Option<Timestamp>,
    partition: Option<i32>,
) -> Record<'a> {
    Record {
        topic,
        partition,
        key: key.map(Payload::as_slice),
        value: value.map(Payload::as_slice),
        headers,
        timestamp_ms: timestamp.map(|timestamp| timestamp.0),
    }
}
