//! Cuts a byte stream into frames, each in one buffer of its exact size whose memory is charged as
//! bytes arrive.
//!
//! ```text
//!   0      4                4 + length
//!   | i32  |  frame ...     |  i32 | frame ...
//! ```

use std::future::Future;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BufMut, Bytes};
use thiserror::Error;
use tokio::io::{AsyncRead, ReadBuf};
use tokio_util::io::poll_read_buf;

use crate::limits::{FRAME_FIRST_STEP_BYTES, FRAME_STEP_FACTOR, SCRATCH_BYTES};
use crate::memory_budget::{Charge, Grant, MemoryBudget};

const PREFIX_BYTES: usize = size_of::<i32>();

/// Why no more frames can be read.
#[derive(Debug, Error)]
pub enum ReadFrameError {
    /// The connection failed.
    #[error("reading failed: {0}")]
    Io(#[from] io::Error),
    /// The length prefix is negative: the peer does not speak this protocol, or is out of step.
    #[error("frame length {length} is negative; is the peer speaking another protocol?")]
    NegativeLength {
        /// What the peer sent.
        length: i32,
    },
    /// The length prefix is over the limit.
    #[error(
        "frame length {length} is over the limit of {bytes_max} bytes (socket.request.max.bytes); \
         is the peer speaking another protocol, such as TLS or HTTP?"
    )]
    TooLarge {
        /// What the peer sent.
        length: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// The peer closed its side inside a frame.
    #[error("the peer closed the connection after {received} bytes of a frame")]
    Cut {
        /// How many bytes had arrived, the length prefix included.
        received: usize,
    },
}

/// The state of reading one stream.
pub(crate) struct FrameReader {
    bytes_max: usize,
    budget: Option<Arc<MemoryBudget>>,
    /// Bytes that were read but belong to frames that nobody has asked for yet.
    staged: Bytes,
    prefix: [u8; PREFIX_BYTES],
    prefix_filled: usize,
    frame: Option<PartialFrame>,
    bytes_read: u64,
}

struct PartialFrame {
    size: usize,
    bytes: Vec<u8>,
    /// How many of `size` bytes memory was granted for.
    granted: usize,
    charge: Charge,
    waiting: Option<Pin<Box<dyn Future<Output = Grant> + Send>>>,
}

/// A whole frame that gives its memory back to the budget when the last slice of it is dropped.
struct ChargedFrame {
    bytes: Vec<u8>,
    _charge: Charge,
}

impl AsRef<[u8]> for ChargedFrame {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl FrameReader {
    /// A reader of frames of at most `bytes_max`, charged to `budget` if there is one.
    pub(crate) fn new(bytes_max: usize, budget: Option<Arc<MemoryBudget>>) -> Self {
        Self {
            bytes_max,
            budget,
            staged: Bytes::new(),
            prefix: [0; PREFIX_BYTES],
            prefix_filled: 0,
            frame: None,
            bytes_read: 0,
        }
    }

    /// The next frame without its length prefix; `None` when the peer has closed its side between
    /// two frames.
    ///
    /// Nothing is lost when the caller stops polling: what has arrived is kept here.
    pub(crate) fn poll_frame<R: AsyncRead + Unpin>(
        &mut self,
        context: &mut Context<'_>,
        stream: &mut R,
    ) -> Poll<Result<Option<Bytes>, ReadFrameError>> {
        loop {
            let mut staged = std::mem::take(&mut self.staged);
            let fed = self.feed(context, &mut staged);
            if !staged.is_empty() {
                self.staged = staged;
            }
            if let Some(frame) = ready!(fed)? {
                return Poll::Ready(Ok(Some(frame)));
            }
            let mut scratch = [MaybeUninit::uninit(); SCRATCH_BYTES];
            let mut scratch = ReadBuf::uninit(&mut scratch);
            if ready!(self.poll_read(context, stream, &mut scratch))? == 0 {
                return Poll::Ready(self.end());
            }
            let mut arrived = scratch.filled();
            let fed = self.feed(context, &mut arrived);
            self.staged = Bytes::copy_from_slice(arrived);
            if let Some(frame) = ready!(fed)? {
                return Poll::Ready(Ok(Some(frame)));
            }
        }
    }

    /// How many bytes have come from the stream: whoever watches for idleness compares two
    /// readings.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// Whether this reader's frame is the one that may go beyond the memory budget.
    pub(crate) fn is_overdrawn(&self) -> bool {
        self.frame.as_ref().is_some_and(|frame| frame.charge.is_overdrawn())
    }

    /// Whether a frame that is half read holds memory.
    pub(crate) fn holds_memory(&self) -> bool {
        self.frame.as_ref().is_some_and(|frame| frame.charge.is_held())
    }

