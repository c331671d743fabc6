//! What goes to a socket: runs of bytes in memory and in files, in order, none of them copied
//! together.

use std::io;
use std::sync::Arc;

use bytes::Bytes;

use crate::byte_source::{ByteSource, Wait};

/// A message as parts, to be written one after the other.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    parts: Vec<Part>,
    length: usize,
}

/// A run of bytes.
#[derive(Clone, Debug)]
pub enum Part {
    /// In memory.
    Bytes(Bytes),
    /// Elsewhere, read as the socket drains.
    Source(Arc<dyn ByteSource>),
}

impl Frame {
    /// A frame of these parts; empty ones are left out.
    pub fn new(parts: impl IntoIterator<Item = Part>) -> Self {
        let parts: Vec<Part> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        let length = parts.iter().map(Part::len).sum();
        Self { parts, length }
    }

    /// The number of bytes in all parts, a length prefix included if there is one.
    pub fn len(&self) -> usize {
        self.length
    }

    /// How many of the bytes lie in memory, and not elsewhere.
    pub fn memory_len(&self) -> usize {
        let in_memory = |part: &Part| if matches!(part, Part::Bytes(_)) { part.len() } else { 0 };
        self.parts.iter().map(in_memory).sum()
    }

    /// Whether there is no byte.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The parts, none of them empty.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The parts, for the one that writes them.
    pub fn into_parts(self) -> Vec<Part> {
        self.parts
    }

    /// All bytes in one piece: a copy unless there is one part in memory, and reads from disk where
    /// there are sources. For tests and for peers in the same process; sockets take the parts.
    pub fn collect(&self) -> io::Result<Bytes> {
        if let [Part::Bytes(bytes)] = self.parts.as_slice() {
            return Ok(bytes.clone());
        }
        let mut all = Vec::with_capacity(self.length);
        for part in &self.parts {
            match part {
                Part::Bytes(bytes) => all.extend_from_slice(bytes),
                Part::Source(source) => append_source(source.as_ref(), &mut all)?,
            }
        }
        Ok(Bytes::from(all))
    }
}

impl Part {
    /// The number of bytes.
    pub fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Source(source) => source.len(),
        }
    }

    /// Whether there is no byte.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn append_source(source: &dyn ByteSource, all: &mut Vec<u8>) -> io::Result<()> {
    let start = all.len();
    all.resize(start + source.len(), 0);
    let mut position = 0;
    while position < source.len() {
        let count = source.read_at(position, &mut all[start + position..], Wait::Allowed)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        position += count;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time, as a slow disk might; `missing` bytes cannot be had.
    #[derive(Debug)]
    struct Slow {
        bytes: &'static [u8],
        missing: usize,
    }

    impl ByteSource for Slow {
        fn len(&self) -> usize {
            self.bytes.len() + self.missing
        }

        fn read_at(&self, position: usize, buffer: &mut [u8], _wait: Wait) -> io::Result<usize> {
            let Some(byte) = self.bytes.get(position) else { return Ok(0) };
            buffer[0] = *byte;
            Ok(1)
        }
    }

    #[test]
    fn parts_are_collected_in_their_order_and_empty_ones_are_dropped() {
        let frame = Frame::new([
            Part::Bytes(Bytes::from_static(b"ab")),
            Part::Bytes(Bytes::new()),
            Part::Source(Arc::new(Slow { bytes: b"cde", missing: 0 })),
            Part::Bytes(Bytes::from_static(b"f")),
        ]);
        assert_eq!((frame.len(), frame.parts().len()), (6, 3));
        assert_eq!(frame.collect().unwrap(), "abcdef");
    }

    #[test]
    fn a_source_that_ends_early_is_an_error_and_not_zeros() {
        let frame = Frame::new([Part::Source(Arc::new(Slow { bytes: b"abc", missing: 1 }))]);
        assert_eq!(frame.collect().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
