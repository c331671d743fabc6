//! Writes frames to a stream: their own bytes as they are, file bytes in chunks that are read as
//! the socket drains.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use base::codec::{Frame, Part};
use base::{ByteSource, Wait};
use bytes::{Buf, Bytes};
use tokio::io::AsyncWrite;
use tokio::task::JoinHandle;

use crate::chunk_pool::{Chunk, ChunkPool};
use crate::limits::{CHUNK_BYTES, WRITE_SLICES_MAX};

/// The state of writing one stream.
pub(crate) struct FrameWriter {
    chunks: Arc<ChunkPool>,
    /// What no byte has been prepared of, but for the first source, of which `source_position`
    /// bytes have been.
    parts: VecDeque<Part>,
    source_position: usize,
    /// A read of the first source that had to wait for the disk.
    loading: Option<JoinHandle<io::Result<(Chunk, usize)>>>,
    /// Slices that are in memory and go out next.
    prepared: VecDeque<Bytes>,
    bytes_pushed: u64,
    bytes_written: u64,
    /// Where each unwritten frame ends, counted like `bytes_written`, and how much of it lies in
    /// memory.
    frame_ends: VecDeque<(u64, usize)>,
    memory_bytes: usize,
}

/// A run of bytes in the order of the frame, before the chunk that some of them lie in is shared.
enum Run {
    Bytes(Bytes),
    Chunk(Range<usize>),
}

impl FrameWriter {
    pub(crate) fn new(chunks: Arc<ChunkPool>) -> Self {
        Self {
            chunks,
            parts: VecDeque::new(),
            source_position: 0,
            loading: None,
            prepared: VecDeque::new(),
            bytes_pushed: 0,
            bytes_written: 0,
            frame_ends: VecDeque::new(),
            memory_bytes: 0,
        }
    }

    /// Queues a frame behind those that are not written yet. The caller bounds their number.
    pub(crate) fn push(&mut self, frame: Frame) {
        self.bytes_pushed += frame.len() as u64;
        let memory_bytes = frame.memory_len();
        self.memory_bytes += memory_bytes;
        self.frame_ends.push_back((self.bytes_pushed, memory_bytes));
        self.parts.extend(frame.into_parts());
    }

    /// Writes as much as the stream takes; ready when everything is written and flushed.
    pub(crate) fn poll_write<W: AsyncWrite + Unpin>(
        &mut self,
        context: &mut Context<'_>,
        stream: &mut W,
    ) -> Poll<io::Result<()>> {
        while self.bytes_written < self.bytes_pushed {
            if self.prepared.is_empty() {
                ready!(self.poll_prepare(context))?;
            }
            let written = ready!(self.poll_write_prepared(context, stream))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.advance(written);
        }
        Pin::new(stream).poll_flush(context)
    }

    /// How many frames have bytes that are not written.
    pub(crate) fn frames_unwritten(&self) -> usize {
        self.frame_ends.len()
    }

    /// How many bytes the frames hold in memory that are not wholly written. File bytes are not
    /// among them: those are read as the socket drains.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }

    /// How many bytes the stream has taken: whoever watches for idleness compares two readings.
    pub(crate) fn bytes_written(&self) -> u64 {
        self.bytes_written
    }

    fn poll_write_prepared<W: AsyncWrite + Unpin>(
        &self,
        context: &mut Context<'_>,
        stream: &mut W,
    ) -> Poll<io::Result<usize>> {
        if let [only] = self.prepared.as_slices().0
            && self.prepared.len() == 1
        {
            return Pin::new(stream).poll_write(context, only);
        }
        let mut slices = [IoSlice::new(&[]); WRITE_SLICES_MAX];
        let mut count = 0;
        for (slot, bytes) in slices.iter_mut().zip(&self.prepared) {
            *slot = IoSlice::new(bytes);
            count += 1;
        }
        Pin::new(stream).poll_write_vectored(context, &slices[..count])
    }

    fn advance(&mut self, written: usize) {
        self.bytes_written += written as u64;
        while let Some(&(end, memory_bytes)) = self.frame_ends.front()
            && end <= self.bytes_written
        {
            self.memory_bytes -= memory_bytes;
            self.frame_ends.pop_front();
        }
        let mut left = written;
        while let Some(first) = self.prepared.front_mut() {
            if left < first.len() {
                first.advance(left);
                return;
            }
            left -= first.len();
            self.prepared.pop_front();
        }
    }

