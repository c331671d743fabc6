//! The consumer's decisions: what to look up, what to fetch from whom, and what to hand out next.

mod doubts;
mod fetching;
mod grouping;
mod looking_up;
mod validating;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use base::{ErrorCode, Instant, NodeId, Rng, SplitMix64, TopicPartition, Uuid};
use wire::fetch::FetchRequest;
use wire::list_offsets::ListOffsetsRequest;
use wire::offset_for_leader_epoch::OffsetForLeaderEpochRequest;

use super::assignment::{Assignment, Position};
use super::fetch::Wanted;
use super::fetched::Fetched;
use super::group::{CommitError, CommitId, OffsetAndMetadata, RebalanceReport};
use super::metrics::{ConsumerMetrics, Counts};
use super::{ConsumeError, StartAt};
use crate::backoff::Backoff;
use crate::cluster::{Cluster, ClusterEvent, Unreachable};
use crate::config::ConsumerConfig;
use crate::metadata_cache::Topic;
use crate::request::{Answer, RequestError, RequestId};
use crate::transport::{Transmit, TransportEvent};
use crate::wake::Wake;

use grouping::Group;
pub use grouping::{AskId, Given, GroupMetadata, ToCommit};

/// How long a broker may hold a fetch while some of its partitions are left out for want of room:
/// they may have room again at any moment.
const CROWDED_WAIT: Duration = Duration::from_millis(20);

/// How long a fetch is left alone before it is given up for a partition that it leaves out: longer
/// than a broker takes that has something to send.
const FETCH_PATIENCE: Duration = Duration::from_millis(40);

/// Keeps a member's id apart from what else follows from the seed.
const MEMBER_SALT: u64 = 0x3e3b;

/// Keeps the numbers of assignments apart from what else follows from the seed.
const TENURE_SALT: u64 = 0x7e40;

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
    /// No broker can be reached any more; told once, and trying goes on.
    Down(Unreachable),
    /// After that: a broker answers again.
    Up,
    /// The brokers do not know a topic that is to be read. It may yet be created; an error says in
    /// the end that it was not.
    Missing {
        /// Its name.
        topic: Arc<str>,
    },
    /// A request that the owner has sent through [`Consumer::cluster_mut`] is answered.
    Answered {
        /// Which one.
        request: RequestId,
        /// What came of it.
        result: Result<Answer, RequestError>,
    },
    /// A commit is over.
    Committed {
        /// Which; `None` if it was the consumer's own.
        id: Option<CommitId>,
        /// What was to be committed.
        offsets: BTreeMap<TopicPartition, OffsetAndMetadata>,
        /// What came of it.
        result: Result<(), CommitError>,
    },
    /// What the group has committed, or why that cannot be known.
    CommittedOffsets {
        /// Who has asked.
        id: AskId,
        /// The offsets; `None` where nothing is committed.
        result: Result<BTreeMap<TopicPartition, Option<OffsetAndMetadata>>, CommitError>,
    },
    /// A rebalance is over.
    Rebalanced(RebalanceReport),
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
    validations: BTreeMap<RequestId, Vec<Wanted>>,
    fetching: BTreeSet<NodeId>,
    /// Counts assignments, so that an answer to an earlier one is not taken for one to this.
    generation: u64,
    /// A random number, so that assignments of different consumers are told apart.
    first_tenure: u64,
    /// Where handing out begins, so that no partition starves another.
    turn: usize,
    /// Since when nobody has anything to hand out, for want of an answer to a bounded read.
    stalled_since: Option<Instant>,
    group: Option<Group>,
    counts: Counts,
    wake: Wake,
    events: VecDeque<ConsumerEvent>,
}

#[derive(Debug)]
struct Fetch {
    node: NodeId,
    wanted: Vec<Wanted>,
    reserved_bytes: u64,
    sent: Instant,
}

impl Consumer {
    /// A consumer of nothing yet.
    pub fn new(config: ConsumerConfig, seed: u64) -> Self {
        let cluster =
            Cluster::new(config.connection.clone(), config.allow_auto_create_topics, seed);
        let member_id = Uuid::random(&mut SplitMix64::new(seed ^ MEMBER_SALT)).to_string();
        let group = config.group.clone().map(|group| Group::new(group, member_id));
        let first_tenure = SplitMix64::new(seed ^ TENURE_SALT).next_u64();
        Self {
            config,
            cluster,
            assigned: BTreeMap::new(),
            lookups: BTreeMap::new(),
            fetches: BTreeMap::new(),
            fetching: BTreeSet::new(),
            generation: 0,
            first_tenure,
            turn: 0,
            stalled_since: None,
            group,
            validations: BTreeMap::new(),
            counts: Counts::default(),
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
        self.assigned.clear();
        self.add(partitions);
    }

    /// Reads these too.
    fn add(&mut self, partitions: Vec<Assign>) {
        self.generation += 1;
        self.stalled_since = None;
        for Assign { topic_partition, start, stop_at } in partitions {
            self.want(&topic_partition);
            let mut assignment = Assignment::new(start, stop_at);
            let topic = self.cluster.metadata().topic(&topic_partition.topic);
            assignment.doubts.topic_id = topic.and_then(Topic::known_id);
            assignment.generation = self.generation << 32; // above every seek of an earlier one
            assignment.tenure = self.first_tenure.wrapping_add(self.generation);
            self.assigned.insert(topic_partition, assignment);
        }
    }

    /// Reads on elsewhere.
    pub fn seek(&mut self, partition: &TopicPartition, start: StartAt) -> Result<(), ConsumeError> {
        let assignment = self
            .assigned
            .get_mut(partition)
            .ok_or_else(|| ConsumeError::NotAssigned(partition.clone()))?;
        assignment.seek(start);
        self.want(partition);
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
            assignment.is_urgent |= !paused;
        }
        Ok(())
    }

