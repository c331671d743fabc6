//! A connection that asks one thing at a time and waits for the answer.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use base::codec::EncodeError;
use bytes::Bytes;
use wire::{FindCoordinatorRequest, OffsetFetchRequest, Request, decode_response, encode_request};

use crate::exchange::{CLIENT_ID, Refused, refuse};

/// A join waits until all members have joined, at the most for as long as a rebalance may take.
const SILENCE_MAX: Duration = Duration::from_secs(90);
const COORDINATOR_MAX: Duration = Duration::from_secs(30);
const COORDINATOR_PAUSE: Duration = Duration::from_millis(50);
/// The last versions that ask for one group.
const FIND_COORDINATOR_VERSION: i16 = 3;
const OFFSET_FETCH_VERSION: i16 = 7;
/// The offsets of a hundred thousand partitions are a few megabytes.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
    #[error("the request cannot be written: {0}")]
    Encode(#[from] EncodeError),
    #[error("an answer of {0} bytes is too large")]
    TooLarge(usize),
    #[error(transparent)]
    Refused(#[from] Refused),
}

#[derive(Debug)]
pub(crate) struct Client {
    stream: TcpStream,
}

impl Client {
    pub(crate) fn connect(broker: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(broker)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(SILENCE_MAX))?;
        stream.set_write_timeout(Some(SILENCE_MAX))?;
        Ok(Self { stream })
    }

    pub(crate) fn ask<R: Request>(
        &mut self,
        version: i16,
        request: &R,
    ) -> Result<R::Response, AskError> {
        let frame = encode_request(Some(CLIENT_ID), 0, version, request)?.collect()?;
        self.stream.write_all(&frame)?;
        let mut prefix = [0; 4];
        self.stream.read_exact(&mut prefix)?;
        let length = u32::from_be_bytes(prefix) as usize;
        if length > ANSWER_BYTES_MAX {
            return Err(AskError::TooLarge(length));
        }
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer)?;
        let (_, response) =
            decode_response::<R>(Bytes::from(answer), version).map_err(Refused::from)?;
        Ok(response)
    }

    /// Waits until a group has a coordinator that answers: the first of all groups makes a broker
    /// create the topic that coordinators write to, and a coordinator reads its log first.
    pub(crate) fn await_coordinator(&mut self, group: &str) -> Result<(), AskError> {
        let find =
            FindCoordinatorRequest { key: group.to_owned(), ..FindCoordinatorRequest::default() };
        let nothing = OffsetFetchRequest {
            group_id: group.to_owned(),
            topics: Some(Vec::new()),
            ..OffsetFetchRequest::default()
        };
        let deadline = Instant::now() + COORDINATOR_MAX;
        loop {
            let found = self.ask(FIND_COORDINATOR_VERSION, &find)?;
            let mut answer = refuse(found.error_code, found.error_message.as_deref());
            if answer.is_ok() {
                let fetched = self.ask(OFFSET_FETCH_VERSION, &nothing)?;
                answer = refuse(fetched.error_code, None);
            }
            match answer {
                Err(refused) if refused.may_pass() && Instant::now() < deadline => {
                    thread::sleep(COORDINATOR_PAUSE);
                }
                answer => return Ok(answer?),
            }
        }
    }
}
