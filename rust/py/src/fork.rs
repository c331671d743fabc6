//! What a forked child does with what it inherits: it closes the files and sockets, uses nothing
//! and destroys nothing.
//!
//! A child has one thread and a copy of everything that the others held, locks included. So nothing
//! here takes a lock: what is to be closed is read from tables that are replaced as a whole, and a
//! handle is told from the process that made it by a number.
//!
//! ```text
//! after_fork_in_child ─┬─ GENERATION + 1: every older handle raises, and is never dropped
//!                      ├─ the runtime is forgotten; the child makes its own if it needs one
//!                      └─ /proc/self/fd: below an owned directory, or on an owned port -> close
//! ```

use std::fs;
use std::mem::ManuallyDrop;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use arc_swap::ArcSwap;
use pyo3::pyfunction;

use crate::error::Error;
use crate::runtime;

/// How many forks lie between the first process and this one.
static GENERATION: AtomicU64 = AtomicU64::new(0);

/// What the brokers of this process hold.
static OWNED: LazyLock<ArcSwap<Vec<Owned>>> = LazyLock::new(ArcSwap::default);

/// Files or sockets that a child must not keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Owned {
    /// Everything that is open below this directory.
    Directory(PathBuf),
    /// The listener of this port and the connections that it has accepted.
    Port(u16),
}

/// Notes that from now on this process holds something.
pub(crate) fn own(owned: &Owned) {
    OWNED.rcu(|all| {
        let mut all = Vec::clone(all);
        all.push(owned.clone());
        all
    });
}

/// Notes that it is closed.
pub(crate) fn disown(owned: &Owned) {
    OWNED.rcu(|all| {
        let mut all = Vec::clone(all);
        if let Some(index) = all.iter().position(|other| other == owned) {
            all.swap_remove(index);
        }
        all
    });
}

/// A value that only the process that made it may use, or destroy.
#[derive(Debug)]
pub(crate) struct ProcessBound<T> {
    generation: u64,
    value: ManuallyDrop<T>,
}

impl<T> ProcessBound<T> {
    pub(crate) fn new(value: T) -> Self {
        let generation = GENERATION.load(Ordering::Relaxed);
        Self { generation, value: ManuallyDrop::new(value) }
    }

    /// The value, unless this is a child of the process that made it.
    pub(crate) fn get(&self) -> Result<&T, Error> {
        if self.is_inherited() { Err(Error::Forked) } else { Ok(&self.value) }
    }

    fn is_inherited(&self) -> bool {
        self.generation != GENERATION.load(Ordering::Relaxed)
    }
}

impl<T> Drop for ProcessBound<T> {
    fn drop(&mut self) {
        if !self.is_inherited() {
            #[expect(unsafe_code, reason = "ManuallyDrop is dropped by hand")]
            // SAFETY: this is the only place that drops the value, and it runs once.
            unsafe {
                ManuallyDrop::drop(&mut self.value);
            }
        }
    }
}

/// Runs in a child right after the fork, before any other code of it.
#[pyfunction]
pub(crate) fn after_fork_in_child() -> Result<(), Error> {
    GENERATION.fetch_add(1, Ordering::Relaxed);
    runtime::forget();
    let owned = OWNED.swap(Arc::default());
    if owned.is_empty() {
        return Ok(());
    }
    let mut inherited = Vec::new();
    for entry in fs::read_dir("/proc/self/fd").map_err(Error::Fork)? {
        let entry = entry.map_err(Error::Fork)?;
        let Some(fd) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // The descriptor of this very listing is gone by the time its link is read.
        let Ok(target) = fs::read_link(entry.path()) else { continue };
        if owned.iter().any(|owned| owned.holds(fd, &target)) {
            inherited.push(fd);
        }
    }
    for fd in inherited {
        close(fd);
    }
    Ok(())
}

impl Owned {
    fn holds(&self, fd: RawFd, target: &Path) -> bool {
        match self {
            Self::Directory(path) => target.starts_with(path),
            Self::Port(port) => {
                target.to_str().is_some_and(|target| target.starts_with("socket:"))
                    && local_port(fd) == Some(*port)
            }
        }
    }
}

fn local_port(fd: RawFd) -> Option<u16> {
    #[expect(unsafe_code, reason = "the descriptor comes as a number, from the kernel's own list")]
    // SAFETY: it was listed as open, and a child that was just forked has no other thread to close
    // it.
    let socket = unsafe { BorrowedFd::borrow_raw(fd) };
    let address = rustix::net::getsockname(socket).ok()?;
    std::net::SocketAddr::try_from(address).ok().map(|address| address.port())
}

fn close(fd: RawFd) {
    #[expect(unsafe_code, reason = "the owner is inherited too, and will never run")]
    // SAFETY: its owner lies in a `ProcessBound` or in the forgotten runtime: nothing uses or
    // closes it again.
    drop(unsafe { OwnedFd::from_raw_fd(fd) });
}
