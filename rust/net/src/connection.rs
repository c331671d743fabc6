//! One accepted connection: a single task that reads requests, polls their slots and writes replies
//! in request order.
//!
//! ```text
//!   stream -> FrameReader -> Service::call -> slots (all are polled) -> FrameWriter -> stream
//!             stops while slots and unwritten replies are at their limit, or memory is spent
//! ```
//! Replies that wait to be written are charged to the memory that requests share, beyond a small
//! allowance; one that may be large is begun when there is memory for it.
//! The task sleeps until the socket, a slot, the timer or a shutdown wakes it, and then does all
//! there is to do.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncWriteExt, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tokio_util::sync::WaitForCancellationFutureOwned;

use crate::chunk_pool::ChunkPool;
use crate::frame_reader::{FrameReader, ReadFrameError};
use crate::frame_writer::FrameWriter;
use crate::limits::{
    IDLE_MAX, OVERDRAFT_TIMEOUT, PEER_GONE_DRAIN_TIMEOUT, REPLY_BYTES_FREE, SCRATCH_BYTES,
    STALL_BYTES_MIN, STALL_WINDOW, ServerLimits,
};
use crate::memory_budget::{Charge, MemoryBudget};
use crate::service::{ConnectionContext, Reply, ResponseSlot, Service};
use crate::stall_watch::{StallWatch, Watched};
use crate::transport::Stream;

/// Why a connection ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// The peer closed its side between two frames.
    ByPeer,
    /// The server shuts down, and every accepted request has been answered.
    Shutdown,
    /// No traffic for too long.
    Idle(Duration),
    /// The frame beyond the memory budget did not arrive in time.
    Overdrawn,
    /// It held memory that others waited for, and did not move.
    Stalled,
    /// The peer sent what is no frame.
    BadFrame(ReadFrameError),
    /// The service asked for it.
    ByService(String),
    /// The socket or the source of a reply failed.
    Io(io::Error),
}

impl fmt::Display for Ended {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByPeer => formatter.write_str("the peer closed it"),
            Self::Shutdown => formatter.write_str("the broker is shutting down"),
            Self::Idle(limit) => write!(
                formatter,
                "no traffic for {} ms (connections.max.idle.ms)",
                limit.as_millis()
            ),
            Self::Overdrawn => write!(
                formatter,
                "its request did not arrive within {} s while others waited for memory \
                 (queued.max.request.bytes)",
                OVERDRAFT_TIMEOUT.as_secs()
            ),
            Self::Stalled => write!(
                formatter,
                "it held memory that others waited for (queued.max.request.bytes), and less than \
                 {STALL_BYTES_MIN} bytes of its request came, or of its replies went, in {} s",
                STALL_WINDOW.as_secs()
            ),
            Self::BadFrame(error) => write!(formatter, "{error}"),
            Self::ByService(reason) => formatter.write_str(reason),
            Self::Io(error) => write!(formatter, "{error}"),
        }
    }
}

/// Serves `stream` to its end.
pub(crate) async fn serve<St: Stream, Sv: Service>(
    stream: St,
    context: Arc<ConnectionContext>,
    service: Arc<Sv>,
    limits: Arc<ServerLimits>,
    memory: (Arc<MemoryBudget>, Arc<ChunkPool>),
    shutdown: WaitForCancellationFutureOwned,
) -> Ended {
    let now = Instant::now();
    let idle_max = limits.connections_idle_max.min(IDLE_MAX);
    let mut connection = Connection {
        reader: FrameReader::new(limits.request_bytes_max, Some(Arc::clone(&memory.0))),
        writer: FrameWriter::new(memory.1),
        slots: VecDeque::new(),
        ready_bytes: 0,
        replies: Charge::default(),
        memory: memory.0,
        debt_paid: None,
        is_held_back: false,
        reading: StallWatch::default(),
        writing: StallWatch::default(),
        ending: None,
        drain_deadline: None,
        overdrawn_since: None,
        last_traffic: now,
        timer: Box::pin(sleep_until(now + idle_max)),
        idle_max,
        shutdown: Box::pin(shutdown),
        stream,
        context,
        service,
        limits,
    };
    let ended = poll_fn(|context| connection.poll(context)).await;
    connection.close().await;
    ended
}

