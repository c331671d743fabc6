//! Virtual time and the wires: frames are under way, connections come and go, and all of it follows
//! from one seed.

use std::collections::BTreeMap;
use std::time::Duration;

use base::{Instant, NodeId, Rng, SplitMix64};
use bytes::Bytes;
use client_core::{ConnectionId, Transmit, TransportEvent};

use crate::fake_cluster::FakeCluster;
use crate::faults::{Faults, delay, happens};

#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) now: Instant,
    pub(crate) cluster: FakeCluster,
    pub(crate) faults: Faults,
    pub(crate) rng: SplitMix64,
    /// Nobody can be reached at all.
    pub(crate) is_down: bool,
    /// Until when each broker is down that was killed.
    pub(crate) restarting: BTreeMap<i32, Instant>,
    connections: BTreeMap<ConnectionId, Connection>,
    under_way: BTreeMap<(Instant, u64), UnderWay>,
    count: u64,
    /// Everything that happened, for comparing histories.
    pub(crate) history: Vec<String>,
}

#[derive(Debug)]
struct Connection {
    node: NodeId,
    /// A connection keeps its order, both ways.
    request_due: Instant,
    response_due: Instant,
}

#[derive(Debug)]
enum UnderWay {
    Request { connection: ConnectionId, node: NodeId, frame: Bytes },
    Event(TransportEvent),
}

impl Network {
    pub(crate) fn new(cluster: FakeCluster, faults: Faults, seed: u64) -> Self {
        Self {
            now: Instant(1_000_000_000),
            cluster,
            faults,
            rng: SplitMix64::new(seed ^ 0x5eed),
            is_down: false,
            restarting: BTreeMap::new(),
            connections: BTreeMap::new(),
            under_way: BTreeMap::new(),
            count: 0,
            history: Vec::new(),
        }
    }

    pub(crate) fn transmit(&mut self, transmit: Transmit) {
        match transmit {
            Transmit::Connect { connection, address, timeout } => {
                let number = address.host.strip_prefix("node").expect("one of ours");
                let node = NodeId(number.parse().expect("a number"));
                let is_down = self.is_down || self.restarting.get(&node.0) > Some(&self.now);
                if is_down || happens(&mut self.rng, self.faults.connect_fails) {
                    let after = if self.rng.below(2) == 0 { timeout } else { Duration::ZERO };
                    let reason = format!("{address}: no luck");
                    self.event(after, TransportEvent::Closed { connection, reason });
                } else {
                    let due = self.now;
                    let known = Connection { node, request_due: due, response_due: due };
                    self.connections.insert(connection, known);
                    let after = delay(&mut self.rng, &self.faults);
                    self.event(after, TransportEvent::Connected { connection });
                }
            }
            Transmit::Send { connection, frame } => {
                let frame = frame.collect().expect("requests are in memory").slice(4..);
                let lost = happens(&mut self.rng, self.faults.request_lost);
                let after = delay(&mut self.rng, &self.faults);
                let Some(known) = self.connections.get_mut(&connection) else { return };
                if lost {
                    return;
                }
                known.request_due = known.request_due.max(self.now + after);
                let (due, node) = (known.request_due, known.node);
                self.put(due, UnderWay::Request { connection, node, frame });
            }
            Transmit::Close { connection } => {
                self.connections.remove(&connection);
            }
        }
    }

    /// How many connections are open.
    pub(crate) fn open_connections(&self) -> usize {
        self.connections.len()
    }

