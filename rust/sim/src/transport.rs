//! The network of a run: turmoil's simulated TCP behind the seam that broker and clients use.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use net::{Endpoint, Stream, Transport, TransportListener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use turmoil::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use turmoil::net::{TcpListener, TcpStream};

/// The simulated network, as the host sees it that is running.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SimTransport;

/// A listener on it.
pub(crate) struct SimListener(TcpListener);

/// A connection through it.
#[derive(Debug)]
pub(crate) struct SimStream(TcpStream);

impl Transport for SimTransport {
    type Listener = SimListener;
    type Stream = SimStream;
    type BindError = io::Error;

    fn bind(&self, endpoint: &Endpoint) -> impl Future<Output = io::Result<SimListener>> + Send {
        let port = endpoint.port;
        async move {
            let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await?;
            Ok(SimListener(listener))
        }
    }

    fn resolve(
        &self,
        endpoint: &Endpoint,
    ) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send {
        let address: IpAddr =
            endpoint.host.parse().unwrap_or_else(|_| turmoil::lookup(endpoint.host.as_str()));
        let resolved = vec![SocketAddr::new(address, endpoint.port)];
        async move { Ok(resolved) }
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<SimStream> {
        Ok(SimStream(TcpStream::connect(address).await?))
    }
}

impl TransportListener for SimListener {
    type Stream = SimStream;

    async fn accept(&self) -> io::Result<SimStream> {
        Ok(SimStream(self.0.accept().await?.0))
    }

    fn local_address(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl Stream for SimStream {
    type ReadHalf = OwnedReadHalf;
    type WriteHalf = OwnedWriteHalf;

    fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        self.0.into_split()
    }

    fn local_address(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    fn peer_address(&self) -> io::Result<SocketAddr> {
        self.0.peer_addr()
    }
}

impl AsyncRead for SimStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for SimStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