struct Connection<St, Sv> {
    stream: St,
    context: Arc<ConnectionContext>,
    service: Arc<Sv>,
    limits: Arc<ServerLimits>,
    reader: FrameReader,
    writer: FrameWriter,
    /// The requests that are not answered yet, in order.
    slots: VecDeque<ResponseSlot>,
    /// What those replies hold that are ready and have others before them.
    ready_bytes: usize,
    /// What all replies hold that are not written, beyond the allowance.
    replies: Charge,
    memory: Arc<MemoryBudget>,
    debt_paid: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// A reply that may be large waits for memory.
    is_held_back: bool,
    reading: StallWatch,
    writing: StallWatch,
    /// Set once no more requests are read: the connection ends when what is in flight has been
    /// answered.
    ending: Option<Ended>,
    /// When an ending connection ends at the latest, answered or not; `None` during a shutdown,
    /// which the server bounds.
    drain_deadline: Option<Instant>,
    overdrawn_since: Option<Instant>,
    last_traffic: Instant,
    idle_max: Duration,
    timer: Pin<Box<Sleep>>,
    shutdown: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl<St: Stream, Sv: Service> Connection<St, Sv> {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Ended> {
        if self.ending.is_none() && self.shutdown.as_mut().poll(context).is_ready() {
            self.ending = Some(Ended::Shutdown);
        }
        let traffic = (self.reader.bytes_read(), self.writer.bytes_written());
        self.poll_slots(context);
        // Each round writes what is answered and reads what there is room for; a round that answers
        // nothing is the last.
        loop {
            self.queue_replies();
            let written = match self.writer.poll_write(context, &mut self.stream) {
                Poll::Ready(Err(error)) => return Poll::Ready(Ended::Io(error)),
                Poll::Ready(Ok(())) => true,
                Poll::Pending => false,
            };
            self.charge_replies();
            if self.is_held_back && self.may_begin_large(context) {
                self.poll_slots(context);
            }
            if let Err(error) = self.read_requests(context) {
                return Poll::Ready(Ended::Io(error));
            }
            if matches!(self.slots.front(), Some(ResponseSlot::Ready(_))) {
                continue;
            }
            if written
                && self.slots.is_empty()
                && let Some(ending) = self.ending.take()
            {
                return Poll::Ready(ending);
            }
            break;
        }
        self.poll_timer(context, traffic)
    }

    fn poll_slots(&mut self, context: &mut Context<'_>) {
        self.is_held_back = false;
        for index in 0..self.slots.len() {
            self.poll_slot(index, context);
        }
    }

    fn poll_slot(&mut self, index: usize, context: &mut Context<'_>) {
        let may_be_large = matches!(self.slots[index], ResponseSlot::PendingLarge(_));
        if may_be_large && !self.may_begin_large(context) {
            self.is_held_back = true;
            return;
        }
        let slot = &mut self.slots[index];
        if matches!(slot, ResponseSlot::Ready(_)) {
            return;
        }
        slot.poll(context);
        self.ready_bytes += slot.memory_bytes();
        self.charge_replies();
    }

    /// Whether a reply may be begun that may be large; if not, whoever pays the debt wakes this
    /// connection.
    fn may_begin_large(&mut self, context: &mut Context<'_>) -> bool {
        if self.replies.is_held() {
            return false;
        }
        if !self.memory.is_in_debt() {
            self.debt_paid = None;
            return true;
        }
        let memory = &self.memory;
        let paid = self.debt_paid.get_or_insert_with(|| Box::pin(Arc::clone(memory).paid()));
        if paid.as_mut().poll(context).is_pending() {
            return false;
        }
        self.debt_paid = None;
        true
    }

    /// Charges what the unwritten replies hold now.
    fn charge_replies(&mut self) {
        let held = self.ready_bytes + self.writer.memory_bytes();
        self.memory.set(&mut self.replies, held.saturating_sub(REPLY_BYTES_FREE));
    }

    /// Moves the replies at the head of the queue to the writer.
    fn queue_replies(&mut self) {
        while let Some(ResponseSlot::Ready(_)) = self.slots.front() {
            let Some(slot) = self.slots.pop_front() else {
                unreachable!("the slot was just seen to be ready");
            };
            self.ready_bytes -= slot.memory_bytes();
            let ResponseSlot::Ready(reply) = slot else {
                unreachable!("the slot was just seen to be ready");
            };
            match reply {
                Reply::Frame(frame) => self.writer.push(frame),
                Reply::None => {}
                Reply::Close { reason } => {
                    self.slots.clear();
                    self.ready_bytes = 0;
                    self.end_soon(Ended::ByService(reason));
                }
            }
        }
    }

    /// Hands requests to the service while there is room for their replies.
    fn read_requests(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        while self.ending.is_none()
            && self.slots.len() + self.writer.frames_unwritten()
                < self.limits.requests_in_flight_max
        {
            match self.reader.poll_frame(context, &mut self.stream) {
                Poll::Pending => break,
                Poll::Ready(Ok(Some(frame))) => {
                    let slot = self.service.call(&self.context, frame);
                    self.ready_bytes += slot.memory_bytes();
                    self.charge_replies();
                    self.slots.push_back(slot);
                    self.poll_slot(self.slots.len() - 1, context);
                }
                Poll::Ready(Ok(None)) => self.end_soon(Ended::ByPeer),
                // A broken connection takes no replies.
                Poll::Ready(Err(ReadFrameError::Io(error))) => return Err(error),
                Poll::Ready(Err(error)) => self.end_soon(Ended::BadFrame(error)),
            }
        }
        Ok(())
    }

    /// Reads no more, and ends when what is in flight has been answered or the drain time-out is
    /// over.
    fn end_soon(&mut self, ended: Ended) {
        self.drain_deadline = Some(Instant::now() + PEER_GONE_DRAIN_TIMEOUT);
        self.ending = Some(ended);
    }

    /// Ends the connection if one of its deadlines is over, or sets the timer to the next.
    fn poll_timer(&mut self, context: &mut Context<'_>, traffic: (u64, u64)) -> Poll<Ended> {
        let now = Instant::now();
        let waits_for_us = !self.slots.is_empty() && self.writer.frames_unwritten() == 0;
        if waits_for_us || traffic != (self.reader.bytes_read(), self.writer.bytes_written()) {
            self.last_traffic = now;
        }
        if self.reader.is_overdrawn() {
            self.overdrawn_since.get_or_insert(now);
        } else {
            self.overdrawn_since = None;
        }
        let mut stall = self.look_for_stalls(now);
        let idle = self.last_traffic + self.idle_max;
        let overdrawn = self.overdrawn_since.map(|since| since + OVERDRAFT_TIMEOUT);
        let next = [self.drain_deadline, overdrawn].into_iter().flatten().fold(idle, Instant::min);
        let next_with = |stall| if let Watched::Until(at) = stall { next.min(at) } else { next };
        if stall == Watched::Stalled {
            return Poll::Ready(Ended::Stalled);
        }
        if self.timer.deadline() > next_with(stall) || self.timer.is_elapsed() {
            self.timer.as_mut().reset(next_with(stall));
        }
        // The timer may stand earlier than `next`, as it is not moved for every request: then it
        // only comes round again.
        while self.timer.as_mut().poll(context).is_ready() {
            let now = Instant::now();
            if self.drain_deadline.is_some_and(|deadline| deadline <= now) {
                return Poll::Ready(self.ending.take().expect("only an ending connection drains"));
            }
            if overdrawn.is_some_and(|deadline| deadline <= now) {
                return Poll::Ready(Ended::Overdrawn);
            }
            if idle <= now {
                return Poll::Ready(Ended::Idle(self.idle_max));
            }
            stall = self.look_for_stalls(now);
            if stall == Watched::Stalled {
                return Poll::Ready(Ended::Stalled);
            }
            self.timer.as_mut().reset(next_with(stall));
        }
        Poll::Pending
    }

    /// Whether what holds memory has stalled, or when to look again.
    fn look_for_stalls(&mut self, now: Instant) -> Watched {
        let is_contended = self.memory.is_contended();
        let reading = self.reading.look(
            now,
            self.reader.holds_memory(),
            self.reader.bytes_read(),
            is_contended,
        );
        let writing = self.writing.look(
            now,
            self.replies.is_held(),
            self.writer.bytes_written(),
            is_contended,
        );
        reading.and(writing)
    }

    /// Says goodbye. Bytes that the peer has sent and nobody will read are taken from the socket,
    /// since closing over them makes the system reset the connection, and the peer lose the replies
    /// that it has not read yet.
    async fn close(mut self) {
        let goodbye = async {
            // A peer that is gone needs no goodbye: there is nobody to tell.
            if self.stream.shutdown().await.is_ok() {
                poll_fn(|context| self.poll_discard(context)).await;
            }
        };
        // A time-out means the same: the peer does not listen.
        let _ = timeout(PEER_GONE_DRAIN_TIMEOUT, goodbye).await;
    }

    /// Takes what has arrived, without waiting for more.
    fn poll_discard(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut discarded = 0;
        while discarded < self.limits.request_bytes_max {
            let mut scratch = [std::mem::MaybeUninit::<u8>::uninit(); SCRATCH_BYTES];
            let mut buffer = ReadBuf::uninit(&mut scratch);
            let read = Pin::new(&mut self.stream).poll_read(context, &mut buffer);
            if !matches!(read, Poll::Ready(Ok(()))) || buffer.filled().is_empty() {
                break;
            }
            discarded += buffer.filled().len();
        }
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests;
