//! What the log asks of a disk: the seam behind which lie real files, memory, or a disk that
//! crashes on command.
//!
//! Nothing in this crate touches a file by any other way, so that a test can cut the power between
//! any two operations.

mod faulty;
mod hooked;
mod memory;
mod real;

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use base::Wait;
use thiserror::Error;

pub use faulty::{Fault, FaultyDisk, Survivors, Torn, Unsynced};
pub use hooked::{DiskHook, HookedDisk, Operation};
pub use memory::MemoryDisk;
pub use real::RealDisk;

/// What a torn write leaves whole: the disk writes this many bytes or none of them.
pub const SECTOR_BYTES: usize = 512;

/// How a file is opened; always for reading and writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    /// The file must be there.
    Existing,
    /// The file is made, empty, unless it is there.
    OrCreate,
    /// The file is made, or emptied if it is there.
    Truncate,
}

/// What a name in a directory stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A file of so many bytes.
    File {
        /// Its length.
        bytes: u64,
    },
    /// A directory.
    Directory,
}

/// One name in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name inside the directory.
    pub name: String,
    /// What it stands for.
    pub kind: EntryKind,
}

/// Why a lock file could not be locked.
#[derive(Debug, Error)]
pub enum LockError {
    /// Another process, or another directory of this one, holds it.
    #[error("held by {}", holder(*.pid))]
    Held {
        /// The holder's process id, if it has written it down.
        pid: Option<u32>,
    },
    /// The lock file could not be opened or written.
    #[error(transparent)]
    Io(#[from] io::Error),
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "an unknown process".to_owned(), |pid| format!("process {pid}"))
}

/// The size of a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskSpace {
    /// All that it can hold.
    pub total_bytes: u64,
    /// What it has room for.
    pub free_bytes: u64,
}

/// Releases a lock file when it is dropped.
pub trait DiskLock: Send + Sync + fmt::Debug {}

/// Files by name. A name's appearance, change or disappearance survives a power cut once
/// [`Disk::sync_dir`] of its directory has returned, and not before.
pub trait Disk: Send + Sync + fmt::Debug {
    /// Opens the file at `path`. Its directory must exist.
    fn open(&self, path: &Path, open: Open) -> io::Result<Arc<dyn DiskFile>>;

    /// Gives the file or directory `from` the name `to`, in place of a file that had it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Takes the file's name away. Whoever has it open can go on reading.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Removes a directory that is empty.
    fn remove_dir(&self, path: &Path) -> io::Result<()>;

    /// What is in the directory, ordered by name.
    fn list(&self, directory: &Path) -> io::Result<Vec<Entry>>;

    /// Makes the directory and those above it, as far as they are missing.
    fn create_dir_all(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in the directory durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;

    /// Locks the file at `path`, which is made if missing, and writes our process id into it.
    fn lock(&self, path: &Path) -> Result<Box<dyn DiskLock>, LockError>;

    /// How large the disk is that holds `path`.
    fn space(&self, path: &Path) -> io::Result<DiskSpace>;
}

/// One open file. Many threads may read while one writes.
pub trait DiskFile: Send + Sync + fmt::Debug {
    /// Reads into `buffer` from `position` and returns how many bytes were read: fewer than asked
    /// for at will, none only at the end of the file.
    ///
    /// # Errors
    /// `WouldBlock` with [`Wait::Never`] when the bytes are not in memory.
    fn read_at(&self, position: u64, buffer: &mut [u8], wait: Wait) -> io::Result<usize>;

    /// Writes the parts one after the other from `position` on, all of them or an error (and then
    /// any part of them).
    fn write_at(&self, position: u64, parts: &[&[u8]]) -> io::Result<()>;

    /// The file's length.
    fn len(&self) -> io::Result<u64>;

    /// Whether the file holds no byte.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Cuts the file, or lengthens it with zeros. Blocks that were preallocated behind `len` are
    /// given back.
    fn truncate(&self, len: u64) -> io::Result<()>;

    /// Makes the file's bytes and length durable. After an error nobody knows what the disk holds:
    /// do not try again.
    fn sync_data(&self) -> io::Result<()>;

    /// Sets blocks aside for `bytes` bytes from `position` on, without changing the file's length;
    /// for none is an error. A disk that cannot do so does nothing.
    fn preallocate(&self, position: u64, bytes: u64) -> io::Result<()>;

    /// Fills `buffer` from `position`, waiting for the disk.
    ///
    /// # Errors
    /// `UnexpectedEof` when the file ends before.
    fn read_exact_at(&self, position: u64, buffer: &mut [u8]) -> io::Result<()> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read_at(position + filled as u64, &mut buffer[filled..], Wait::Allowed)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => filled += read,
            }
        }
        Ok(())
    }

    /// The whole file.
    ///
    /// # Errors
    /// `InvalidData` when it is longer than `bytes_max`.
    fn read_all(&self, bytes_max: u64) -> io::Result<Vec<u8>> {
        let len = self.len()?;
        if len > bytes_max {
            let message =
                format!("the file has {len} bytes where at most {bytes_max} were expected");
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        let mut bytes = vec![0; len as usize];
        self.read_exact_at(0, &mut bytes)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests;
