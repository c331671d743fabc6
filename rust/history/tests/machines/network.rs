//! Virtual time and the wires to the broker: frames are under way, connections come and go.
//!
//! A connection keeps its order, as TCP does. When something on it is lost, all that follows is: it
//! falls silent until the client gives it up. What is late comes as a *stray*, out of its
//! connection and with nobody to hear the answer, even if the broker was killed meanwhile.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use base::{Instant, Rng, SplitMix64};
use bytes::Bytes;
use client_core::{ConnectionId, Transmit, TransportEvent};
use wire::ApiKey;

use crate::protocol::Protocol;
use crate::weather::{Weather, happens, up_to_ms};

/// How long a frame takes, and one that is late.
const DELAY_MS_MAX: u32 = 3;
const LATE_MS_MIN: u64 = 300;
const LATE_MS_MAX: u32 = 5_000;
/// For how long a client's writes are late, if they are.
const FAR_MS_MAX: u32 = 7_000;

/// A machine that has connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Endpoint(u32);

/// One of its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Line {
    endpoint: Endpoint,
    connection: ConnectionId,
}

/// What has come.
#[derive(Debug)]
pub(crate) enum Arrival {
    /// To the broker; from nowhere, if it is a stray.
    Request { line: Option<Line>, frame: Bytes },
    /// To a client.
    Event { endpoint: Endpoint, event: TransportEvent },
}

#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) now: Instant,
    pub(crate) weather: Weather,
    /// The broker is dead: nobody can be reached.
    pub(crate) is_down: bool,
    protocol: Protocol,
    /// Requests to end a transaction may be late, whatever the protocol bears.
    ends_are_late: bool,
    rng: SplitMix64,
    connections: BTreeMap<Line, Connection>,
    far_until: BTreeMap<Endpoint, Instant>,
    under_way: BTreeMap<(Instant, u64), Arrival>,
    count: u64,
    endpoints: u32,
}

#[derive(Debug)]
struct Connection {
    request_due: Instant,
    answer_due: Instant,
    /// Something was lost on it.
    is_silent: bool,
    /// The correlation ids of the requests that are not answered, in order, and answers that wait
    /// for their turn.
    asked: VecDeque<i32>,
    answers: BTreeMap<i32, Bytes>,
}

impl Network {
    pub(crate) fn new(protocol: Protocol, ends_are_late: bool, seed: u64) -> Self {
        Self {
            now: Instant(1_000_000_000),
            weather: Weather::CALM,
            is_down: false,
            protocol,
            ends_are_late,
            rng: SplitMix64::new(seed ^ 0x5eed),
            connections: BTreeMap::new(),
            far_until: BTreeMap::new(),
            under_way: BTreeMap::new(),
            count: 0,
            endpoints: 0,
        }
    }

    pub(crate) fn endpoint(&mut self) -> Endpoint {
        self.endpoints += 1;
        Endpoint(self.endpoints)
    }

    pub(crate) fn transmit(&mut self, endpoint: Endpoint, transmit: Transmit) {
        match transmit {
            Transmit::Connect { connection, timeout, .. } => {
                self.connect(Line { endpoint, connection }, timeout);
            }
            Transmit::Send { connection, frame } => {
                let frame = frame.collect().expect("requests are in memory").slice(4..);
                self.send(Line { endpoint, connection }, frame);
            }
            Transmit::Close { connection } => {
                self.connections.remove(&Line { endpoint, connection });
            }
        }
    }

