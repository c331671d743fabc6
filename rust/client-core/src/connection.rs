//! One connection to a broker: version negotiation, correlation of answers with requests, and their
//! time-outs.
//!
//! ```text
//!   connect ──> Connecting ──> Negotiating ────────> Ready ──> closed
//!                                 │  ApiVersions v4      (on any error, by anyone)
//!                                 │  <- error 35 in a v0 body, and what the broker knows
//!                                 └─ ApiVersions at the highest of those
//! ```
//! A broker answers in the order of the requests, so the oldest request in flight is the one that
//! an answer belongs to.

use std::collections::VecDeque;
use std::time::Duration;

use base::{ErrorCode, Instant};
use bytes::Bytes;
use thiserror::Error;
use wire::api_versions::{ApiVersionsRequest, ApiVersionsResponse};
use wire::{ApiKey, DecodeError, EncodeError, Frame, Message, Reader};

use crate::api_versions::ApiVersions;
use crate::request::{Answer, OutgoingRequest, RequestId};
use crate::transport::ConnectionId;

/// How this client calls itself in ApiVersions (KIP-511).
const SOFTWARE_NAME: &str = "ottla";
const SOFTWARE_VERSION: &str = env!("CARGO_PKG_VERSION");

/// Why a connection must be closed: the peer does not speak the protocol as we know it.
#[derive(Clone, Debug, Error)]
pub enum ProtocolError {
    /// A frame nobody asked for.
    #[error("the broker sent a frame of {bytes} bytes without having been asked")]
    Unasked {
        /// Its length.
        bytes: usize,
    },
    /// An answer to another request than the oldest.
    #[error("the broker answered request {got} before request {expected}")]
    OutOfOrder {
        /// The oldest request's correlation id.
        expected: i32,
        /// The answer's.
        got: i32,
    },
    /// An answer that cannot be read.
    #[error("the broker's answer cannot be read ({0}): is it a Kafka broker, and without TLS?")]
    Undecodable(#[from] DecodeError),
    /// Negotiation found nothing in common.
    #[error("the broker refused to name its API versions: {0:?}")]
    NoVersions(ErrorCode),
    /// Our own request cannot be written.
    #[error("{0}")]
    Unencodable(#[from] EncodeError),
}

/// A frame that was taken in.
#[derive(Debug)]
pub enum Received {
    /// The answer to a request.
    Answer(RequestId, Answer),
    /// Negotiation is done: requests may be sent.
    Ready,
    /// Negotiation goes on with this frame.
    Send(Frame),
}

/// A connection's state.
#[derive(Debug)]
pub struct Connection {
    id: ConnectionId,
    state: State,
    client_id: String,
    next_correlation_id: i32,
    in_flight: VecDeque<InFlight>,
    begun: Instant,
    last_used: Instant,
}

#[derive(Debug)]
enum State {
    Connecting { deadline: Instant, known: Option<ApiVersions> },
    Negotiating { version: i16 },
    Ready(ApiVersions),
}

#[derive(Debug)]
struct InFlight {
    correlation_id: i32,
    request: Option<RequestId>,
    api: ApiKey,
    version: i16,
    sent: Instant,
    deadline: Instant,
}

impl Connection {
    /// A connection that is being opened. `known` are the versions that another connection to the
    /// same broker has found out: then there is nothing to negotiate.
    pub fn new(
        id: ConnectionId,
        client_id: &str,
        known: Option<ApiVersions>,
        now: Instant,
        setup_timeout: Duration,
    ) -> Self {
        Self {
            id,
            state: State::Connecting { deadline: now + setup_timeout, known },
            client_id: client_id.to_owned(),
            next_correlation_id: 0,
            in_flight: VecDeque::new(),
            begun: now,
            last_used: now,
        }
    }

    /// The transport has connected: the first frame to send, or `None` if requests may be sent at
    /// once.
    pub fn handle_connected(
        &mut self,
        now: Instant,
        timeout: Duration,
    ) -> Result<Option<Frame>, ProtocolError> {
        let State::Connecting { known, .. } = &mut self.state else {
            return Ok(None); // a transport that repeats itself changes nothing
        };
        self.last_used = now;
        if let Some(versions) = known.take() {
            self.state = State::Ready(versions);
            return Ok(None);
        }
        self.negotiate(ApiKey::ApiVersions.served().max, now, timeout).map(Some)
    }

    /// A frame has come.
    pub fn handle_frame(
        &mut self,
        frame: Bytes,
        now: Instant,
        timeout: Duration,
    ) -> Result<Received, ProtocolError> {
        let Some(oldest) = self.in_flight.front() else {
            return Err(ProtocolError::Unasked { bytes: frame.len() });
        };
        let mut reader = Reader::new(frame);
        let (api, version) = (oldest.api, oldest.version);
        let header = wire::decode_response_header(&mut reader, api, version)?;
        if header.correlation_id != oldest.correlation_id {
            return Err(ProtocolError::OutOfOrder {
                expected: oldest.correlation_id,
                got: header.correlation_id,
            });
        }
        let request = oldest.request;
        self.in_flight.pop_front();
        self.last_used = now;
        match request {
            Some(id) => Ok(Received::Answer(id, Answer { api, version, body: reader.rest() })),
            None => self.handle_api_versions(reader.rest(), now, timeout),
        }
    }

    /// The frame of `request`, in the highest version that both sides speak and that is not above
    /// `version_max`. `None` if there is none, or if the connection is not ready.
    pub fn send(
        &mut self,
        id: RequestId,
        request: &dyn OutgoingRequest,
        terms: &SendTerms,
        now: Instant,
    ) -> Result<Option<Frame>, EncodeError> {
        let State::Ready(versions) = &self.state else {
            return Ok(None);
        };
        let Some(version) = versions.highest(request.api(), terms.version_max) else {
            return Ok(None);
        };
        let frame = request.encode(&self.client_id, self.next_correlation_id, version)?;
        if terms.answered {
            self.expect(Some(id), request.api(), version, now, terms.timeout);
        }
        self.next_correlation_id = self.next_correlation_id.wrapping_add(1);
        self.last_used = now;
        Ok(Some(frame))
    }

    /// The requests that will never be answered, now that the connection is gone.
    pub fn into_unanswered(self) -> impl Iterator<Item = RequestId> {
        self.in_flight.into_iter().filter_map(|in_flight| in_flight.request)
    }

    /// The connection's name.
    pub fn id(&self) -> ConnectionId {
        self.id
    }

    /// Since when it has been opened.
    pub fn begun(&self) -> Instant {
        self.begun
    }

    /// Whether requests may be sent.
    pub fn is_ready(&self) -> bool {
        matches!(self.state, State::Ready(_))
    }

    /// What the broker speaks, once that is known.
    pub fn versions(&self) -> Option<&ApiVersions> {
        match &self.state {
            State::Ready(versions) => Some(versions),
            _ => None,
        }
    }

    /// How many answers are owed.
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// When something must have happened, or the connection is given up.
    pub fn deadline(&self, idle_max: Option<Duration>) -> Option<Instant> {
        match &self.state {
            State::Connecting { deadline, .. } => Some(*deadline),
            _ => match self.in_flight.front() {
                Some(oldest) => Some(oldest.deadline),
                None => idle_max.map(|idle| self.last_used + idle),
            },
        }
    }

    /// Why the connection is given up at its deadline, and whether that is a fault.
    pub fn overdue(&self, now: Instant) -> Overdue {
        match (&self.state, self.in_flight.front()) {
            (State::Connecting { .. }, _) => {
                Overdue::Fault("no connection before the time for setting it up was over".into())
            }
            (_, Some(oldest)) => Overdue::Fault(format!(
                "no answer to {:?} within {} ms",
                oldest.api,
                now.since(oldest.sent).as_millis()
            )),
            (_, None) => Overdue::Idle,
        }
    }

    fn handle_api_versions(
        &mut self,
        body: Bytes,
        now: Instant,
        timeout: Duration,
    ) -> Result<Received, ProtocolError> {
        let State::Negotiating { version } = self.state else {
            unreachable!("only negotiation sends requests without a name");
        };
        // A broker that does not know our version says so in version 0, whatever was asked
        // (KIP-511).
        let refused = body.starts_with(&(ErrorCode::UnsupportedVersion as i16).to_be_bytes());
        let version_read = if refused { 0 } else { version };
        let response = ApiVersionsResponse::decode(&mut Reader::new(body), version_read)?;
        let versions = ApiVersions::of(&response);
        match ErrorCode::from_code(response.error_code).unwrap_or(ErrorCode::UnknownServerError) {
            ErrorCode::None if !response.api_keys.is_empty() => {
                self.state = State::Ready(versions);
                Ok(Received::Ready)
            }
            ErrorCode::UnsupportedVersion if version > 0 => {
                let lower = versions.highest(ApiKey::ApiVersions, version - 1).unwrap_or(0);
                self.negotiate(lower, now, timeout).map(Received::Send)
            }
            code => Err(ProtocolError::NoVersions(code)),
        }
    }

    fn negotiate(
        &mut self,
        version: i16,
        now: Instant,
        timeout: Duration,
    ) -> Result<Frame, ProtocolError> {
        let request = ApiVersionsRequest {
            client_software_name: SOFTWARE_NAME.to_owned(),
            client_software_version: SOFTWARE_VERSION.to_owned(),
        };
        let id = self.next_correlation_id;
        let frame = wire::encode_request(Some(&self.client_id), id, version, &request)?;
        self.expect(None, ApiKey::ApiVersions, version, now, timeout);
        self.next_correlation_id = self.next_correlation_id.wrapping_add(1);
        self.state = State::Negotiating { version };
        Ok(frame)
    }

    fn expect(
        &mut self,
        request: Option<RequestId>,
        api: ApiKey,
        version: i16,
        now: Instant,
        timeout: Duration,
    ) {
        let correlation_id = self.next_correlation_id;
        let deadline = now + timeout;
        self.in_flight.push_back(InFlight {
            correlation_id,
            request,
            api,
            version,
            sent: now,
            deadline,
        });
    }
}

/// On which terms a request is sent.
#[derive(Clone, Copy, Debug)]
pub struct SendTerms {
    /// No higher version than this can say what is meant.
    pub version_max: i16,
    /// Whether the broker will answer (all but Produce with acks=0 are).
    pub answered: bool,
    /// How long to wait for the answer.
    pub timeout: Duration,
}

/// What a passed deadline means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Overdue {
    /// The broker owes something.
    Fault(String),
    /// Nobody has used the connection for long.
    Idle,
}

#[cfg(test)]
mod tests;
