//! The producer's decisions: which batches go to which broker when, and what their answers mean.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use base::{Instant, NodeId, TopicPartition};
use wire::init_producer_id::InitProducerIdRequest;
use wire::produce::ProduceRequest;

use super::FlushId;
use super::accumulator::SealedBatch;
use super::identity::Identity;
use super::lineage::{Lineage, Next, Patience, Retry, Settled};
use super::outcome::{BatchOutcome, DeliveryError, Meaning};
use super::produce::{Draft, PARTITION_OVERHEAD_BYTES, Verdict, verdicts};
use crate::backoff::Backoff;
use crate::cluster::{Cluster, ClusterEvent};
use crate::config::{Acks, ProducerConfig};
use crate::connection::SendTerms;
use crate::metadata_cache::MetadataCache;
use crate::node::Lane;
use crate::request::{Answer, RequestError, RequestId};
use crate::transport::{Transmit, TransportEvent};
use crate::wake::Wake;

/// What the producer is told, in order.
#[derive(Debug)]
pub enum ProducerInput<T> {
    /// Something has happened on a connection.
    Transport(TransportEvent),
    /// A topic is going to be written to.
    Want(Arc<str>),
    /// A partition's batch was opened.
    Opened {
        /// Which partition.
        topic_partition: TopicPartition,
        /// When.
        created_at: Instant,
    },
    /// That batch was sealed.
    Sealed {
        /// Which partition.
        topic_partition: TopicPartition,
        /// The batch.
        batch: SealedBatch<T>,
    },
    /// Nothing opened so far is to linger; with a name, its end is told by
    /// [`ProducerOutput::Flushed`].
    Flush(Option<FlushId>),
    /// Everything is to be given up, and the connections closed.
    Abort,
}

/// What the producer asks for and tells, in order.
#[derive(Debug)]
pub enum ProducerOutput<T> {
    /// For the transport.
    Transmit(Transmit),
    /// Seal the partition's open batch, if there still is one.
    Seal(TopicPartition),
    /// A batch has its result.
    Completed {
        /// Which partition.
        topic_partition: TopicPartition,
        /// What came with the batch.
        payload: T,
        /// How many records it had.
        record_count: u32,
        /// The result.
        outcome: BatchOutcome,
    },
    /// Topics, partitions or leaders may have changed.
    MetadataChanged,
    /// Everything that was opened before the flush has its result.
    Flushed(FlushId),
    /// The producer cannot go on: everything it had has its result, and so will everything it is
    /// given.
    Failed(DeliveryError),
}

/// The producer.
#[derive(Debug)]
pub struct Producer<T> {
    config: ProducerConfig,
    cluster: Cluster,
    identity: Identity,
    lineages: BTreeMap<TopicPartition, Lineage<T>>,
    /// The partitions that have something open, queued or in flight.
    active: BTreeSet<TopicPartition>,
    in_flight: BTreeMap<RequestId, Vec<(TopicPartition, u64)>>,
    in_flight_by_node: BTreeMap<NodeId, usize>,
    /// The numbers of the batches that have no result.
    outstanding: BTreeSet<u64>,
    next_number: u64,
    hurry_up_to: u64,
    flushes: VecDeque<(FlushId, u64)>,
    topics_used: BTreeMap<Arc<str>, Instant>,
    /// Where the next request to a broker begins looking, so that no partition starves another.
    turn: usize,
    failed: Option<DeliveryError>,
    wake: Wake,
    outputs: VecDeque<ProducerOutput<T>>,
}

impl<T> Producer<T> {
    /// A producer that sets about connecting when it is first driven.
    pub fn new(config: ProducerConfig, seed: u64) -> Self {
        let backoff = Backoff {
            initial: config.connection.retry_backoff,
            max: config.connection.retry_backoff_max,
        };
        Self {
            cluster: Cluster::new(config.connection.clone(), true, seed),
            identity: Identity::new(config.idempotence, backoff),
            config,
            lineages: BTreeMap::new(),
            active: BTreeSet::new(),
            in_flight: BTreeMap::new(),
            in_flight_by_node: BTreeMap::new(),
            outstanding: BTreeSet::new(),
            next_number: 1,
            hurry_up_to: 0,
            flushes: VecDeque::new(),
            topics_used: BTreeMap::new(),
            turn: 0,
            failed: None,
            wake: Wake::default(),
            outputs: VecDeque::new(),
        }
    }

