//! Sockets: listener, connections, limits and orderly shutdown. The only crate that opens one.
//!
//! ```text
//!   Transport::bind -> Server::serve -> a task for each connection:
//!                      FrameReader -> Service::call -> slots -> FrameWriter
//!   connect(transport, endpoints) -> into_framed: FramedReader and FramedWriter, for the client
//! ```
//! Everything above [`Transport`] is generic over it, so that a simulated network can take the
//! place of TCP.

pub mod chunk_pool;
pub mod connect;
mod connection;
pub mod endpoint;
pub mod frame_reader;
pub mod frame_writer;
pub mod framed;
pub mod limits;
pub mod memory_budget;
pub mod server;
pub mod service;
mod stall_watch;
pub mod tcp;
pub mod transport;

#[cfg(test)]
mod testing;

pub use connect::{Attempt, ConnectError, ConnectFailure, ConnectTimeouts, connect};
pub use endpoint::{Endpoint, InvalidEndpoint};
pub use frame_reader::ReadFrameError;
pub use framed::{FramedReader, FramedWriter, into_framed};
pub use limits::ServerLimits;
pub use server::{Server, ShutdownReport};
pub use service::{ConnectionContext, ConnectionId, Reply, ResponseSlot, Service};
pub use tcp::{BindError, TcpOptions, TcpTransport};
pub use transport::{Stream, Transport, TransportListener};
