//! One connection over a pipe: order, limits, idleness, bad bytes, closing and shutdown.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::service::ConnectionId;
use crate::testing::{EchoService, framed, pipe, receive, send};

struct Fixture {
    client: DuplexStream,
    service: Arc<EchoService>,
    memory: Arc<MemoryBudget>,
    shutdown: CancellationToken,
    ended: JoinHandle<Ended>,
}

fn start(limits: ServerLimits) -> Fixture {
    start_with_pipe(limits, 1 << 20)
}

fn start_with_pipe(limits: ServerLimits, capacity: usize) -> Fixture {
    let (stream, client) = pipe(capacity);
    let service = Arc::new(EchoService::default());
    let memory = Arc::new(MemoryBudget::new(limits.queued_request_bytes_max));
    let shutdown = CancellationToken::new();
    let context = Arc::new(ConnectionContext {
        id: ConnectionId(1),
        peer: stream.peer_address().unwrap(),
        local: stream.local_address().unwrap(),
        listener: Arc::from("PLAINTEXT"),
    });
    let served = serve(
        stream,
        context,
        Arc::clone(&service),
        Arc::new(limits),
        (Arc::clone(&memory), Arc::new(ChunkPool::new(1 << 20))),
        shutdown.clone().cancelled_owned(),
    );
    Fixture { client, service, memory, shutdown, ended: tokio::spawn(served) }
}

/// Lets the connection do all that it can do.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn replies_come_in_the_order_of_the_requests_whatever_is_done_first() {
    let mut fixture = start(ServerLimits::default());
    for body in ["hold 0", "plain 1", "hold 2", "quiet", "plain 4"] {
        send(&mut fixture.client, body.as_bytes()).await;
    }
    settle().await;
    assert_eq!(fixture.service.seen(), ["hold 0", "plain 1", "hold 2", "quiet", "plain 4"]);
    fixture.service.release(1);
    settle().await;
    fixture.service.release(0);
    for body in ["hold 0", "plain 1", "hold 2", "plain 4"] {
        assert_eq!(receive(&mut fixture.client).await.unwrap(), body.as_bytes());
    }
}

#[tokio::test]
async fn requests_beyond_the_limit_in_flight_wait_in_the_socket() {
    let limits = ServerLimits { requests_in_flight_max: 3, ..ServerLimits::default() };
    let mut fixture = start(limits);
    for index in 0..10 {
        send(&mut fixture.client, format!("hold {index}").as_bytes()).await;
    }
    settle().await;
    assert_eq!(fixture.service.seen().len(), 3);
    fixture.service.release(1);
    settle().await;
    assert_eq!(fixture.service.seen().len(), 3, "a reply that waits for its turn keeps its place");
    fixture.service.release(0);
    settle().await;
    assert_eq!(fixture.service.seen().len(), 5);
}

#[tokio::test]
async fn a_client_that_does_not_read_is_read_no_further() {
    let limits = ServerLimits { requests_in_flight_max: 4, ..ServerLimits::default() };
    let mut fixture = start_with_pipe(limits, 64);
    let (mut read, mut write) = tokio::io::split(fixture.client);
    let sending = tokio::spawn(async move {
        for index in 0..100 {
            send(&mut write, format!("request number {index:08}").as_bytes()).await;
        }
        write
    });
    settle().await;
    assert!(fixture.service.seen().len() <= 8, "{:?}", fixture.service.seen());
    for index in 0..100 {
        let body = receive(&mut read).await.unwrap();
        assert_eq!(body, format!("request number {index:08}").as_bytes());
    }
    drop((sending.await.unwrap(), read));
    assert!(matches!((&mut fixture.ended).await.unwrap(), Ended::ByPeer));
}

#[tokio::test]
async fn memory_that_others_hold_mutes_the_connection_until_they_give_it_back() {
    let limits = ServerLimits { queued_request_bytes_max: 1000, ..ServerLimits::default() };
    let mut fixture = start(limits);
    let others = Arc::clone(&fixture.memory).grant(1000).await;
    let overdraft = Arc::clone(&fixture.memory).grant(1).await;
    send(&mut fixture.client, b"waits for memory").await;
    settle().await;
    assert!(fixture.service.seen().is_empty());
    drop(others);
    assert_eq!(receive(&mut fixture.client).await.unwrap(), b"waits for memory");
    settle().await;
    assert_eq!(fixture.memory.free_bytes(), 1000, "an answered request holds nothing");
    drop(overdraft);
}

#[tokio::test]
async fn garbage_closes_the_connection_with_the_reason_and_earlier_requests_are_answered() {
    let mut fixture = start(ServerLimits::default());
    send(&mut fixture.client, b"good").await;
    fixture.client.write_all(b"\xff\xff\xff\xff").await.unwrap();
    assert_eq!(receive(&mut fixture.client).await.unwrap(), b"good");
    assert_eq!(receive(&mut fixture.client).await, None);
    let ended = fixture.ended.await.unwrap();
    assert!(matches!(&ended, Ended::BadFrame(_)));
    assert!(ended.to_string().contains("-1 is negative"), "{ended}");
}

