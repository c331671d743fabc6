//! Frames go out in order and whole, whatever their parts are and however slowly the stream takes
//! them.

use std::future::poll_fn;
use std::sync::atomic::Ordering;

use tokio::io::AsyncReadExt;

use super::*;
use crate::limits::SMALL_CHUNK_BYTES;
use crate::testing::{TestSource, frame_of, framed};

fn writer() -> FrameWriter {
    FrameWriter::new(Arc::new(ChunkPool::new(4 * CHUNK_BYTES)))
}

fn bytes(length: usize, seed: u8) -> Vec<u8> {
    (0..length).map(|at| (at % 251) as u8 ^ seed).collect()
}

/// Writes through a pipe of `capacity` and returns all that came out of it.
async fn write_all(mut writer: FrameWriter, capacity: usize) -> io::Result<Vec<u8>> {
    let (mut near, mut far) = tokio::io::duplex(capacity);
    let reading = tokio::spawn(async move {
        let mut out = Vec::new();
        far.read_to_end(&mut out).await.map(|_| out)
    });
    let written = poll_fn(|context| writer.poll_write(context, &mut near)).await;
    drop(near);
    let out = reading.await.unwrap()?;
    written.map(|()| {
        assert_eq!(writer.frames_unwritten(), 0);
        assert_eq!(writer.bytes_written(), out.len() as u64);
        out
    })
}

fn source_part(source: TestSource) -> (Arc<TestSource>, Part) {
    let source = Arc::new(source);
    let part: Arc<dyn ByteSource> = Arc::<TestSource>::clone(&source);
    (source, Part::Source(part))
}

#[tokio::test]
async fn parts_of_every_kind_go_out_in_order_through_pipes_of_any_width() {
    for capacity in [1, 7, 1000, 1 << 20] {
        let mut writer = writer();
        let mut expected = Vec::new();
        for seed in 0..5 {
            let (head, middle, tail) =
                (bytes(10, seed), bytes(3000, seed ^ 7), bytes(40, seed ^ 9));
            let (_, first) =
                source_part(TestSource { step: 100, ..TestSource::new(middle.clone()) });
            let (_, second) = source_part(TestSource::new(tail.clone()));
            let parts =
                [Part::Bytes(head.clone().into()), first, second, Part::Bytes(head.clone().into())];
            writer.push(Frame::new(parts));
            expected.extend([head.clone(), middle, tail, head].concat());
        }
        assert_eq!(writer.frames_unwritten(), 5);
        assert!(write_all(writer, capacity).await.unwrap() == expected, "capacity {capacity}");
    }
}

#[tokio::test]
async fn a_source_larger_than_every_chunk_goes_out_whole_also_when_the_pool_is_spent() {
    for pool_bytes in [0, CHUNK_BYTES] {
        let content = bytes(3 * CHUNK_BYTES + 17, 3);
        let mut writer = FrameWriter::new(Arc::new(ChunkPool::new(pool_bytes)));
        writer.push(Frame::new([source_part(TestSource::new(content.clone())).1]));
        assert!(write_all(writer, 1 << 16).await.unwrap() == content);
    }
}

#[tokio::test]
async fn what_the_page_cache_lacks_is_read_on_the_blocking_pool_and_the_rest_is_not() {
    let content = bytes(2 * SMALL_CHUNK_BYTES, 5);
    let uncached_until = SMALL_CHUNK_BYTES;
    let (source, part) = source_part(TestSource {
        uncached_until,
        step: SMALL_CHUNK_BYTES,
        ..TestSource::new(content.clone())
    });
    let mut writer = writer();
    writer.push(frame_of(b"before"));
    writer.push(Frame::new([part]));
    let expected = [framed(b"before"), content].concat();
    assert!(write_all(writer, 1 << 16).await.unwrap() == expected);
    assert_eq!(source.waited.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn an_error_in_the_middle_ends_the_writing_with_that_error() {
    let content = bytes(1000, 1);
    let mut writer = writer();
    let source = TestSource { fails_at: 400, step: 100, ..TestSource::new(content) };
    writer.push(Frame::new([source_part(source).1]));
    let error = write_all(writer, 1 << 16).await.unwrap_err();
    assert_eq!(error.to_string(), "the disk is gone");
}

#[tokio::test]
async fn a_source_that_is_shorter_than_it_said_is_an_error() {
    #[derive(Debug)]
    struct Liar;
    impl ByteSource for Liar {
        fn len(&self) -> usize {
            10
        }
        fn read_at(&self, _: usize, _: &mut [u8], _: Wait) -> io::Result<usize> {
            Ok(0)
        }
    }
    let mut writer = writer();
    writer.push(Frame::new([Part::Source(Arc::new(Liar))]));
    let error = write_all(writer, 100).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
}

#[tokio::test]
async fn many_frames_leave_in_few_writes() {
    /// Counts writes and takes everything.
    struct Counting(Vec<usize>);
    impl AsyncWrite for Counting {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.0.push(bytes.len());
            Poll::Ready(Ok(bytes.len()))
        }
        fn poll_write_vectored(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            slices: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            let length = slices.iter().map(|slice| slice.len()).sum();
            self.0.push(length);
            Poll::Ready(Ok(length))
        }
        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }
    let mut stream = Counting(Vec::new());
    let mut writer = writer();
    for _ in 0..20 {
        let content = source_part(TestSource::new(bytes(50, 1))).1;
        writer.push(Frame::new([Part::Bytes(Bytes::from_static(b"head")), content]));
    }
    poll_fn(|context| writer.poll_write(context, &mut stream)).await.unwrap();
    assert_eq!(stream.0, [20 * 54]);
}