    /// Takes in what happened. Nothing is decided until [`Self::drive`].
    pub fn handle(&mut self, input: ProducerInput<T>, now: Instant) {
        match input {
            ProducerInput::Transport(event) => self.cluster.handle_transport(event, now),
            ProducerInput::Want(topic) => self.use_topic(&topic, now),
            ProducerInput::Opened { topic_partition, created_at } => {
                self.use_topic(&topic_partition.topic.clone(), now);
                let number = self.next_number;
                self.next_number += 1;
                self.outstanding.insert(number);
                self.active.insert(topic_partition.clone());
                self.lineage(&topic_partition).handle_opened(number, created_at);
            }
            ProducerInput::Sealed { topic_partition, batch } => {
                self.lineage(&topic_partition).handle_sealed(batch);
            }
            ProducerInput::Flush(id) => {
                self.hurry_up_to = self.next_number - 1;
                self.flushes.extend(id.map(|id| (id, self.hurry_up_to)));
            }
            ProducerInput::Abort => {
                self.cluster.close();
                self.failed.get_or_insert(DeliveryError::Fatal {
                    reason: "it was closed before everything was acknowledged".into(),
                });
            }
        }
    }

    /// Decides everything that can be decided now.
    pub fn drive(&mut self, now: Instant) {
        self.cluster.handle_timeout(now);
        while let Some(event) = self.cluster.poll_event() {
            self.handle_cluster(event, now);
        }
        self.wake = Wake::default();
        if self.failed.is_some() {
            self.fail_everything();
        } else {
            self.ask_identity(now);
            self.expire(now);
            self.send(now);
            self.forget_idle_topics(now);
        }
        while let Some(transmit) = self.cluster.poll_transmit() {
            self.outputs.push_back(ProducerOutput::Transmit(transmit));
        }
        let oldest = self.outstanding.first().copied().unwrap_or(u64::MAX);
        while let Some((id, _)) = self.flushes.pop_front_if(|(_, up_to)| *up_to < oldest) {
            self.outputs.push_back(ProducerOutput::Flushed(id));
        }
    }

    /// What came of it, in order.
    pub fn poll_output(&mut self) -> Option<ProducerOutput<T>> {
        self.outputs.pop_front()
    }