    /// Reads once: into the frame in progress, or else into `scratch`.
    fn poll_read<R: AsyncRead + Unpin>(
        &mut self,
        context: &mut Context<'_>,
        stream: &mut R,
        scratch: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<usize>> {
        let read = if let Some(frame) = &mut self.frame {
            let room = frame.granted - frame.bytes.len();
            let mut target = (&mut frame.bytes).limit(room);
            ready!(poll_read_buf(Pin::new(stream), context, &mut target))?
        } else {
            ready!(Pin::new(stream).poll_read(context, scratch))?;
            scratch.filled().len()
        };
        self.bytes_read += read as u64;
        Poll::Ready(Ok(read))
    }

    /// Moves bytes from `input` into the frame in progress. Ready with a whole frame, or with
    /// `None` when more bytes are needed; pending while the frame waits for memory.
    fn feed(
        &mut self,
        context: &mut Context<'_>,
        input: &mut impl Buf,
    ) -> Poll<Result<Option<Bytes>, ReadFrameError>> {
        if self.frame.is_none() {
            match self.feed_prefix(input) {
                Ok(Some(size)) => self.frame = Some(PartialFrame::new(size)),
                Ok(None) => return Poll::Ready(Ok(None)),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        while let Some(frame) = &mut self.frame {
            ready!(frame.poll_room(context, self.budget.as_ref()));
            let taken = input.remaining().min(frame.granted - frame.bytes.len());
            frame.bytes.put((&mut *input).take(taken));
            if frame.bytes.len() < frame.granted {
                return Poll::Ready(Ok(None));
            }
            if frame.granted == frame.size {
                break;
            }
        }
        Poll::Ready(Ok(self.frame.take().map(PartialFrame::finish)))
    }

    fn feed_prefix(&mut self, input: &mut impl Buf) -> Result<Option<usize>, ReadFrameError> {
        let taken = input.remaining().min(PREFIX_BYTES - self.prefix_filled);
        input.copy_to_slice(&mut self.prefix[self.prefix_filled..][..taken]);
        self.prefix_filled += taken;
        if self.prefix_filled < PREFIX_BYTES {
            return Ok(None);
        }
        self.prefix_filled = 0;
        let length = i32::from_be_bytes(self.prefix);
        let size =
            usize::try_from(length).map_err(|_| ReadFrameError::NegativeLength { length })?;
        if size > self.bytes_max {
            return Err(ReadFrameError::TooLarge { length: size, bytes_max: self.bytes_max });
        }
        Ok(Some(size))
    }

    /// What the end of the stream means here.
    fn end(&self) -> Result<Option<Bytes>, ReadFrameError> {
        match &self.frame {
            Some(frame) => Err(ReadFrameError::Cut { received: PREFIX_BYTES + frame.bytes.len() }),
            None if self.prefix_filled > 0 => {
                Err(ReadFrameError::Cut { received: self.prefix_filled })
            }
            None => Ok(None),
        }
    }
}

impl PartialFrame {
    fn new(size: usize) -> Self {
        Self { size, bytes: Vec::new(), granted: 0, charge: Charge::default(), waiting: None }
    }

    /// Makes room for more bytes when all that was granted is filled, waiting for the budget if
    /// need be.
    fn poll_room(
        &mut self,
        context: &mut Context<'_>,
        budget: Option<&Arc<MemoryBudget>>,
    ) -> Poll<()> {
        if self.bytes.len() < self.granted || self.granted == self.size {
            return Poll::Ready(());
        }
        let grown = self.granted.saturating_mul(FRAME_STEP_FACTOR).max(FRAME_FIRST_STEP_BYTES);
        let grown = grown.min(self.size);
        let step = u32::try_from(grown - self.granted).expect("a frame is shorter than 2^31");
        if let Some(budget) = budget {
            ready!(self.poll_charge(context, budget, step));
        }
        self.bytes.reserve_exact(grown - self.granted);
        self.granted = grown;
        Poll::Ready(())
    }

    fn poll_charge(
        &mut self,
        context: &mut Context<'_>,
        budget: &Arc<MemoryBudget>,
        step: u32,
    ) -> Poll<()> {
        if self.waiting.is_none() && budget.try_grow(&mut self.charge, step) {
            return Poll::Ready(());
        }
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(Arc::clone(budget).grant(step)));
        let grant = ready!(waiting.as_mut().poll(context));
        self.waiting = None;
        self.charge.add(budget, grant);
        Poll::Ready(())
    }

    fn finish(self) -> Bytes {
        debug_assert_eq!(self.bytes.len(), self.size);
        if self.bytes.is_empty() {
            return Bytes::new();
        }
        Bytes::from_owner(ChargedFrame { bytes: self.bytes, _charge: self.charge })
    }
}

#[cfg(test)]
mod tests;
