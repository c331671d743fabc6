//! The consumer as a member of its group: what Python is told, on the thread that polls, and what
//! it commits.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base::{LeaderEpoch, TopicPartition};
use client::{
    AssignmentStrategy, Assignor, CommitError, ErrandAnswer, GroupError, OffsetAndMetadata,
    PendingCommit, Polling, ProgramAssignor, Rebalance, ToCommit,
};
use pyo3::{Py, PyAny, PyErr, Python};

use super::{AssignorRow, Inner, Place, errand, named, place};
use crate::error::Error;
use crate::runtime;

/// How long a program that takes records one by one may go on before the client hears of it.
const COME_BACK_MAX_MS: u64 = 10;

/// Topic, partition, offset, the assignment that it was read in if that is known, the leader's
/// epoch before it (-1 if that is not known), and whatever the program wants to remember.
pub(super) type CommitRow = (String, i32, i64, Option<u64>, i32, String);

/// What a consumer in a group has besides.
#[derive(Debug, Default)]
pub(super) struct Group {
    listener: Mutex<Option<Py<PyAny>>>,
    /// What knows the program's own assignors.
    assignors: Mutex<Option<Py<PyAny>>>,
    commits: Mutex<VecDeque<Waiting>>,
    /// A callback is being called.
    is_telling: AtomicBool,
    /// When the client was last told that the program is there, in [`coarse_now_ms`].
    came_back_ms: AtomicU64,
}

/// A commit whose callback waits for its result.
#[derive(Debug)]
struct Waiting {
    commit: PendingCommit,
    offsets: Vec<(Place, i64)>,
    callback: Option<Py<PyAny>>,
}

impl Group {
    pub(super) fn listen(&self, listener: Py<PyAny>, assignors: Option<Py<PyAny>>) {
        // What was there before is dropped without a lock: that may run Python.
        let before = lock(&self.listener).replace(listener);
        let others = std::mem::replace(&mut *lock(&self.assignors), assignors);
        drop((before, others));
    }
}

impl Inner {
    pub(super) fn group(&self) -> Result<&Group, Error> {
        self.group.as_ref().ok_or(Error::Group(GroupError::NoGroup))
    }

