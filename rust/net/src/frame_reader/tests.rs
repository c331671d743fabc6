//! Frames come out whole however their bytes come in, and memory is taken only for bytes that have
//! come.

use std::future::poll_fn;

use proptest::prelude::*;
use tokio::io::{AsyncWriteExt, DuplexStream};

use super::*;
use crate::testing::framed;

async fn next(
    reader: &mut FrameReader,
    stream: &mut DuplexStream,
) -> Result<Option<Bytes>, ReadFrameError> {
    poll_fn(|context| reader.poll_frame(context, stream)).await
}

/// Polls once; the frame if there is one already.
async fn poll_once(
    reader: &mut FrameReader,
    stream: &mut DuplexStream,
) -> Poll<Result<Option<Bytes>, ReadFrameError>> {
    poll_fn(|context| Poll::Ready(reader.poll_frame(context, stream))).await
}

#[tokio::test]
async fn frames_come_out_whole_wherever_the_stream_is_cut() {
    let bodies: [&[u8]; 4] = [b"first", b"", b"third one", b"x"];
    let bytes = bodies.concat_framed();
    for cut in 0..=bytes.len() {
        let (mut server, mut client) = tokio::io::duplex(1 << 16);
        let mut reader = FrameReader::new(100, None);
        client.write_all(&bytes[..cut]).await.unwrap();
        let mut frames = Vec::new();
        while let Poll::Ready(frame) = poll_once(&mut reader, &mut server).await {
            frames.push(frame.unwrap().unwrap());
        }
        client.write_all(&bytes[cut..]).await.unwrap();
        drop(client);
        while let Some(frame) = next(&mut reader, &mut server).await.unwrap() {
            frames.push(frame);
        }
        assert_eq!(frames, bodies, "cut at {cut}");
    }
}

trait ConcatFramed {
    fn concat_framed(&self) -> Vec<u8>;
}

impl ConcatFramed for [&[u8]; 4] {
    fn concat_framed(&self) -> Vec<u8> {
        self.iter().flat_map(|body| framed(body)).collect()
    }
}

#[tokio::test]
async fn lengths_that_cannot_be_are_refused_before_any_memory_is_taken() {
    for (length, message) in [
        (-1, "negative"),
        (i32::MIN, "negative"),
        (101, "over the limit"),
        (i32::MAX, "limit of 100 bytes"),
    ] {
        let budget = Arc::new(MemoryBudget::new(1000));
        let (mut server, mut client) = tokio::io::duplex(100);
        client.write_all(&length.to_be_bytes()).await.unwrap();
        let mut reader = FrameReader::new(100, Some(Arc::clone(&budget)));
        let error = next(&mut reader, &mut server).await.unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
        assert_eq!(budget.free_bytes(), 1000);
    }
}

#[tokio::test]
async fn the_end_of_the_stream_inside_a_frame_is_an_error_that_counts_what_came() {
    for (bytes, received) in [(&b"\0\0"[..], 2), (b"\0\0\0\x05", 4), (b"\0\0\0\x05abcd", 8)] {
        let (mut server, mut client) = tokio::io::duplex(100);
        client.write_all(bytes).await.unwrap();
        drop(client);
        let mut reader = FrameReader::new(100, None);
        let error = next(&mut reader, &mut server).await.unwrap_err();
        assert!(
            matches!(error, ReadFrameError::Cut { received: count } if count == received),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_large_claim_with_few_bytes_costs_one_step_and_a_whole_frame_its_size() {
    let claimed = 100 * 1024 * 1024;
    let budget = Arc::new(MemoryBudget::new(1 << 30));
    let (mut server, mut client) = tokio::io::duplex(1 << 16);
    let mut reader = FrameReader::new(claimed, Some(Arc::clone(&budget)));
    client.write_i32(claimed as i32).await.unwrap();
    client.write_all(&[7; 10]).await.unwrap();
    assert!(poll_once(&mut reader, &mut server).await.is_pending());
    assert_eq!(budget.free_bytes(), (1 << 30) - FRAME_FIRST_STEP_BYTES);
    drop(reader);
    assert_eq!(budget.free_bytes(), 1 << 30);

    let mut reader = FrameReader::new(claimed, Some(Arc::clone(&budget)));
    let body = vec![7; 1_000_000];
    let sent = framed(&body);
    let (written, frame) = tokio::join!(client.write_all(&sent), next(&mut reader, &mut server));
    written.unwrap();
    let frame = frame.unwrap().unwrap();
    assert_eq!(frame, body);
    assert_eq!(budget.free_bytes(), (1 << 30) - 1_000_000);
    let slice = frame.slice(10..20);
    drop(frame);
    assert_eq!(budget.free_bytes(), (1 << 30) - 1_000_000, "a slice keeps the frame");
    drop(slice);
    assert_eq!(budget.free_bytes(), 1 << 30);
}

#[tokio::test]
async fn a_spent_budget_holds_readers_until_memory_is_given_back_and_always_lets_one_through() {
    let budget = Arc::new(MemoryBudget::new(100));
    let reader_of = |body: &'static [u8]| {
        let budget = Arc::clone(&budget);
        async move {
            let (mut server, mut client) = tokio::io::duplex(1000);
            client.write_all(&framed(body)).await.unwrap();
            let mut reader = FrameReader::new(1000, Some(budget));
            next(&mut reader, &mut server).await.unwrap().unwrap()
        }
    };
    let within = reader_of(&[1; 90]).await;
    let beyond = reader_of(&[2; 200]).await;
    let waiting = tokio::spawn(reader_of(&[3; 50]));
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished(), "neither the budget nor the overdraft is free");
    drop(beyond);
    assert_eq!(waiting.await.unwrap(), [3; 50][..]);
    drop(within);
}

proptest! {
    #[test]
    fn any_bytes_in_any_pieces_give_the_same_frames(
        bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..8),
        pieces in prop::collection::vec(1_usize..60, 1..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let frames = runtime.block_on(async {
            let bytes: Vec<u8> = bodies.iter().flat_map(|body| framed(body)).collect();
            let (mut server, mut client) = tokio::io::duplex(1 << 16);
            let mut reader = FrameReader::new(200, None);
            let mut frames = Vec::new();
            let mut rest = &bytes[..];
            for piece in pieces.iter().cycle() {
                let (head, tail) = rest.split_at(rest.len().min(*piece));
                client.write_all(head).await.unwrap();
                rest = tail;
                while let Poll::Ready(frame) = poll_once(&mut reader, &mut server).await {
                    frames.push(frame.unwrap().unwrap());
                }
                if rest.is_empty() {
                    return frames;
                }
            }
            unreachable!("the pieces go round until nothing is left");
        });
        prop_assert_eq!(frames, bodies);
    }

    #[test]
    fn garbage_is_an_error_or_frames_and_never_a_panic(
        garbage in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (mut server, mut client) = tokio::io::duplex(1 << 16);
            client.write_all(&garbage).await.unwrap();
            drop(client);
            let mut reader = FrameReader::new(1 << 20, None);
            while let Ok(Some(_)) = next(&mut reader, &mut server).await {}
        });
    }
}
