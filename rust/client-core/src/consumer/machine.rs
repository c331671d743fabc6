//! The consumer's decisions: what to look up, what to fetch from whom, and what to hand out next.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use base::{ErrorCode, Instant, LeaderEpoch, NodeId, TopicPartition};
use wire::ApiKey;
use wire::fetch::{FetchRequest, FetchResponse};
use wire::list_offsets::{ListOffsetsRequest, ListOffsetsResponse};

use super::assignment::{Assignment, Position};
use super::fetch::{self, Helping, Wanted};
use super::fetched::Fetched;
use super::lookup::{self, EARLIEST_TIMESTAMP, Found, LATEST_TIMESTAMP};
use super::{ConsumeError, StartAt};
use crate::backoff::Backoff;
use crate::cluster::{Cluster, ClusterEvent};
use crate::config::{ConsumerConfig, OffsetReset};
use crate::connection::SendTerms;
use crate::node::Lane;
use crate::request::{Answer, RequestError, RequestId};
use crate::transport::{Transmit, TransportEvent};
use crate::wake::Wake;

/// How long a broker may hold a fetch while some of its partitions are left out for want of room:
/// they may have room again at any moment.
const CROWDED_WAIT: Duration = Duration::from_millis(20);

/// A partition to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assign {
    /// Which.
    pub topic_partition: TopicPartition,
    /// From where.
    pub start: StartAt,
    /// Up to where, if not for ever: this offset is not read any more.
    pub stop_at: Option<i64>,
}

/// What the owner of the consumer is told.
#[derive(Debug)]
pub enum ConsumerEvent {
    /// [`Consumer::take`] may have something.
    Ready,
    /// Topics, partitions or leaders may have changed.
    MetadataChanged,
    /// A request that the owner has sent through [`Consumer::cluster_mut`] is answered.
    Answered {
        /// Which one.
        request: RequestId,
        /// What came of it.
        result: Result<Answer, RequestError>,
    },
    /// A position was not in the log, and was set anew as `auto.offset.reset` says.
    Reset {
        /// Which partition.
        topic_partition: TopicPartition,
        /// Where it was.
        from: i64,
    },
}

/// The consumer.
#[derive(Debug)]
pub struct Consumer {
    config: ConsumerConfig,
    cluster: Cluster,
    assigned: BTreeMap<TopicPartition, Assignment>,
    lookups: BTreeMap<RequestId, Vec<(TopicPartition, u64)>>,
    fetches: BTreeMap<RequestId, Fetch>,
    fetching: BTreeSet<NodeId>,
    /// Counts assignments, so that an answer to an earlier one is not taken for one to this.
    generation: u64,
    /// Where handing out begins, so that no partition starves another.
    turn: usize,
    wake: Wake,
    events: VecDeque<ConsumerEvent>,
}

#[derive(Debug)]
struct Fetch {
    node: NodeId,
    wanted: Vec<Wanted>,
    reserved_bytes: u64,
}

impl Consumer {
    /// A consumer of nothing yet.
    pub fn new(config: ConsumerConfig, seed: u64) -> Self {
        let cluster =
            Cluster::new(config.connection.clone(), config.allow_auto_create_topics, seed);
        Self {
            config,
            cluster,
            assigned: BTreeMap::new(),
            lookups: BTreeMap::new(),
            fetches: BTreeMap::new(),
            fetching: BTreeSet::new(),
            generation: 0,
            turn: 0,
            wake: Wake::default(),
            events: VecDeque::new(),
        }
    }

    /// Something has happened on a connection.
    pub fn handle_transport(&mut self, event: TransportEvent, now: Instant) {
        self.cluster.handle_transport(event, now);
    }

    /// Reads these partitions and no others. One that was read before is read on from `start`, not
    /// from where it was.
    pub fn assign(&mut self, partitions: Vec<Assign>) {
        self.generation += 1;
        let mut assigned = BTreeMap::new();
        for Assign { topic_partition, start, stop_at } in partitions {
            self.cluster.want_topic(&topic_partition.topic);
            let mut assignment = Assignment::new(start, stop_at);
            assignment.generation = self.generation << 32; // above every seek of an earlier one
            assigned.insert(topic_partition, assignment);
        }
        self.assigned = assigned;
    }

