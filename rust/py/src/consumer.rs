//! The consumer: fetched record batches become frames, or messages one by one.
//!
//! ```text
//!   client::Consumer ─ Fetched ─> backlog ─ FrameBuilder ─> Batch
//!                                                      └──> cursor ─> Message, Message, ...
//! ```
//! What lies between the client and the program, in the backlog or the cursor, does not count as
//! read: a position is that of the next record that the program gets, and a seek goes back to it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arrow_array::RecordBatch;
use base::{Offset, TopicPartition};
use client::{Assign, ConsumerConfig, Fetched, StartAt};
use frames::{FetchedPartition, FrameBuilder};
use pyo3::exceptions::PyValueError;
use pyo3::{Borrowed, FromPyObject, PyAny, PyErr, PyResult, Python, pyclass, pymethods};

use crate::batch::Batch;
use crate::cursor::Cursor;
use crate::delivery::seconds;
use crate::error::Error;
use crate::fork::ProcessBound;
use crate::message::Message;
use crate::runtime;

/// A partition by its topic's name and its number.
type Place = (String, i32);

/// Where to start, as Python says it: a word, and a number that only some words need.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start(StartAt);

/// A consumer.
#[pyclass(frozen, module = "ottla._core")]
#[derive(Debug)]
pub(crate) struct Consumer {
    inner: ProcessBound<Inner>,
    #[pyo3(get)]
    warnings: Vec<String>,
}

#[derive(Debug)]
struct Inner {
    client: client::Consumer,
    closed: AtomicBool,
    between: Mutex<Between>,
}

/// What has left the client and has not reached the program.
#[derive(Debug, Default)]
struct Between {
    backlog: VecDeque<FetchedPartition>,
    cursor: Cursor,
}

/// How much a batch waits for.
#[derive(Clone, Copy, Debug)]
struct Helping {
    rows_max: usize,
    rows_min: usize,
    /// For the first record.
    first_until: Option<Instant>,
    /// From the first record on, for `rows_min`.
    wait_max: Option<Duration>,
}

#[pymethods]
impl Consumer {
    /// Connects; raises if no broker answers.
    #[new]
    fn connect(py: Python<'_>, pairs: Vec<(String, String)>) -> Result<Self, Error> {
        let (config, warnings) = ConsumerConfig::from_pairs(pairs)?;
        let handle = runtime::handle()?;
        let connected = runtime::wait(py, None, client::Consumer::connect(config, &handle))?;
        let client = connected.ok_or(Error::Interrupted)??;
        let between = Mutex::default();
        let inner = Inner { client, closed: AtomicBool::new(false), between };
        let warnings = warnings.iter().map(|w| format!("{}: {}", w.key, w.reason)).collect();
        Ok(Self { inner: ProcessBound::new(inner), warnings })
    }

    /// Reads these partitions and no others, from where it says; up to an offset if there is one.
    fn assign(&self, partitions: Vec<(Place, Start, Option<i64>)>) -> Result<(), Error> {
        let inner = self.open()?;
        let assign = |(place, Start(start), stop_at): (Place, Start, Option<i64>)| Assign {
            topic_partition: named(place),
            start,
            stop_at,
        };
        *inner.between() = Between::default();
        inner.client.assign_bounded(partitions.into_iter().map(assign).collect());
        Ok(())
    }

    /// What is assigned.
    fn assignment(&self) -> Result<Vec<Place>, Error> {
        Ok(self.open()?.client.assignment().iter().map(place).collect())
    }

    /// The partitions of a topic.
    fn partitions(&self, py: Python<'_>, topic: &str) -> Result<Vec<Place>, Error> {
        let found = runtime::wait(py, None, self.open()?.client.partitions(topic))?;
        Ok(found.ok_or(Error::Interrupted)??.iter().map(place).collect())
    }

    /// A batch, or None: no record has come within `timeout`, or everything was read.
    #[pyo3(signature = (rows_max, rows_min, wait_max, timeout))]
    fn next_batch(
        &self,
        py: Python<'_>,
        rows_max: usize,
        rows_min: usize,
        wait_max: Option<f64>,
        timeout: Option<f64>,
    ) -> Result<Option<Batch>, Error> {
        let inner = self.open()?;
        inner.put_cursor_back()?;
        let helping = Helping {
            rows_max: rows_max.max(1),
            rows_min: rows_min.clamp(1, rows_max.max(1)),
            first_until: until(timeout)?,
            wait_max: wait_max.map(seconds).transpose()?,
        };
        let (frame, next_offsets) = inner.frame(py, helping)?;
        Ok((frame.num_rows() > 0).then(|| Batch::new(vec![frame], next_offsets)))
    }

