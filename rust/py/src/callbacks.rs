//! Delivery callbacks: collected by batch, called in groups, by one thread that does nothing else.
//!
//! ```text
//! produce(on_delivery=f) ─ collect ─> the batch's group
//!                                           │ the batch has its result
//!                                           └─> queue ─> dispatcher thread ─> f(delivery)
//! ```
//! The thread that produces never waits for a callback, the thread that talks to brokers never
//! enters Python, and a callback that raises keeps no other from being called: what it raised comes
//! out of the next flush.

use std::collections::HashMap;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use client::BatchDelivery;
use pyo3::types::PyAnyMethods;
use pyo3::{Py, PyAny, PyErr, Python};
use tokio::sync::{Semaphore, oneshot};

use crate::delivery::Delivery;
use crate::error::Error;
use crate::runtime;

/// How many records of a producer may wait for their callback to be called; who sends more waits.
const CALLBACKS_MAX: usize = 1 << 18;

/// How many exceptions of callbacks are kept for the next flush; more are only counted.
const EXCEPTIONS_MAX: usize = 100;

/// The callbacks of one producer.
#[derive(Debug)]
pub(crate) struct Callbacks {
    groups: Mutex<HashMap<usize, Arc<Group>>>,
    free: Semaphore,
    raised: Mutex<Raised>,
    dispatcher: Dispatcher,
}

/// What callbacks have raised since the last flush.
#[derive(Debug, Default)]
pub(crate) struct Raised {
    pub(crate) exceptions: Vec<PyErr>,
    pub(crate) count: usize,
}

/// The callbacks for the records of one batch; `None` once the batch has its result.
#[derive(Debug)]
struct Group(Mutex<Option<Vec<Waiting>>>);

#[derive(Debug)]
struct Waiting {
    callback: Py<PyAny>,
    delivery: client::Delivery,
}

#[derive(Clone, Debug)]
struct Dispatcher {
    jobs: Sender<Job>,
    thread: ThreadId,
}

#[derive(Debug)]
enum Job {
    Call {
        callbacks: Arc<Callbacks>,
        waiting: Vec<Waiting>,
    },
    /// Everything that was queued before has been called.
    Barrier(oneshot::Sender<()>),
}

impl Callbacks {
    /// Starts the thread that calls them.
    pub(crate) fn start() -> Result<Arc<Self>, Error> {
        Ok(Arc::new(Self {
            groups: Mutex::default(),
            free: Semaphore::new(CALLBACKS_MAX),
            raised: Mutex::default(),
            dispatcher: Dispatcher::start()?,
        }))
    }

    /// Waits until one more may be collected. A callback that produces does not wait for itself.
    pub(crate) fn reserve(&self, py: Python<'_>) -> Result<(), Error> {
        if self.dispatcher.is_current() {
            return Ok(());
        }
        if let Ok(permit) = self.free.try_acquire() {
            permit.forget();
            return Ok(());
        }
        if let Some(Ok(permit)) = runtime::wait(py, None, self.free.acquire())? {
            permit.forget();
        }
        Ok(())
    }

    /// Calls `callback` when the record has its result.
    pub(crate) fn collect(self: &Arc<Self>, callback: Py<PyAny>, delivery: client::Delivery) {
        let batch = Arc::clone(delivery.batch());
        let waiting = Waiting { callback, delivery };
        let (group, is_new) = self.group(&batch);
        if is_new {
            let callbacks = Arc::clone(self);
            batch.on_done(Box::new(move |batch| callbacks.complete(batch)));
        }
        let mut open = lock(&group.0);
        match open.as_mut() {
            Some(open) => open.push(waiting),
            // The batch was faster.
            None => self.call(vec![waiting]),
        }
    }

    /// Waits until the callbacks of everything that has its result have been called.
    pub(crate) fn settle(
        &self,
        py: Python<'_>,
        limit: Option<std::time::Duration>,
    ) -> Result<(), Error> {
        if self.dispatcher.is_current() {
            return Ok(());
        }
        let (sender, called) = oneshot::channel();
        self.dispatcher.submit(Job::Barrier(sender));
        runtime::wait(py, limit, called).map(|_| ())
    }

    /// What callbacks have raised since this was last asked.
    pub(crate) fn take_raised(&self) -> Raised {
        std::mem::take(&mut *lock(&self.raised))
    }

    fn group(&self, batch: &Arc<BatchDelivery>) -> (Arc<Group>, bool) {
        let mut groups = lock(&self.groups);
        let mut is_new = false;
        let group = groups.entry(Arc::as_ptr(batch).addr()).or_insert_with(|| {
            is_new = true;
            Arc::new(Group(Mutex::new(Some(Vec::new()))))
        });
        (Arc::clone(group), is_new)
    }

    fn complete(self: &Arc<Self>, batch: &BatchDelivery) {
        let group = lock(&self.groups).remove(&std::ptr::from_ref(batch).addr());
        let waiting = group.and_then(|group| lock(&group.0).take());
        self.call(waiting.unwrap_or_default());
    }

    fn call(self: &Arc<Self>, waiting: Vec<Waiting>) {
        if !waiting.is_empty() {
            self.dispatcher.submit(Job::Call { callbacks: Arc::clone(self), waiting });
        }
    }

    fn run(&self, py: Python<'_>, waiting: Vec<Waiting>) {
        let count = waiting.len();
        for Waiting { callback, delivery } in waiting {
            if let Err(error) = callback.bind(py).call1((Delivery::new(delivery),)) {
                let mut raised = lock(&self.raised);
                raised.count += 1;
                if raised.exceptions.len() < EXCEPTIONS_MAX {
                    raised.exceptions.push(error);
                }
            }
        }
        let free = CALLBACKS_MAX.saturating_sub(self.free.available_permits());
        self.free.add_permits(count.min(free));
    }
}

impl Dispatcher {
    fn start() -> Result<Self, Error> {
        let (jobs, queue) = channel::<Job>();
        let thread = thread::Builder::new()
            .name("ottla-callbacks".to_owned())
            .spawn(move || {
                while let Ok(job) = queue.recv() {
                    // An interpreter that ends takes no more calls.
                    if Python::try_attach(|py| job.run(py)).is_none() {
                        return;
                    }
                }
            })
            .map_err(Error::Runtime)?;
        Ok(Self { jobs, thread: thread.thread().id() })
    }

    fn is_current(&self) -> bool {
        thread::current().id() == self.thread
    }

    fn submit(&self, job: Job) {
        // The thread has only stopped if the interpreter has, and then nobody is there to be
        // called.
        let _ = self.jobs.send(job);
    }
}

impl Job {
    fn run(self, py: Python<'_>) {
        match self {
            Self::Call { callbacks, waiting } => callbacks.run(py, waiting),
            Self::Barrier(called) => {
                // Whoever waited may have been interrupted.
                let _ = called.send(());
            }
        }
    }
}

/// No code panics while it holds one of these locks, and none enters Python.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