    /// Reads on elsewhere.
    pub fn seek(&mut self, partition: &TopicPartition, start: StartAt) -> Result<(), ConsumeError> {
        let assignment = self
            .assigned
            .get_mut(partition)
            .ok_or_else(|| ConsumeError::NotAssigned(partition.clone()))?;
        assignment.seek(start);
        Ok(())
    }

    /// Neither fetches nor hands out more of these, or does again.
    pub fn set_paused(
        &mut self,
        partitions: &[TopicPartition],
        paused: bool,
    ) -> Result<(), ConsumeError> {
        for partition in partitions {
            let assignment = self
                .assigned
                .get_mut(partition)
                .ok_or_else(|| ConsumeError::NotAssigned(partition.clone()))?;
            assignment.paused = paused;
        }
        Ok(())
    }

    /// Hands out at most `rows` records, from as many partitions as have some, in turns. An error
    /// is told once everything before it has been handed out, and again until the partition is
    /// sought elsewhere.
    pub fn take(&mut self, rows: usize) -> Result<Vec<Fetched>, ConsumeError> {
        let mut taken = Vec::new();
        let mut left = rows;
        let partitions: Vec<_> = self.assigned.keys().cloned().collect();
        let turn = self.turn % partitions.len().max(1);
        for partition in partitions[turn..].iter().chain(&partitions[..turn]) {
            let assignment = self.assigned.get_mut(partition).expect("the key was just read");
            if assignment.paused {
                continue;
            }
            left -= take_from(assignment, partition, left, &mut taken);
            if let Some(error) = &assignment.error
                && assignment.runs.is_empty()
                && taken.is_empty()
            {
                return Err(error.clone());
            }
            if left == 0 {
                break;
            }
            self.turn = self.turn.wrapping_add(1);
        }
        Ok(taken)
    }

    /// What was handed out could not be read from `offset` on: that is told until the partition is
    /// sought elsewhere.
    pub fn reject(&mut self, partition: &TopicPartition, offset: i64, reason: String) {
        if let Some(assignment) = self.assigned.get_mut(partition) {
            assignment.seek(StartAt::Offset(offset));
            let topic_partition = partition.clone();
            assignment.error = Some(ConsumeError::Corrupt { topic_partition, offset, reason });
        }
    }

    /// Decides everything that can be decided now.
    pub fn drive(&mut self, now: Instant, unix_ms: i64) {
        self.cluster.handle_timeout(now);
        while let Some(event) = self.cluster.poll_event() {
            self.handle_cluster(event, now);
        }
        self.wake = Wake::default();
        let mut lookups: BTreeMap<NodeId, Vec<TopicPartition>> = BTreeMap::new();
        let mut fetches: BTreeMap<NodeId, Vec<TopicPartition>> = BTreeMap::new();
        for (partition, assignment) in &self.assigned {
            if !assignment.is_waiting() {
                continue;
            }
            if assignment.not_before > now {
                self.wake.at(assignment.not_before);
                continue;
            }
            let Some(leader) = self.cluster.metadata().leader(partition) else {
                self.cluster.want_topic(&partition.topic);
                continue;
            };
            let due = match assignment.position {
                Position::Lookup(_) => &mut lookups,
                Position::At { .. } => &mut fetches,
            };
            due.entry(leader).or_default().push(partition.clone());
        }
        for (node, partitions) in lookups {
            self.look_up(node, &partitions, now, unix_ms);
        }
        for (node, partitions) in fetches {
            self.fetch(node, &partitions, now);
        }
        self.report_refused_topics();
    }

