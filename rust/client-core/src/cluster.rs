//! The connections to a cluster's brokers, and the metadata that says which broker to ask; every
//! client is built on it.
//!
//! It connects when something is to be sent, waits longer after each failure, asks for metadata
//! when it is missing, old or proven wrong, and goes back to the bootstrap servers when no broker
//! that it knows can be reached (KIP-899, KIP-1102).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use base::{Instant, LeaderEpoch, NodeId, Rng, SplitMix64, TopicPartition};
use thiserror::Error;
use wire::ApiKey;
use wire::metadata::MetadataRequest;

use crate::api_versions::{ApiVersions, TransactionVersion};
use crate::config::ConnectionConfig;
use crate::connection::{Connection, Overdue, Received, SendTerms};
use crate::metadata_cache::MetadataCache;
use crate::node::{Lane, Node};
use crate::refresh::Refresh;
use crate::request::{Answer, OutgoingRequest, RequestError, RequestId};
use crate::transport::{ConnectionId, Transmit, TransportEvent};

/// How long a bootstrap server may say nothing before another one is tried beside it.
const SILENCE_HOLDS_UP_MAX: Duration = Duration::from_millis(500);

/// What the owner of a [`Cluster`] is told.
#[derive(Debug)]
pub enum ClusterEvent {
    /// A request of the owner's has its answer, or will never have one.
    Answered {
        /// Which request.
        request: RequestId,
        /// Who was asked.
        node: NodeId,
        /// What came of it.
        result: Result<Answer, RequestError>,
    },
    /// Brokers, topics or leaders may have changed.
    MetadataChanged,
    /// No broker that is known can be reached any more; told once, and trying goes on.
    Down(Unreachable),
    /// After that: a broker answers again.
    Up,
}

/// Where a client stands with its cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Nobody has answered yet; who was tried so far.
    Connecting(Unreachable),
    /// A broker has answered, once.
    Known,
    /// Everybody was tried, in vain. Trying goes on.
    Unreachable(Unreachable),
}

/// Nobody answers: every address that was tried, and why each failed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no broker can be reached: {}", .0.join("; "))]
pub struct Unreachable(pub Vec<String>);

/// Connections and metadata.
#[derive(Debug)]
pub struct Cluster {
    config: ConnectionConfig,
    rng: SplitMix64,
    nodes: BTreeMap<NodeId, Node>,
    connections: BTreeMap<ConnectionId, (NodeId, Lane)>,
    metadata: MetadataCache,
    refresh: Refresh,
    /// Why the first broker that was reached cannot be talked to, if so.
    refusal: Option<String>,
    /// [`ClusterEvent::Down`] has been told, and [`ClusterEvent::Up`] has not.
    is_down: bool,
    next_id: u64,
    transmits: VecDeque<Transmit>,
    events: VecDeque<ClusterEvent>,
}

