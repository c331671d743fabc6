//! The two halves of a client's connection: one reads response frames, one writes request frames.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;

use base::codec::Frame;
use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use crate::chunk_pool::ChunkPool;
use crate::frame_reader::{FrameReader, ReadFrameError};
use crate::frame_writer::FrameWriter;
use crate::transport::Stream;

/// Splits a connection into halves that read frames of at most `response_bytes_max`, and write
/// them.
pub fn into_framed<S: Stream>(
    stream: S,
    response_bytes_max: usize,
) -> (FramedReader<S::ReadHalf>, FramedWriter<S::WriteHalf>) {
    let (read, write) = stream.into_split();
    (FramedReader::new(read, response_bytes_max), FramedWriter::new(write))
}

/// Reads frames.
pub struct FramedReader<R> {
    stream: R,
    reader: FrameReader,
}

impl<R: AsyncRead + Unpin> FramedReader<R> {
    /// Reads from `stream` frames of at most `bytes_max`.
    pub fn new(stream: R, bytes_max: usize) -> Self {
        Self { stream, reader: FrameReader::new(bytes_max, None) }
    }

    /// The next frame without its length prefix; `None` when the peer has closed its side. Dropping
    /// the future loses nothing.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ReadFrameError> {
        poll_fn(|context| self.reader.poll_frame(context, &mut self.stream)).await
    }
}

/// Writes frames.
pub struct FramedWriter<W> {
    stream: W,
    writer: FrameWriter,
}

impl<W: AsyncWrite + Unpin> FramedWriter<W> {
    /// Writes to `stream`.
    pub fn new(stream: W) -> Self {
        // Requests hold their bytes in memory, so nothing is ever taken from this pool.
        Self { stream, writer: FrameWriter::new(Arc::new(ChunkPool::new(0))) }
    }

    /// Queues a frame; [`Self::flush`] writes it. The caller bounds how many it queues.
    pub fn push(&mut self, frame: Frame) {
        self.writer.push(frame);
    }

    /// Writes everything that was pushed, with as few calls as it takes. Dropping the future loses
    /// nothing: the next call goes on where it stopped.
    pub async fn flush(&mut self) -> io::Result<()> {
        poll_fn(|context| self.writer.poll_write(context, &mut self.stream)).await
    }

    /// How many frames have bytes that are not written.
    pub fn frames_unwritten(&self) -> usize {
        self.writer.frames_unwritten()
    }

    /// Tells the peer that nothing more will come.
    pub async fn shutdown(&mut self) -> io::Result<()> {
        self.stream.shutdown().await
    }
}

impl<R> std::fmt::Debug for FramedReader<R> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("FramedReader")
            .field("bytes_read", &self.reader.bytes_read())
            .finish_non_exhaustive()
    }
}

impl<W> std::fmt::Debug for FramedWriter<W> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("FramedWriter")
            .field("frames_unwritten", &self.writer.frames_unwritten())
            .finish_non_exhaustive()
    }
}