    /// The next record, or None if none has come within `timeout`, or everything was read.
    #[pyo3(signature = (timeout=None))]
    fn poll(&self, py: Python<'_>, timeout: Option<f64>) -> Result<Option<Message>, Error> {
        let inner = self.open()?;
        if let Some(message) = inner.between().cursor.next() {
            return Ok(Some(message));
        }
        let helping = Helping {
            rows_max: inner.client.config().poll_records_max as usize,
            rows_min: 1,
            first_until: until(timeout)?,
            wait_max: None,
        };
        let (frame, _) = inner.frame(py, helping)?;
        let mut between = inner.between();
        between.cursor = Cursor::new(frame);
        Ok(between.cursor.next())
    }

    /// Reads a partition on elsewhere.
    fn seek(&self, partition: Place, start: Start) -> Result<(), Error> {
        let inner = self.open()?;
        let partition = named(partition);
        inner.client.seek(&partition, start.0)?;
        inner.between().forget(&partition);
        Ok(())
    }

    /// Reads no more of these until they are resumed.
    fn pause(&self, partitions: Vec<Place>) -> Result<(), Error> {
        let inner = self.open()?;
        let partitions: Vec<_> = partitions.into_iter().map(named).collect();
        inner.client.pause(&partitions)?;
        for partition in &partitions {
            inner.put_back(partition)?;
        }
        Ok(())
    }

    /// Reads on.
    fn resume(&self, partitions: Vec<Place>) -> Result<(), Error> {
        let partitions: Vec<_> = partitions.into_iter().map(named).collect();
        Ok(self.open()?.client.resume(&partitions)?)
    }

    /// What is paused.
    fn paused(&self) -> Result<Vec<Place>, Error> {
        Ok(self.open()?.client.paused().iter().map(place).collect())
    }

    /// The offset of the next record that the program gets, or None until it is known.
    fn position(&self, partition: Place) -> Result<Option<i64>, Error> {
        let inner = self.open()?;
        let partition = named(partition);
        let between = inner.between().position(&partition);
        Ok(between.or_else(|| inner.client.position(&partition)))
    }

    /// Where the logs start.
    fn beginning_offsets(
        &self,
        py: Python<'_>,
        partitions: Vec<Place>,
    ) -> Result<Vec<(Place, i64)>, Error> {
        let partitions: Vec<_> = partitions.into_iter().map(named).collect();
        let found = runtime::wait(py, None, self.open()?.client.beginning_offsets(&partitions))?;
        let found = found.ok_or(Error::Interrupted)??;
        Ok(found.iter().map(|(partition, offset)| (place(partition), *offset)).collect())
    }

    /// Where the logs end.
    fn end_offsets(
        &self,
        py: Python<'_>,
        partitions: Vec<Place>,
    ) -> Result<Vec<(Place, i64)>, Error> {
        let partitions: Vec<_> = partitions.into_iter().map(named).collect();
        let found = runtime::wait(py, None, self.open()?.client.end_offsets(&partitions))?;
        let found = found.ok_or(Error::Interrupted)??;
        Ok(found.iter().map(|(partition, offset)| (place(partition), *offset)).collect())
    }

    /// The first records that are not older than the given times.
    fn offsets_for_times(
        &self,
        py: Python<'_>,
        times: Vec<(Place, i64)>,
    ) -> Result<Vec<(Place, Option<i64>)>, Error> {
        let times: Vec<_> = times.into_iter().map(|(place, time)| (named(place), time)).collect();
        let found = runtime::wait(py, None, self.open()?.client.offsets_for_times(&times))?;
        let found = found.ok_or(Error::Interrupted)??;
        let offset =
            |(partition, found): (&TopicPartition, &Option<client::OffsetAndTimestamp>)| {
                (place(partition), found.map(|found| found.offset))
            };
        Ok(found.iter().map(offset).collect())
    }

    /// Stops fetching and closes the connections; a second call does nothing.
    fn close(&self, py: Python<'_>) -> Result<(), Error> {
        let inner = self.inner.get()?;
        if inner.closed.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        *inner.between() = Between::default();
        runtime::wait(py, None, inner.client.close()).map(|_| ())
    }

    #[getter]
    fn is_closed(&self) -> Result<bool, Error> {
        Ok(self.inner.get()?.closed.load(Ordering::Relaxed))
    }
}

impl Consumer {
    fn open(&self) -> Result<&Inner, Error> {
        let inner = self.inner.get()?;
        if inner.closed.load(Ordering::Relaxed) {
            return Err(Error::Closed("consumer"));
        }
        Ok(inner)
    }
}

