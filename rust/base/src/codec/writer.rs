//! Writes values one after the other; long byte runs become parts of their own and are not copied.

use std::sync::Arc;

use bytes::Bytes;

use super::error::{EncodeError, EncodeReason};
use super::frame::{Frame, Part};
use crate::byte_source::ByteSource;
use crate::limits::WRITE_COPY_MAX;
use crate::varint;

/// The length in front of every frame on a socket, which does not count itself.
const PREFIX_LENGTH: usize = 4;

/// What is reserved for the bytes that are copied into a frame: enough for most answers.
const OPEN_CAPACITY: usize = 256;

/// A frame that grows.
#[derive(Debug, Default)]
pub struct Writer {
    /// What has been closed, in order.
    pieces: Vec<Piece>,
    /// What is being written: it follows the last piece.
    open: Vec<u8>,
    /// Whether the first four bytes are the frame's length.
    prefixed: bool,
    /// How many tagged fields are open. Their size stands in front of them, so that they must be in
    /// one piece.
    tagged_depth: usize,
}

impl Writer {
    /// An empty frame without a length in front: a persisted record.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty frame for a socket: its length goes in front when it is finished.
    pub fn with_prefix() -> Self {
        let mut open = Vec::with_capacity(OPEN_CAPACITY);
        open.extend_from_slice(&[0; PREFIX_LENGTH]);
        Self { open, prefixed: true, ..Self::default() }
    }

    /// Appends bytes by copying them.
    pub fn write_slice(&mut self, bytes: &[u8]) {
        self.open.extend_from_slice(bytes);
    }

    /// Appends bytes, as a part of their own if they are long.
    pub fn write_bytes(&mut self, bytes: &Bytes) {
        if bytes.len() <= WRITE_COPY_MAX || self.tagged_depth > 0 {
            self.write_slice(bytes);
        } else {
            self.close_open();
            self.pieces.push(Piece::Given(Part::Bytes(bytes.clone())));
        }
    }

    /// Appends the bytes of a source, which are not read.
    pub fn write_source(&mut self, source: &Arc<dyn ByteSource>) {
        assert_eq!(self.tagged_depth, 0, "the derive refuses tagged records");
        self.close_open();
        self.pieces.push(Piece::Given(Part::Source(Arc::clone(source))));
    }

    /// Appends an unsigned variable-length integer.
    pub fn write_unsigned_varint(&mut self, value: u32) {
        varint::write_u32(value, &mut self.open);
    }

    /// Appends a tagged field: its tag, its size, and what `write` writes.
    pub fn write_tagged_field(
        &mut self,
        tag: u32,
        write: impl FnOnce(&mut Self) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        self.write_unsigned_varint(tag);
        let start = self.open.len();
        self.tagged_depth += 1;
        write(self)?;
        self.tagged_depth -= 1;
        // The size is known now and stands in front: it is appended and rotated there.
        let size = self.open.len() - start;
        self.write_unsigned_varint(length_u32(size)?);
        let size_length = self.open.len() - start - size;
        self.open[start..].rotate_right(size_length);
        Ok(())
    }

    /// The frame.
    pub fn finish(mut self) -> Result<Frame, EncodeError> {
        self.close_open();
        if self.prefixed {
            let length = self.pieces.iter().map(Piece::len).sum::<usize>();
            let prefix = length_u32(length - PREFIX_LENGTH)?.to_be_bytes();
            let Some(Piece::Written(first)) = self.pieces.first_mut() else {
                unreachable!("the space for the prefix was written first")
            };
            first[..PREFIX_LENGTH].copy_from_slice(&prefix);
        }
        Ok(Frame::new(self.pieces.into_iter().map(Piece::into_part)))
    }

    fn close_open(&mut self) {
        if !self.open.is_empty() {
            self.pieces.push(Piece::Written(std::mem::take(&mut self.open)));
        }
    }
}

/// A closed run of bytes: still ours to change, or somebody else's.
#[derive(Debug)]
enum Piece {
    Written(Vec<u8>),
    Given(Part),
}

impl Piece {
    fn len(&self) -> usize {
        match self {
            Self::Written(bytes) => bytes.len(),
            Self::Given(part) => part.len(),
        }
    }

    fn into_part(self) -> Part {
        match self {
            Self::Written(bytes) => Part::Bytes(Bytes::from(bytes)),
            Self::Given(part) => part,
        }
    }
}

/// A size or count as the wire counts it.
pub(super) fn length_u32(length: usize) -> Result<u32, EncodeError> {
    let limit = i32::MAX as usize;
    match u32::try_from(length) {
        // One less than the limit: flexible versions count from one, zero is null.
        Ok(short) if length < limit => Ok(short),
        _ => Err(EncodeError::new(EncodeReason::TooLong { length, limit })),
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
            panic!("writing must not read a source")
        }
    }

    fn is_same_memory(part: &Part, bytes: &Bytes) -> bool {
        matches!(part, Part::Bytes(own) if own.as_ptr() == bytes.as_ptr())
    }

    #[test]
    fn long_bytes_are_parts_and_short_ones_are_copied() {
        let (short, long) = (Bytes::from(vec![1; 10]), Bytes::from(vec![2; WRITE_COPY_MAX + 1]));
        let mut writer = Writer::with_prefix();
        writer.write_bytes(&short);
        writer.write_bytes(&long);
        writer.write_bytes(&short);
        let frame = writer.finish().unwrap();
        assert_eq!(frame.parts().len(), 3);
        assert!(is_same_memory(&frame.parts()[1], &long));
        let all = frame.collect().unwrap();
        assert_eq!(all[..4], (20 + long.len() as u32).to_be_bytes());
        assert_eq!((&all[4..14], &all[14..all.len() - 10]), (&short[..], &long[..]));
    }

    #[test]
    fn a_source_is_passed_on_unread_and_counted() {
        let source: Arc<dyn ByteSource> = Arc::new(Unread(1_000));
        let mut writer = Writer::with_prefix();
        writer.write_source(&source);
        let frame = writer.finish().unwrap();
        assert_eq!((frame.len(), frame.parts().len()), (1_004, 2));
        let [Part::Bytes(prefix), Part::Source(own)] = frame.parts() else { panic!("two parts") };
        assert_eq!(prefix[..], 1_000u32.to_be_bytes());
        assert!(Arc::ptr_eq(own, &source));
    }

    #[test]
    fn a_frame_that_its_length_cannot_count_is_refused() {
        let source: Arc<dyn ByteSource> = Arc::new(Unread(i32::MAX as usize));
        let mut writer = Writer::with_prefix();
        writer.write_source(&source);
        let EncodeReason::TooLong { length, .. } = writer.finish().unwrap_err().reason else {
            panic!("too long")
        };
        assert_eq!(length, i32::MAX as usize);
    }

    #[test]
    fn a_tagged_field_has_its_size_in_front_also_when_it_is_nested_and_long() {
        let long = Bytes::from(vec![7; WRITE_COPY_MAX + 1]);
        let mut writer = Writer::new();
        writer
            .write_tagged_field(5, |writer| {
                writer.write_slice(&[1]);
                writer.write_tagged_field(6, |writer| {
                    writer.write_bytes(&long);
                    Ok(())
                })
            })
            .unwrap();
        let all = writer.finish().unwrap().collect().unwrap();
        // tag 5, size 1029 (1 + 1 + 2 + 1025), 1, tag 6, size 1025, the bytes
        assert_eq!(all[..7], [5, 0x85, 0x08, 1, 6, 0x81, 0x08]);
        assert_eq!(all[7..], long[..]);
    }
}
