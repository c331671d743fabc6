//! One broker as the client sees it: where it is, the connections to it, and how they have fared.

use std::time::Duration;

use base::{Instant, Rng};

use crate::backoff::Backoff;
use crate::config::{Address, ConnectionConfig};
use crate::connection::Connection;
use crate::transport::ConnectionId;

/// Which of the connections to a broker. A broker answers one connection in order, and holds a
/// fetch until there is something to fetch: whatever must not wait behind that goes another way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// Everything that is answered at once.
    Main,
    /// Fetches.
    Fetch,
    /// What a group's member asks its coordinator, which holds a JoinGroup until all have joined.
    Coordinator,
}

/// A broker, or a bootstrap server.
#[derive(Debug)]
pub struct Node {
    /// Where it is.
    pub address: Address,
    /// The failures since it last answered.
    pub failures: u32,
    /// It is not connected to before this.
    pub retry_at: Instant,
    /// It has asked not to be sent anything before this.
    pub throttled_until: Instant,
    main: Option<Connection>,
    fetch: Option<Connection>,
    coordinator: Option<Connection>,
    last_failure: Option<String>,
}

impl Node {
    /// A node that has not been tried.
    pub fn new(address: Address) -> Self {
        Self {
            address,
            failures: 0,
            retry_at: Instant::default(),
            throttled_until: Instant::default(),
            main: None,
            fetch: None,
            coordinator: None,
            last_failure: None,
        }
    }

    /// A connection is being opened. The versions that the main lane has found out hold for the
    /// others too, as long as the main lane stands: after a restart the broker may be another
    /// release.
    pub fn open(
        &mut self,
        lane: Lane,
        id: ConnectionId,
        client_id: &str,
        now: Instant,
        timeout: Duration,
    ) {
        let known = match lane {
            Lane::Main => None,
            Lane::Fetch | Lane::Coordinator => {
                self.main.as_ref().and_then(|main| main.versions().cloned())
            }
        };
        *self.slot(lane) = Some(Connection::new(id, client_id, known, now, timeout));
    }

    /// Takes a lane's connection away.
    pub fn take(&mut self, lane: Lane) -> Option<Connection> {
        self.slot(lane).take()
    }

    /// The node has answered.
    pub fn succeeded(&mut self) {
        self.failures = 0;
        self.last_failure = None;
    }

    /// A connection has failed. One that had stood counts as a first failure: the broker was there
    /// just now.
    pub fn failed(
        &mut self,
        reason: &str,
        was_ready: bool,
        config: &ConnectionConfig,
        now: Instant,
        rng: &mut dyn Rng,
    ) {
        self.failures = if was_ready { 1 } else { self.failures.saturating_add(1) };
        self.last_failure = Some(reason.to_owned());
        let backoff =
            Backoff { initial: config.reconnect_backoff, max: config.reconnect_backoff_max };
        self.retry_at = now + backoff.wait(self.failures, rng);
    }

    /// How long the next connect may take: longer after each failure, since the network may just be
    /// slow (KIP-601).
    pub fn setup_timeout(&self, config: &ConnectionConfig, rng: &mut dyn Rng) -> Duration {
        Backoff {
            initial: config.connection_setup_timeout,
            max: config.connection_setup_timeout_max,
        }
        .wait(self.failures + 1, rng)
    }

    /// A lane's connection.
    pub fn lane(&self, lane: Lane) -> Option<&Connection> {
        match lane {
            Lane::Main => self.main.as_ref(),
            Lane::Fetch => self.fetch.as_ref(),
            Lane::Coordinator => self.coordinator.as_ref(),
        }
    }

    /// A lane's connection, to change it.
    pub fn lane_mut(&mut self, lane: Lane) -> Option<&mut Connection> {
        self.slot(lane).as_mut()
    }

    /// The connections.
    pub fn lanes(&self) -> impl Iterator<Item = &Connection> {
        self.main.iter().chain(&self.fetch).chain(&self.coordinator)
    }

    /// The names of the connections.
    pub fn connection_ids(&self) -> Vec<ConnectionId> {
        self.lanes().map(Connection::id).collect()
    }

    /// Whether the main lane stands.
    pub fn is_connected(&self) -> bool {
        self.main.as_ref().is_some_and(Connection::is_ready)
    }

    /// Whether the main lane takes a request now.
    pub fn is_ready(&self, now: Instant) -> bool {
        self.is_connected() && self.throttled_until <= now
    }

    /// Whether it could not be reached, and is not being tried again yet.
    pub fn is_lost(&self) -> bool {
        self.failures > 0 && self.main.is_none()
    }

    /// How many answers the node owes on its main lane.
    pub fn in_flight(&self) -> usize {
        self.main.as_ref().map_or(0, Connection::in_flight)
    }

    /// The address and why it failed last, or that it is being waited for.
    pub fn complaint(&self) -> Option<String> {
        match (&self.last_failure, &self.main) {
            // The transport names the addresses itself.
            (Some(reason), _) if reason.contains(&self.address.host) => Some(reason.clone()),
            (Some(reason), _) => Some(format!("{}: {reason}", self.address)),
            (None, Some(_)) => Some(format!("{}: no answer yet", self.address)),
            (None, None) => None,
        }
    }

    fn slot(&mut self, lane: Lane) -> &mut Option<Connection> {
        match lane {
            Lane::Main => &mut self.main,
            Lane::Fetch => &mut self.fetch,
            Lane::Coordinator => &mut self.coordinator,
        }
    }
}
