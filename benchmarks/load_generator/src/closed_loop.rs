//! The closed loop: many connections, each sends a request, waits for its answer, and sends it
//! again.
//!
//! One thread and one poll for all connections, so that the generator leaves the machine to the
//! broker.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::connection::Connection;
use crate::exchange::Exchange;
use crate::latencies::Latencies;

/// A broker that acknowledges nothing for so long does not work.
const SILENCE_MAX: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) elapsed: Duration,
    pub(crate) latencies: Latencies,
}

impl Outcome {
    /// Its figures as a line of JSON.
    pub(crate) fn report(mut self) -> String {
        let acks = self.latencies.count();
        let acks_per_s = acks as f64 / self.elapsed.as_secs_f64();
        let [p50, p99] = [50, 99].map(|percent| self.latencies.percentile(percent).as_micros());
        let rate = format!(r#""acks": {acks}, "acks_per_s": {acks_per_s:.1}"#);
        format!(r#"{{{rate}, "p50_us": {p50}, "p99_us": {p99}}}"#)
    }
}

/// Drives the load, a connection for each exchange. Every connection is up, and has had an answer,
/// before the clock starts. What is under way at the end is not counted.
pub(crate) fn run(
    broker: SocketAddr,
    exchanges: Vec<Exchange>,
    duration: Duration,
) -> Result<Outcome, Box<dyn Error>> {
    let mut poll = Poll::new()?;
    let mut connections = connect(broker, exchanges, &poll)?;
    let mut latencies = Latencies::default();
    let started = Instant::now();
    for connection in &mut connections {
        connection.advance(|latency| latencies.record(latency))?;
    }
    let mut events = Events::with_capacity(connections.len());
    loop {
        let elapsed = started.elapsed();
        let Some(left) = duration.checked_sub(elapsed).filter(|left| !left.is_zero()) else {
            return Ok(Outcome { elapsed, latencies });
        };
        match poll.poll(&mut events, Some(left.min(SILENCE_MAX))) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            polled => polled?,
        }
        if events.is_empty() && left > SILENCE_MAX {
            return Err(format!("no acknowledgement in {SILENCE_MAX:?}").into());
        }
        for event in &events {
            let connection = connections.get_mut(event.token().0).expect("a registered token");
            connection.advance(|latency| latencies.record(latency))?;
        }
    }
}

fn connect(
    broker: SocketAddr,
    exchanges: Vec<Exchange>,
    poll: &Poll,
) -> Result<Vec<Connection<TcpStream>>, Box<dyn Error>> {
    let mut connections = Vec::with_capacity(exchanges.len());
    for (number, exchange) in exchanges.into_iter().enumerate() {
        let stream = std::net::TcpStream::connect(broker)
            .map_err(|error| format!("cannot connect to {broker}: {error}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(SILENCE_MAX))?;
        stream.set_write_timeout(Some(SILENCE_MAX))?;
        let mut connection = Connection::new(stream, exchange);
        connection.await_first_answer()?;
        connection.stream_mut().set_nonblocking(true)?;
        let mut connection = connection.map(TcpStream::from_std);
        let interest = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(connection.stream_mut(), Token(number), interest)?;
        connections.push(connection);
    }
    Ok(connections)
}
