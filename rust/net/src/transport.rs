//! The seam under which the network can be replaced: TCP in production, a simulated network in the
//! simulator.

use std::error::Error;
use std::future::Future;
use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::endpoint::Endpoint;

/// A network: something to listen on, to resolve names with, and to connect through.
///
/// A simulator implements this over its own listener and stream types and hands it to the broker
/// and the client; no other code of theirs opens a socket.
pub trait Transport: Clone + Send + Sync + 'static {
    /// What accepts connections.
    type Listener: TransportListener<Stream = Self::Stream>;
    /// One connection.
    type Stream: Stream;
    /// Why an address could not be listened on.
    type BindError: Error + Send + Sync + 'static;

    /// Listens on `endpoint`. An empty host means every interface, port 0 means any free port.
    fn bind(
        &self,
        endpoint: &Endpoint,
    ) -> impl Future<Output = Result<Self::Listener, Self::BindError>> + Send;

    /// The addresses of `endpoint`, in the order in which they should be tried.
    fn resolve(
        &self,
        endpoint: &Endpoint,
    ) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send;

    /// Opens one connection. The caller bounds its time.
    fn connect(&self, address: SocketAddr)
    -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

/// A bound listener.
pub trait TransportListener: Send + Sync + 'static {
    /// One accepted connection.
    type Stream: Stream;

    /// Waits for the next connection. Dropping the future loses none.
    fn accept(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send;

    /// The address that is listened on, with the port that the system chose.
    fn local_address(&self) -> io::Result<SocketAddr>;
}

/// A connected byte stream that knows both of its ends.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static {
    /// The half that reads.
    type ReadHalf: AsyncRead + Send + Unpin + 'static;
    /// The half that writes.
    type WriteHalf: AsyncWrite + Send + Unpin + 'static;

    /// Splits into halves that two tasks may own.
    fn into_split(self) -> (Self::ReadHalf, Self::WriteHalf);

    /// The address on this side: on a server, the one that the client reached.
    fn local_address(&self) -> io::Result<SocketAddr>;

    /// The address on the other side.
    fn peer_address(&self) -> io::Result<SocketAddr>;
}
