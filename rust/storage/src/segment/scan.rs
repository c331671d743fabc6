//! Walks over the batches of a segment file, by their headers alone or with every byte checked.

use std::io;

use base::Wait;
use bytes::Bytes;
use records::header::CRC_START;
use records::{BatchError, BatchHeader, HEADER_BYTES, RecordBatch};
use thiserror::Error;

use crate::disk::DiskFile;

/// A walk by headers reads so many bytes at once: about what lies between two index entries.
pub(crate) const LOOKUP_BYTES: usize = 4096;

/// A walk over everything reads so many bytes at once.
pub(crate) const RECOVERY_BYTES: usize = 1024 * 1024;

/// A batch in a segment file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ScannedBatch {
    pub(crate) position: u32,
    pub(crate) header: BatchHeader,
}

impl ScannedBatch {
    /// Where the next batch begins.
    pub(crate) fn end(&self) -> u32 {
        self.position + self.header.size_in_bytes() as u32
    }
}

/// Why a walk cannot go on.
#[derive(Debug, Error)]
pub(crate) enum ScanError {
    /// The disk did not give the bytes.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The bytes are no batch.
    #[error(transparent)]
    Damaged(#[from] BatchError),
}

impl From<ScanError> for io::Error {
    fn from(error: ScanError) -> Self {
        match error {
            ScanError::Io(error) => error,
            ScanError::Damaged(error) => Self::new(io::ErrorKind::InvalidData, error),
        }
    }
}

/// Walks from one position to another.
#[derive(Debug)]
pub(crate) struct Scanner<'a> {
    file: &'a dyn DiskFile,
    position: u32,
    end: u32,
    wait: Wait,
    chunk_bytes: usize,
    buffer: Vec<u8>,
    buffer_start: u32,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(file: &'a dyn DiskFile, range: std::ops::Range<u32>, wait: Wait) -> Self {
        Self {
            file,
            position: range.start,
            end: range.end,
            wait,
            chunk_bytes: LOOKUP_BYTES,
            buffer: Vec::new(),
            buffer_start: range.start,
        }
    }

    #[must_use]
    pub(crate) fn with_chunk_bytes(mut self, chunk_bytes: usize) -> Self {
        self.chunk_bytes = chunk_bytes;
        self
    }

    /// Where the next batch begins.
    pub(crate) fn position(&self) -> u32 {
        self.position
    }

    /// The next batch's header; `None` at the end. The batch lies before the end as a whole.
    pub(crate) fn next_header(&mut self) -> Result<Option<ScannedBatch>, ScanError> {
        let available = (self.end - self.position) as usize;
        if available == 0 {
            return Ok(None);
        }
        let header = BatchHeader::parse(self.window(available.min(HEADER_BYTES))?)?;
        let needed = header.size_in_bytes();
        if needed > available {
            return Err(BatchError::BodyCut { needed, available }.into());
        }
        let batch = ScannedBatch { position: self.position, header };
        self.position += needed as u32;
        Ok(Some(batch))
    }

    /// The whole of the batch whose header was given last.
    pub(crate) fn batch(&mut self, found: &ScannedBatch) -> Result<RecordBatch, ScanError> {
        let bytes = Bytes::copy_from_slice(self.bytes_of(found)?);
        Ok(RecordBatch::parse(bytes)?)
    }

    /// The next batch's header, after its CRC was compared; `None` at the end.
    pub(crate) fn next_checked(&mut self) -> Result<Option<ScannedBatch>, ScanError> {
        let Some(found) = self.next_header()? else { return Ok(None) };
        let computed = crc32c::crc32c(&self.bytes_of(&found)?[CRC_START..]);
        let stored = found.header.crc;
        if computed != stored {
            return Err(BatchError::CrcMismatch { stored, computed }.into());
        }
        Ok(Some(found))
    }

    fn bytes_of(&mut self, batch: &ScannedBatch) -> io::Result<&[u8]> {
        let next = self.position;
        self.position = batch.position;
        self.fill(batch.header.size_in_bytes())?;
        self.position = next;
        let start = (batch.position - self.buffer_start) as usize;
        Ok(&self.buffer[start..start + batch.header.size_in_bytes()])
    }

    /// The `length` bytes at the position, which lie before the end.
    fn window(&mut self, length: usize) -> io::Result<&[u8]> {
        self.fill(length)?;
        let start = (self.position - self.buffer_start) as usize;
        Ok(&self.buffer[start..start + length])
    }

    /// Sees to it that the buffer holds `length` bytes from the position on.
    fn fill(&mut self, length: usize) -> io::Result<()> {
        let buffered = self.buffer_start + self.buffer.len() as u32;
        if self.position >= self.buffer_start && self.position + length as u32 <= buffered {
            return Ok(());
        }
        let available = (self.end - self.position) as usize;
        self.buffer.resize(length.max(self.chunk_bytes).min(available), 0);
        self.buffer_start = self.position;
        let mut filled = 0;
        while filled < length {
            let position = u64::from(self.position) + filled as u64;
            match self.file.read_at(position, &mut self.buffer[filled..], self.wait)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => filled += read,
            }
        }
        self.buffer.truncate(filled);
        Ok(())
    }
}