    /// Hands out at most `rows` records, from as many partitions as have some, in turns. An error
    /// is told once everything before it has been handed out, and again until the partition is
    /// sought elsewhere.
    pub fn take(&mut self, rows: usize) -> Result<Vec<Fetched>, ConsumeError> {
        if self.is_telling() {
            return Ok(Vec::new());
        }
        if let Some(error) = self.group_failure() {
            return Err(error.clone().into());
        }
        let mut taken = Vec::new();
        let mut left = rows;
        let partitions: Vec<_> = self.assigned.keys().cloned().collect();
        let turn = self.turn % partitions.len().max(1);
        for partition in partitions[turn..].iter().chain(&partitions[..turn]) {
            let assignment = self.assigned.get_mut(partition).expect("the key was just read");
            if assignment.paused {
                continue;
            }
            left -= take_from(assignment, partition, left, &mut taken, &mut self.counts);
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
        self.drive_group(now);
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
            if assignment.position == Position::Lookup(StartAt::Committed) {
                continue; // the group is asked
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
            let partitions = self.validate(node, partitions, now);
            self.fetch(node, &partitions, now);
        }
        self.report_refused_topics();
        self.judge_progress(now);
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

    /// The bytes that were fetched and not handed out.
    pub fn buffered_bytes(&self) -> u64 {
        self.assigned.values().map(Assignment::buffered_bytes).sum()
    }

    /// What the consumer has done so far, in numbers.
    pub fn metrics(&self) -> ConsumerMetrics {
        let lag = |assigned: &Assignment| {
            Some(assigned.high_watermark?.saturating_sub(assigned.next_offset()?).max(0))
        };
        ConsumerMetrics {
            counts: self.counts.clone(),
            assigned_partitions: self.assigned.len(),
            buffered_bytes: self.buffered_bytes(),
            records_lag_max: self.assigned.values().filter_map(lag).max(),
            rebalances: self.rebalance_totals().cloned().unwrap_or_default(),
        }
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
            ClusterEvent::MetadataChanged => {
                self.judge_topics(now);
                self.follow_metadata();
                self.events.push_back(ConsumerEvent::MetadataChanged);
            }
            ClusterEvent::Down(tried) => self.events.push_back(ConsumerEvent::Down(tried)),
            ClusterEvent::Up => self.events.push_back(ConsumerEvent::Up),
            ClusterEvent::Answered { request, node, result } => {
                if let Some(asked) = self.lookups.remove(&request) {
                    let response = result.and_then(Answer::decode::<ListOffsetsRequest>);
                    self.handle_lookups(asked, &response, now);
                } else if let Some(fetch) = self.fetches.remove(&request) {
                    self.fetching.remove(&node);
                    let response = result.and_then(Answer::decode::<FetchRequest>);
                    self.handle_fetch(fetch, response, now);
                } else if let Some(asked) = self.validations.remove(&request) {
                    let response = result.and_then(Answer::decode::<OffsetForLeaderEpochRequest>);
                    self.handle_validation(asked, &response, now);
                } else if let Some(result) = self.handle_group(request, result, now) {
                    self.events.push_back(ConsumerEvent::Answered { request, result });
                }
                // A bounded read of nothing is done without a record: whoever waits is to look.
                if self.is_done() {
                    self.events.push_back(ConsumerEvent::Ready);
                }
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
    counts: &mut Counts,
) -> usize {
    let mut count = 0;
    while count < rows
        && let Some(run) = assignment.runs.front_mut()
    {
        let mut fetched = run.take(partition, rows - count);
        fetched.tenure = assignment.tenure;
        if run.is_empty() {
            assignment.runs.pop_front();
        }
        let rows = fetched.rows_max();
        count += rows;
        counts.records += rows as u64;
        for batch in &fetched.batches {
            let header = batch.header();
            let first = header.base_offset.0.max(fetched.start);
            assignment.epochs.note(first, header.partition_leader_epoch);
            counts.bytes += batch.bytes().len() as u64;
        }
        if !fetched.batches.is_empty() {
            taken.push(fetched);
        }
    }
    count
}