impl Inner {
    /// Nobody panics with the lock, and nobody waits or enters Python with it.
    fn between(&self) -> MutexGuard<'_, Between> {
        self.between.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fills a frame as the helping says; it may stay empty.
    fn frame(
        &self,
        py: Python<'_>,
        helping: Helping,
    ) -> Result<(RecordBatch, BTreeMap<TopicPartition, i64>), Error> {
        let mut builder = FrameBuilder::new(helping.rows_max);
        let mut next_offsets = BTreeMap::new();
        py.detach(|| self.between().drain_into(&mut builder, &mut next_offsets))?;
        let mut first_at = Instant::now();
        while !builder.is_full() {
            let rows = helping.rows_max - builder.row_count();
            let fetched = if builder.row_count() >= helping.rows_min {
                self.client.try_poll(rows)?
            } else {
                let limit = helping.limit(builder.row_count(), first_at);
                match runtime::wait(py, limit, self.client.poll(rows))? {
                    // What came before it is given out first; the error is told again.
                    Some(Err(_)) if builder.row_count() > 0 => Vec::new(),
                    Some(polled) => polled?.unwrap_or_default(),
                    None => Vec::new(),
                }
            };
            if fetched.is_empty() {
                break;
            }
            if builder.row_count() == 0 {
                first_at = Instant::now();
            }
            py.detach(|| {
                let mut between = self.between();
                between.take(fetched);
                between.drain_into(&mut builder, &mut next_offsets)
            })?;
        }
        let frame = py.detach(|| builder.finish())?;
        Ok((frame, next_offsets))
    }

    /// What messages were made of and nobody has seen is fetched again.
    fn put_cursor_back(&self) -> Result<(), Error> {
        let unseen = std::mem::take(&mut self.between().cursor).into_positions();
        for (partition, offset) in unseen {
            self.client.seek(&partition, StartAt::Offset(offset))?;
            self.between().backlog.retain(|fetched| !is_of(fetched, &partition));
        }
        Ok(())
    }

    fn put_back(&self, partition: &TopicPartition) -> Result<(), Error> {
        let position = self.between().position(partition);
        if let Some(offset) = position {
            self.client.seek(partition, StartAt::Offset(offset))?;
            self.between().forget(partition);
        }
        Ok(())
    }
}

impl Between {
    fn take(&mut self, fetched: Vec<Fetched>) {
        for Fetched { topic_partition, batches, bytes, start, end, .. } in fetched {
            let TopicPartition { topic, partition } = topic_partition;
            self.backlog.extend(batches.into_iter().map(|batch| {
                let records = batch.bytes().clone();
                FetchedPartition::new(topic.clone(), partition, &bytes, records, Offset(start))
                    .up_to(Offset(end))
                    // The client has checked them, if it is to.
                    .with_check_crcs(false)
            }));
        }
    }

    /// Moves rows into the frame until it is full.
    fn drain_into(
        &mut self,
        builder: &mut FrameBuilder,
        next_offsets: &mut BTreeMap<TopicPartition, i64>,
    ) -> Result<(), Error> {
        while let Some(fetched) = self.backlog.front_mut() {
            let appended = builder.append(fetched);
            let partition = TopicPartition::new(fetched.topic().clone(), fetched.partition().0);
            next_offsets.insert(partition, fetched.next_offset().0);
            appended?;
            if builder.is_full() && fetched.remaining_bytes() > 0 {
                break;
            }
            self.backlog.pop_front();
        }
        Ok(())
    }

    fn position(&self, partition: &TopicPartition) -> Option<i64> {
        let backlog = self.backlog.iter().find(|fetched| is_of(fetched, partition));
        let backlog = backlog.map(|fetched| fetched.next_offset().0);
        self.cursor.position(partition).or(backlog)
    }

    fn forget(&mut self, partition: &TopicPartition) {
        self.backlog.retain(|fetched| !is_of(fetched, partition));
        self.cursor.skip(partition);
    }
}

impl Helping {
    fn limit(self, rows: usize, first_at: Instant) -> Option<Duration> {
        let now = Instant::now();
        if rows == 0 {
            return self.first_until.map(|until| until.saturating_duration_since(now));
        }
        self.wait_max.map(|wait| wait.saturating_sub(now - first_at))
    }
}

impl<'a, 'py> FromPyObject<'a, 'py> for Start {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        let (word, number): (String, i64) = object.extract()?;
        Ok(Self(match word.as_str() {
            "reset" => StartAt::Reset,
            "earliest" => StartAt::Earliest,
            "latest" => StartAt::Latest,
            "offset" => StartAt::Offset(number),
            "timestamp" => StartAt::Timestamp(number),
            _ => return Err(PyValueError::new_err(format!("{word:?} is no place to start at"))),
        }))
    }
}

fn until(timeout: Option<f64>) -> Result<Option<Instant>, Error> {
    let timeout = timeout.map(seconds).transpose()?;
    Ok(timeout.and_then(|timeout| Instant::now().checked_add(timeout)))
}

fn named((topic, partition): Place) -> TopicPartition {
    TopicPartition::new(topic, partition)
}

fn place(partition: &TopicPartition) -> Place {
    (partition.topic.to_string(), partition.partition.0)
}

fn is_of(fetched: &FetchedPartition, partition: &TopicPartition) -> bool {
    *fetched.topic() == partition.topic && fetched.partition() == partition.partition
}
