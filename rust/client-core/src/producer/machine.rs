//! The producer's decisions: which batches go to which broker when, and what their answers mean.

mod answers;
mod sending;
mod transacting;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use base::{ErrorCode, Instant, NodeId, TopicPartition};
use wire::init_producer_id::InitProducerIdRequest;

use super::FlushId;
use super::accumulator::SealedBatch;
use super::batch::BatchKey;
use super::identity::Identity;
use super::lineage::Lineage;
use super::outcome::{BatchOutcome, DeliveryError};
use super::splits::Settled;
use super::transaction::{Operation, OperationId, TransactionError, Transactions};
use crate::backoff::Backoff;
use crate::cluster::{Cluster, ClusterEvent, Unreachable};
use crate::config::ProducerConfig;
use crate::connection::SendTerms;
use crate::metadata_cache::MetadataCache;
use crate::node::Lane;
use crate::request::{Answer, RequestId};
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
    /// The program does something with its transaction; what came of it is told by
    /// [`ProducerOutput::Transacted`].
    Transact(OperationId, Operation),
    /// A record was not taken in a transaction, which can only be aborted now.
    FailTransaction {
        /// Kafka's word for the reason, where there is one.
        code: Option<ErrorCode>,
        /// Why.
        reason: String,
    },
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
    /// No broker can be reached any more; told once, and trying goes on.
    Down(Unreachable),
    /// After that: a broker answers again.
    Up,
    /// Everything that was opened before the flush has its result.
    Flushed(FlushId),
    /// What the program did with its transaction is done, or not.
    Transacted(OperationId, Result<(), TransactionError>),
    /// The transaction can only be aborted: what is sent in it until then fails.
    TransactionFailed(TransactionError),
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
    transactions: Option<Transactions>,
    lineages: BTreeMap<TopicPartition, Lineage<T>>,
    /// The partitions that have something open, queued or in flight.
    active: BTreeSet<TopicPartition>,
    in_flight: BTreeMap<RequestId, Vec<(TopicPartition, BatchKey)>>,
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
        let transactions = Transactions::new(&config, backoff);
        // The id of a transactional producer comes from its coordinator.
        let identity = Identity::new(config.idempotence && transactions.is_none(), backoff);
        Self {
            cluster: Cluster::new(config.connection.clone(), true, seed),
            identity,
            transactions,
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
            ProducerInput::Transact(id, operation) => self.transact(id, operation),
            ProducerInput::FailTransaction { code, reason } => {
                if let Some(transactions) = &mut self.transactions {
                    transactions.fail(code, reason);
                }
            }
            ProducerInput::Abort => {
                self.cluster.close();
                if let Some(transactions) = &mut self.transactions {
                    transactions.close();
                }
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
        if self.failed.is_none() {
            self.ask_identity(now);
            self.expire(now);
            self.send(now);
            self.drive_transactions(now);
            self.forget_idle_topics(now);
        }
        self.tell_of_transactions();
        self.fail_everything();
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
        let is_transactional = self.transactions.is_some();
        self.lineages
            .entry(topic_partition.clone())
            .or_insert_with(|| Lineage::new(topic_partition.clone(), is_transactional))
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
            ClusterEvent::Down(tried) => self.outputs.push_back(ProducerOutput::Down(tried)),
            ClusterEvent::Up => self.outputs.push_back(ProducerOutput::Up),
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
                } else if let Some(transactions) = &mut self.transactions
                    && transactions.is_asking(request)
                {
                    transactions.handle_answer(request, result, &mut self.cluster, now);
                }
            }
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

    fn terms(&self, version_max: i16, answered: bool) -> SendTerms {
        SendTerms { version_max, answered, timeout: self.config.connection.request_timeout }
    }

    /// Gives results out, and forgets a partition that has nothing left to do.
    fn settle(&mut self, partition: &TopicPartition, settled: Vec<Settled<T>>) {
        for Settled { number, payload, record_count, outcome } in settled {
            self.outstanding.remove(&number);
            self.note_outcome(&outcome);
            self.outputs.push_back(ProducerOutput::Completed {
                topic_partition: partition.clone(),
                payload,
                record_count: record_count.unsigned_abs(),
                outcome,
            });
        }
        let Some(lineage) = self.lineages.get(partition) else { return };
        if lineage.is_idle() {
            self.active.remove(partition);
        }
        if let Some(transactions) = self.transactions.as_mut().filter(|_| lineage.is_broken()) {
            transactions.note_gap();
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
