//! The consumer: fetched record batches become frames, or messages one by one.
//! Beside it, `group` is how it is a member of a group.
//!
//! ```text
//!   client::Consumer ─ Fetched ─> backlog ─ FrameBuilder ─> Batch
//!                                                      └──> cursor ─> Message, Message, ...
//! ```
//! What lies between the client and the program, in the backlog or the cursor, does not count as
//! read: a position is that of the next record that the program gets, and a seek goes back to it.

mod between;
mod errand;
mod group;
mod insight;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arrow_array::RecordBatch;
use base::TopicPartition;
use client::{Assign, ConsumerConfig, GroupMetadata, StartAt, Subscription};
use frames::FrameBuilder;
use pyo3::exceptions::PyValueError;
use pyo3::types::PyDict;
use pyo3::{Borrowed, FromPyObject, Py, PyAny, PyErr, PyResult, Python, pyclass, pymethods};

use crate::batch::Batch;
use crate::cursor::Cursor;
use crate::delivery::seconds;
use crate::error::Error;
use crate::fork::ProcessBound;
use crate::message::Message;
use crate::runtime;
use between::{Between, NextOffsets};
use group::{CommitRow, Group};
use insight::LagRow;

/// A partition by its topic's name and its number.
type Place = (String, i32);

/// An assignor by name; if it is the program's own, whether it is cooperative.
type AssignorRow = (String, Option<bool>);

/// Offset, the leader's epoch before it (-1 if it is not known), and whatever the program wrote.
type CommittedRow = (i64, i32, String);

