//! A question about many keys, groups or transactional ids, each of which only its coordinator can
//! answer: rounds of finding the coordinators and of one request to each, until every key has an
//! answer or the time is over.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use base::{ErrorCode, Instant, NodeId};

use crate::backoff::Backoff;
use crate::cluster::Cluster;
use crate::inquiry::InquiryError;

/// The most keys whose coordinators are looked for with one request.
const FIND_KEYS_MAX: usize = 1000;

/// What a key is the name of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CoordinatorKind {
    /// A group.
    Group,
    /// A transactional id.
    Transaction,
}

/// The state of the asking. Each key is answered with a `V`.
#[derive(Debug)]
pub struct CoordinatorSurvey<V> {
    kind: CoordinatorKind,
    remaining: BTreeSet<String>,
    coordinators: BTreeMap<String, NodeId>,
    /// The keys that have no answer in this round.
    failed: BTreeSet<String>,
    results: BTreeMap<String, Result<V, InquiryError>>,
    last: BTreeMap<String, InquiryError>,
    request_keys_max: usize,
    begun: Instant,
    timeout: Duration,
    rounds: u32,
    not_before: Instant,
}

/// What to do next.
#[derive(Debug)]
pub enum CoordinatorRound<V> {
    /// Wait until then, or until something happens to the cluster.
    Wait(Instant),
    /// Ask any broker who coordinates these keys, for so long at most, and tell
    /// [`CoordinatorSurvey::found`]; a broker that takes only one at a time is asked about the
    /// first.
    Find(Vec<String>, Duration),
    /// Ask these coordinators about these keys, each for so long at most, and tell
    /// [`CoordinatorSurvey::take`] what each said.
    Ask(Vec<(NodeId, Vec<String>)>, Duration),
    /// Every key has its answer.
    Over(BTreeMap<String, Result<V, InquiryError>>),
}

impl<V> CoordinatorSurvey<V> {
    /// Asks about `keys` for up to `timeout`, about no more than `request_keys_max` at once.
    pub fn new(
        kind: CoordinatorKind,
        keys: impl IntoIterator<Item = String>,
        request_keys_max: usize,
        timeout: Duration,
        now: Instant,
    ) -> Self {
        assert!(request_keys_max > 0, "a request is about a key at least");
        Self {
            kind,
            remaining: keys.into_iter().collect(),
            coordinators: BTreeMap::new(),
            failed: BTreeSet::new(),
            results: BTreeMap::new(),
            last: BTreeMap::new(),
            request_keys_max,
            begun: now,
            timeout,
            rounds: 0,
            not_before: now,
        }
    }

    /// What the keys are the names of.
    pub fn kind(&self) -> CoordinatorKind {
        self.kind
    }

    /// What to do next.
    pub fn poll(&mut self, cluster: &mut Cluster, now: Instant) -> CoordinatorRound<V> {
        let deadline = self.begun + self.timeout;
        if deadline <= now {
            self.give_up();
        }
        if self.remaining.is_empty() {
            return CoordinatorRound::Over(std::mem::take(&mut self.results));
        }
        if self.not_before > now {
            return CoordinatorRound::Wait(self.not_before.min(deadline));
        }
        let attempt = cluster.config().request_timeout.min(deadline.since(now));
        let mut lost = Vec::new();
        let mut by_coordinator: BTreeMap<NodeId, Vec<String>> = BTreeMap::new();
        for key in self.remaining.difference(&self.failed) {
            match self.coordinators.get(key) {
                Some(node) => by_coordinator.entry(*node).or_default().push(key.clone()),
                None => lost.push(key.clone()),
            }
        }
        if !lost.is_empty() {
            lost.truncate(FIND_KEYS_MAX);
            return CoordinatorRound::Find(lost, attempt);
        }
        if by_coordinator.is_empty() {
            self.put_off(cluster, now);
            return CoordinatorRound::Wait(self.not_before.min(deadline));
        }
        let in_requests = |(node, keys): (NodeId, Vec<String>)| {
            let requests = keys.chunks(self.request_keys_max);
            requests.map(|keys| (node, keys.to_vec())).collect::<Vec<_>>()
        };
        CoordinatorRound::Ask(by_coordinator.into_iter().flat_map(in_requests).collect(), attempt)
    }

    /// Who coordinates a key.
    pub fn found(&mut self, key: &str, result: Result<NodeId, InquiryError>) {
        match result {
            Ok(node) => {
                self.coordinators.insert(key.to_owned(), node);
            }
            Err(error) => self.fail(key, error),
        }
    }

    /// What a coordinator has said of a key.
    pub fn take(&mut self, key: &str, result: Result<V, InquiryError>) {
        match result {
            Ok(value) => self.settle(key, Ok(value)),
            Err(error) => {
                // One that is still loading stays the coordinator.
                if error.code() != Some(ErrorCode::CoordinatorLoadInProgress) {
                    self.coordinators.remove(key);
                }
                self.fail(key, error);
            }
        }
    }

    fn fail(&mut self, key: &str, error: InquiryError) {
        if error.is_retriable() {
            self.failed.insert(key.to_owned());
            self.last.insert(key.to_owned(), error);
        } else {
            self.settle(key, Err(error));
        }
    }

    fn settle(&mut self, key: &str, result: Result<V, InquiryError>) {
        if self.remaining.remove(key) {
            self.results.insert(key.to_owned(), result);
        }
    }

    fn give_up(&mut self) {
        for key in std::mem::take(&mut self.remaining) {
            let last = self.last.get(&key).map_or_else(
                || "no broker could be asked".to_owned(),
                |error| match error {
                    InquiryError::TimedOut { last, .. } => last.clone(),
                    error => error.to_string(),
                },
            );
            let waited = self.timeout;
            self.results.insert(key, Err(InquiryError::TimedOut { waited, last }));
        }
    }

    fn put_off(&mut self, cluster: &mut Cluster, now: Instant) {
        self.failed.clear();
        self.rounds = self.rounds.saturating_add(1);
        let config = cluster.config();
        let backoff = Backoff { initial: config.retry_backoff, max: config.retry_backoff_max };
        self.not_before = now + backoff.wait(self.rounds, cluster.rng());
    }
}

#[cfg(test)]
mod tests;