    /// When the next thing arrives.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.under_way.first_key_value().map(|((due, _), _)| *due)
    }

    /// What has arrived by now.
    pub(crate) fn arrive(&mut self) -> Option<Arrival> {
        while self.due().is_some_and(|due| due <= self.now) {
            let (_, arrival) = self.under_way.pop_first()?;
            if self.is_heard(&arrival) {
                return Some(arrival);
            }
        }
        None
    }

    /// The broker has answered.
    pub(crate) fn answer(&mut self, line: Line, correlation_id: i32, frame: Bytes) {
        let Some(connection) = self.connections.get_mut(&line) else { return };
        connection.answers.insert(correlation_id, frame);
        while let Some(connection) = self.connections.get_mut(&line)
            && let Some(first) = connection.asked.front()
            && let Some(frame) = connection.answers.remove(first)
        {
            connection.asked.pop_front();
            self.respond(line, frame);
        }
    }

    /// The broker has died, and with it all that was on its way.
    pub(crate) fn break_all(&mut self) {
        for line in self.connections.keys().copied().collect::<Vec<_>>() {
            self.close(line, Duration::ZERO, "the broker has died");
        }
    }

    fn connect(&mut self, line: Line, timeout: Duration) {
        if self.is_down || happens(&mut self.rng, self.weather.connect_fails) {
            let after = if self.rng.below(2) == 0 { timeout } else { Duration::ZERO };
            return self.close(line, after, "no luck");
        }
        let connection = Connection {
            request_due: self.now,
            answer_due: self.now,
            is_silent: false,
            asked: VecDeque::new(),
            answers: BTreeMap::new(),
        };
        self.connections.insert(line, connection);
        let after = up_to_ms(&mut self.rng, DELAY_MS_MAX);
        let event = TransportEvent::Connected { connection: line.connection };
        self.put(self.now + after, Arrival::Event { endpoint: line.endpoint, event });
    }

    fn send(&mut self, line: Line, frame: Bytes) {
        let delay = up_to_ms(&mut self.rng, DELAY_MS_MAX);
        let is_lost = happens(&mut self.rng, self.weather.request_lost);
        let may_be_late = self.may_be_late(&frame);
        let is_late = may_be_late && self.is_late(line.endpoint, &frame);
        let is_repeated = may_be_late && happens(&mut self.rng, self.weather.request_repeated);
        let Some(connection) = self.connections.get_mut(&line) else { return };
        if !connection.is_silent && !is_lost && !is_late {
            connection.request_due = connection.request_due.max(self.now + delay);
            let due = connection.request_due;
            self.put(due, Arrival::Request { line: Some(line), frame: frame.clone() });
        } else {
            connection.is_silent = true;
        }
        if is_late || is_repeated {
            let late = Duration::from_millis(LATE_MS_MIN) + up_to_ms(&mut self.rng, LATE_MS_MAX);
            self.put(self.now + late, Arrival::Request { line: None, frame });
        }
    }

    fn may_be_late(&self, frame: &Bytes) -> bool {
        let Some(api) = api_of(frame) else { return false };
        self.protocol.bears_late(api) || self.ends_are_late && api == ApiKey::EndTxn
    }

    fn is_late(&mut self, endpoint: Endpoint, frame: &Bytes) -> bool {
        if api_of(frame) == Some(ApiKey::Produce) {
            if happens(&mut self.rng, self.weather.leader_is_far) {
                let until = self.now + up_to_ms(&mut self.rng, FAR_MS_MAX);
                self.far_until.insert(endpoint, until);
            }
            if self.far_until.get(&endpoint).is_some_and(|until| self.now < *until) {
                return true;
            }
        }
        happens(&mut self.rng, self.weather.request_late)
    }

    fn respond(&mut self, line: Line, frame: Bytes) {
        if happens(&mut self.rng, self.weather.connection_breaks) {
            return self.close(line, Duration::ZERO, "the connection broke");
        }
        let is_lost = happens(&mut self.rng, self.weather.answer_lost);
        let delay = up_to_ms(&mut self.rng, DELAY_MS_MAX);
        let Some(connection) = self.connections.get_mut(&line) else { return };
        connection.is_silent |= is_lost;
        if connection.is_silent {
            return;
        }
        connection.answer_due = connection.answer_due.max(self.now + delay);
        let due = connection.answer_due;
        let event = TransportEvent::Received { connection: line.connection, frame };
        self.put(due, Arrival::Event { endpoint: line.endpoint, event });
    }

    fn close(&mut self, line: Line, after: Duration, reason: &str) {
        self.connections.remove(&line);
        let (connection, reason) = (line.connection, reason.to_owned());
        let event = TransportEvent::Closed { connection, reason };
        self.put(self.now + after, Arrival::Event { endpoint: line.endpoint, event });
    }

    /// Nothing is heard on a connection that has ended, but that it has.
    fn is_heard(&mut self, arrival: &Arrival) -> bool {
        match arrival {
            Arrival::Request { line: None, .. } => !self.is_down,
            Arrival::Request { line: Some(line), frame } => {
                let Some(connection) = self.connections.get_mut(line) else { return false };
                connection.asked.push_back(correlation_id_of(frame));
                true
            }
            Arrival::Event { endpoint, event } => match event {
                TransportEvent::Closed { .. } => true,
                TransportEvent::Connected { connection }
                | TransportEvent::Received { connection, .. } => {
                    let line = Line { endpoint: *endpoint, connection: *connection };
                    self.connections.contains_key(&line)
                }
            },
        }
    }

    fn put(&mut self, due: Instant, arrival: Arrival) {
        self.count += 1;
        self.under_way.insert((due, self.count), arrival);
    }
}

/// Key, version and correlation id are the first that is in a frame.
fn api_of(frame: &Bytes) -> Option<ApiKey> {
    ApiKey::from_key(i16::from_be_bytes(frame[..2].try_into().ok()?))
}

fn correlation_id_of(frame: &Bytes) -> i32 {
    i32::from_be_bytes(frame[4..8].try_into().expect("four bytes"))
}