/// A member of a group: its group, its id, its generation, and its own name if it is a static one.
pub(crate) type GroupRow = (String, String, i32, Option<String>);

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
    /// If it has a `group.id`.
    group: Option<Group>,
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
    #[pyo3(signature = (pairs, assignors=None))]
    fn connect(
        py: Python<'_>,
        pairs: Vec<(String, String)>,
        assignors: Option<Vec<AssignorRow>>,
    ) -> Result<Self, Error> {
        let (mut config, warnings) = ConsumerConfig::from_pairs(pairs)?;
        if let (Some(group), Some(assignors)) = (&mut config.group, assignors) {
            group.assignors = group::strategies(assignors)?;
        }
        let handle = runtime::handle()?;
        let connected = runtime::wait(py, None, client::Consumer::connect(config, &handle))?;
        let client = connected.ok_or(Error::Interrupted)??;
        let group = client.config().group.is_some().then(Group::default);
        let (closed, between) = (AtomicBool::new(false), Mutex::default());
        let inner = Inner { client, closed, between, group };
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
        let _polling = inner.come_back(py)?;
        inner.put_cursor_back()?;
        let helping = Helping {
            rows_max: rows_max.max(1),
            rows_min: rows_min.clamp(1, rows_max.max(1)),
            first_until: until(timeout)?,
            wait_max: wait_max.map(seconds).transpose()?,
        };
        let (frame, next_offsets) = inner.frame(py, helping)?;
        if inner.group.is_some() {
            inner.between().give_all(&next_offsets);
        }
        Ok((frame.num_rows() > 0).then(|| Batch::new(vec![frame], next_offsets)))
    }

    /// The next record, or None if none has come within `timeout`, or everything was read.
    #[pyo3(signature = (timeout=None))]
    fn poll(&self, py: Python<'_>, timeout: Option<f64>) -> Result<Option<Message>, Error> {
        let inner = self.open()?;
        if inner.is_fresh()
            && let Some(message) = inner.between().next_message()
        {
            return Ok(Some(message));
        }
        let _polling = inner.come_back(py)?;
        if let Some(message) = inner.between().next_message() {
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
        Ok(between.next_message())
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
        Ok(self.open()?.position(&named(partition)))
    }

    /// How far behind the program is: where it is, what is committed, and where the logs end.
    fn lag(&self, py: Python<'_>) -> Result<Vec<LagRow>, Error> {
        self.open()?.lag(py)
    }

    /// What the consumer has done so far, in numbers.
    fn metrics(&self, py: Python<'_>) -> Result<Py<PyDict>, Error> {
        self.open()?.metrics(py)
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

    /// Joins the group for topics by name, or by a pattern. `listener` is called with a word and
    /// partitions whenever the group has changed what this consumer reads. `assignors` are asked
    /// what the program's own assignors have to say.
    fn subscribe(
        &self,
        topics: Vec<String>,
        pattern: Option<&str>,
        listener: Py<PyAny>,
        assignors: Option<Py<PyAny>>,
    ) -> Result<(), Error> {
        let inner = self.open()?;
        let group = inner.group()?;
        let subscription = match pattern {
            Some(pattern) => Subscription::pattern(pattern)?,
            None => Subscription::topics(topics),
        };
        group.listen(listener, assignors);
        Ok(inner.client.subscribe(subscription)?)
    }

    /// Leaves the group; what was assigned is not read any more.
    fn unsubscribe(&self, py: Python<'_>, timeout: f64) -> Result<(), Error> {
        let inner = self.open()?;
        inner.leave(py, seconds(timeout)?)
    }

    #[getter]
    fn is_subscribed(&self) -> Result<bool, Error> {
        Ok(self.open()?.client.is_subscribed())
    }

    /// Commits these, or all that the program was given. With a callback or without waiting, what
    /// came of it is told by a later call.
    #[pyo3(signature = (rows, wait, callback))]
    fn commit(
        &self,
        py: Python<'_>,
        rows: Option<Vec<CommitRow>>,
        wait: bool,
        callback: Option<Py<PyAny>>,
    ) -> Result<(), Error> {
        self.open()?.commit(py, rows, wait, callback)
    }

    /// What was committed without being asked for, since somebody last asked.
    fn own_commits(&self) -> Result<Vec<Vec<(Place, i64)>>, Error> {
        let row =
            |(name, row): (&TopicPartition, &client::OffsetAndMetadata)| (place(name), row.offset);
        let commits = self.inner.get()?.client.take_own_commits();
        Ok(commits.iter().map(|commit| commit.iter().map(row).collect()).collect())
    }

    /// The number of a partition's assignment, None if it is not assigned.
    fn tenure(&self, partition: Place) -> Result<Option<u64>, Error> {
        Ok(self.open()?.client.tenure(&named(partition)))
    }

    /// The leader epoch of the record before an offset, as far as it was given out; or -1.
    fn leader_epoch_before(&self, partition: Place, offset: i64) -> Result<i32, Error> {
        Ok(self.open()?.client.leader_epoch_before(&named(partition), offset).0)
    }

    /// As whom it is a member of its group, while it is one: group, member, generation, and its own
    /// name if it is static. One that is assigned by hand is nobody in particular.
    fn group_metadata(&self) -> Result<Option<GroupRow>, Error> {
        let client = &self.open()?.client;
        if let Some(GroupMetadata { group_id, member_id, generation, instance_id }) =
            client.group_metadata()
        {
            return Ok(Some((group_id, member_id, generation, instance_id)));
        }
        let group = client.config().group.as_ref().filter(|_| !client.is_subscribed());
        Ok(group.map(|group| (group.group_id.clone(), String::new(), -1, None)))
    }

    /// What the group has committed, None where nothing is.
    fn committed(
        &self,
        py: Python<'_>,
        partitions: Vec<Place>,
    ) -> Result<Vec<(Place, Option<CommittedRow>)>, Error> {
        let partitions: BTreeSet<_> = partitions.into_iter().map(named).collect();
        let found = runtime::wait(py, None, self.open()?.client.committed(partitions))?;
        let found = found.ok_or(Error::Interrupted)??;
        let row = |row: client::OffsetAndMetadata| (row.offset, row.leader_epoch.0, row.metadata);
        Ok(found.into_iter().map(|(name, found)| (place(&name), found.map(row))).collect())
    }

    /// Commits what is to be committed, leaves the group, stops fetching and closes the
    /// connections; a second call does nothing.
    #[pyo3(signature = (timeout=0.0))]
    fn close(&self, py: Python<'_>, timeout: f64) -> Result<(), Error> {
        let inner = self.inner.get()?;
        if inner.closed.load(Ordering::Relaxed) {
            return Ok(());
        }
        let left = match seconds(timeout) {
            Ok(timeout) if inner.group.is_some() => inner.leave(py, timeout),
            Ok(_) => Ok(()),
            Err(error) => return Err(error),
        };
        inner.closed.store(true, Ordering::Relaxed);
        *inner.between() = Between::default();
        let closed = runtime::wait(py, None, inner.client.close()).map(|_| ());
        left.and(closed)
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

    /// Fills a frame as the helping says; it may stay empty. What was fetched before the group
    /// rebalances and after it does not go into the same one.
    fn frame(&self, py: Python<'_>, helping: Helping) -> Result<(RecordBatch, NextOffsets), Error> {
        let mut builder = FrameBuilder::new(helping.rows_max);
        let mut next_offsets = BTreeMap::new();
        py.detach(|| self.between().drain_into(&mut builder, &mut next_offsets))?;
        let mut first_at = Instant::now();
        while !builder.is_full() {
            let rows = helping.rows_max - builder.row_count();
            let is_waiting = builder.row_count() < helping.rows_min;
            let fetched = if is_waiting {
                let limit = helping.limit(builder.row_count(), first_at);
                match runtime::wait(py, limit, self.client.poll(rows))? {
                    // What came before it is given out first; the error is told again.
                    Some(Err(_)) if builder.row_count() > 0 => break,
                    Some(polled) => match polled? {
                        Some(fetched) => fetched,
                        None => break,
                    },
                    None => break,
                }
            } else {
                self.client.try_poll(rows)?
            };
            if fetched.is_empty() {
                if is_waiting && builder.row_count() == 0 {
                    self.tell(py)?;
                    continue;
                }
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
            self.between().forget(&partition);
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
            "committed" => StartAt::Committed,
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
