//! The seam between the machines and whatever carries their bytes: a socket, a simulated network, a
//! test.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use wire::Frame;

use crate::config::Address;

/// One connection, or one attempt at it; never used again for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a machine asks the transport to do, in order.
#[derive(Debug)]
pub enum Transmit {
    /// Open a connection; answered by [`TransportEvent::Connected`] or [`TransportEvent::Closed`].
    Connect {
        /// Its name from now on.
        connection: ConnectionId,
        /// Where to.
        address: Address,
        /// After how long to give up, saying why.
        timeout: Duration,
    },
    /// Write a frame.
    Send {
        /// On which connection.
        connection: ConnectionId,
        /// The frame, length prefix included.
        frame: Frame,
    },
    /// Close a connection, whatever it is doing; nothing is heard of it any more.
    Close {
        /// Which one.
        connection: ConnectionId,
    },
}

/// What the transport tells a machine.
#[derive(Clone, Debug)]
pub enum TransportEvent {
    /// The connection stands.
    Connected {
        /// Which one.
        connection: ConnectionId,
    },
    /// A frame has come.
    Received {
        /// On which connection.
        connection: ConnectionId,
        /// The frame, without its length prefix.
        frame: Bytes,
    },
    /// The connection has ended, or never began.
    Closed {
        /// Which one.
        connection: ConnectionId,
        /// Why, naming every address that was tried.
        reason: String,
    },
}
