//! What the owner of a listener provides: one call for each request frame, which answers now,
//! later, or never.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use base::codec::Frame;
use bytes::Bytes;

/// Answers request frames.
pub trait Service: Send + Sync + 'static {
    /// Takes one request, without its length prefix.
    ///
    /// Calls of one connection come in the order of arrival, each after the one before has
    /// returned, so whatever is done before returning happens in that order; it must not block. A
    /// [`ResponseSlot::Pending`] may complete out of order: the connection polls every slot and
    /// writes the replies in order. It is dropped unfinished when the peer goes away. The frame's
    /// memory counts against the broker's budget until the last slice of it is dropped.
    fn call(&self, connection: &Arc<ConnectionContext>, request: Bytes) -> ResponseSlot;
}

/// The place that one request holds in its connection's order of replies.
pub enum ResponseSlot {
    /// The reply is known.
    Ready(Reply),
    /// The reply will be known when this future says so.
    Pending(Pin<Box<dyn Future<Output = Reply> + Send>>),
    /// As `Pending`, but the reply may be much larger than its request. The future is polled only
    /// while the connection has no large reply unread, and all connections together hold no more
    /// memory than they may.
    PendingLarge(Pin<Box<dyn Future<Output = Reply> + Send>>),
}

impl ResponseSlot {
    /// A slot that `future` fills.
    pub fn pending(future: impl Future<Output = Reply> + Send + 'static) -> Self {
        Self::Pending(Box::pin(future))
    }

    /// A slot that `future` fills with what may be much larger than its request.
    pub fn pending_large(future: impl Future<Output = Reply> + Send + 'static) -> Self {
        Self::PendingLarge(Box::pin(future))
    }

    /// Polls a pending slot; a ready one stays as it is.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) {
        if let Self::Pending(future) | Self::PendingLarge(future) = self
            && let Poll::Ready(reply) = future.as_mut().poll(context)
        {
            *self = Self::Ready(reply);
        }
    }

    /// How much memory its reply holds.
    pub(crate) fn memory_bytes(&self) -> usize {
        match self {
            Self::Ready(Reply::Frame(frame)) => frame.memory_len(),
            _ => 0,
        }
    }
}

impl fmt::Debug for ResponseSlot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready(reply) => formatter.debug_tuple("Ready").field(reply).finish(),
            Self::Pending(_) => formatter.write_str("Pending"),
            Self::PendingLarge(_) => formatter.write_str("PendingLarge"),
        }
    }
}

/// What a request is answered with.
#[derive(Debug)]
pub enum Reply {
    /// This frame, length prefix included.
    Frame(Frame),
    /// Nothing, as a produce request with acks=0 asks for.
    None,
    /// The end of the connection, after the replies to all earlier requests; `reason` goes into the
    /// log.
    Close {
        /// What was wrong, in words for the operator.
        reason: String,
    },
}

/// A connection's number, unique within one [`crate::Server`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

impl fmt::Display for ConnectionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

/// Where a request came from.
#[derive(Clone, Debug)]
pub struct ConnectionContext {
    /// The connection's number.
    pub id: ConnectionId,
    /// The client's address.
    pub peer: SocketAddr,
    /// The address of ours that the client reached; Metadata answers with it when nothing else is
    /// advertised.
    pub local: SocketAddr,
    /// The name of the listener, for instance `PLAINTEXT`.
    pub listener: Arc<str>,
}
