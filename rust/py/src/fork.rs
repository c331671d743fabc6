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
//!                      └─ /proc/self/fd: below an owned directory             -> close
//!                         /proc/self/fdinfo of the runtime's epoll: its sockets -> close
//! ```

use std::collections::BTreeSet;
use std::fs;
use std::mem::ManuallyDrop;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use arc_swap::ArcSwap;
use pyo3::pyfunction;

use crate::error::Error;
use crate::runtime;

/// How many forks lie between the first process and this one.
static GENERATION: AtomicU64 = AtomicU64::new(0);

/// The directories of this process's brokers. A child must not keep what is open below them.
static DIRECTORIES: LazyLock<ArcSwap<Vec<PathBuf>>> = LazyLock::new(ArcSwap::default);

/// Notes that from now on this process holds a directory.
pub(crate) fn own(directory: &Path) {
    DIRECTORIES.rcu(|all| {
        let mut all = Vec::clone(all);
        all.push(directory.to_owned());
        all
    });
}

/// Notes that it does not any more.
pub(crate) fn disown(directory: &Path) {
    DIRECTORIES.rcu(|all| {
        let mut all = Vec::clone(all);
        if let Some(index) = all.iter().position(|other| other == directory) {
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
    let marker = runtime::forget();
    let directories = DIRECTORIES.swap(Arc::default());
    if marker.is_none() && directories.is_empty() {
        return Ok(());
    }
    let mut inherited = BTreeSet::new();
    for entry in fs::read_dir("/proc/self/fd").map_err(Error::Fork)? {
        let entry = entry.map_err(Error::Fork)?;
        let Some(fd) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // The descriptor of this very listing is gone by the time its link is read.
        let Ok(target) = fs::read_link(entry.path()) else { continue };
        if directories.iter().any(|directory| target.starts_with(directory)) {
            inherited.insert(fd);
        }
        if target == Path::new(EPOLL) {
            let sockets = watched_sockets(fd).map_err(Error::Fork)?;
            // Another library's epoll does not watch the marker.
            if marker.is_some_and(|marker| sockets.contains(&marker)) {
                inherited.insert(fd);
                inherited.extend(sockets);
            }
        }
    }
    inherited.into_iter().for_each(close);
    Ok(())
}

/// How the kernel names an epoll.
const EPOLL: &str = "anon_inode:[eventpoll]";

/// The sockets of brokers and clients, where the epoll is the runtime's. The kernel lists what an
/// epoll waits for, each by its descriptor and the inode of its file (`proc_pid_fdinfo(5)`):
///
/// ```text
/// tfd:       12 events: 8000201d data:     7f2a1c004000  pos:0 ino:63d01c sdev:8
/// ```
///
/// The epoll is the parent's as well, which goes on meanwhile: what is a socket there by now may
/// have the number of something else here, which the inode tells.
fn watched_sockets(epoll: RawFd) -> std::io::Result<BTreeSet<RawFd>> {
    let listing = fs::read_to_string(format!("/proc/self/fdinfo/{epoll}"))?;
    let watched = listing.lines().filter_map(watched_file);
    let is_here = |&(fd, inode): &(RawFd, u64)| {
        let target = fs::read_link(format!("/proc/self/fd/{fd}"));
        target.is_ok_and(|target| target == Path::new(&format!("socket:[{inode}]")))
    };
    Ok(watched.filter(is_here).map(|(fd, _)| fd).collect())
}

/// The descriptor and the inode in a line of the listing.
fn watched_file(line: &str) -> Option<(RawFd, u64)> {
    let fd = line.strip_prefix("tfd:")?.split_whitespace().next()?.parse().ok()?;
    let (_, inode) = line.split_once("ino:")?;
    let inode = u64::from_str_radix(inode.split_whitespace().next()?, 16).ok()?;
    Some((fd, inode))
}

fn close(fd: RawFd) {
    #[expect(unsafe_code, reason = "the owner is inherited too, and will never run")]
    // SAFETY: its owner lies in a `ProcessBound` or in the forgotten runtime: nothing uses or
    // closes it again.
    drop(unsafe { OwnedFd::from_raw_fd(fd) });
}