    /// The program is back: it has done with all that it was given. What it is to be told, it is
    /// told now. While the guard lives, the program is there.
    pub(super) fn come_back(&self, py: Python<'_>) -> Result<Option<Polling<'_>>, Error> {
        let Some(group) = &self.group else { return Ok(None) };
        group.came_back_ms.store(coarse_now_ms(), Ordering::Relaxed);
        // The program is not back before it has returned from these.
        self.tell_commits(py)?;
        let given = self.between().take_given();
        let polling = self.client.begin_poll(&given)?;
        self.tell(py)?;
        Ok(Some(polling))
    }

    /// Whether a program that takes records one by one may take another before it comes back.
    pub(super) fn is_fresh(&self) -> bool {
        self.group.as_ref().is_none_or(|group| {
            let came_back_ms = group.came_back_ms.load(Ordering::Relaxed);
            let age_ms = coarse_now_ms().saturating_sub(came_back_ms);
            age_ms < COME_BACK_MAX_MS && !self.client.has_rebalance()
        })
    }

    /// Tells the program what the group has changed, and asks its own assignors what they are to
    /// say.
    pub(super) fn tell(&self, py: Python<'_>) -> Result<(), Error> {
        let Some(group) = &self.group else { return Ok(()) };
        while let Some(errand) = self.client.errand() {
            if group.is_telling.swap(true, Ordering::Relaxed) {
                return Err(Error::PollInCallback);
            }
            let assignors = lock(&group.assignors).as_ref().map(|known| known.clone_ref(py));
            let (answer, raised) = match assignors {
                Some(assignors) => errand::run(py, &assignors, errand),
                None => (ErrandAnswer::Failed("nobody knows it".to_owned()), Ok(())),
            };
            let answered = self.client.answer_errand(answer);
            group.is_telling.store(false, Ordering::Relaxed);
            raised?;
            answered?;
        }
        while let Some(rebalance) = self.client.rebalance() {
            if group.is_telling.swap(true, Ordering::Relaxed) {
                return Err(Error::PollInCallback);
            }
            let (word, partitions) = match &rebalance {
                Rebalance::Assigned(partitions) => ("assigned", partitions),
                Rebalance::Revoked(partitions) => ("revoked", partitions),
                Rebalance::Lost(partitions) => ("lost", partitions),
            };
            let called = group.call_listener(py, word, partitions);
            if !matches!(rebalance, Rebalance::Assigned(_)) {
                let mut between = self.between();
                for partition in partitions {
                    between.give_up(partition);
                }
            }
            let told = self.client.rebalanced();
            group.is_telling.store(false, Ordering::Relaxed);
            called?;
            told?;
        }
        Ok(())
    }

    /// Commits rows, or all that the program was given.
    pub(super) fn commit(
        &self,
        py: Python<'_>,
        rows: Option<Vec<CommitRow>>,
        wait: bool,
        callback: Option<Py<PyAny>>,
    ) -> Result<(), Error> {
        let group = self.group.as_ref().ok_or(CommitError::NoGroup)?;
        let given = self.between().take_given();
        self.client.store(&given);
        let offsets: Vec<_> = match rows {
            Some(rows) => rows.into_iter().map(to_commit).collect(),
            None => self.client.stored().into_iter().map(stored).collect(),
        };
        self.tell_commits(py)?;
        if offsets.is_empty() {
            return Ok(());
        }
        let row = |row: &ToCommit| (place(&row.topic_partition), row.offset.offset);
        let told: Vec<_> = offsets.iter().map(row).collect();
        let commit = self.client.begin_commit(offsets)?;
        if wait {
            let done = runtime::wait(py, None, commit.wait())?.ok_or(Error::Interrupted)?;
            if let Some(callback) = callback {
                call_back(py, &callback, done.clone(), told)?;
            }
            return Ok(done?);
        }
        lock(&group.commits).push_back(Waiting { commit, offsets: told, callback });
        Ok(())
    }

    /// Commits what is to be committed, tells the program that it has nothing any more, and leaves.
    pub(super) fn leave(&self, py: Python<'_>, timeout: Duration) -> Result<(), Error> {
        let Some(group) = &self.group else { return Ok(()) };
        let until = Instant::now().checked_add(timeout);
        let left =
            || until.map_or(timeout, |until| until.saturating_duration_since(Instant::now()));
        let given = self.between().take_given();
        self.client.store(&given);
        let flushed = runtime::wait(py, None, self.client.flush(left()))?;
        if flushed != Some(true) {
            tracing::warn!("offsets could not be committed in time before leaving the group");
        }
        let told = self.tell_commits(py);
        let owned = self.client.assignment();
        let mut called = Ok(());
        if self.client.is_subscribed() {
            if !owned.is_empty() && !group.is_telling.swap(true, Ordering::Relaxed) {
                called = group.call_listener(py, "revoked", &owned);
                group.is_telling.store(false, Ordering::Relaxed);
            }
            // What the callback has begun to commit goes first.
            runtime::wait(py, None, self.client.flush(left()))?;
            let gone = runtime::wait(py, None, self.client.unsubscribe(left()))?;
            if gone != Some(true) {
                tracing::warn!("the group was not told in time that this member leaves");
            }
            *self.between() = super::Between::default();
        }
        told.and(called).and(self.tell_commits(py))
    }

    /// Calls the callbacks of commits that are over, in their order.
    fn tell_commits(&self, py: Python<'_>) -> Result<(), Error> {
        let Some(group) = &self.group else { return Ok(()) };
        loop {
            let finished = {
                let mut commits = lock(&group.commits);
                let result = commits.front_mut().and_then(|waiting| waiting.commit.poll());
                result.and_then(|result| commits.pop_front().map(|waiting| (waiting, result)))
            };
            let Some((Waiting { offsets, callback, .. }, result)) = finished else { return Ok(()) };
            match (callback, result) {
                (Some(callback), result) => call_back(py, &callback, result, offsets)?,
                (None, Err(error)) => tracing::warn!(%error, "offsets were not committed"),
                (None, Ok(())) => {}
            }
        }
    }
}

impl Group {
    fn call_listener(
        &self,
        py: Python<'_>,
        word: &str,
        partitions: &[TopicPartition],
    ) -> Result<(), Error> {
        let listener = lock(&self.listener).as_ref().map(|listener| listener.clone_ref(py));
        let Some(listener) = listener else { return Ok(()) };
        let places: Vec<_> = partitions.iter().map(place).collect();
        listener.call1(py, (word, places))?;
        Ok(())
    }
}

fn call_back(
    py: Python<'_>,
    callback: &Py<PyAny>,
    result: Result<(), CommitError>,
    offsets: Vec<(Place, i64)>,
) -> Result<(), Error> {
    let error = match result {
        Ok(()) => py.None(),
        Err(error) => PyErr::from(Error::from(error)).into_value(py).into_any(),
    };
    callback.call1(py, (error, offsets))?;
    Ok(())
}

/// Kafka's assignors by name, and the program's own.
pub(super) fn strategies(rows: Vec<AssignorRow>) -> Result<Vec<AssignmentStrategy>, Error> {
    let mut strategies: Vec<AssignmentStrategy> = Vec::new();
    for (name, is_cooperative) in rows {
        if strategies.iter().any(|strategy| strategy.name() == name) {
            return Err(Error::Config(format!("assignors: `{name}` is in it twice")));
        }
        let unknown = || Error::Config(format!("assignors: `{name}` is none of Kafka's assignors"));
        strategies.push(match is_cooperative {
            None => AssignmentStrategy::Known(Assignor::by_name(&name).ok_or_else(unknown)?),
            Some(is_cooperative) => {
                let name = name.into();
                AssignmentStrategy::Program(ProgramAssignor { name, is_cooperative })
            }
        });
    }
    if strategies.is_empty() {
        return Err(Error::Config("assignors: a group needs at least one".to_owned()));
    }
    Ok(strategies)
}

fn to_commit((topic, partition, offset, tenure, epoch, metadata): CommitRow) -> ToCommit {
    let topic_partition = named((topic, partition));
    let offset = OffsetAndMetadata { offset, leader_epoch: LeaderEpoch(epoch), metadata };
    ToCommit { topic_partition, offset, tenure }
}

fn stored((topic_partition, offset): (TopicPartition, i64)) -> ToCommit {
    ToCommit { topic_partition, offset: OffsetAndMetadata::of(offset), tenure: None }
}

/// Milliseconds of a clock that goes in steps of some: it is read for every record, and the fine
/// one costs a tenth of what a record does.
fn coarse_now_ms() -> u64 {
    #[cfg(target_os = "linux")]
    const CLOCK: rustix::time::ClockId = rustix::time::ClockId::MonotonicCoarse;
    #[cfg(not(target_os = "linux"))]
    const CLOCK: rustix::time::ClockId = rustix::time::ClockId::Monotonic;
    let now = rustix::time::clock_gettime(CLOCK);
    now.tv_sec as u64 * 1_000 + now.tv_nsec as u64 / 1_000_000
}

/// Nobody panics with a lock, and nobody waits or enters Python with one.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
