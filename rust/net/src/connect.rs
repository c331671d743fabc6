//! Opens a connection to the first of several endpoints that answers, or says of every address why
//! it did not.
//!
//! Addresses are tried in order, each a little after the one before without giving that one up (RFC
//! 8305, "happy eyeballs"), so a silent address costs a quarter of a second and not a time-out.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use thiserror::Error;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::endpoint::Endpoint;
use crate::limits::CONNECT_ADDRESSES_MAX;
use crate::transport::Transport;

/// How long connecting may take.
#[derive(Clone, Copy, Debug)]
pub struct ConnectTimeouts {
    /// In all, names resolved and every address tried.
    pub total: Duration,
    /// The head start of one address before the next is tried beside it.
    pub stagger: Duration,
}

impl Default for ConnectTimeouts {
    fn default() -> Self {
        Self { total: Duration::from_secs(5), stagger: Duration::from_millis(250) }
    }
}

/// No endpoint could be connected to.
#[derive(Debug, Error)]
pub struct ConnectError {
    /// What was tried, in order.
    pub attempts: Vec<Attempt>,
}

/// One address, or one name without any, and why it could not be connected to.
#[derive(Debug)]
pub struct Attempt {
    /// The endpoint as it was asked for.
    pub endpoint: Endpoint,
    /// The address that was tried; `None` when the name had none.
    pub address: Option<SocketAddr>,
    /// Why it failed.
    pub failure: ConnectFailure,
}

/// Why one address could not be connected to.
#[derive(Debug, Error)]
pub enum ConnectFailure {
    /// The name could not be resolved.
    #[error("the name could not be resolved: {0}")]
    Resolve(io::Error),
    /// The name has no address.
    #[error("the name has no address")]
    NoAddress,
    /// Nothing listens there.
    #[error("connection refused: nothing listens there")]
    Refused,
    /// Nothing answered in time.
    #[error("no answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
    /// The time was over before this address' turn came.
    #[error("not tried: the time of {} ms for all addresses was over", .0.as_millis())]
    NotTried(Duration),
    /// Anything else, in the system's words.
    #[error("{0}")]
    Io(io::Error),
}

impl From<io::Error> for ConnectFailure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            _ => Self::Io(error),
        }
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.endpoint)?;
        match self.address {
            Some(address) if address.to_string() != self.endpoint.to_string() => {
                write!(formatter, " ({address})")?;
            }
            _ => {}
        }
        write!(formatter, ": {}", self.failure)
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("no address could be connected to: ")?;
        if self.attempts.is_empty() {
            return formatter.write_str("none was given");
        }
        for (index, attempt) in self.attempts.iter().enumerate() {
            if index > 0 {
                formatter.write_str("; ")?;
            }
            write!(formatter, "{attempt}")?;
        }
        Ok(())
    }
}

/// Connects to the first of `endpoints` that answers.
pub async fn connect<T: Transport>(
    transport: &T,
    endpoints: &[Endpoint],
    timeouts: ConnectTimeouts,
) -> Result<T::Stream, ConnectError> {
    let deadline = Instant::now() + timeouts.total;
    let mut failed = Vec::new();
    let mut candidates = resolve(transport, endpoints, timeouts.total, deadline, &mut failed).await;
    let connected = race(transport, &mut candidates, timeouts, deadline).await;
    connected.ok_or_else(|| {
        let tried = candidates.into_iter().map(|candidate| candidate.into_attempt(timeouts.total));
        failed.extend(tried);
        ConnectError { attempts: failed }
    })
}

/// An address and what has become of it.
struct Candidate {
    endpoint: Endpoint,
    address: SocketAddr,
    started: Option<Instant>,
    failure: Option<ConnectFailure>,
}

impl Candidate {
    fn into_attempt(self, total: Duration) -> Attempt {
        let failure = match (self.failure, self.started) {
            (Some(failure), _) => failure,
            (None, Some(started)) => ConnectFailure::TimedOut(started.elapsed()),
            (None, None) => ConnectFailure::NotTried(total),
        };
        Attempt { endpoint: self.endpoint, address: Some(self.address), failure }
    }
}

/// The addresses of all endpoints, in order. All names are asked for at once, and none holds up the
/// rest beyond half of the time.
async fn resolve<T: Transport>(
    transport: &T,
    endpoints: &[Endpoint],
    total: Duration,
    deadline: Instant,
    failed: &mut Vec<Attempt>,
) -> Vec<Candidate> {
    let resolve_deadline = deadline - total / 2;
    let mut lookups = JoinSet::new();
    for (index, endpoint) in endpoints.iter().take(CONNECT_ADDRESSES_MAX).cloned().enumerate() {
        let transport = transport.clone();
        lookups.spawn(async move {
            let resolved = timeout_at(resolve_deadline, transport.resolve(&endpoint)).await;
            let addresses = match resolved {
                Err(_) => Err(ConnectFailure::TimedOut(total / 2)),
                Ok(Err(error)) => Err(ConnectFailure::Resolve(error)),
                Ok(Ok(addresses)) if addresses.is_empty() => Err(ConnectFailure::NoAddress),
                Ok(Ok(addresses)) => Ok(addresses),
            };
            (index, endpoint, addresses)
        });
    }
    let mut resolved = lookups.join_all().await;
    resolved.sort_by_key(|(index, ..)| *index);
    let mut candidates = Vec::new();
    for (_, endpoint, addresses) in resolved {
        match addresses {
            Ok(addresses) => candidates.extend(addresses.into_iter().map(|address| Candidate {
                endpoint: endpoint.clone(),
                address,
                started: None,
                failure: None,
            })),
            Err(failure) => failed.push(Attempt { endpoint, address: None, failure }),
        }
    }
    candidates.truncate(CONNECT_ADDRESSES_MAX);
    candidates
}

/// Starts the candidates one after the other and returns the first stream; the losers are dropped.
async fn race<T: Transport>(
    transport: &T,
    candidates: &mut [Candidate],
    timeouts: ConnectTimeouts,
    deadline: Instant,
) -> Option<T::Stream> {
    let mut running = JoinSet::new();
    let mut next = 0;
    let mut next_start = Instant::now();
    loop {
        if next < candidates.len() && (running.is_empty() || Instant::now() >= next_start) {
            let (index, address) = (next, candidates[next].address);
            let transport = transport.clone();
            candidates[next].started = Some(Instant::now());
            running.spawn(async move { (index, transport.connect(address).await) });
            next += 1;
            next_start = Instant::now() + timeouts.stagger;
        }
        if running.is_empty() {
            return None;
        }
        tokio::select! {
            biased;
            Some(joined) = running.join_next() => match joined {
                Ok((_, Ok(stream))) => return Some(stream),
                Ok((index, Err(error))) => candidates[index].failure = Some(error.into()),
                Err(error) => assert!(!error.is_panic(), "connecting panicked: {error}"),
            },
            () = sleep_until(deadline) => return None,
            () = sleep_until(next_start), if next < candidates.len() => {}
        }
    }
}

#[cfg(test)]
mod tests;
