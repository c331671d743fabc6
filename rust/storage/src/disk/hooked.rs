//! A disk that tells a hook of a change before it is made: for tests in which something happens, or
//! has to wait, in the middle of one.

use std::fmt;
use std::io;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::Wait;

use super::{Disk, DiskFile, DiskLock, DiskSpace, Entry, LockError, Open};

/// The changes that a [`DiskHook`] is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Of a name; the path is the one before.
    Rename,
    /// Of a file's bytes.
    Write,
    /// Of a file's bytes and length.
    Sync,
}

/// What is told of changes.
pub trait DiskHook: Send + Sync + fmt::Debug {
    /// The operation begins when this returns.
    fn before(&self, operation: Operation, path: &Path);
}

/// A disk and its hook, which can be spoken to as if it were the disk.
#[derive(Debug, Default)]
pub struct HookedDisk<D, H> {
    disk: D,
    hook: Arc<H>,
}

/// The clone has the same hook.
impl<D: Clone, H> Clone for HookedDisk<D, H> {
    fn clone(&self) -> Self {
        Self { disk: self.disk.clone(), hook: Arc::clone(&self.hook) }
    }
}

impl<D: Clone, H> HookedDisk<D, H> {
    /// A disk that tells `hook` what it does.
    pub fn new(disk: D, hook: H) -> Self {
        Self { disk, hook: Arc::new(hook) }
    }

    /// The disk below, of which the hook hears nothing.
    #[must_use]
    pub fn below(&self) -> D {
        self.disk.clone()
    }
}

impl<D, H> Deref for HookedDisk<D, H> {
    type Target = H;

    fn deref(&self) -> &H {
        &self.hook
    }
}

impl<D: Disk, H: DiskHook + 'static> Disk for HookedDisk<D, H> {
    fn open(&self, path: &Path, open: Open) -> io::Result<Arc<dyn DiskFile>> {
        let (file, hook) = (self.disk.open(path, open)?, Arc::clone(&self.hook));
        Ok(Arc::new(HookedFile { file, path: path.to_owned(), hook }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.hook.before(Operation::Rename, from);
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
struct HookedFile<H> {
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    hook: Arc<H>,
}

impl<H: DiskHook> DiskFile for HookedFile<H> {
    fn read_at(&self, position: u64, buffer: &mut [u8], wait: Wait) -> io::Result<usize> {
        self.file.read_at(position, buffer, wait)
    }

    fn write_at(&self, position: u64, parts: &[&[u8]]) -> io::Result<()> {
        self.hook.before(Operation::Write, &self.path);
        self.file.write_at(position, parts)
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.file.truncate(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.hook.before(Operation::Sync, &self.path);
        self.file.sync_data()
    }

    fn preallocate(&self, position: u64, bytes: u64) -> io::Result<()> {
        self.file.preallocate(position, bytes)
    }
}
