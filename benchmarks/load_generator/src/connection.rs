//! One connection with one request under way: it writes, reads the answer, and starts again.

use std::io::{self, Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::exchange::{Exchange, Refused};

/// An answer to one record is far smaller; a larger one is none.
const ANSWER_BYTES_MAX: usize = 64 << 10;
const PREFIX_BYTES: usize = 4;
const FIRST_ANSWER_MAX: Duration = Duration::from_secs(10);
const FIRST_ANSWER_PAUSE: Duration = Duration::from_millis(50);

/// Why a connection cannot go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
    #[error("the broker closed the connection")]
    Closed,
    #[error("the broker does not answer")]
    Silent,
    #[error("an answer of {0} bytes is too large")]
    TooLarge(usize),
    #[error(transparent)]
    Refused(#[from] Refused),
}

#[derive(Debug)]
pub(crate) struct Connection<S> {
    stream: S,
    exchange: Exchange,
    /// How much of the request is on its way.
    written: usize,
    sent_at: Instant,
    /// What has come of the answer, length prefix included.
    answer: Vec<u8>,
}

impl<S: Read + Write> Connection<S> {
    pub(crate) fn new(stream: S, exchange: Exchange) -> Self {
        Self { stream, exchange, written: 0, sent_at: Instant::now(), answer: Vec::new() }
    }

    pub(crate) fn stream_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// The same over another kind of stream, between two rounds.
    pub(crate) fn map<T>(self, change: impl FnOnce(S) -> T) -> Connection<T> {
        let Self { stream, exchange, written, sent_at, answer } = self;
        Connection { stream: change(stream), exchange, written, sent_at, answer }
    }

    /// Does all that can be done without waiting, and hands each round's latency to `acknowledged`.
    /// Polls are edge-triggered, so it goes on until the socket would block.
    pub(crate) fn advance(&mut self, mut acknowledged: impl FnMut(Duration)) -> Result<(), Broken> {
        while let Some(latency) = self.advance_once()? {
            acknowledged(latency);
        }
        Ok(())
    }

    /// The latency of a whole round, or nothing if it has to wait.
    fn advance_once(&mut self) -> Result<Option<Duration>, Broken> {
        if !self.write()? || !self.read()? {
            return Ok(None);
        }
        let latency = self.sent_at.elapsed();
        self.written = 0;
        let answer = std::mem::take(&mut self.answer);
        (self.exchange.check)(Bytes::from(answer).slice(PREFIX_BYTES..))?;
        Ok(Some(latency))
    }

    /// Whether the whole request is out.
    fn write(&mut self) -> Result<bool, Broken> {
        if self.written == 0 {
            self.sent_at = Instant::now();
        }
        while self.written < self.exchange.request.len() {
            match self.stream.write(&self.exchange.request[self.written..]) {
                Ok(0) => return Err(Broken::Closed),
                Ok(written) => self.written += written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }

    /// Whether a whole answer is in.
    fn read(&mut self) -> Result<bool, Broken> {
        let mut buffer = [0; 4 << 10];
        loop {
            if self.has_answer()? {
                return Ok(true);
            }
            match self.stream.read(&mut buffer) {
                Ok(0) => return Err(Broken::Closed),
                Ok(read) => self.answer.extend_from_slice(&buffer[..read]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Sends the request until it is acknowledged, on a stream that waits, for a time: a new topic
    /// may need some before its partitions have a leader, a group before it has a coordinator.
    pub(crate) fn await_first_answer(&mut self) -> Result<(), Broken> {
        let deadline = Instant::now() + FIRST_ANSWER_MAX;
        loop {
            match self.advance_once() {
                Err(Broken::Refused(refused))
                    if refused.may_pass() && Instant::now() < deadline =>
                {
                    thread::sleep(FIRST_ANSWER_PAUSE);
                }
                Ok(None) => return Err(Broken::Silent),
                advanced => return advanced.map(|_| ()),
            }
        }
    }

    fn has_answer(&self) -> Result<bool, Broken> {
        let Some(prefix) = self.answer.first_chunk::<PREFIX_BYTES>() else { return Ok(false) };
        let length = u32::from_be_bytes(*prefix) as usize;
        if length > ANSWER_BYTES_MAX {
            return Err(Broken::TooLarge(length));
        }
        Ok(self.answer.len() >= PREFIX_BYTES + length)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::produce;

    /// Takes and gives a few bytes at a time, then would block.
    #[derive(Default)]
    struct Narrow {
        taken: usize,
        chunks: VecDeque<Vec<u8>>,
    }

    impl Write for Narrow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = bytes.len().min(7);
            self.taken += taken;
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Read for Narrow {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let chunk = self.chunks.pop_front().ok_or(io::ErrorKind::WouldBlock)?;
            buffer[..chunk.len()].copy_from_slice(&chunk);
            Ok(chunk.len())
        }
    }

    fn exchange(request: &'static [u8]) -> Exchange {
        Exchange { request: Bytes::from_static(request), check: produce::check }
    }

    /// Behind the length, the correlation id, tags, two counts, a name, and the partition's index.
    const ERROR_CODE_AT: usize = 4 + 4 + 1 + 1 + 2 + 1 + 4;

    /// Produce, version 12, no error: correlation id, one topic with one partition, all empty.
    fn answer() -> Vec<u8> {
        let mut body = vec![0, 0, 0, 0, 0, 2, 2, b't', 2];
        body.extend([0; 4 + 2 + 8 + 8 + 8]);
        body.extend([1, 0, 0, 0]);
        body.extend([0; 4 + 1]);
        let mut frame = (body.len() as u32).to_be_bytes().to_vec();
        frame.extend(body);
        frame
    }

    #[test]
    fn an_answer_in_pieces_is_one_acknowledgement_and_the_next_request_follows_it() {
        let answer = answer();
        let (head, tail) = answer.split_at(6);
        let stream = Narrow { chunks: [head.to_vec(), tail.to_vec()].into(), ..Narrow::default() };
        let mut connection = Connection::new(stream, exchange(&[1; 20]));
        let mut acknowledged = 0;
        connection.advance(|_| acknowledged += 1).expect("an answer without an error");
        assert_eq!(acknowledged, 1);
        assert_eq!(connection.stream_mut().taken, 40);
    }

    #[test]
    fn a_closed_connection_and_an_answer_that_is_none_are_told() {
        let closed = Narrow { chunks: [Vec::new()].into(), ..Narrow::default() };
        let result = Connection::new(closed, exchange(b"x")).advance(|_| {});
        assert!(matches!(result, Err(Broken::Closed)));
        let huge = Narrow { chunks: [vec![0xff; 4]].into(), ..Narrow::default() };
        let result = Connection::new(huge, exchange(b"x")).advance(|_| {});
        assert!(matches!(result, Err(Broken::TooLarge(_))));
    }

    #[test]
    fn a_partition_that_has_no_leader_yet_is_asked_again() {
        let mut not_yet = answer();
        not_yet[ERROR_CODE_AT + 1] = 6;
        let stream = Narrow { chunks: [not_yet, answer()].into(), ..Narrow::default() };
        let mut connection = Connection::new(stream, exchange(&[1; 20]));
        connection.await_first_answer().expect("the second answer has no error");
        assert_eq!(connection.stream_mut().taken, 40);
        assert!(matches!(connection.await_first_answer(), Err(Broken::Silent)));
    }
}
