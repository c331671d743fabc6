//! Servers over the machine's own network, and over listeners in memory where the network must
//! fail.

use std::net::SocketAddr;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::connect::{ConnectTimeouts, connect};
use crate::endpoint::Endpoint;
use crate::framed::into_framed;
use crate::limits::STALL_WINDOW;
use crate::service::{Reply, ResponseSlot};
use crate::tcp::{BindError, TcpTransport};
use crate::testing::{EchoService, MemoryListener, frame_of, framed, pipe, receive, send};
use crate::transport::Transport;

const GRACE: Duration = Duration::from_secs(10);

async fn listen(endpoint: &str) -> (<TcpTransport as Transport>::Listener, SocketAddr) {
    let listener = TcpTransport::default().bind(&endpoint.parse().unwrap()).await.unwrap();
    let address = listener.local_address().unwrap();
    (listener, address)
}

/// A server on a free port of this machine.
async fn start(limits: ServerLimits) -> (Arc<Server>, Arc<EchoService>, SocketAddr) {
    let (listener, address) = listen("127.0.0.1:0").await;
    let (server, service) = (Server::new(limits), Arc::new(EchoService::default()));
    server.serve("PLAINTEXT", listener, Arc::clone(&service));
    (server, service, address)
}

async fn call(stream: &mut TcpStream, body: &[u8]) -> Option<Vec<u8>> {
    send(stream, body).await;
    receive(stream).await
}

/// Waits until `condition` holds; the test run's own limit ends a wait for what never comes.
async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn requests_are_answered_over_tcp_by_the_clients_own_halves() {
    let (server, _, address) = start(ServerLimits::default()).await;
    let endpoint = Endpoint::new("localhost", address.port());
    let transport = TcpTransport::default();
    let stream = connect(&transport, &[endpoint], ConnectTimeouts::default()).await.unwrap();
    let (mut reader, mut writer) = into_framed(stream, 1 << 20);
    let bodies: Vec<Vec<u8>> = (0..50).map(|index| vec![index as u8; index * 997]).collect();
    for body in &bodies {
        writer.push(frame_of(body));
    }
    writer.flush().await.unwrap();
    assert_eq!(writer.frames_unwritten(), 0);
    for body in &bodies {
        assert_eq!(reader.next().await.unwrap().unwrap(), body);
    }
    writer.shutdown().await.unwrap();
    assert_eq!(reader.next().await.unwrap(), None);
    assert_eq!(server.shutdown(GRACE).await, ShutdownReport { connections_cut: 0 });
}

#[tokio::test]
async fn a_response_over_the_clients_limit_is_an_error() {
    let (_server, _, address) = start(ServerLimits::default()).await;
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut reader, mut writer) = into_framed(stream, 10);
    writer.push(frame_of(&[0; 11]));
    writer.flush().await.unwrap();
    assert!(reader.next().await.unwrap_err().to_string().contains("over the limit of 10"));
}

/// Answers with the addresses of its connection.
struct WhereAmI;

impl Service for WhereAmI {
    fn call(&self, context: &Arc<ConnectionContext>, _: Bytes) -> ResponseSlot {
        let body = format!("{} {} {}", context.local, context.peer, context.listener);
        ResponseSlot::Ready(Reply::Frame(frame_of(body.as_bytes())))
    }
}

#[tokio::test]
async fn the_service_learns_which_address_the_client_reached() {
    // One listener on every interface, reached by two of the machine's addresses.
    let (listener, bound) = listen(":0").await;
    let server = Server::new(ServerLimits::default());
    server.serve("EXTERNAL", listener, Arc::new(WhereAmI));
    for host in ["127.0.0.1", "127.0.0.2"] {
        let reached = SocketAddr::new(host.parse().unwrap(), bound.port());
        let mut stream = TcpStream::connect(reached).await.unwrap();
        let own = stream.local_addr().unwrap();
        let answer = call(&mut stream, b"?").await.unwrap();
        assert_eq!(String::from_utf8(answer).unwrap(), format!("{reached} {own} EXTERNAL"));
    }
}

