//! Bytes that lie somewhere else, usually in a segment file, and are read when the socket has room
//! for them.

use std::fmt;
use std::io;

/// Whether a read may wait for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Only what the page cache holds; [`io::ErrorKind::WouldBlock`] when it holds nothing at that
    /// position.
    Never,
    /// Until the disk has answered.
    Allowed,
}

/// A run of bytes of known length that can be read piece by piece.
pub trait ByteSource: Send + Sync + fmt::Debug {
    /// The number of bytes; it never changes.
    fn len(&self) -> usize;

    /// Whether there is no byte.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads into `buffer` from `position` and returns how many bytes were read, which may be fewer
    /// than asked for and is never zero before the end.
    ///
    /// # Errors
    /// `WouldBlock` with [`Wait::Never`]; any other error means that the bytes cannot be had.
    fn read_at(&self, position: usize, buffer: &mut [u8], wait: Wait) -> io::Result<usize>;
}
