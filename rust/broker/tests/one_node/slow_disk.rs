//! A disk in memory on which writes or syncs can be held up, as by a device that does not answer
//! for a while, and does not fail.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base::Wait;
use parking_lot::{Condvar, Mutex};
use storage::disk::{DiskLock, Entry, LockError, Open};
use storage::{Disk, DiskFile, DiskSpace, FaultyDisk};

/// How long an operation is held up that nobody lets go: longer than any test.
const PATIENCE: Duration = Duration::from_mins(1);

#[derive(Clone, Debug, Default)]
pub(crate) struct SlowDisk {
    disk: FaultyDisk,
    gate: Arc<Gate>,
}

/// What may be held up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Write,
    Sync,
}

/// Lets what is held up go on when it is dropped.
#[derive(Debug)]
pub(crate) struct HoldUp(Arc<Gate>);

#[derive(Debug, Default)]
struct Gate {
    held: Mutex<Option<(Operation, String)>>,
    opened: Condvar,
}

impl SlowDisk {
    /// The disk below, which has everything that was not held up.
    pub(crate) fn below(&self) -> FaultyDisk {
        self.disk.clone()
    }

    /// Holds an operation up on all files whose paths contain `part`.
    #[must_use]
    pub(crate) fn hold_up(&self, operation: Operation, part: &str) -> HoldUp {
        *self.gate.held.lock() = Some((operation, part.to_owned()));
        HoldUp(Arc::clone(&self.gate))
    }
}

impl Drop for HoldUp {
    fn drop(&mut self) {
        *self.0.held.lock() = None;
        self.0.opened.notify_all();
    }
}

impl Gate {
    fn pass(&self, operation: Operation, path: &Path) {
        let mut held = self.held.lock();
        let is_held = |held: &mut Option<(Operation, String)>| {
            held.as_ref().is_some_and(|(held, part)| {
                *held == operation && path.to_string_lossy().contains(part.as_str())
            })
        };
        self.opened.wait_while_for(&mut held, is_held, PATIENCE);
    }
}

impl Disk for SlowDisk {
    fn open(&self, path: &Path, open: Open) -> io::Result<Arc<dyn DiskFile>> {
        let (file, gate) = (self.disk.open(path, open)?, Arc::clone(&self.gate));
        Ok(Arc::new(SlowFile { file, path: path.to_owned(), gate }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.disk.remove(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.disk.remove_dir(path)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<Entry>> {
        self.disk.list(directory)
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        self.disk.create_dir_all(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.disk.sync_dir(path)
    }

    fn lock(&self, path: &Path) -> Result<Box<dyn DiskLock>, LockError> {
        self.disk.lock(path)
    }

    fn space(&self, path: &Path) -> io::Result<DiskSpace> {
        self.disk.space(path)
    }
}

#[derive(Debug)]
struct SlowFile {
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    gate: Arc<Gate>,
}

impl DiskFile for SlowFile {
    fn read_at(&self, position: u64, buffer: &mut [u8], wait: Wait) -> io::Result<usize> {
        self.file.read_at(position, buffer, wait)
    }

    fn write_at(&self, position: u64, parts: &[&[u8]]) -> io::Result<()> {
        self.gate.pass(Operation::Write, &self.path);
        self.file.write_at(position, parts)
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.file.truncate(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.gate.pass(Operation::Sync, &self.path);
        self.file.sync_data()
    }

    fn preallocate(&self, position: u64, bytes: u64) -> io::Result<()> {
        self.file.preallocate(position, bytes)
    }
}