#[tokio::test]
async fn an_address_in_use_is_refused_by_name_and_free_again_after_a_shutdown() {
    let (server, _, address) = start(ServerLimits::default()).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    assert_eq!(call(&mut stream, b"one").await.unwrap(), b"one");
    let endpoint: Endpoint = address.to_string().parse().unwrap();
    let error = TcpTransport::default().bind(&endpoint).await.unwrap_err();
    assert!(matches!(error, BindError::InUse { .. }));
    assert!(error.to_string().contains(&address.to_string()), "{error}");
    server.shutdown(GRACE).await;
    assert_eq!(receive(&mut stream).await, None);
    let (_listener, again) = listen(&address.to_string()).await;
    assert_eq!(again, address);
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_a_place() {
    let limits = ServerLimits { connections_max: 2, ..ServerLimits::default() };
    let (server, service, address) = start(limits).await;
    let mut first = TcpStream::connect(address).await.unwrap();
    let mut second = TcpStream::connect(address).await.unwrap();
    assert!(call(&mut first, b"1").await.is_some() && call(&mut second, b"2").await.is_some());
    let mut third = TcpStream::connect(address).await.unwrap();
    send(&mut third, b"3").await;
    assert!(call(&mut second, b"still served").await.is_some());
    assert_eq!(service.seen(), ["1", "2", "still served"]);
    assert_eq!(server.connections(), 2);
    drop(first);
    assert_eq!(receive(&mut third).await.unwrap(), b"3");
}

#[tokio::test]
async fn a_connection_too_many_from_one_address_is_closed_and_others_go_on() {
    let limits = ServerLimits { connections_per_ip_max: 1, ..ServerLimits::default() };
    let (server, _, address) = start(limits).await;
    let mut first = TcpStream::connect(address).await.unwrap();
    assert!(call(&mut first, b"1").await.is_some());
    let mut second = TcpStream::connect(address).await.unwrap();
    assert_eq!(second.read(&mut [0; 1]).await.unwrap(), 0);
    assert!(call(&mut first, b"2").await.is_some());
    drop(first);
    until(|| server.connections() == 0).await;
    let mut third = TcpStream::connect(address).await.unwrap();
    assert!(call(&mut third, b"3").await.is_some());
}

#[tokio::test]
async fn a_bad_frame_closes_its_connection_and_no_other() {
    let (_server, _, address) = start(ServerLimits::default()).await;
    let mut good = TcpStream::connect(address).await.unwrap();
    let mut bad = TcpStream::connect(address).await.unwrap();
    bad.write_all(b"\x80\0\0\0").await.unwrap();
    assert_eq!(receive(&mut bad).await, None);
    assert_eq!(call(&mut good, b"fine").await.unwrap(), b"fine");
}

#[tokio::test]
async fn a_shutdown_answers_what_it_accepted_and_accepts_no_more() {
    let (server, service, address) = start(ServerLimits::default()).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    send(&mut stream, b"hold").await;
    until(|| service.seen().len() == 1).await;
    let stopping = tokio::spawn({
        let server = Arc::clone(&server);
        async move { server.shutdown(GRACE).await }
    });
    until(|| server.stopping.is_cancelled()).await;
    service.release(0);
    assert_eq!(receive(&mut stream).await.unwrap(), b"hold");
    assert_eq!(receive(&mut stream).await, None);
    assert_eq!(stopping.await.unwrap(), ShutdownReport { connections_cut: 0 });
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_cuts_what_is_unanswered_when_its_time_is_over() {
    let (server, service) =
        (Server::new(ServerLimits::default()), Arc::new(EchoService::default()));
    let (stream, mut client) = pipe(1000);
    server.attach("PLAINTEXT", stream, Arc::clone(&service)).unwrap();
    send(&mut client, b"hold").await;
    until(|| service.seen().len() == 1).await;
    assert_eq!(server.shutdown(GRACE).await, ShutdownReport { connections_cut: 1 });
    assert_eq!(receive(&mut client).await, None);
    assert_eq!(server.connections(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_listener_outlives_failures_of_peers_and_of_the_system() {
    let (stream, mut client) = pipe(1000);
    let listener = MemoryListener::new([
        Err(io::ErrorKind::ConnectionAborted.into()),
        Err(io::Error::other("too many open files")),
        Ok(stream),
    ]);
    let server = Server::new(ServerLimits::default());
    let started = tokio::time::Instant::now();
    server.serve("PLAINTEXT", listener, Arc::new(EchoService::default()));
    send(&mut client, b"at last").await;
    assert_eq!(receive(&mut client).await.unwrap(), b"at last");
    let waited = started.elapsed();
    assert!(waited >= ACCEPT_RETRY_DELAY && waited < ACCEPT_RETRY_DELAY * 2, "{waited:?}");
}

#[tokio::test]
async fn two_servers_live_in_one_process() {
    let (first, _, first_address) = start(ServerLimits::default()).await;
    let (_second, _, second_address) = start(ServerLimits::default()).await;
    let mut stream = TcpStream::connect(second_address).await.unwrap();
    first.shutdown(GRACE).await;
    assert!(TcpStream::connect(first_address).await.is_err());
    assert_eq!(call(&mut stream, b"alive").await.unwrap(), b"alive");
}

#[tokio::test]
async fn memory_comes_back_when_requests_are_answered() {
    let (server, _, address) = start(ServerLimits::default()).await;
    let free = server.free_request_bytes();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let body = vec![1; 3_000_000];
    let (mut read, mut write) = stream.split();
    let (answer, ()) = tokio::join!(receive(&mut read), send(&mut write, &body));
    assert!(answer.unwrap() == body);
    drop(stream);
    until(|| server.connections() == 0).await;
    assert_eq!(server.free_request_bytes(), free);
}

/// An attack by many: each peer sends so much of a large frame as makes it hold 64 KiB, and then a
/// byte now and then.
#[tokio::test(start_paused = true)]
async fn many_slow_senders_hold_up_others_for_no_longer_than_two_windows() {
    const ATTACKERS: usize = 100;
    let limits =
        ServerLimits { queued_request_bytes_max: ATTACKERS * 64 * 1024, ..ServerLimits::default() };
    let (server, service) = (Server::new(limits), Arc::new(EchoService::default()));
    let frame = framed(&vec![0; 1_000_000]);
    let mut attackers = Vec::new();
    for _ in 0..ATTACKERS {
        let (stream, mut peer) = pipe(1 << 17);
        server.attach("PLAINTEXT", stream, Arc::clone(&service)).unwrap();
        peer.write_all(&frame[..20_000]).await.unwrap();
        attackers.push(peer);
    }
    until(|| server.free_request_bytes() == 0).await;
    let trickle = tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            for peer in &mut attackers {
                // One that was cut off is not missed.
                let _ = peer.write_all(&[0]).await;
            }
        }
    });
    let (stream, mut client) = pipe(1 << 17);
    server.attach("PLAINTEXT", stream, Arc::clone(&service)).unwrap();
    let began = tokio::time::Instant::now();
    // The one overdraft is held as well.
    let (stream, mut peer) = pipe(1 << 17);
    server.attach("PLAINTEXT", stream, Arc::clone(&service)).unwrap();
    peer.write_all(&frame[..20_000]).await.unwrap();
    tokio::task::yield_now().await;
    for _ in 0..5 {
        send(&mut client, b"a request like any other").await;
        assert_eq!(receive(&mut client).await.unwrap(), b"a request like any other");
    }
    let waited = began.elapsed();
    assert!(waited > Duration::ZERO, "nobody was held up");
    assert!(waited < STALL_WINDOW * 2, "{waited:?}");
    trickle.abort();
}
