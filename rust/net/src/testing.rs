//! Doubles for this crate's tests: streams in memory, sources that are slow or broken, a service
//! that is told what to answer.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use base::codec::{Frame, Part};
use base::{ByteSource, Wait};
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::io::{
    AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, ReadHalf, WriteHalf,
};
use tokio::sync::oneshot;

use crate::service::{ConnectionContext, Reply, ResponseSlot, Service};
use crate::transport::{Stream, TransportListener};

/// One end of a pipe, with the addresses of a socket.
pub(crate) struct MemoryStream(pub(crate) DuplexStream);

/// A server's end and a client's, with `capacity` bytes between them each way.
pub(crate) fn pipe(capacity: usize) -> (MemoryStream, DuplexStream) {
    let (server, client) = tokio::io::duplex(capacity);
    (MemoryStream(server), client)
}

impl AsyncRead for MemoryStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for MemoryStream {
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

impl Stream for MemoryStream {
    type ReadHalf = ReadHalf<DuplexStream>;
    type WriteHalf = WriteHalf<DuplexStream>;

    fn into_split(self) -> (Self::ReadHalf, Self::WriteHalf) {
        tokio::io::split(self.0)
    }

    fn local_address(&self) -> io::Result<SocketAddr> {
        Ok(SocketAddr::from(([127, 0, 0, 1], 9092)))
    }

    fn peer_address(&self) -> io::Result<SocketAddr> {
        Ok(SocketAddr::from(([127, 0, 0, 1], 50_000)))
    }
}

/// `body` with its length in front.
pub(crate) fn framed(body: &[u8]) -> Vec<u8> {
    let length = i32::try_from(body.len()).unwrap();
    [&length.to_be_bytes(), body].concat()
}

/// A frame of one part, with its length in front.
pub(crate) fn frame_of(body: &[u8]) -> Frame {
    Frame::new([Part::Bytes(Bytes::from(framed(body)))])
}

pub(crate) async fn send<W: AsyncWrite + Unpin>(stream: &mut W, body: &[u8]) {
    stream.write_all(&framed(body)).await.unwrap();
}

/// The next frame's body; `None` at the end of the stream.
pub(crate) async fn receive<R: AsyncRead + Unpin>(stream: &mut R) -> Option<Vec<u8>> {
    let length = match stream.read_i32().await {
        Ok(length) => length,
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return None,
        Err(error) => panic!("{error}"),
    };
    let mut body = vec![0; usize::try_from(length).unwrap()];
    stream.read_exact(&mut body).await.unwrap();
    Some(body)
}

/// A source that can be read without waiting only from `cached` on, gives at most `step` bytes at a
/// time, and may fail.
#[derive(Debug)]
pub(crate) struct TestSource {
    pub(crate) bytes: Vec<u8>,
    pub(crate) uncached_until: usize,
    pub(crate) step: usize,
    pub(crate) fails_at: usize,
    pub(crate) waited: AtomicUsize,
}

impl TestSource {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        let (step, fails_at) = (usize::MAX, usize::MAX);
        Self { bytes, uncached_until: 0, step, fails_at, waited: AtomicUsize::new(0) }
    }
}

impl ByteSource for TestSource {
    fn len(&self) -> usize {
        self.bytes.len()
    }

    fn read_at(&self, position: usize, buffer: &mut [u8], wait: Wait) -> io::Result<usize> {
        if wait == Wait::Never && position < self.uncached_until {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        if position >= self.fails_at {
            return Err(io::Error::other("the disk is gone"));
        }
        if wait == Wait::Allowed {
            self.waited.fetch_add(1, Ordering::Relaxed);
        }
        let rest = &self.bytes[position..];
        let take = rest.len().min(buffer.len()).min(self.step).min(self.fails_at - position);
        buffer[..take].copy_from_slice(&rest[..take]);
        Ok(take)
    }
}

/// Answers each request with itself, unless its text says otherwise: `hold` waits for
/// [`EchoService::release`], `quiet` is not answered, `close` closes the connection, `large` and a
/// number is answered with so many bytes.
#[derive(Debug, Default)]
pub(crate) struct EchoService {
    pub(crate) seen: Mutex<Vec<Bytes>>,
    held: Mutex<VecDeque<oneshot::Sender<()>>>,
    /// How many large replies were made.
    pub(crate) large_begun: Arc<AtomicUsize>,
}

impl EchoService {
    /// Lets the held request number `index` be answered.
    pub(crate) fn release(&self, index: usize) {
        let held = self.held.lock().remove(index).expect("a request is held");
        held.send(()).expect("its connection waits");
    }

    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().iter().map(|body| String::from_utf8_lossy(body).into_owned()).collect()
    }
}

impl Service for EchoService {
    fn call(&self, _: &Arc<ConnectionContext>, request: Bytes) -> ResponseSlot {
        self.seen.lock().push(Bytes::copy_from_slice(&request));
        match &request[..] {
            b"quiet" => ResponseSlot::Ready(Reply::None),
            b"close" => ResponseSlot::Ready(Reply::Close { reason: "it asked for it".to_owned() }),
            body if body.starts_with(b"hold") => {
                let (release, released) = oneshot::channel();
                self.held.lock().push_back(release);
                ResponseSlot::pending(async move {
                    released.await.expect("the service lives on");
                    Reply::Frame(frame_of(&request))
                })
            }
            body if body.starts_with(b"large ") => {
                let bytes = std::str::from_utf8(&body[6..]).unwrap().parse().unwrap();
                let begun = Arc::clone(&self.large_begun);
                ResponseSlot::pending_large(async move {
                    begun.fetch_add(1, Ordering::SeqCst);
                    Reply::Frame(frame_of(&vec![0; bytes]))
                })
            }
            body => ResponseSlot::Ready(Reply::Frame(frame_of(body))),
        }
    }
}

/// A listener that hands out what the test gives it; at the end it waits for ever.
pub(crate) struct MemoryListener {
    accepted: Mutex<VecDeque<io::Result<MemoryStream>>>,
}

impl MemoryListener {
    pub(crate) fn new(accepted: impl IntoIterator<Item = io::Result<MemoryStream>>) -> Self {
        Self { accepted: Mutex::new(accepted.into_iter().collect()) }
    }
}

impl TransportListener for MemoryListener {
    type Stream = MemoryStream;

    async fn accept(&self) -> io::Result<MemoryStream> {
        let next = self.accepted.lock().pop_front();
        match next {
            Some(accepted) => accepted,
            None => std::future::pending().await,
        }
    }

    fn local_address(&self) -> io::Result<SocketAddr> {
        Ok(SocketAddr::from(([127, 0, 0, 1], 9092)))
    }
}
