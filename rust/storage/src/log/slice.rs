//! What a read of a log gives: a run of whole batches in a file, whose bytes are fetched when the
//! socket has room.

use std::io;
use std::sync::Arc;

use base::{ByteSource, Offset, Wait};

use crate::disk::DiskFile;

/// Whole batches. They stay readable when the segment is closed or deleted meanwhile.
#[derive(Clone, Debug)]
pub struct LogSlice {
    file: Option<Arc<dyn DiskFile>>,
    position: u64,
    length: usize,
    from: Offset,
    is_cut: bool,
}

impl LogSlice {
    pub(super) fn new(file: Arc<dyn DiskFile>, range: std::ops::Range<u32>, from: Offset) -> Self {
        let length = (range.end - range.start) as usize;
        Self { file: Some(file), position: u64::from(range.start), length, from, is_cut: false }
    }

    pub(super) fn empty(from: Offset) -> Self {
        Self { file: None, position: 0, length: 0, from, is_cut: false }
    }

    pub(super) fn cut(self, is_cut: bool) -> Self {
        Self { is_cut, ..self }
    }

    /// The offset that was asked for: the first batch holds it.
    pub fn from(&self) -> Offset {
        self.from
    }

    /// Whether more of the range is there already: it was left out for want of room, or lies in the
    /// next segment.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// All bytes, waiting for the disk.
    pub fn read_all(&self) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; self.length];
        let mut filled = 0;
        while filled < self.length {
            filled += self.read_at(filled, &mut bytes[filled..], Wait::Allowed)?;
        }
        Ok(bytes)
    }
}

impl ByteSource for LogSlice {
    fn len(&self) -> usize {
        self.length
    }

    fn read_at(&self, position: usize, buffer: &mut [u8], wait: Wait) -> io::Result<usize> {
        let wanted = self.length.saturating_sub(position).min(buffer.len());
        let Some(file) = self.file.as_ref().filter(|_| wanted > 0) else { return Ok(0) };
        match file.read_at(self.position + position as u64, &mut buffer[..wanted], wait)? {
            // The records were truncated meanwhile, which happens to none below the high watermark.
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            read => Ok(read),
        }
    }
}
