//! All connections under one poll, for a while.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::connection::Connection;
use crate::exchange;
use crate::latencies::Latencies;

/// A broker that acknowledges nothing for so long does not work.
const SILENCE_MAX: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) broker: SocketAddr,
    pub(crate) topic: String,
    pub(crate) partitions: u16,
    pub(crate) connections: u16,
    pub(crate) record_bytes: usize,
    pub(crate) duration: Duration,
}

#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) elapsed: Duration,
    pub(crate) latencies: Latencies,
}

/// Drives the load. Every connection is up, and its partition has taken a record, before the clock
/// starts. What is under way at the end is not counted.
pub(crate) fn run(load: &Load) -> Result<Outcome, Box<dyn Error>> {
    let mut poll = Poll::new()?;
    let mut connections = connect(load, &poll)?;
    let mut latencies = Latencies::default();
    let started = Instant::now();
    for connection in &mut connections {
        connection.advance(|latency| latencies.record(latency))?;
    }
    let mut events = Events::with_capacity(connections.len());
    loop {
        let elapsed = started.elapsed();
        let Some(left) = load.duration.checked_sub(elapsed).filter(|left| !left.is_zero()) else {
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

fn connect(load: &Load, poll: &Poll) -> Result<Vec<Connection<TcpStream>>, Box<dyn Error>> {
    let mut connections = Vec::with_capacity(usize::from(load.connections));
    for number in 0..load.connections {
        let partition = i32::from(number % load.partitions);
        let request = exchange::request(&load.topic, partition, load.record_bytes)?;
        let stream = std::net::TcpStream::connect(load.broker)
            .map_err(|error| format!("cannot connect to {}: {error}", load.broker))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(SILENCE_MAX))?;
        stream.set_write_timeout(Some(SILENCE_MAX))?;
        let mut connection = Connection::new(stream, request);
        connection.await_partition()?;
        connection.stream_mut().set_nonblocking(true)?;
        let mut connection = connection.map(TcpStream::from_std);
        let token = Token(usize::from(number));
        let interest = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(connection.stream_mut(), token, interest)?;
        connections.push(connection);
    }
    Ok(connections)
}