    /// What is to be sent, in order.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.cluster.poll_transmit()
    }

    /// What has happened, in order.
    pub fn poll_event(&mut self) -> Option<ConsumerEvent> {
        self.events.pop_front()
    }

    /// When [`Self::drive`] has something to do without being told anything.
    pub fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        self.wake.or(self.cluster.poll_timeout(now))
    }

    /// The assigned partitions, in order.
    pub fn assignment(&self) -> impl Iterator<Item = &TopicPartition> {
        self.assigned.keys()
    }

    /// The assigned partitions that are paused.
    pub fn paused(&self) -> impl Iterator<Item = &TopicPartition> {
        self.assigned.iter().filter(|(_, assigned)| assigned.paused).map(|(name, _)| name)
    }

    /// The offset of the next record to be handed out, once it is known.
    pub fn position(&self, partition: &TopicPartition) -> Option<i64> {
        self.assigned.get(partition)?.next_offset()
    }

    /// Whether every partition of a bounded read has been handed out to its end.
    pub fn is_done(&self) -> bool {
        self.assigned.values().all(|assigned| {
            assigned
                .stop_at
                .is_some_and(|stop| assigned.next_offset().is_some_and(|next| next >= stop))
        })
    }

    /// The connections.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The connections, to ask something over them.
    pub fn cluster_mut(&mut self) -> &mut Cluster {
        &mut self.cluster
    }

    fn handle_cluster(&mut self, event: ClusterEvent, now: Instant) {
        match event {
            ClusterEvent::MetadataChanged => self.events.push_back(ConsumerEvent::MetadataChanged),
            ClusterEvent::Answered { request, node, result } => {
                if let Some(asked) = self.lookups.remove(&request) {
                    let response = result.and_then(Answer::decode::<ListOffsetsRequest>);
                    self.handle_lookups(asked, &response, now);
                } else if let Some(fetch) = self.fetches.remove(&request) {
                    self.fetching.remove(&node);
                    let response = result.and_then(Answer::decode::<FetchRequest>);
                    self.handle_fetch(fetch, response, now);
                } else {
                    self.events.push_back(ConsumerEvent::Answered { request, result });
                }
            }
        }
    }

    fn look_up(&mut self, node: NodeId, partitions: &[TopicPartition], now: Instant, unix_ms: i64) {
        if let Err(later) = self.cluster.make_ready(node, Lane::Main, now) {
            self.wake.at(later);
            return;
        }
        let reset = self.config.auto_offset_reset;
        let mut wanted = Vec::new();
        for partition in partitions {
            let assignment = self.assigned.get_mut(partition).expect("it was just listed");
            let Position::Lookup(start) = assignment.position else { continue };
            if let Some(timestamp) = timestamp(start, reset, unix_ms) {
                wanted.push((partition, timestamp));
            } else {
                assignment.error = Some(ConsumeError::NoPosition(partition.clone()));
                self.events.push_back(ConsumerEvent::Ready);
            }
        }
        if wanted.is_empty() {
            return;
        }
        let timeout = self.config.connection.request_timeout;
        let request = lookup::request_offsets(
            wanted.iter().copied(),
            self.config.isolation_level,
            self.cluster.metadata(),
            i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX),
        );
        let asked: Vec<_> = wanted
            .iter()
            .map(|(partition, _)| ((*partition).clone(), self.assigned[*partition].generation))
            .collect();
        let terms = SendTerms { version_max: i16::MAX, answered: true, timeout };
        match self.cluster.send(node, Lane::Main, &request, &terms, now) {
            Ok(id) => {
                for (partition, _) in &asked {
                    self.set_in_flight(partition);
                }
                self.lookups.insert(id, asked);
            }
            Err(error) => self.handle_lookups(asked, &Err(error), now),
        }
    }

    fn handle_lookups(
        &mut self,
        asked: Vec<(TopicPartition, u64)>,
        response: &Result<ListOffsetsResponse, RequestError>,
        now: Instant,
    ) {
        for (partition, generation) in asked {
            let found = match response {
                Ok(response) => lookup::read_offset(response, &partition),
                Err(error) if error.is_retriable() => Err(ErrorCode::NetworkException),
                Err(_) => Err(ErrorCode::UnsupportedVersion),
            };
            let Some(assignment) = self.current(&partition, generation) else { continue };
            assignment.in_flight = false;
            match found {
                Ok(Found { offset: Some(offset), .. }) => {
                    // The epoch found is that of the record at the offset, not of the one before
                    // it.
                    assignment.position = Position::At { offset, epoch: LeaderEpoch::NONE };
                    assignment.failures = 0;
                }
                Ok(Found { offset: None, .. }) => {
                    assignment.position = Position::Lookup(StartAt::Latest);
                }
                Err(code) => self.stumble(&partition, code, now),
            }
        }
    }

    fn fetch(&mut self, node: NodeId, partitions: &[TopicPartition], now: Instant) {
        if self.fetching.contains(&node) {
            return;
        }
        let buffered: u64 = self.assigned.values().map(Assignment::buffered_bytes).sum();
        let reserved: u64 = self.fetches.values().map(|fetch| fetch.reserved_bytes).sum();
        let free = self.config.prefetch_bytes_max.saturating_sub(buffered + reserved);
        let share = (self.config.prefetch_bytes_max / self.assigned.len().max(1) as u64)
            .max(u64::from(self.config.partition_fetch_bytes_max.unsigned_abs()));
        let wanted: Vec<_> = partitions
            .iter()
            .filter(|partition| self.assigned[*partition].buffered_bytes() < share)
            .filter_map(|partition| self.wanted(partition))
            .collect();
        if wanted.is_empty() || (free == 0 && buffered > 0) {
            return; // handing something out makes room
        }
        if let Err(later) = self.ready_to_fetch(node, now) {
            self.wake.at(later);
            return;
        }
        let crowded = wanted.len() < partitions.len();
        let partition_bytes = u64::from(self.config.partition_fetch_bytes_max.unsigned_abs());
        let reserved_bytes = (partition_bytes * wanted.len() as u64)
            .min(u64::from(self.config.fetch_bytes_max.unsigned_abs()))
            .min(free.max(1));
        let wait = self.config.fetch_wait_max;
        let wait = if crowded { wait.min(CROWDED_WAIT) } else { wait };
        let helping = Helping {
            bytes_max: i32::try_from(reserved_bytes).unwrap_or(i32::MAX),
            wait_max_ms: i32::try_from(wait.as_millis()).unwrap_or(i32::MAX),
        };
        let version = self.cluster.highest_version(node, Lane::Fetch, ApiKey::Fetch);
        let (request, version_max) = fetch::request(
            &wanted,
            helping,
            &self.config,
            self.cluster.metadata(),
            version.unwrap_or(i16::MAX),
        );
        let timeout = self.config.connection.request_timeout + wait;
        let terms = SendTerms { version_max, answered: true, timeout };
        match self.cluster.send(node, Lane::Fetch, &request, &terms, now) {
            Ok(id) => {
                for partition in &wanted {
                    self.set_in_flight(&partition.topic_partition);
                }
                self.fetching.insert(node);
                self.fetches.insert(id, Fetch { node, wanted, reserved_bytes });
            }
            Err(error) => {
                self.handle_fetch(Fetch { node, wanted, reserved_bytes: 0 }, Err(error), now);
            }
        }
    }

    /// The fetch lane takes its versions from the main lane, so that one goes first.
    fn ready_to_fetch(&mut self, node: NodeId, now: Instant) -> Result<(), Instant> {
        self.cluster.make_ready(node, Lane::Main, now)?;
        self.cluster.make_ready(node, Lane::Fetch, now)
    }

    fn handle_fetch(
        &mut self,
        fetch: Fetch,
        response: Result<FetchResponse, RequestError>,
        now: Instant,
    ) {
        let response = match response {
            Ok(response) => response,
            Err(error) => {
                let code = if error.is_retriable() {
                    ErrorCode::NetworkException
                } else {
                    ErrorCode::UnsupportedVersion
                };
                return self.stumble_all(&fetch.wanted, code, now);
            }
        };
        self.cluster.throttle(fetch.node, response.throttle_time_ms, now);
        let code =
            ErrorCode::from_code(response.error_code).unwrap_or(ErrorCode::UnknownServerError);
        if code != ErrorCode::None {
            return self.stumble_all(&fetch.wanted, code, now);
        }
        for wanted in fetch.wanted {
            self.handle_row(&wanted, &response, now);
        }
    }

    fn handle_row(&mut self, wanted: &Wanted, response: &FetchResponse, now: Instant) {
        let partition = &wanted.topic_partition;
        let row = fetch::find(response, partition, self.cluster.metadata());
        let isolation_level = self.config.isolation_level;
        let Some(assignment) = self.current(partition, wanted.generation) else { return };
        assignment.in_flight = false;
        let Some(row) = row else { return };
        match fetch::code(row) {
            ErrorCode::None if row.diverging_epoch.end_offset >= 0 => {
                self.handle_truncation(partition, row.diverging_epoch.end_offset);
            }
            ErrorCode::None => {
                let brought = fetch::read(row, wanted, assignment.stop_at, isolation_level);
                assignment.failures = 0;
                let offset = brought.run.end;
                assignment.position = Position::At { offset, epoch: brought.epoch };
                if let Some((offset, reason)) = brought.corrupt {
                    let topic_partition = partition.clone();
                    let error = ConsumeError::Corrupt { topic_partition, offset, reason };
                    assignment.error = Some(error);
                    self.events.push_back(ConsumerEvent::Ready);
                }
                if !brought.run.is_empty() {
                    let assignment = self.assigned.get_mut(partition).expect("it is assigned");
                    assignment.runs.push_back(brought.run);
                    self.events.push_back(ConsumerEvent::Ready);
                }
            }
            ErrorCode::OffsetOutOfRange => self.handle_out_of_range(wanted),
            code => {
                if let Some((leader, epoch)) = fetch::named_leader(row) {
                    self.cluster.update_leader(partition, leader, epoch);
                }
                self.stumble(partition, code, now);
            }
        }
    }

    /// The position is not in the log: it was deleted meanwhile, or never was.
    fn handle_out_of_range(&mut self, wanted: &Wanted) {
        let topic_partition = wanted.topic_partition.clone();
        let reset = self.config.auto_offset_reset;
        let assignment = self.assigned.get_mut(&topic_partition).expect("it is assigned");
        if reset == OffsetReset::None {
            let offset = wanted.offset;
            assignment.error = Some(ConsumeError::OutOfRange { topic_partition, offset });
            self.events.push_back(ConsumerEvent::Ready);
        } else {
            // A bounded read wants what is left, wherever new records are to be read from.
            let bounded = assignment.stop_at.is_some();
            let start = if bounded { StartAt::Earliest } else { StartAt::Reset };
            assignment.position = Position::Lookup(start);
            let from = wanted.offset;
            self.events.push_back(ConsumerEvent::Reset { topic_partition, from });
        }
    }

    /// The log was cut below the position: what was fetched from there on is not in it any more
    /// (KIP-320).
    fn handle_truncation(&mut self, partition: &TopicPartition, end_offset: i64) {
        let reset = self.config.auto_offset_reset;
        let assignment = self.assigned.get_mut(partition).expect("it is assigned");
        let from = assignment.next_offset().unwrap_or(end_offset);
        let topic_partition = partition.clone();
        if reset == OffsetReset::None {
            assignment.error = Some(ConsumeError::Truncated { topic_partition, end_offset });
            self.events.push_back(ConsumerEvent::Ready);
        } else {
            assignment.seek(StartAt::Offset(end_offset));
            self.events.push_back(ConsumerEvent::Reset { topic_partition, from });
        }
    }

    fn stumble_all(&mut self, wanted: &[Wanted], code: ErrorCode, now: Instant) {
        for wanted in wanted {
            if let Some(assignment) = self.current(&wanted.topic_partition, wanted.generation) {
                assignment.in_flight = false;
                self.stumble(&wanted.topic_partition, code, now);
            }
        }
    }

    /// Something went wrong for a partition: it is tried again later, or told.
    fn stumble(&mut self, partition: &TopicPartition, code: ErrorCode, now: Instant) {
        if code.asks_for_metadata() {
            self.cluster.request_metadata();
        }
        let config = &self.config.connection;
        let backoff = Backoff { initial: config.retry_backoff, max: config.retry_backoff_max };
        let failures = self.assigned[partition].failures.saturating_add(1);
        let wait = backoff.wait(failures, self.cluster.rng());
        let assignment = self.assigned.get_mut(partition).expect("it is assigned");
        // An unknown error is the broker's own trouble, which passes (Kafka's client goes on
        // likewise).
        if code.is_retriable() || code == ErrorCode::UnknownServerError {
            assignment.failures = failures;
            assignment.not_before = now + wait;
        } else {
            let topic_partition = partition.clone();
            assignment.error = Some(ConsumeError::Refused { topic_partition, code });
            self.events.push_back(ConsumerEvent::Ready);
        }
    }

    /// Tells of topics whose metadata is refused for good.
    fn report_refused_topics(&mut self) {
        let metadata = self.cluster.metadata();
        for (partition, assignment) in &mut self.assigned {
            let Some(code) = metadata.topic(&partition.topic).and_then(|topic| topic.error) else {
                continue;
            };
            if !code.is_retriable() && assignment.error.is_none() {
                let topic_partition = partition.clone();
                assignment.error = Some(ConsumeError::Refused { topic_partition, code });
                self.events.push_back(ConsumerEvent::Ready);
            }
        }
    }

    fn wanted(&self, partition: &TopicPartition) -> Option<Wanted> {
        let assignment = &self.assigned[partition];
        let Position::At { offset, epoch } = assignment.position else { return None };
        let topic_partition = partition.clone();
        Some(Wanted { topic_partition, offset, epoch, generation: assignment.generation })
    }

    /// The assignment that an answer is about, unless it was sought elsewhere meanwhile.
    fn current(&mut self, partition: &TopicPartition, generation: u64) -> Option<&mut Assignment> {
        self.assigned.get_mut(partition).filter(|assigned| assigned.generation == generation)
    }

    fn set_in_flight(&mut self, partition: &TopicPartition) {
        self.assigned.get_mut(partition).expect("it is assigned").in_flight = true;
    }
}