    /// Fills `prepared` with at least one slice, from the disk if there is no other way.
    fn poll_prepare(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(loading) = &mut self.loading {
            let loaded = ready!(Pin::new(loading).poll(context));
            self.loading = None;
            let (chunk, read) = loaded.map_err(io::Error::other)??;
            self.source_advanced(read);
            self.prepared.push_back(Bytes::from_owner(chunk).slice(..read));
            return Poll::Ready(Ok(()));
        }
        match self.prepare_from_memory() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.load_from_disk();
                self.poll_prepare(context)
            }
            done => Poll::Ready(done),
        }
    }

    /// Takes parts until a slice limit, a full chunk, or bytes that memory does not hold; an error
    /// only if nothing could be taken before it.
    fn prepare_from_memory(&mut self) -> io::Result<()> {
        let mut chunk: Option<Chunk> = None;
        let mut filled = 0;
        let mut runs = Vec::new();
        while runs.len() < WRITE_SLICES_MAX {
            match self.parts.front_mut() {
                None => break,
                Some(Part::Bytes(bytes)) => {
                    if !bytes.is_empty() {
                        runs.push(Run::Bytes(std::mem::take(bytes)));
                    }
                    self.parts.pop_front();
                }
                Some(Part::Source(source)) if self.source_position == source.len() => {
                    self.parts.pop_front();
                    self.source_position = 0;
                }
                Some(Part::Source(source)) => {
                    let source = Arc::clone(source);
                    let wanted = self.source_bytes_ahead();
                    let chunk = chunk.get_or_insert_with(|| self.chunks.take(wanted));
                    let room = &mut chunk.as_mut_slice()[filled..];
                    if room.is_empty() {
                        break;
                    }
                    match read_source(&*source, self.source_position, room, Wait::Never) {
                        Ok(read) => {
                            runs.push(Run::Chunk(filled..filled + read));
                            filled += read;
                            self.source_advanced(read);
                        }
                        // What comes before goes out first; the next round meets the error again.
                        Err(_) if !runs.is_empty() => break,
                        Err(error) => return Err(error),
                    }
                }
            }
        }
        let shared = chunk.map(Bytes::from_owner).unwrap_or_default();
        self.prepared.extend(runs.into_iter().map(|run| match run {
            Run::Bytes(bytes) => bytes,
            Run::Chunk(range) => shared.slice(range),
        }));
        Ok(())
    }

    /// Starts a read on the blocking pool: the bytes are not in the page cache.
    fn load_from_disk(&mut self) {
        let Some(Part::Source(source)) = self.parts.front() else {
            unreachable!("only a source would block");
        };
        let (source, position) = (Arc::clone(source), self.source_position);
        let mut chunk = self.chunks.take(source.len() - position);
        self.loading = Some(tokio::task::spawn_blocking(move || {
            let read = read_source(&*source, position, chunk.as_mut_slice(), Wait::Allowed)?;
            Ok((chunk, read))
        }));
    }

    fn source_advanced(&mut self, read: usize) {
        self.source_position += read;
    }

    /// How many bytes of sources lie ahead, as far as one chunk reaches.
    fn source_bytes_ahead(&self) -> usize {
        let mut ahead = 0;
        for part in &self.parts {
            if let Part::Source(source) = part {
                ahead += source.len();
            }
            if ahead >= CHUNK_BYTES + self.source_position {
                break;
            }
        }
        ahead - self.source_position
    }
}

impl Drop for FrameWriter {
    fn drop(&mut self) {
        // A read that has not begun need not begin; one that runs ends by itself.
        if let Some(loading) = &self.loading {
            loading.abort();
        }
    }
}

/// Reads once, and holds the source to its word about its length.
fn read_source(
    source: &dyn ByteSource,
    position: usize,
    room: &mut [u8],
    wait: Wait,
) -> io::Result<usize> {
    let take = room.len().min(source.len() - position);
    let read = source.read_at(position, &mut room[..take], wait)?;
    if read == 0 {
        let message = format!("{source:?} ended at {position} of {} bytes", source.len());
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
    }
    Ok(read)
}

#[cfg(test)]
mod tests;
