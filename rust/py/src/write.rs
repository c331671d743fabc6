//! A frame's rows become records, without the interpreter.

use arrow_array::RecordBatch;
use arrow_array::ffi_stream::RecordBatchStreamReader;
use client::{Header, Record, SendError, TrySendError};
use frames::{ColumnNames, Rows};
use pyo3::{Bound, PyAny, Python};

use crate::capsule;
use crate::error::Error;
use crate::runtime;

/// How many rows are sent between two looks for Ctrl-C.
const ROWS_PER_SIGNAL_CHECK: usize = 1 << 14;

/// Which columns become what of a record.
pub(crate) type WriteColumns<'a> = ColumnNames<'a>;

/// Where the rows go, and what they are made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Write<'a> {
    pub(crate) client: &'a client::Producer,
    pub(crate) topic: &'a str,
    pub(crate) partition: Option<i32>,
    pub(crate) columns: WriteColumns<'a>,
}

impl Write<'_> {
    /// Sends every row of `frame`, in order; answers how many there were.
    pub(crate) fn run(self, py: Python<'_>, frame: &Bound<'_, PyAny>) -> Result<u64, Error> {
        let stream = capsule::import_stream(frame)?;
        let handle = runtime::handle()?;
        py.detach(|| self.send_stream(stream, &handle))
    }

    fn send_stream(
        self,
        stream: RecordBatchStreamReader,
        handle: &tokio::runtime::Handle,
    ) -> Result<u64, Error> {
        let mut sent = 0;
        for batch in stream {
            let batch = batch.map_err(|error| Error::Arrow(error.to_string()))?;
            self.send_batch(&batch, handle)?;
            sent += batch.num_rows() as u64;
        }
        Ok(sent)
    }

    fn send_batch(self, batch: &RecordBatch, handle: &tokio::runtime::Handle) -> Result<(), Error> {
        let rows = Rows::new(batch, self.columns)?;
        if rows.len() > 0 {
            self.wait_for_topic(handle)?;
        }
        let mut headers = Vec::new();
        for (index, row) in rows.enumerate() {
            headers.clear();
            headers.extend(row.headers.map(|(key, value)| Header { key, value }));
            let record = Record {
                topic: self.topic,
                partition: row.partition.or(self.partition),
                key: row.key,
                value: row.value,
                headers: &headers,
                timestamp_ms: row.timestamp,
            };
            self.send(&record, handle)?;
            if index % ROWS_PER_SIGNAL_CHECK == ROWS_PER_SIGNAL_CHECK - 1 {
                runtime::check_signals()?;
            }
        }
        Ok(())
    }

    /// A whole frame does not wait beside the batches for a topic that may not be.
    fn wait_for_topic(self, handle: &tokio::runtime::Handle) -> Result<(), Error> {
        let known = runtime::wait_detached(handle, None, self.client.partitions(self.topic))?;
        known.ok_or(Error::Interrupted)?.map(|_| ()).map_err(Error::Send)
    }

    #[inline]
    fn send(self, record: &Record<'_>, handle: &tokio::runtime::Handle) -> Result<(), Error> {
        match self.client.try_send(record) {
            Ok(_) => Ok(()),
            Err(TrySendError::Refused(SendError::Closed(_))) => Err(Error::Closed("producer")),
            Err(TrySendError::Refused(error)) => Err(error.into()),
            Err(TrySendError::Busy(_)) => {
                let sent = runtime::wait_detached(handle, None, self.client.send(record))?;
                sent.ok_or(Error::Interrupted)?.map(|_| ()).map_err(Error::Send)
            }
        }
    }
}
