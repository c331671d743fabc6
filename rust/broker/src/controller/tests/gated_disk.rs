//! A disk in memory on which renaming can be made to wait, as the slowest of what happens to a
//! partition's directory when the metadata changes.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use parking_lot::Mutex;
use storage::disk::{DiskLock, Entry, LockError, Open};
use storage::{Disk, DiskFile, DiskSpace, FaultyDisk};

/// How long a renaming waits for a gate that nobody opens.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Clone, Debug, Default)]
pub(super) struct GatedDisk {
    disk: FaultyDisk,
    gate: Arc<Mutex<Option<Receiver<()>>>>,
    is_waiting: Arc<AtomicBool>,
}

impl GatedDisk {
    /// The next renaming waits until the sender is used or dropped.
    pub(super) fn close_gate(&self) -> Sender<()> {
        let (open, opened) = channel();
        *self.gate.lock() = Some(opened);
        open
    }

    /// Whether a renaming waits.
    pub(super) fn is_waiting(&self) -> bool {
        self.is_waiting.load(Ordering::SeqCst)
    }
}

impl Disk for GatedDisk {
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let gate = self.gate.lock().take();
        if let Some(opened) = gate {
            self.is_waiting.store(true, Ordering::SeqCst);
            // However the wait ends, the renaming goes on.
            let _ = opened.recv_timeout(PATIENCE);
            self.is_waiting.store(false, Ordering::SeqCst);
        }
        self.disk.rename(from, to)
    }

    fn open(&self, path: &Path, open: Open) -> io::Result<Arc<dyn DiskFile>> {
        self.disk.open(path, open)
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
