//! A question about many partitions, each of which only its leader can answer: rounds of one
//! request a leader, until every partition has an answer or the time is over.

use std::collections::BTreeMap;
use std::time::Duration;

use base::{ErrorCode, Instant, NodeId, TopicPartition};

use crate::backoff::Backoff;
use crate::cluster::Cluster;
use crate::inquiry::InquiryError;

/// After this many rounds without it, a topic that the brokers do not know is believed not to
/// exist: one that was just made may not have come to every broker.
const UNKNOWN_ROUNDS_MAX: u32 = 3;

/// The state of the asking. Each partition is asked about with a number, and answered with a `V`.
#[derive(Debug)]
pub struct Survey<V> {
    remaining: BTreeMap<TopicPartition, i64>,
    results: BTreeMap<TopicPartition, Result<V, InquiryError>>,
    last: BTreeMap<TopicPartition, ErrorCode>,
    begun: Instant,
    timeout: Duration,
    rounds: u32,
    not_before: Instant,
}

/// What to do next.
#[derive(Debug)]
pub enum Round<V> {
    /// Wait until then, or until something happens to the cluster.
    Wait(Instant),
    /// Ask these leaders about these partitions, then tell [`Survey::take`] what each said.
    Ask(BTreeMap<NodeId, Vec<(TopicPartition, i64)>>),
    /// Every partition has its answer.
    Over(BTreeMap<TopicPartition, Result<V, InquiryError>>),
}

impl<V> Survey<V> {
    /// Asks about `partitions` for up to `timeout`.
    pub fn new(partitions: BTreeMap<TopicPartition, i64>, timeout: Duration, now: Instant) -> Self {
        Self {
            remaining: partitions,
            results: BTreeMap::new(),
            last: BTreeMap::new(),
            begun: now,
            timeout,
            rounds: 0,
            not_before: now,
        }
    }

    /// What to do next.
    pub fn poll(&mut self, cluster: &mut Cluster, now: Instant) -> Round<V> {
        if now.since(self.begun) >= self.timeout {
            self.give_up();
        }
        if self.remaining.is_empty() {
            return Round::Over(std::mem::take(&mut self.results));
        }
        if self.not_before > now {
            return Round::Wait(self.not_before);
        }
        let mut by_leader: BTreeMap<NodeId, Vec<(TopicPartition, i64)>> = BTreeMap::new();
        let mut unknown = Vec::new();
        for (partition, number) in &self.remaining {
            cluster.want_topic(&partition.topic);
            match cluster.metadata().leader(partition) {
                Some(leader) => {
                    by_leader.entry(leader).or_default().push((partition.clone(), *number));
                }
                None => unknown.push(partition.clone()),
            }
        }
        for partition in unknown {
            self.take_unknown(partition, cluster);
        }
        self.put_off(cluster, now);
        if by_leader.is_empty() { Round::Wait(self.not_before) } else { Round::Ask(by_leader) }
    }

    /// What a leader has said about a partition.
    pub fn take(
        &mut self,
        partition: TopicPartition,
        result: Result<V, ErrorCode>,
        cluster: &mut Cluster,
    ) {
        match result {
            Ok(value) => self.settle(partition, Ok(value)),
            Err(code) if code.is_retriable() => {
                if code.asks_for_metadata() {
                    cluster.request_metadata();
                }
                self.last.insert(partition, code);
            }
            Err(code) => self.settle(partition, Err(InquiryError::refused(code, None))),
        }
        if self.remaining.is_empty() {
            self.not_before = self.begun;
        }
    }

    /// A partition without a leader: its topic is unknown or refused, has no such partition, or is
    /// between two leaders.
    fn take_unknown(&mut self, partition: TopicPartition, cluster: &mut Cluster) {
        let topic = cluster.metadata().topic(&partition.topic);
        let (code, message) = match topic {
            Some(topic) => match topic.error {
                Some(code) => (code, None),
                None if cluster.metadata().partition(&partition).is_none() => {
                    let TopicPartition { topic: name, partition } = &partition;
                    let count = topic.partitions.len();
                    let message =
                        format!("topic `{name}` has no partition {partition}: it has {count}");
                    (ErrorCode::UnknownTopicOrPartition, Some(message))
                }
                None => (ErrorCode::LeaderNotAvailable, None),
            },
            None => (ErrorCode::LeaderNotAvailable, None), // the metadata has not come yet
        };
        let lost = match &message {
            // What a broker has said since the question was asked is believed.
            Some(_) => cluster.metadata_as_of().is_some_and(|answered| answered > self.begun),
            None => code == ErrorCode::UnknownTopicOrPartition && self.rounds >= UNKNOWN_ROUNDS_MAX,
        };
        if lost || !code.is_retriable() {
            self.settle(partition, Err(InquiryError::refused(code, message)));
        } else {
            if message.is_some() {
                cluster.request_metadata(); // the partition may have been added since
            }
            self.last.insert(partition, code);
        }
    }

    fn settle(&mut self, partition: TopicPartition, result: Result<V, InquiryError>) {
        self.remaining.remove(&partition);
        self.results.insert(partition, result);
    }

    fn give_up(&mut self) {
        for partition in std::mem::take(&mut self.remaining).into_keys() {
            let last = self.last.get(&partition).map_or("no broker could be asked", |c| c.name());
            let (waited, last) = (self.timeout, last.to_owned());
            self.results.insert(partition, Err(InquiryError::TimedOut { waited, last }));
        }
    }

    fn put_off(&mut self, cluster: &mut Cluster, now: Instant) {
        self.rounds = self.rounds.saturating_add(1);
        let config = cluster.config();
        let backoff = Backoff { initial: config.retry_backoff, max: config.retry_backoff_max };
        self.not_before = now + backoff.wait(self.rounds, cluster.rng());
    }
}
