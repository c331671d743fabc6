//! TCP, the transport of production.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};
use thiserror::Error;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream, lookup_host};

use crate::endpoint::Endpoint;
use crate::transport::{Stream, Transport, TransportListener};

/// What is set on sockets.
#[derive(Clone, Copy, Debug)]
pub struct TcpOptions {
    /// `socket.listen.backlog.size`.
    pub backlog: u32,
    /// `socket.send.buffer.bytes`; `None` leaves it to the system, which adapts it.
    pub send_buffer_bytes: Option<u32>,
    /// `socket.receive.buffer.bytes`; `None` leaves it to the system, which adapts it.
    pub receive_buffer_bytes: Option<u32>,
}

impl Default for TcpOptions {
    fn default() -> Self {
        Self { backlog: 50, send_buffer_bytes: None, receive_buffer_bytes: None }
    }
}

/// TCP over IPv4 and IPv6.
#[derive(Clone, Copy, Debug, Default)]
pub struct TcpTransport {
    /// What is set on sockets.
    pub options: TcpOptions,
}

/// An endpoint could not be listened on.
#[derive(Debug, Error)]
pub enum BindError {
    /// The host name could not be resolved.
    #[error("cannot listen on {endpoint}: the name could not be resolved: {error}")]
    Resolve {
        /// What was asked for.
        endpoint: Endpoint,
        /// The resolver's answer.
        error: io::Error,
    },
    /// Another process listens there.
    #[error(
        "cannot listen on {endpoint}: another process already does; stop it or choose another port"
    )]
    InUse {
        /// What was asked for.
        endpoint: Endpoint,
    },
    /// Anything else, in the system's words.
    #[error("cannot listen on {endpoint}: {error}")]
    Io {
        /// What was asked for.
        endpoint: Endpoint,
        /// The system's answer.
        error: io::Error,
    },
}

impl Transport for TcpTransport {
    type Listener = TcpTransportListener;
    type Stream = TcpStream;
    type BindError = BindError;

    async fn bind(&self, endpoint: &Endpoint) -> Result<Self::Listener, BindError> {
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::AddrInUse => BindError::InUse { endpoint: endpoint.clone() },
            _ => BindError::Io { endpoint: endpoint.clone(), error },
        };
        let addresses = self
            .bind_addresses(endpoint)
            .await
            .map_err(|error| BindError::Resolve { endpoint: endpoint.clone(), error })?;
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in addresses {
            match self.listen(address) {
                Ok(listener) => return Ok(TcpTransportListener { listener }),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                    return Err(failed(error));
                }
                Err(error) => last = error,
            }
        }
        Err(failed(last))
    }

    async fn resolve(&self, endpoint: &Endpoint) -> io::Result<Vec<SocketAddr>> {
        if let Ok(address) = endpoint.host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, endpoint.port)]);
        }
        Ok(lookup_host((endpoint.host.as_str(), endpoint.port)).await?.collect())
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        if let Some(bytes) = self.options.send_buffer_bytes {
            socket.set_send_buffer_size(bytes)?;
        }
        if let Some(bytes) = self.options.receive_buffer_bytes {
            socket.set_recv_buffer_size(bytes)?;
        }
        let stream = socket.connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

impl TcpTransport {
    /// Where to listen for `endpoint`: every interface for an empty host, IPv4 before IPv6 for a
    /// name, as Kafka does.
    async fn bind_addresses(&self, endpoint: &Endpoint) -> io::Result<Vec<SocketAddr>> {
        if endpoint.host.is_empty() {
            let every = [IpAddr::V6(Ipv6Addr::UNSPECIFIED), IpAddr::V4(Ipv4Addr::UNSPECIFIED)];
            return Ok(every.map(|address| SocketAddr::new(address, endpoint.port)).to_vec());
        }
        let mut addresses = self.resolve(endpoint).await?;
        addresses.sort_by_key(SocketAddr::is_ipv6);
        Ok(addresses)
    }

