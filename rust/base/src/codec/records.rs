//! The value of a `records` field: batches in memory as they arrived, or in files as they will be
//! sent.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::byte_source::ByteSource;

/// Record batches, which the codec carries and never looks into.
#[derive(Clone)]
pub enum Records {
    /// In memory: what reading always gives, a slice of the frame.
    Bytes(Bytes),
    /// In files, one after the other: writing copies none of it.
    Sources(Vec<Arc<dyn ByteSource>>),
}

impl Records {
    /// The number of bytes.
    pub fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Sources(sources) => sources.iter().map(|source| source.len()).sum(),
        }
    }

    /// Whether there is no byte.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes of records that were read from a frame; `None` for sources.
    pub fn as_bytes(&self) -> Option<&Bytes> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Sources(_) => None,
        }
    }
}

impl Default for Records {
    fn default() -> Self {
        Self::Bytes(Bytes::new())
    }
}

impl From<Bytes> for Records {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes)
    }
}

/// Bytes are compared as bytes, sources by identity: comparing does not read files.
impl PartialEq for Records {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Bytes(a), Self::Bytes(b)) => a == b,
            (Self::Sources(a), Self::Sources(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| Arc::ptr_eq(a, b))
            }
            _ => false,
        }
    }
}

/// The length only: a megabyte of records in a log line helps nobody.
impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "Records({} bytes)", bytes.len()),
            Self::Sources(sources) => {
                write!(f, "Records({} bytes in {} sources)", self.len(), sources.len())
            }
        }
    }
}