fn take_from(
    assignment: &mut Assignment,
    partition: &TopicPartition,
    rows: usize,
    taken: &mut Vec<Fetched>,
) -> usize {
    let mut count = 0;
    while count < rows
        && let Some(run) = assignment.runs.front_mut()
    {
        let fetched = run.take(partition, rows - count);
        if run.is_empty() {
            assignment.runs.pop_front();
        }
        count += fetched.rows_max();
        if !fetched.batches.is_empty() {
            taken.push(fetched);
        }
    }
    count
}

/// The timestamp to look up; `None` if there is to be no looking up.
fn timestamp(start: StartAt, reset: OffsetReset, unix_ms: i64) -> Option<i64> {
    match start {
        StartAt::Earliest => Some(EARLIEST_TIMESTAMP),
        StartAt::Latest => Some(LATEST_TIMESTAMP),
        StartAt::Timestamp(timestamp) => Some(timestamp.max(0)),
        StartAt::Offset(_) => None,
        StartAt::Reset => match reset {
            OffsetReset::Earliest => Some(EARLIEST_TIMESTAMP),
            OffsetReset::Latest => Some(LATEST_TIMESTAMP),
            OffsetReset::None => None,
            OffsetReset::ByDuration(duration) => {
                let back_ms = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
                Some(unix_ms.saturating_sub(back_ms).max(0))
            }
        },
    }
}
