//! Why a log directory has stopped, told to everybody who asks it for something.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

use crate::log::{AppendError, ConfigureError, DeleteRecordsError};

/// A write or a sync has failed. Nobody knows what the disk holds now: the directory takes nothing
/// more until it is opened anew, which reads what is really there.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "log directory {} has failed: {cause}; it takes no more writes until the broker is restarted",
    path.display()
)]
pub struct Failure {
    path: PathBuf,
    cause: String,
}

impl Failure {
    pub(crate) fn new(path: &Path, cause: String) -> Self {
        Self { path: path.to_owned(), cause }
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What happened.
    pub fn cause(&self) -> &str {
        &self.cause
    }
}

/// Why a log directory did not do what it was asked for.
#[derive(Clone, Debug, Error)]
pub enum DirectoryError {
    /// The directory has failed.
    #[error(transparent)]
    Failed(Arc<Failure>),
    /// The directory is closing.
    #[error("the log directory is closing")]
    Closed,
    /// The log refused the batch.
    #[error(transparent)]
    Append(Arc<AppendError>),
    /// The log refused to delete records.
    #[error(transparent)]
    DeleteRecords(Arc<DeleteRecordsError>),
    /// A log of durability `memory` met its limit.
    #[error("cannot change a log in memory: {0}")]
    Memory(Arc<std::io::Error>),
    /// The log refused its configuration.
    #[error(transparent)]
    Configure(Arc<ConfigureError>),
}

impl DirectoryError {
    pub(crate) fn memory(error: std::io::Error) -> Self {
        Self::Memory(Arc::new(error))
    }
}
