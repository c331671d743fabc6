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

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::byte_source::Wait;

    #[derive(Debug)]
    struct Unread(usize);

    impl ByteSource for Unread {
        fn len(&self) -> usize {
            self.0
        }

        fn read_at(&self, _: usize, _: &mut [u8], _: Wait) -> io::Result<usize> {
            panic!("comparing and printing must not read a source")
        }
    }

    #[test]
    fn sources_are_equal_by_identity_and_bytes_by_content() {
        let source = |length| -> Arc<dyn ByteSource> { Arc::new(Unread(length)) };
        let one = source(3);
        let records = Records::Sources(vec![Arc::clone(&one), source(4)]);
        assert_eq!(records.len(), 7);
        assert_eq!(records, records.clone());
        assert_ne!(records, Records::Sources(vec![one, source(4)]));
        assert_ne!(Records::Sources(Vec::new()), Records::default());
        let bytes = Bytes::from_static(b"abc");
        assert_eq!(Records::from(bytes.clone()), Records::from(Bytes::from(bytes.to_vec())));
        assert_eq!(Records::from(bytes.clone()).as_bytes(), Some(&bytes));
        assert_eq!(records.as_bytes(), None);
    }

    #[test]
    fn records_are_printed_as_their_length() {
        let sources = Records::Sources(vec![Arc::new(Unread(5)), Arc::new(Unread(6))]);
        assert_eq!(format!("{sources:?}"), "Records(11 bytes in 2 sources)");
        assert_eq!(format!("{:?}", Records::default()), "Records(0 bytes)");
        assert!(Records::default().is_empty());
    }
}
