//! How one machine tells another's thread that there is work: nothing at all when no thread runs
//! it.

use std::sync::OnceLock;
use std::thread::Thread;

/// Wakes the thread that runs a machine. A wake before the thread parks is not lost.
#[derive(Debug, Default)]
pub(crate) struct Wake {
    thread: OnceLock<Thread>,
}

impl Wake {
    /// The calling thread is the one to wake from now on.
    pub(crate) fn bind(&self) {
        self.thread.set(std::thread::current()).expect("a machine runs on one thread, once");
    }

    /// Wakes the thread, if there is one.
    pub(crate) fn wake(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }
}