impl Cluster {
    /// A cluster of which only the bootstrap servers are known; asks them for metadata at once.
    pub fn new(config: ConnectionConfig, allow_auto_create: bool, seed: u64) -> Self {
        let nodes = bootstrap_nodes(&config);
        let refresh = Refresh::new(&config, allow_auto_create);
        Self {
            config,
            rng: SplitMix64::new(seed),
            nodes,
            connections: BTreeMap::new(),
            metadata: MetadataCache::default(),
            refresh,
            refusal: None,
            is_down: false,
            next_id: 0,
            transmits: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// Something has happened on a connection; what it says of one that is gone is ignored.
    pub fn handle_transport(&mut self, event: TransportEvent, now: Instant) {
        match event {
            TransportEvent::Connected { connection } => self.handle_connected(connection, now),
            TransportEvent::Received { connection, frame } => {
                let Some((node, lane)) = self.connections.get(&connection).copied() else { return };
                let timeout = self.config.request_timeout;
                let received = self
                    .connection_mut(node, lane)
                    .expect("a connection with a name is in its node's lane")
                    .handle_frame(frame, now, timeout);
                match received {
                    Ok(received) => self.handle_received(connection, received, now),
                    Err(error) => self.lose(connection, &error.to_string(), true, now),
                }
            }
            TransportEvent::Closed { connection, reason } => {
                self.lose(connection, &reason, false, now);
            }
        }
    }

    /// Does what time asks for: gives up connections that are overdue, asks for metadata that is
    /// due.
    pub fn handle_timeout(&mut self, now: Instant) {
        let idle_max = self.config.connections_idle_max;
        let overdue: Vec<_> = self
            .lanes()
            .filter(|connection| connection.deadline(idle_max).is_some_and(|due| due <= now))
            .map(|connection| (connection.id(), connection.overdue(now)))
            .collect();
        for (connection, overdue) in overdue {
            match overdue {
                Overdue::Fault(reason) => self.lose(connection, &reason, true, now),
                Overdue::Idle => self.retire(connection),
            }
        }
        self.refresh_metadata(now);
    }

    /// When [`Self::handle_timeout`] has something to do.
    pub fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        let idle_max = self.config.connections_idle_max;
        let connections = self.lanes().filter_map(|connection| connection.deadline(idle_max)).min();
        let refresh = self.refresh.due(now).map(|due| match self.next_connect(now) {
            // With nobody to ask, it is no use waking before somebody may be asked again.
            Some(later) if due <= now => later,
            _ => due,
        });
        [connections, refresh].into_iter().flatten().min()
    }

    /// What is to be sent, in order.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// What has happened, in order.
    pub fn poll_event(&mut self) -> Option<ClusterEvent> {
        self.events.pop_front()
    }

    /// Sees to it that `topic`'s metadata is known and kept fresh.
    pub fn want_topic(&mut self, topic: &Arc<str>) {
        let known = self.metadata.topic(topic).is_some_and(|topic| topic.error.is_none());
        self.refresh.want(topic, known);
    }

    /// No longer needs `topic`.
    pub fn drop_topic(&mut self, topic: &str) {
        self.refresh.drop_topic(topic);
        self.metadata.forget(topic);
    }

    /// Sees to it that all topics are known and kept fresh, or only those that are wanted.
    pub fn want_all_topics(&mut self, all: bool) {
        self.refresh.want_all(all);
    }

    /// Metadata was proven wrong: asks for it again, soon.
    pub fn request_metadata(&mut self) {
        self.refresh.request();
    }

    /// A broker has named a newer leader in passing (KIP-951).
    pub fn update_leader(
        &mut self,
        topic_partition: &TopicPartition,
        leader: NodeId,
        epoch: LeaderEpoch,
    ) {
        if self.metadata.brokers.contains_key(&leader)
            && self.metadata.update_leader(topic_partition, leader, epoch)
        {
            self.events.push_back(ClusterEvent::MetadataChanged);
        }
    }

    /// A broker has asked to be left alone for a while (KIP-219).
    pub fn throttle(&mut self, node: NodeId, throttle_time_ms: i32, now: Instant) {
        let wait = Duration::from_millis(u64::try_from(throttle_time_ms).unwrap_or(0));
        if let Some(node) = self.nodes.get_mut(&node) {
            node.throttled_until = node.throttled_until.max(now + wait);
        }
    }

    /// Whether a request could be sent to `node` now; if not, sets about connecting to it. `Err` is
    /// when to ask again; an event comes earlier if the connection stands earlier.
    pub fn make_ready(&mut self, node: NodeId, lane: Lane, now: Instant) -> Result<(), Instant> {
        let far = now + self.config.connection_setup_timeout_max;
        let Some(known) = self.nodes.get(&node) else {
            self.refresh.request();
            return Err(now + self.config.retry_backoff);
        };
        match known.lane(lane) {
            Some(connection) if connection.is_ready() => {
                if known.throttled_until > now {
                    Err(known.throttled_until)
                } else {
                    Ok(())
                }
            }
            Some(_) => Err(far),
            None if known.retry_at > now => Err(known.retry_at),
            None => {
                self.connect(node, lane, now);
                Err(far)
            }
        }
    }

    /// Sends a request on a connection that [`Self::make_ready`] has found ready.
    pub fn send(
        &mut self,
        node: NodeId,
        lane: Lane,
        request: &dyn OutgoingRequest,
        terms: &SendTerms,
        now: Instant,
    ) -> Result<RequestId, RequestError> {
        let id = RequestId(self.take_id());
        let unsupported = RequestError::UnsupportedApi { node, api: request.api() };
        let Some(connection) = self.connection_mut(node, lane) else { return Err(unsupported) };
        let frame = connection.send(id, request, terms, now)?.ok_or(unsupported)?;
        let connection = connection.id();
        self.transmits.push_back(Transmit::Send { connection, frame });
        Ok(id)
    }

    /// The highest version of `api` that both sides speak on a ready connection.
    pub fn highest_version(&self, node: NodeId, lane: Lane, api: ApiKey) -> Option<i16> {
        self.nodes.get(&node)?.lane(lane)?.versions()?.highest(api, i16::MAX)
    }

    /// How transactions are spoken of, by the latest that a broker which is connected has said.
    pub fn transaction_version(&self) -> Option<TransactionVersion> {
        self.lanes().filter_map(Connection::versions).map(ApiVersions::transactions).max()
    }

    /// Whether `node` is not known, or could not be reached the last time.
    pub fn is_lost(&self, node: NodeId) -> bool {
        self.nodes.get(&node).is_none_or(Node::is_lost)
    }

    /// Gives up a lane's connection and what was asked on it, without blaming the broker.
    pub fn abandon(&mut self, node: NodeId, lane: Lane) {
        let connection = self.nodes.get(&node).and_then(|node| node.lane(lane));
        if let Some(id) = connection.map(Connection::id) {
            self.retire(id);
        }
    }

    /// Any broker that can be asked now; if there is none, sets about connecting to one.
    pub fn any_ready(&mut self, now: Instant) -> Option<NodeId> {
        let candidates = self.candidates(now);
        let ready = candidates.iter().copied().filter(|id| self.nodes[id].is_ready(now));
        if let Some(node) = ready.min_by_key(|id| self.nodes[id].in_flight()) {
            return Some(node);
        }
        let main = |id: &NodeId| self.nodes[id].lane(Lane::Main);
        // As long as nobody has ever answered, one that is silent does not hold up the next.
        let is_known = self.is_known();
        let holds_up = |since: Instant| is_known || now.since(since) < SILENCE_HOLDS_UP_MAX;
        if !candidates.iter().filter_map(main).any(|lane| holds_up(lane.begun())) {
            let may_be_tried = |id: &NodeId| main(id).is_none() && self.nodes[id].retry_at <= now;
            let open: Vec<_> = candidates.iter().copied().filter(may_be_tried).collect();
            if !open.is_empty() {
                let node = open[self.rng.below(open.len() as u32) as usize];
                self.connect(node, Lane::Main, now);
            }
        }
        None
    }

    /// Closes every connection.
    pub fn close(&mut self) {
        for connection in std::mem::take(&mut self.connections).into_keys() {
            self.transmits.push_back(Transmit::Close { connection });
        }
        self.nodes.clear();
    }

    /// What is known.
    pub fn metadata(&self) -> &MetadataCache {
        &self.metadata
    }

    /// The configuration.
    pub fn config(&self) -> &ConnectionConfig {
        &self.config
    }

    /// The client's source of chance.
    pub fn rng(&mut self) -> &mut dyn Rng {
        &mut self.rng
    }

    /// Whether a broker has ever answered.
    pub fn is_known(&self) -> bool {
        self.refresh.has_succeeded()
    }

    /// When metadata last came.
    pub fn metadata_as_of(&self) -> Option<Instant> {
        self.refresh.last_success()
    }

    /// Whether anybody answers.
    pub fn reach(&self) -> Reach {
        if self.is_known() {
            return Reach::Known;
        }
        let tried = self.tried();
        let untried = |node: &Node| node.complaint().is_none() || node.lane(Lane::Main).is_some();
        if self.refusal.is_none() && self.nodes.values().any(untried) {
            Reach::Connecting(tried)
        } else {
            Reach::Unreachable(tried)
        }
    }

    /// From [`ClusterEvent::Down`] to [`ClusterEvent::Up`]: who was tried, and why each failed.
    pub fn outage(&self) -> Option<Unreachable> {
        self.is_down.then(|| self.tried())
    }

    fn tried(&self) -> Unreachable {
        let complaints = self.nodes.values().filter_map(Node::complaint);
        // A bootstrap server and the broker that it is complain alike.
        let mut said = BTreeSet::new();
        let tried = complaints.chain(self.refusal.clone());
        Unreachable(tried.filter(|complaint| said.insert(complaint.clone())).collect())
    }

    /// Tells when the last broker is lost, and when one is back. A connection that breaks is no
    /// outage yet: one of the brokers must have been tried again.
    fn note_outage(&mut self) {
        let mut brokers = self.nodes.iter().filter(|(id, _)| id.0 >= 0).map(|(_, node)| node);
        let is_tried_again = brokers.clone().any(|node| node.failures > 1);
        let is_lost = |node: &Node| node.failures > 0 && !node.is_connected();
        let is_down = is_tried_again && brokers.all(is_lost);
        if is_down != self.is_down {
            self.is_down = is_down;
            let event = if is_down { ClusterEvent::Down(self.tried()) } else { ClusterEvent::Up };
            self.events.push_back(event);
        }
    }

    fn handle_connected(&mut self, connection: ConnectionId, now: Instant) {
        let Some((node, lane)) = self.connections.get(&connection).copied() else { return };
        let timeout = self.config.request_timeout;
        let begun = self.connection_mut(node, lane).map(|c| c.handle_connected(now, timeout));
        match begun {
            Some(Ok(Some(frame))) => self.transmits.push_back(Transmit::Send { connection, frame }),
            Some(Ok(None)) => self.handle_received(connection, Received::Ready, now),
            Some(Err(error)) => self.lose(connection, &error.to_string(), true, now),
            None => {}
        }
    }

    fn handle_received(&mut self, connection: ConnectionId, received: Received, now: Instant) {
        let (node, _) = self.connections[&connection];
        match received {
            Received::Send(frame) => {
                self.transmits.push_back(Transmit::Send { connection, frame });
            }
            Received::Ready => {
                if let Some(node) = self.nodes.get_mut(&node) {
                    node.succeeded();
                }
                self.note_outage();
            }
            Received::Answer(request, answer) => {
                if self.refresh.is_asking(request) {
                    self.handle_metadata(request, Ok(answer), now);
                } else {
                    let result = Ok(answer);
                    self.events.push_back(ClusterEvent::Answered { request, node, result });
                }
            }
        }
    }

    fn handle_metadata(
        &mut self,
        request: RequestId,
        result: Result<Answer, RequestError>,
        now: Instant,
    ) {
        let response = result.and_then(Answer::decode::<MetadataRequest>);
        let update = self.refresh.handle(request, response, now, &mut self.rng);
        if update.rebootstrap {
            self.metadata.brokers.clear();
            self.sync_nodes(now);
        }
        if let Some((response, scope)) = update.response {
            self.metadata.update(&response, scope);
            self.sync_nodes(now);
            self.events.push_back(ClusterEvent::MetadataChanged);
        }
    }

    /// Makes the nodes follow the metadata: new ones are added, moved ones are connected to anew,
    /// the rest is dropped. Bootstrap servers stay, unconnected, for the day when nobody else
    /// answers.
    fn sync_nodes(&mut self, now: Instant) {
        let brokers = self.metadata.brokers.clone();
        let stale: Vec<_> = self
            .nodes
            .iter()
            .filter(|(id, node)| id.0 >= 0 && brokers.get(id) != Some(&node.address))
            .map(|(id, _)| *id)
            .collect();
        for id in stale {
            for connection in self.nodes[&id].connection_ids() {
                self.lose(connection, "the broker has left or moved", true, now);
            }
            self.nodes.remove(&id);
        }
        for (id, address) in brokers {
            self.nodes.entry(id).or_insert_with(|| Node::new(address));
        }
    }

    fn refresh_metadata(&mut self, now: Instant) {
        if self.refresh.due(now).is_none_or(|due| due > now) {
            return;
        }
        let Some(node) = self.any_ready(now) else { return };
        let request = self.refresh.request_to_send();
        let terms = SendTerms {
            version_max: i16::MAX,
            answered: true,
            timeout: self.config.request_timeout,
        };
        match self.send(node, Lane::Main, &request, &terms, now) {
            Ok(id) => self.refresh.sent(id),
            Err(error) => {
                self.refresh.refused(now, &mut self.rng);
                self.refusal = Some(error.to_string());
            }
        }
    }

    /// The nodes that may be asked for metadata: the brokers, unless none of them answers or has
    /// answered for long.
    fn candidates(&self, now: Instant) -> Vec<NodeId> {
        let mut brokers = self.nodes.iter().filter(|(id, _)| id.0 >= 0).peekable();
        let bootstrap = brokers.peek().is_none()
            || (self.config.rebootstrap
                && (brokers.all(|(_, node)| node.is_lost()) || self.refresh.is_stuck(now)));
        let wanted = |id: &NodeId| (id.0 < 0) == bootstrap;
        self.nodes.keys().copied().filter(wanted).collect()
    }

    /// When the next node may be connected to, if there is one that is not connected or connecting.
    fn next_connect(&self, now: Instant) -> Option<Instant> {
        let candidates = self.candidates(now);
        let nodes = || candidates.iter().map(|id| &self.nodes[id]);
        let begun = nodes().filter_map(|node| node.lane(Lane::Main)).map(Connection::begun).max();
        let untried = nodes().filter(|node| node.lane(Lane::Main).is_none());
        let untried = untried.map(|node| node.retry_at).min();
        match (begun, untried) {
            (None, untried) => untried,
            (Some(begun), Some(untried)) if !self.is_known() => {
                Some(untried.max(begun + SILENCE_HOLDS_UP_MAX))
            }
            (Some(_), _) => Some(now + self.config.connection_setup_timeout_max),
        }
    }

    fn connect(&mut self, id: NodeId, lane: Lane, now: Instant) {
        let connection = ConnectionId(self.take_id());
        let node = self.nodes.get_mut(&id).expect("only known nodes are connected to");
        let timeout = node.setup_timeout(&self.config, &mut self.rng);
        node.open(lane, connection, &self.config.client_id, now, timeout);
        let address = node.address.clone();
        self.connections.insert(connection, (id, lane));
        self.transmits.push_back(Transmit::Connect { connection, address, timeout });
    }

    /// A connection is gone: its requests have no answer, and its node is left alone for a while.
    fn lose(&mut self, id: ConnectionId, reason: &str, close: bool, now: Instant) {
        let Some((node_id, lane)) = self.connections.remove(&id) else { return };
        if close {
            self.transmits.push_back(Transmit::Close { connection: id });
        }
        let node = self.nodes.get_mut(&node_id).expect("a connection belongs to a node");
        let connection = node.take(lane).expect("a connection with a name is in its lane");
        node.failed(reason, connection.is_ready(), &self.config, now, &mut self.rng);
        for request in connection.into_unanswered() {
            let error = RequestError::Disconnected { node: node_id, reason: reason.to_owned() };
            if self.refresh.is_asking(request) {
                self.handle_metadata(request, Err(error), now);
            } else {
                let result = Err(error);
                self.events.push_back(ClusterEvent::Answered { request, node: node_id, result });
            }
        }
        self.refresh.request();
        self.note_outage();
    }

    /// Closes a connection that nobody uses.
    fn retire(&mut self, id: ConnectionId) {
        if let Some((node, lane)) = self.connections.remove(&id) {
            self.nodes.get_mut(&node).and_then(|node| node.take(lane));
            self.transmits.push_back(Transmit::Close { connection: id });
        }
    }

    fn lanes(&self) -> impl Iterator<Item = &Connection> {
        self.nodes.values().flat_map(Node::lanes)
    }

    fn connection_mut(&mut self, node: NodeId, lane: Lane) -> Option<&mut Connection> {
        self.nodes.get_mut(&node)?.lane_mut(lane)
    }

    fn take_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }
}

/// Bootstrap servers have no node id yet: they get negative ones.
fn bootstrap_nodes(config: &ConnectionConfig) -> BTreeMap<NodeId, Node> {
    let numbered = config.bootstrap_servers.iter().zip(2..);
    numbered.map(|(address, number)| (NodeId(-number), Node::new(address.clone()))).collect()
}

#[cfg(test)]
mod tests;
