//! A question about many groups, each of which only its coordinator can answer: rounds of finding
//! the coordinators and of one request to each, until every group has an answer or the time is
//! over.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use base::{ErrorCode, Instant, NodeId};

use crate::backoff::Backoff;
use crate::cluster::Cluster;
use crate::inquiry::InquiryError;

/// The most groups whose coordinators are looked for with one request.
const FIND_GROUPS_MAX: usize = 1000;

/// The state of the asking. Each group is answered with a `V`.
#[derive(Debug)]
pub struct GroupSurvey<V> {
    remaining: BTreeSet<String>,
    coordinators: BTreeMap<String, NodeId>,
    /// The groups that have no answer in this round.
    failed: BTreeSet<String>,
    results: BTreeMap<String, Result<V, InquiryError>>,
    last: BTreeMap<String, InquiryError>,
    request_groups_max: usize,
    begun: Instant,
    timeout: Duration,
    rounds: u32,
    not_before: Instant,
}

/// What to do next.
#[derive(Debug)]
pub enum GroupRound<V> {
    /// Wait until then, or until something happens to the cluster.
    Wait(Instant),
    /// Ask any broker who coordinates these groups, for so long at most, and tell
    /// [`GroupSurvey::found`]; a broker that takes only one at a time is asked about the first.
    Find(Vec<String>, Duration),
    /// Ask these coordinators about these groups, each for so long at most, and tell
    /// [`GroupSurvey::take`] what each said.
    Ask(Vec<(NodeId, Vec<String>)>, Duration),
    /// Every group has its answer.
    Over(BTreeMap<String, Result<V, InquiryError>>),
}

impl<V> GroupSurvey<V> {
    /// Asks about `groups` for up to `timeout`, about no more than `request_groups_max` at once.
    pub fn new(
        groups: impl IntoIterator<Item = String>,
        request_groups_max: usize,
        timeout: Duration,
        now: Instant,
    ) -> Self {
        assert!(request_groups_max > 0, "a request is about a group at least");
        Self {
            remaining: groups.into_iter().collect(),
            coordinators: BTreeMap::new(),
            failed: BTreeSet::new(),
            results: BTreeMap::new(),
            last: BTreeMap::new(),
            request_groups_max,
            begun: now,
            timeout,
            rounds: 0,
            not_before: now,
        }
    }

    /// What to do next.
    pub fn poll(&mut self, cluster: &mut Cluster, now: Instant) -> GroupRound<V> {
        let deadline = self.begun + self.timeout;
        if deadline <= now {
            self.give_up();
        }
        if self.remaining.is_empty() {
            return GroupRound::Over(std::mem::take(&mut self.results));
        }
        if self.not_before > now {
            return GroupRound::Wait(self.not_before.min(deadline));
        }
        let attempt = cluster.config().request_timeout.min(deadline.since(now));
        let mut lost = Vec::new();
        let mut by_coordinator: BTreeMap<NodeId, Vec<String>> = BTreeMap::new();
        for group in self.remaining.difference(&self.failed) {
            match self.coordinators.get(group) {
                Some(node) => by_coordinator.entry(*node).or_default().push(group.clone()),
                None => lost.push(group.clone()),
            }
        }
        if !lost.is_empty() {
            lost.truncate(FIND_GROUPS_MAX);
            return GroupRound::Find(lost, attempt);
        }
        if by_coordinator.is_empty() {
            self.put_off(cluster, now);
            return GroupRound::Wait(self.not_before.min(deadline));
        }
        let in_requests = |(node, groups): (NodeId, Vec<String>)| {
            let requests = groups.chunks(self.request_groups_max);
            requests.map(|groups| (node, groups.to_vec())).collect::<Vec<_>>()
        };
        GroupRound::Ask(by_coordinator.into_iter().flat_map(in_requests).collect(), attempt)
    }

    /// Who coordinates a group.
    pub fn found(&mut self, group: &str, result: Result<NodeId, InquiryError>) {
        match result {
            Ok(node) => {
                self.coordinators.insert(group.to_owned(), node);
            }
            Err(error) => self.fail(group, error),
        }
    }

    /// What a coordinator has said of a group.
    pub fn take(&mut self, group: &str, result: Result<V, InquiryError>) {
        match result {
            Ok(value) => self.settle(group, Ok(value)),
            Err(error) => {
                // One that is still loading stays the coordinator.
                if error.code() != Some(ErrorCode::CoordinatorLoadInProgress) {
                    self.coordinators.remove(group);
                }
                self.fail(group, error);
            }
        }
    }

    fn fail(&mut self, group: &str, error: InquiryError) {
        if error.is_retriable() {
            self.failed.insert(group.to_owned());
            self.last.insert(group.to_owned(), error);
        } else {
            self.settle(group, Err(error));
        }
    }

    fn settle(&mut self, group: &str, result: Result<V, InquiryError>) {
        if self.remaining.remove(group) {
            self.results.insert(group.to_owned(), result);
        }
    }

    fn give_up(&mut self) {
        for group in std::mem::take(&mut self.remaining) {
            let last = self.last.get(&group).map_or_else(
                || "no broker could be asked".to_owned(),
                |error| match error {
                    InquiryError::TimedOut { last, .. } => last.clone(),
                    error => error.to_string(),
                },
            );
            let waited = self.timeout;
            self.results.insert(group, Err(InquiryError::TimedOut { waited, last }));
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
