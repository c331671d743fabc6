//! A connection that sends requests as they are and decodes the answers, nothing more: no retries,
//! no metadata, no versions negotiated.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use wire::{Request, correlation_id, decode_response, encode_request};

/// Longer than any answer takes on a busy machine; who waits for so long has failed.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// One connection.
pub(crate) struct TestClient {
    stream: TcpStream,
    client_id: &'static str,
    next_correlation_id: i32,
}

impl TestClient {
    /// Connects to a broker.
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::connect_as(address, "test").await
    }

    /// Connects to a broker under a name.
    pub(crate) async fn connect_as(address: SocketAddr, client_id: &'static str) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        Self { stream, client_id, next_correlation_id: 7 }
    }

    /// Sends a request in the latest version and waits for the answer.
    pub(crate) async fn call<R: Request>(&mut self, request: &R) -> R::Response {
        self.call_in(R::API.served().max, request).await
    }

    /// Sends a request in `version` and waits for the answer.
    pub(crate) async fn call_in<R: Request>(&mut self, version: i16, request: &R) -> R::Response {
        let sent = self.send(version, request).await;
        let (answered, response) = self.receive::<R>(version).await;
        assert_eq!(answered, sent, "the answer to another request");
        response
    }

    /// Sends a request and gives its correlation id.
    pub(crate) async fn send<R: Request>(&mut self, version: i16, request: &R) -> i32 {
        let id = self.next_correlation_id;
        self.next_correlation_id += 1;
        let frame = encode_request(Some(self.client_id), id, version, request).unwrap();
        self.send_bytes(&frame.collect().unwrap()).await;
        id
    }

    /// Receives the next answer, which must be one to a request of type `R`.
    pub(crate) async fn receive<R: Request>(&mut self, version: i16) -> (i32, R::Response) {
        let frame = self.read_frame().await.expect("the broker has closed the connection");
        let (header, response) = decode_response::<R>(frame, version).unwrap();
        (header.correlation_id, response)
    }

    /// Sends bytes as they are.
    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// The next answer's correlation id.
    pub(crate) async fn next_answered(&mut self) -> i32 {
        correlation_id(&self.read_frame().await.expect("an answer")).unwrap()
    }

    /// The next frame without its length; none when the broker has closed the connection.
    pub(crate) async fn read_frame(&mut self) -> Option<Bytes> {
        let read = async {
            let length = self.stream.read_i32().await.ok()?;
            let mut frame = vec![0; usize::try_from(length).unwrap()];
            self.stream.read_exact(&mut frame).await.ok()?;
            Some(Bytes::from(frame))
        };
        timeout(ANSWER_TIMEOUT, read).await.expect("the broker neither answers nor closes")
    }

    /// Waits for the broker to close the connection; it must not answer.
    pub(crate) async fn expect_closed(&mut self) {
        assert_eq!(self.read_frame().await, None, "an answer instead of an end");
    }
}