    /// When [`Self::drive`] has something to do without being told anything.
    pub fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        self.wake.or(self.cluster.poll_timeout(now))
    }

    /// What is known of the cluster.
    pub fn metadata(&self) -> &MetadataCache {
        self.cluster.metadata()
    }

    /// The connections.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    fn lineage(&mut self, topic_partition: &TopicPartition) -> &mut Lineage<T> {
        self.lineages
            .entry(topic_partition.clone())
            .or_insert_with(|| Lineage::new(topic_partition.clone()))
    }

    fn use_topic(&mut self, topic: &Arc<str>, now: Instant) {
        self.topics_used.insert(topic.clone(), now);
        self.cluster.want_topic(topic);
    }

    fn handle_cluster(&mut self, event: ClusterEvent, now: Instant) {
        match event {
            ClusterEvent::MetadataChanged => {
                self.outputs.push_back(ProducerOutput::MetadataChanged);
            }
            ClusterEvent::Answered { request, node, result } => {
                if self.identity.is_asking(request) {
                    let response = result.and_then(Answer::decode::<InitProducerIdRequest>);
                    let known = self.identity.handle(response, now, self.cluster.rng());
                    if let Err(reason) = known {
                        self.failed = Some(DeliveryError::Fatal { reason });
                    }
                } else if let Some(batches) = self.in_flight.remove(&request) {
                    self.release_slot(node);
                    self.handle_answer(node, batches, result, now);
                }
            }
        }
    }

    fn handle_answer(
        &mut self,
        node: NodeId,
        batches: Vec<(TopicPartition, u64)>,
        result: Result<Answer, RequestError>,
        now: Instant,
    ) {
        match result.and_then(Answer::decode::<ProduceRequest>) {
            Ok(response) => {
                self.cluster.throttle(node, response.throttle_time_ms, now);
                for (partition, number, verdict) in
                    verdicts(&response, batches, self.cluster.metadata())
                {
                    match verdict {
                        Some(verdict) => self.judge(&partition, number, verdict, now),
                        None => self.retry_unknown(
                            &partition,
                            number,
                            "the answer does not name the partition".into(),
                            now,
                        ),
                    }
                }
            }
            Err(error) => {
                self.cluster.request_metadata();
                for (partition, number) in batches {
                    self.retry_unknown(&partition, number, error.to_string(), now);
                }
            }
        }
    }

    /// Acts on what the broker said about one batch.
    fn judge(&mut self, partition: &TopicPartition, number: u64, verdict: Verdict, now: Instant) {
        if let Some((leader, epoch)) = verdict.leader {
            self.cluster.update_leader(partition, leader, epoch);
        }
        if verdict.code.asks_for_metadata() {
            self.cluster.request_metadata();
        }
        let said = match &verdict.message {
            Some(message) => format!("{}: {message}", verdict.code.name()),
            None => verdict.code.name().to_owned(),
        };
        let meaning = match Meaning::of(verdict.code) {
            Meaning::OutOfSequence if !self.config.idempotence => Meaning::Refused,
            meaning => meaning,
        };
        let mut retry = self.retry(said, now);
        let mut settled = Vec::new();
        let lineage = self.lineage(partition);
        match meaning {
            Meaning::Delivered => {
                let time = verdict.log_append_time_ms;
                lineage.handle_delivered(number, verdict.base_offset, time, &mut settled);
            }
            Meaning::DeliveredEarlier => lineage.handle_delivered(number, None, None, &mut settled),
            Meaning::OutOfSequence => {
                lineage.handle_out_of_sequence(number, retry, &mut settled);
            }
            Meaning::Retry => lineage.handle_retriable(number, retry, &mut settled),
            Meaning::RetryUnknown => {
                retry.maybe_appended = true;
                lineage.handle_retriable(number, retry, &mut settled);
            }
            Meaning::Refused => {
                let (code, message) = (verdict.code, verdict.message);
                let topic_partition = partition.clone();
                let error = DeliveryError::Refused { topic_partition, code, message };
                lineage.handle_refused(number, error, verdict.records, &mut settled);
            }
        }
        self.settle(partition, settled);
    }

    fn retry_unknown(
        &mut self,
        partition: &TopicPartition,
        number: u64,
        why: String,
        now: Instant,
    ) {
        let retry = Retry { maybe_appended: true, ..self.retry(why, now) };
        let mut settled = Vec::new();
        self.lineage(partition).handle_retriable(number, retry, &mut settled);
        self.settle(partition, settled);
    }

    fn retry(&mut self, reason: String, now: Instant) -> Retry {
        let config = &self.config.connection;
        let backoff = Backoff { initial: config.retry_backoff, max: config.retry_backoff_max };
        Retry {
            reason,
            maybe_appended: false,
            retries_max: self.config.retries,
            not_before: now + backoff.wait(1, self.cluster.rng()),
        }
    }

    fn ask_identity(&mut self, now: Instant) {
        match self.identity.due() {
            Some(due) if due <= now && self.cluster.is_known() => {
                let Some(node) = self.cluster.any_ready(now) else { return };
                let terms = self.terms(i16::MAX, true);
                let request = Identity::request();
                match self.cluster.send(node, Lane::Main, &request, &terms, now) {
                    Ok(id) => self.identity.asked(id),
                    Err(error) => {
                        let reason = format!("{error}; enable.idempotence=false does without");
                        self.failed = Some(DeliveryError::Fatal { reason });
                    }
                }
            }
            Some(due) if self.cluster.is_known() => self.wake.at(due),
            _ => {}
        }
    }

    fn expire(&mut self, now: Instant) {
        let timeout = self.config.delivery_timeout;
        for partition in self.active.clone() {
            let mut settled = Vec::new();
            let lineage = self.lineage(&partition);
            lineage.expire(timeout, now, &mut settled);
            if let Some(exhausted) = lineage.exhausted_id() {
                self.identity.renew(exhausted);
            }
            self.settle(&partition, settled);
        }
    }

    /// Sends what can be sent, seals what is due, and notes when to look again.
    fn send(&mut self, now: Instant) {
        let patience = Patience { linger: self.config.linger, hurry_up_to: self.hurry_up_to };
        let timeout = self.config.delivery_timeout;
        let mut by_node: BTreeMap<NodeId, Vec<TopicPartition>> = BTreeMap::new();
        for partition in self.active.clone() {
            let lineage = &self.lineages[&partition];
            let expiry = lineage.expiry(timeout);
            if lineage.is_open_overdue(timeout, now) {
                self.outputs.push_back(ProducerOutput::Seal(partition.clone()));
            } else if let Some(expiry) = expiry {
                self.wake.at(expiry);
            }
            match self.cluster.metadata().leader(&partition) {
                Some(leader) => by_node.entry(leader).or_default().push(partition),
                None => self.cluster.want_topic(&partition.topic),
            }
        }
        for (node, partitions) in by_node {
            self.send_to(node, partitions, &patience, now);
        }
    }

    fn send_to(
        &mut self,
        node: NodeId,
        mut partitions: Vec<TopicPartition>,
        patience: &Patience,
        now: Instant,
    ) {
        let mut wanted = false;
        partitions.retain(|partition| {
            match self.lineages[partition].next(node, patience, now) {
                Next::Nothing => return false,
                Next::At(due) => self.wake.at(due),
                Next::Seal | Next::Send => wanted = true,
            }
            true
        });
        if !wanted {
            return;
        }
        if let Err(later) = self.cluster.make_ready(node, Lane::Main, now) {
            self.wake.at(later);
            return;
        }
        let Ok(producer) = self.identity.current() else { return };
        let turn = self.turn % partitions.len().max(1);
        partitions.rotate_left(turn);
        self.turn = self.turn.wrapping_add(1);
        while self.has_slot(node) {
            let mut draft = Draft::default();
            for partition in &partitions {
                self.fill(&mut draft, partition, node, producer, patience, now);
            }
            if draft.is_empty() || !self.dispatch(draft, node, now) {
                break;
            }
        }
    }

    /// Puts a partition's next batch into the draft, if it has one and it fits; or asks for its
    /// open batch.
    fn fill(
        &mut self,
        draft: &mut Draft,
        partition: &TopicPartition,
        node: NodeId,
        producer: Option<(base::ProducerId, base::ProducerEpoch)>,
        patience: &Patience,
        now: Instant,
    ) {
        let lineage = self.lineages.get_mut(partition).expect("an active partition is known");
        match lineage.next(node, patience, now) {
            Next::Seal => {
                let seal = ProducerOutput::Seal(partition.clone());
                // Asked for once a drive: the answer comes before the next.
                if !self.outputs.iter().any(
                    |output| matches!(output, ProducerOutput::Seal(other) if other == partition),
                ) {
                    self.outputs.push_back(seal);
                }
            }
            Next::Send => {
                let size = lineage.next_size_bytes() + PARTITION_OVERHEAD_BYTES;
                if !draft.is_empty() && draft.size_bytes + size > self.config.request_bytes_max {
                    return;
                }
                let mut settled = Vec::new();
                let compression = self.config.compression;
                if let Some((number, bytes)) =
                    lineage.take(node, producer, compression, &mut settled)
                {
                    draft.push(partition, number, bytes);
                }
                self.settle(partition, settled);
            }
            Next::Nothing | Next::At(_) => {}
        }
    }

    /// Sends a request. Returns whether another may follow.
    fn dispatch(&mut self, draft: Draft, node: NodeId, now: Instant) -> bool {
        let batches = draft.batches.clone();
        let answered = self.config.acks != Acks::None;
        let timeout_ms = millis_i32(self.config.connection.request_timeout);
        let acks = self.config.acks as i16;
        let (request, version_max) = draft.into_request(self.cluster.metadata(), acks, timeout_ms);
        let terms = self.terms(version_max, answered);
        match self.cluster.send(node, Lane::Main, &request, &terms, now) {
            Ok(id) if answered => {
                self.in_flight.insert(id, batches);
                *self.in_flight_by_node.entry(node).or_default() += 1;
                true
            }
            Ok(_) => {
                for (partition, number) in batches {
                    let mut settled = Vec::new();
                    self.lineage(&partition).handle_delivered(number, None, None, &mut settled);
                    self.settle(&partition, settled);
                }
                true
            }
            Err(error) => {
                for (topic_partition, number) in batches {
                    let partition = topic_partition.clone();
                    let reason = error.to_string();
                    let error = DeliveryError::Unsendable { topic_partition, reason };
                    let mut settled = Vec::new();
                    self.lineage(&partition).handle_refused(
                        number,
                        error,
                        Vec::new(),
                        &mut settled,
                    );
                    self.settle(&partition, settled);
                }
                false
            }
        }
    }

    fn terms(&self, version_max: i16, answered: bool) -> SendTerms {
        SendTerms { version_max, answered, timeout: self.config.connection.request_timeout }
    }

    fn has_slot(&self, node: NodeId) -> bool {
        self.in_flight_by_node.get(&node).is_none_or(|count| *count < self.config.in_flight_max)
    }

    fn release_slot(&mut self, node: NodeId) {
        if let Some(count) = self.in_flight_by_node.get_mut(&node) {
            *count -= 1;
            if *count == 0 {
                self.in_flight_by_node.remove(&node);
            }
        }
    }

    /// Gives results out, and forgets a partition that has nothing left to do.
    fn settle(&mut self, partition: &TopicPartition, settled: Vec<Settled<T>>) {
        for Settled { number, payload, record_count, outcome } in settled {
            self.outstanding.remove(&number);
            self.outputs.push_back(ProducerOutput::Completed {
                topic_partition: partition.clone(),
                payload,
                record_count: record_count.unsigned_abs(),
                outcome,
            });
        }
        if self.lineages.get(partition).is_some_and(Lineage::is_idle) {
            self.active.remove(partition);
        }
    }

    fn fail_everything(&mut self) {
        let Some(error) = self.failed.clone() else { return };
        for partition in std::mem::take(&mut self.active) {
            let mut settled = Vec::new();
            let lineage = self.lineage(&partition);
            lineage.fail_all(&error, &mut settled);
            if !lineage.is_idle() {
                self.outputs.push_back(ProducerOutput::Seal(partition.clone()));
                self.active.insert(partition.clone());
            }
            self.settle(&partition, settled);
        }
        if self.active.is_empty() {
            self.outputs.push_back(ProducerOutput::Failed(error));
        }
    }

    fn forget_idle_topics(&mut self, now: Instant) {
        let idle_max = self.config.metadata_idle_max;
        let in_use: BTreeSet<_> = self.active.iter().map(|partition| &partition.topic).collect();
        let idle = |(topic, used): (&Arc<str>, &Instant)| {
            (now.since(*used) >= idle_max && !in_use.contains(topic)).then(|| topic.clone())
        };
        let idle: Vec<_> = self.topics_used.iter().filter_map(idle).collect();
        for topic in idle {
            self.topics_used.remove(&topic);
            self.cluster.drop_topic(&topic);
        }
    }
}

fn millis_i32(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis()).unwrap_or(i32::MAX)
}
