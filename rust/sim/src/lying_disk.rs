//! A disk that answers every sync of the topics' data with success and does nothing.
//!
//! The metadata log is synced honestly, so that the broker starts again and what is lost is what
//! producers were told is safe.

use std::io;
use std::path::Path;
use std::sync::Arc;

use base::Wait;
use storage::disk::{DiskLock, Entry, LockError, Open};
use storage::{Disk, DiskFile, DiskSpace, FaultyDisk};

const METADATA_LOG: &str = "__cluster_metadata-0";

#[derive(Debug)]
pub(crate) struct LyingDisk(pub(crate) FaultyDisk);

#[derive(Debug)]
struct LyingFile(Arc<dyn DiskFile>);

impl Disk for LyingDisk {
    fn open(&self, path: &Path, open: Open) -> io::Result<Arc<dyn DiskFile>> {
        let file = self.0.open(path, open)?;
        let is_data = path.extension().is_some_and(|extension| extension == "log")
            || path.components().any(|part| part.as_os_str().to_string_lossy().contains("journal"));
        let is_metadata = path.components().any(|part| part.as_os_str() == METADATA_LOG);
        Ok(if is_data && !is_metadata { Arc::new(LyingFile(file)) } else { file })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.remove(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.0.remove_dir(path)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<Entry>> {
        self.0.list(directory)
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        self.0.create_dir_all(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.0.sync_dir(path)
    }

    fn lock(&self, path: &Path) -> Result<Box<dyn DiskLock>, LockError> {
        self.0.lock(path)
    }

    fn space(&self, path: &Path) -> io::Result<DiskSpace> {
        self.0.space(path)
    }
}

impl DiskFile for LyingFile {
    fn read_at(&self, position: u64, buffer: &mut [u8], wait: Wait) -> io::Result<usize> {
        self.0.read_at(position, buffer, wait)
    }

    fn write_at(&self, position: u64, parts: &[&[u8]]) -> io::Result<()> {
        self.0.write_at(position, parts)
    }

    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.0.truncate(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn preallocate(&self, position: u64, bytes: u64) -> io::Result<()> {
        self.0.preallocate(position, bytes)
    }
}
