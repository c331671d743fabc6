//! The first half of opening a log directory: nobody else has it, and it is ours.
//!
//! The metadata log lies in the same directory, and is read between the two halves: the second
//! needs to know the topics.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::{BrokerEpoch, Clock, DirectoryId, Rng};
use thiserror::Error;

use super::clean_shutdown::{self, LastShutdown};
use super::config::DirectoryConfig;
use super::known_topics::KnownTopics;
use super::meta_properties::{Identity, MetaProperties, MetaPropertiesError};
use super::open::{self, OpenDirectoryError, RecoveryReport};
use super::{DirectoryMachines, LogDirectory};
use crate::disk::{Disk, DiskLock, LockError};

/// The lock's name, which is Kafka's: neither starts in the other's directory.
const LOCK_FILE_NAME: &str = ".lock";

/// Why a log directory is not ours to open.
#[derive(Debug, Error)]
pub enum LockDirectoryError {
    /// Somebody else has it.
    #[error(
        "log directory {} is in use: it is {source}; stop that broker or choose another directory",
        path.display()
    )]
    Lock {
        /// The directory.
        path: PathBuf,
        /// Who has it.
        source: LockError,
    },
    /// The disk failed.
    #[error("cannot open log directory {}: {source}", path.display())]
    Io {
        /// The directory.
        path: PathBuf,
        /// The disk's words.
        source: io::Error,
    },
    /// It is another broker's.
    #[error(transparent)]
    MetaProperties(#[from] MetaPropertiesError),
}

/// A log directory that is locked, but whose logs are not open yet.
#[derive(Debug)]
pub struct LockedDirectory {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) path: PathBuf,
    pub(super) lock: Box<dyn DiskLock>,
    meta: MetaProperties,
    last_shutdown: LastShutdown,
}

impl LockedDirectory {
    /// Locks the directory at `path`, which is made if missing, and checks that it belongs to
    /// `identity`.
    pub fn lock(
        disk: Arc<dyn Disk>,
        path: &Path,
        identity: &Identity,
        rng: &mut dyn Rng,
    ) -> Result<Self, LockDirectoryError> {
        let io = |source| LockDirectoryError::Io { path: path.to_owned(), source };
        make(&*disk, path).map_err(io)?;
        let lock = disk.lock(&path.join(LOCK_FILE_NAME)).map_err(|source| match source {
            LockError::Io(source) => io(source),
            held @ LockError::Held { .. } => {
                LockDirectoryError::Lock { path: path.to_owned(), source: held }
            }
        })?;
        let is_new = !MetaProperties::exists(&*disk, path).map_err(io)?;
        let last_shutdown = if is_new {
            LastShutdown::Clean { broker_epoch: BrokerEpoch(-1) }
        } else {
            clean_shutdown::read(&*disk, path).map_err(io)?
        };
        let meta = MetaProperties::claim(&*disk, path, identity, rng)?;
        Ok(Self { disk, path: path.to_owned(), lock, meta, last_shutdown })
    }

    /// Whose directory it is.
    pub fn meta(&self) -> &MetaProperties {
        &self.meta
    }

    /// The directory's id.
    pub fn id(&self) -> DirectoryId {
        self.meta.directory_id
    }

    /// How it was left.
    pub fn last_shutdown(&self) -> LastShutdown {
        self.last_shutdown
    }

    /// Opens the logs in it: lays the journal over their segments and syncs them. Whatever the
    /// machines do is done by whoever steps them.
    pub fn open(
        self,
        config: DirectoryConfig,
        clock: &Arc<dyn Clock>,
        topics: &dyn KnownTopics,
    ) -> Result<(LogDirectory, DirectoryMachines, RecoveryReport), OpenDirectoryError> {
        open::open(self, config, clock, topics)
    }
}

/// Makes the directory and those above it as far as they are missing, durably.
fn make(disk: &dyn Disk, path: &Path) -> io::Result<()> {
    let mut missing = Vec::new();
    for directory in path.ancestors().filter(|directory| !directory.as_os_str().is_empty()) {
        match disk.list(directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => missing.push(directory),
            Err(error) if missing.is_empty() => return Err(error),
            // It is there, whether we may look into it or not.
            Ok(_) | Err(_) => break,
        }
    }
    disk.create_dir_all(path)?;
    // The root is there as long as the disk is.
    for above in missing.iter().rev().filter_map(|directory| directory.parent()) {
        disk.sync_dir(if above.as_os_str().is_empty() { Path::new(".") } else { above })?;
    }
    Ok(())
}
