//! A network in memory, and time that passes only while everybody waits.

use std::collections::BTreeMap;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use base::{Clock, Instant};
use net::{Endpoint, Stream, Transport, TransportListener};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, ReadHalf, WriteHalf};

use crate::fake_broker::FakeBroker;

/// The bytes that are under way each way at most.
const PIPE_BYTES: usize = 1 << 16;

/// What is at an address.
#[derive(Clone, Debug)]
pub(crate) enum Host {
    /// A broker that answers.
    Broker(FakeBroker),
    /// Nobody knows the name.
    Unresolvable,
    /// Nobody listens.
    Refusing,
    /// What is sent there is never heard of again: neither is a connection.
    BlackHole,
    /// Somebody who accepts connections, and says nothing.
    Silent,
}

/// Hosts by name.
#[derive(Clone, Debug)]
pub(crate) struct MemoryNetwork(Arc<BTreeMap<String, Host>>);

impl MemoryNetwork {
    pub(crate) fn new(hosts: impl IntoIterator<Item = (&'static str, Host)>) -> Self {
        Self(Arc::new(hosts.into_iter().map(|(name, host)| (name.to_owned(), host)).collect()))
    }
}

/// An address whose last part is the host's number in the order of names.
fn address(index: usize, port: u16) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, u8::try_from(index).unwrap()], port))
}

impl Transport for MemoryNetwork {
    type Listener = NoListener;
    type Stream = MemoryStream;
    type BindError = io::Error;

    async fn bind(&self, _: &Endpoint) -> Result<NoListener, io::Error> {
        Err(io::ErrorKind::Unsupported.into())
    }

    async fn resolve(&self, endpoint: &Endpoint) -> io::Result<Vec<SocketAddr>> {
        let index = self.0.keys().position(|name| *name == endpoint.host).unwrap();
        match self.0[&endpoint.host] {
            Host::Unresolvable => Err(io::Error::other("name or service not known")),
            _ => Ok(vec![address(index, endpoint.port)]),
        }
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<MemoryStream> {
        let SocketAddr::V4(v4) = address else { panic!("no host has an address of version 6") };
        let host = self.0.values().nth(usize::from(v4.ip().octets()[3])).unwrap().clone();
        let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
        match host {
            Host::Unresolvable => panic!("who has no address is not connected to"),
            Host::Refusing => return Err(io::ErrorKind::ConnectionRefused.into()),
            Host::BlackHole => pending().await,
            Host::Broker(broker) => drop(tokio::spawn(broker.serve(theirs))),
            Host::Silent => drop(tokio::spawn(async move {
                let _open = theirs;
                pending::<()>().await;
            })),
        }
        Ok(MemoryStream { pipe: ours, peer: address })
    }
}

/// One end of a connection.
pub(crate) struct MemoryStream {
    pipe: DuplexStream,
    peer: SocketAddr,
}

impl AsyncRead for MemoryStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_read(context, buffer)
    }
}

impl AsyncWrite for MemoryStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.pipe).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_shutdown(context)
    }
}

impl Stream for MemoryStream {
    type ReadHalf = ReadHalf<DuplexStream>;
    type WriteHalf = WriteHalf<DuplexStream>;

    fn into_split(self) -> (Self::ReadHalf, Self::WriteHalf) {
        tokio::io::split(self.pipe)
    }

    fn local_address(&self) -> io::Result<SocketAddr> {
        Ok(SocketAddr::from(([10, 0, 1, 1], 50_000)))
    }

    fn peer_address(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}

/// Clients do not listen.
pub(crate) enum NoListener {}

impl TransportListener for NoListener {
    type Stream = MemoryStream;

    async fn accept(&self) -> io::Result<MemoryStream> {
        match *self {}
    }

    fn local_address(&self) -> io::Result<SocketAddr> {
        match *self {}
    }
}

/// The runtime's paused time.
#[derive(Debug)]
pub(crate) struct VirtualClock(tokio::time::Instant);

impl VirtualClock {
    /// A clock that begins now.
    pub(crate) fn start() -> Self {
        Self(tokio::time::Instant::now())
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Instant {
        Instant(u64::try_from(self.0.elapsed().as_nanos()).unwrap())
    }

    fn unix_ms(&self) -> i64 {
        1_700_000_000_000 + i64::try_from(self.0.elapsed().as_millis()).unwrap()
    }
}