#[tokio::test]
async fn a_tls_hello_or_an_http_request_is_told_from_a_request() {
    for hello in [&b"\x16\x03\x01\x02\x00\x01\x00"[..], b"GET / HTTP/1.1\r\n\r\n"] {
        let mut fixture = start(ServerLimits::default());
        fixture.client.write_all(hello).await.unwrap();
        let ended = fixture.ended.await.unwrap();
        assert!(ended.to_string().contains("another protocol"), "{ended}");
    }
}

#[tokio::test]
async fn a_service_closes_after_the_replies_before_and_drops_the_requests_behind() {
    let mut fixture = start(ServerLimits::default());
    for body in ["hold", "close", "never answered"] {
        send(&mut fixture.client, body.as_bytes()).await;
    }
    settle().await;
    fixture.service.release(0);
    assert_eq!(receive(&mut fixture.client).await.unwrap(), b"hold");
    assert_eq!(receive(&mut fixture.client).await, None);
    assert_eq!(fixture.ended.await.unwrap().to_string(), "it asked for it");
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_and_one_that_waits_for_an_answer_is_not() {
    let idle = Duration::from_secs(10);
    let limits = ServerLimits { connections_idle_max: idle, ..ServerLimits::default() };
    let mut fixture = start(limits);
    tokio::time::sleep(Duration::from_secs(9)).await;
    send(&mut fixture.client, b"hold").await;
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert!(!fixture.ended.is_finished());
    fixture.service.release(0);
    assert_eq!(receive(&mut fixture.client).await.unwrap(), b"hold");
    let answered = Instant::now();
    assert_eq!(receive(&mut fixture.client).await, None);
    assert!((idle..idle * 2).contains(&answered.elapsed()), "{:?}", answered.elapsed());
    assert!(matches!(fixture.ended.await.unwrap(), Ended::Idle(limit) if limit == idle));
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_has_stopped_reading_is_idle() {
    let idle = Duration::from_secs(10);
    let limits = ServerLimits { connections_idle_max: idle, ..ServerLimits::default() };
    let mut fixture = start_with_pipe(limits, 16);
    send(&mut fixture.client, b"four").await;
    send(&mut fixture.client, b"more").await;
    send(&mut fixture.client, b"than").await;
    send(&mut fixture.client, b"room").await;
    let ended = fixture.ended.await.unwrap();
    assert!(matches!(ended, Ended::Idle(_)), "{ended}");
}

#[tokio::test(start_paused = true)]
async fn no_idle_limit_is_too_long_for_the_clock() {
    let limits = ServerLimits { connections_idle_max: Duration::MAX, ..ServerLimits::default() };
    let mut fixture = start(limits);
    tokio::time::sleep(Duration::from_hours(24)).await;
    send(&mut fixture.client, b"still here").await;
    assert_eq!(receive(&mut fixture.client).await.unwrap(), b"still here");
}

#[tokio::test(start_paused = true)]
async fn a_frame_beyond_the_budget_that_does_not_arrive_is_cut_off() {
    let limits = ServerLimits { queued_request_bytes_max: 100, ..ServerLimits::default() };
    let mut fixture = start(limits);
    fixture.client.write_all(&framed(&[0; 5000])[..2000]).await.unwrap();
    let ended = fixture.ended.await.unwrap();
    assert!(matches!(ended, Ended::Overdrawn), "{ended}");
}

/// Somebody who waits for memory that `fixture`'s connection holds.
fn wait_for_memory(fixture: &Fixture) -> JoinHandle<()> {
    let memory = Arc::clone(&fixture.memory);
    tokio::spawn(async move { drop(memory.grant(SCARCE).await) })
}

/// All the memory that the connections of these tests have.
const SCARCE: u32 = 200_000;

fn scarce() -> ServerLimits {
    ServerLimits { queued_request_bytes_max: SCARCE as usize, ..ServerLimits::default() }
}

#[tokio::test(start_paused = true)]
async fn a_half_sent_frame_gives_its_memory_to_those_who_wait_for_it() {
    for trickle_bytes in [0, 1000] {
        let mut fixture = start(scarce());
        let frame = framed(&vec![0; 150_000]);
        fixture.client.write_all(&frame[..100_000]).await.unwrap();
        settle().await;
        let overdraft = Arc::clone(&fixture.memory).grant(SCARCE).await;
        let waiting = wait_for_memory(&fixture);
        let began = Instant::now();
        while !fixture.ended.is_finished() {
            // A byte now and then is no progress.
            let _ = fixture.client.write_all(&frame[..trickle_bytes]).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        waiting.await.unwrap();
        drop(overdraft);
        assert!(began.elapsed() < STALL_WINDOW * 2, "{:?}", began.elapsed());
        let ended = fixture.ended.await.unwrap();
        assert!(matches!(ended, Ended::Stalled), "{ended}");
        assert!(ended.to_string().contains("queued.max.request.bytes"), "{ended}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_half_sent_frame_that_is_in_nobodys_way_is_waited_for() {
    let mut fixture = start(scarce());
    let frame = framed(&vec![7; 150_000]);
    fixture.client.write_all(&frame[..100_000]).await.unwrap();
    tokio::time::sleep(STALL_WINDOW * 20).await;
    fixture.client.write_all(&frame[100_000..]).await.unwrap();
    assert!(receive(&mut fixture.client).await.unwrap() == vec![7; 150_000]);
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_nobody_reads_gives_its_memory_to_those_who_wait_for_it() {
    let mut fixture = start_with_pipe(scarce(), 64);
    send(&mut fixture.client, b"large 100000").await;
    settle().await;
    let charged = 100_004 - REPLY_BYTES_FREE;
    assert_eq!(fixture.memory.free_bytes(), SCARCE as usize - charged);
    let overdraft = Arc::clone(&fixture.memory).grant(SCARCE).await;
    let waiting = wait_for_memory(&fixture);
    let ended = fixture.ended.await.unwrap();
    assert!(matches!(ended, Ended::Stalled), "{ended}");
    waiting.await.unwrap();
    drop(overdraft);
    assert_eq!(fixture.memory.free_bytes(), SCARCE as usize);
}

#[tokio::test]
async fn a_client_that_does_not_read_gets_one_large_reply_at_a_time() {
    let mut fixture = start_with_pipe(ServerLimits::default(), 1000);
    for _ in 0..30 {
        send(&mut fixture.client, b"large 100000").await;
    }
    settle().await;
    let begun = || fixture.service.large_begun.load(Ordering::SeqCst);
    assert_eq!(begun(), 1);
    for count in 2..=30 {
        assert_eq!(receive(&mut fixture.client).await.unwrap().len(), 100_000);
        settle().await;
        assert_eq!(begun(), count);
    }
    assert_eq!(receive(&mut fixture.client).await.unwrap().len(), 100_000);
    settle().await;
    assert_eq!(fixture.memory.free_bytes(), ServerLimits::default().queued_request_bytes_max);
}

#[tokio::test]
async fn a_large_reply_waits_until_the_debt_of_others_is_paid_and_small_ones_do_not() {
    let mut fixture = start(scarce());
    let mut others = Charge::default();
    fixture.memory.set(&mut others, SCARCE as usize - 100);
    send(&mut fixture.client, b"large 100").await;
    settle().await;
    assert_eq!(receive(&mut fixture.client).await.unwrap().len(), 100);
    send(&mut fixture.client, b"large 100").await;
    send(&mut fixture.client, b"small").await;
    fixture.memory.set(&mut others, SCARCE as usize + 1);
    settle().await;
    assert_eq!(fixture.service.seen().len(), 3, "it has been read");
    assert_eq!(fixture.service.large_begun.load(Ordering::SeqCst), 1, "and not begun");
    fixture.memory.set(&mut others, 0);
    assert_eq!(receive(&mut fixture.client).await.unwrap().len(), 100);
    assert_eq!(receive(&mut fixture.client).await.unwrap(), b"small");
}

#[tokio::test(start_paused = true)]
async fn what_a_peer_that_left_has_asked_for_is_given_up_after_a_moment() {
    let mut fixture = start(ServerLimits::default());
    send(&mut fixture.client, b"hold").await;
    settle().await;
    fixture.client.shutdown().await.unwrap();
    let ended = fixture.ended.await.unwrap();
    assert!(matches!(ended, Ended::ByPeer), "{ended}");
}

#[tokio::test]
async fn a_half_closed_peer_gets_its_answers() {
    let mut fixture = start(ServerLimits::default());
    send(&mut fixture.client, b"one").await;
    send(&mut fixture.client, b"two").await;
    fixture.client.shutdown().await.unwrap();
    let mut all = Vec::new();
    fixture.client.read_to_end(&mut all).await.unwrap();
    assert_eq!(all, [framed(b"one"), framed(b"two")].concat());
}

#[tokio::test]
async fn a_shutdown_answers_what_was_accepted_and_reads_no_more() {
    let mut fixture = start(ServerLimits::default());
    send(&mut fixture.client, b"hold").await;
    settle().await;
    fixture.shutdown.cancel();
    settle().await;
    send(&mut fixture.client, b"too late").await;
    settle().await;
    assert!(!fixture.ended.is_finished());
    fixture.service.release(0);
    assert_eq!(receive(&mut fixture.client).await.unwrap(), b"hold");
    assert_eq!(receive(&mut fixture.client).await, None);
    assert_eq!(fixture.service.seen(), ["hold"]);
    assert!(matches!(fixture.ended.await.unwrap(), Ended::Shutdown));
}