    /// Opens the socket, which the system closes in a child process that executes another program.
    fn listen(&self, address: SocketAddr) -> io::Result<TcpListener> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        if address.is_ipv6() {
            // `::` takes IPv4 as well, whatever the system's default is.
            socket.set_only_v6(false)?;
        }
        // A restarted broker must not wait for the connections of the one before it to time out.
        socket.set_reuse_address(true)?;
        if let Some(bytes) = self.options.send_buffer_bytes {
            socket.set_send_buffer_size(bytes as usize)?;
        }
        if let Some(bytes) = self.options.receive_buffer_bytes {
            socket.set_recv_buffer_size(bytes as usize)?;
        }
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(i32::try_from(self.options.backlog).unwrap_or(i32::MAX))?;
        TcpListener::from_std(socket.into())
    }
}

/// A bound TCP socket.
#[derive(Debug)]
pub struct TcpTransportListener {
    listener: TcpListener,
}

impl TransportListener for TcpTransportListener {
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<TcpStream> {
        let (stream, _) = self.listener.accept().await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    fn local_address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Stream for TcpStream {
    type ReadHalf = OwnedReadHalf;
    type WriteHalf = OwnedWriteHalf;

    fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        Self::into_split(self)
    }

    fn local_address(&self) -> io::Result<SocketAddr> {
        // A client that reached an IPv4 address through a dual-stack socket must be told that IPv4
        // address.
        Ok(unmapped(self.local_addr()?))
    }

    fn peer_address(&self) -> io::Result<SocketAddr> {
        Ok(unmapped(self.peer_addr()?))
    }
}

/// `::ffff:10.0.0.1` as `10.0.0.1`.
fn unmapped(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use socket2::SockRef;
    use tokio::time::timeout;

    use super::*;

    const ATTEMPTS: u32 = 8;
    /// The loopback connects at once or, beyond the backlog, after the first repeated SYN (1 s).
    const AT_ONCE: Duration = Duration::from_millis(300);

    async fn listener(options: TcpOptions) -> TcpTransportListener {
        let endpoint = Endpoint { host: "127.0.0.1".to_owned(), port: 0 };
        TcpTransport { options }.bind(&endpoint).await.unwrap()
    }

    #[tokio::test]
    async fn connections_that_nobody_accepts_wait_in_a_backlog_of_the_length_that_was_asked_for() {
        // Linux holds one more than it was asked for.
        for (backlog, connected) in [(1, 2), (3, 4), (50, ATTEMPTS)] {
            let listener = listener(TcpOptions { backlog, ..TcpOptions::default() }).await;
            let address = listener.local_address().unwrap();
            let attempts = (0..ATTEMPTS).map(|_| timeout(AT_ONCE, TcpStream::connect(address)));
            let mut streams = Vec::new();
            for attempt in attempts {
                streams.extend(attempt.await.ok().map(Result::unwrap));
            }
            assert_eq!(streams.len() as u32, connected, "backlog {backlog}");
        }
    }

    #[tokio::test]
    async fn the_sockets_of_both_sides_have_the_buffers_that_were_asked_for() {
        let options = TcpOptions {
            send_buffer_bytes: Some(20_000),
            receive_buffer_bytes: Some(30_000),
            ..TcpOptions::default()
        };
        let listener = listener(options).await;
        let address = listener.local_address().unwrap();
        let client = TcpTransport { options }.connect(address).await.unwrap();
        let server = listener.accept().await.unwrap();
        for stream in [&client, &server] {
            let socket = SockRef::from(stream);
            // Linux doubles what it is told, for its own bookkeeping (socket(7)).
            let sizes = (socket.send_buffer_size().unwrap(), socket.recv_buffer_size().unwrap());
            assert!(sizes == (40_000, 60_000) || sizes == (20_000, 30_000), "{sizes:?}");
        }
    }
}