    /// When the next thing arrives.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.under_way.first_key_value().map(|((due, _), _)| *due)
    }

    /// What arrives for the client by now; requests are answered on the way.
    pub(crate) fn arrive(&mut self) -> Option<TransportEvent> {
        self.cluster.group.pass_time(self.now);
        self.send_released();
        while self.due().is_some_and(|due| due <= self.now) {
            let (_, arrived) = self.under_way.pop_first().expect("something is due");
            match arrived {
                UnderWay::Event(event) => {
                    if self.is_heard(&event) {
                        self.history.push(format!("{} {event:?}", self.now.0));
                        return Some(event);
                    }
                }
                UnderWay::Request { connection, node, frame } => {
                    let is_open = self.connections.contains_key(&connection);
                    if is_open || happens(&mut self.rng, self.faults.request_outlives) {
                        self.serve(connection, node, frame);
                    }
                }
            }
        }
        None
    }

    /// Nothing is heard of a connection that the client has closed.
    fn is_heard(&mut self, event: &TransportEvent) -> bool {
        match event {
            TransportEvent::Closed { connection, .. } => {
                self.connections.remove(connection);
                true
            }
            TransportEvent::Connected { connection }
            | TransportEvent::Received { connection, .. } => {
                self.connections.contains_key(connection)
            }
        }
    }

    fn serve(&mut self, connection: ConnectionId, node: NodeId, frame: Bytes) {
        if self.is_down {
            return self.break_off(connection);
        }
        if happens(&mut self.rng, self.faults.leader_moves) {
            let partition = self.rng.below(self.cluster.partitions.len() as u32);
            self.move_leader(partition as usize);
            let transactions = &mut self.cluster.transactions;
            transactions.node = (transactions.node + 1) % self.cluster.nodes;
        }
        if happens(&mut self.rng, self.faults.broker_restarts) {
            return self.restart(node);
        }
        self.make_trouble();
        let response = self.cluster.answer(node, connection, frame, self.now);
        for partition in std::mem::take(&mut self.cluster.resigned) {
            self.move_leader(partition);
        }
        if let Some(response) = response {
            self.respond(connection, &response);
        }
        self.send_released();
    }

    /// The broker's connections end, and what is under way to it is lost.
    pub(crate) fn break_off_all(&mut self, node: NodeId) {
        let is_its_own = |known: &Connection| known.node == node;
        let ended: Vec<_> = self
            .connections
            .iter()
            .filter(|(_, known)| is_its_own(known))
            .map(|(connection, _)| *connection)
            .collect();
        for connection in ended {
            self.connections.remove(&connection);
            self.break_off(connection);
        }
        self.under_way.retain(|_, what| match what {
            UnderWay::Request { node: to, .. } => *to != node,
            UnderWay::Event(_) => true,
        });
    }

    /// What the coordinator has held back and does not any more.
    fn send_released(&mut self) {
        for (connection, response) in self.cluster.group.released() {
            self.respond(connection, &response);
        }
    }

    fn respond(&mut self, connection: ConnectionId, response: &Bytes) {
        if !self.connections.contains_key(&connection) {
            return;
        }
        if happens(&mut self.rng, self.faults.connection_breaks) {
            return self.break_off(connection);
        }
        if happens(&mut self.rng, self.faults.response_lost) {
            return;
        }
        let repeats = 1 + usize::from(happens(&mut self.rng, self.faults.response_repeated));
        let swapped = happens(&mut self.rng, self.faults.response_swapped);
        let after = delay(&mut self.rng, &self.faults);
        let known = self.connections.get_mut(&connection).expect("it was just there");
        // A swapped answer overtakes the one before it, which no honest connection does.
        let due = if swapped { self.now } else { known.response_due.max(self.now + after) };
        known.response_due = known.response_due.max(due);
        for _ in 0..repeats {
            let frame = response.clone();
            self.put(due, UnderWay::Event(TransportEvent::Received { connection, frame }));
        }
    }

    fn break_off(&mut self, connection: ConnectionId) {
        let reason = "the connection broke".to_owned();
        self.event(Duration::ZERO, TransportEvent::Closed { connection, reason });
    }

    fn event(&mut self, after: Duration, event: TransportEvent) {
        self.put(self.now + after, UnderWay::Event(event));
    }

    fn put(&mut self, due: Instant, what: UnderWay) {
        self.count += 1;
        self.under_way.insert((due, self.count), what);
    }
}
