//! What is to be committed, and what became of it. One request is under way at a time, with all
//! that waits, so that no earlier offset can overtake a later one.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use base::{ErrorCode, Instant, NodeId, TopicPartition};
use wire::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};

use super::commit::{Codes, Commit, CommitError, CommitId, Verdict, codes, is_about_membership};
use super::committed::NAMED_VERSION_MAX;
use super::{Identity, OffsetAndMetadata};
use crate::backoff::Backoff;
use crate::cluster::Cluster;
use crate::connection::SendTerms;
use crate::coordinator::Coordinator;
use crate::node::Lane;
use crate::request::{Answer, RequestError, RequestId};
use crate::wake::Wake;

/// How many commits may wait; one more is refused.
pub(super) const COMMITS_MAX: usize = 10_000;
/// How many bytes of metadata an offset may have: no request can carry more.
const METADATA_BYTES_MAX: usize = i16::MAX as usize;

/// A commit that is over.
#[derive(Debug)]
pub(in crate::consumer) struct Finished {
    /// `None` if it was the consumer's own.
    pub(in crate::consumer) id: Option<CommitId>,
    pub(in crate::consumer) offsets: BTreeMap<TopicPartition, OffsetAndMetadata>,
    pub(in crate::consumer) result: Result<(), CommitError>,
}

/// The commits of a consumer.
#[derive(Debug)]
pub(in crate::consumer) struct Commits {
    group_id: String,
    waiting: VecDeque<Commit>,
    /// How many at the front of the queue are under way, in which request.
    asked: Option<(RequestId, usize)>,
    finished: VecDeque<Finished>,
    failures: u32,
    not_before: Instant,
    last: String,
    next_id: u64,
}

impl Commits {
    pub(in crate::consumer) fn new(group_id: String) -> Self {
        Self {
            group_id,
            waiting: VecDeque::new(),
            asked: None,
            finished: VecDeque::new(),
            failures: 0,
            not_before: Instant::default(),
            last: "the coordinator was not asked".to_owned(),
            next_id: 0,
        }
    }

    /// Commits these for somebody who waits for it, in this generation alone if there is one.
    pub(in crate::consumer) fn push(
        &mut self,
        offsets: BTreeMap<TopicPartition, OffsetAndMetadata>,
        generation: Option<i32>,
        timeout: Duration,
        now: Instant,
    ) -> Result<CommitId, CommitError> {
        if self.waiting.len() >= COMMITS_MAX {
            return Err(CommitError::TooMany);
        }
        for (partition, offset) in &offsets {
            let bytes = offset.metadata.len();
            if bytes > METADATA_BYTES_MAX {
                return Err(CommitError::Impossible(format!(
                    "the metadata of {partition} has {bytes} bytes, and may have \
                     {METADATA_BYTES_MAX}"
                )));
            }
        }
        self.next_id += 1;
        let id = CommitId(self.next_id);
        self.waiting.push_back(Commit::new(Some(id), offsets, generation, timeout, now));
        Ok(id)
    }

    /// Commits these for nobody in particular, unless such a commit is waiting already.
    pub(in crate::consumer) fn push_own(
        &mut self,
        offsets: BTreeMap<TopicPartition, OffsetAndMetadata>,
        timeout: Duration,
        now: Instant,
    ) {
        if !offsets.is_empty() {
            self.waiting.push_back(Commit::new(None, offsets, None, timeout, now));
        }
    }

    /// Whether a commit of the consumer's own waits.
    pub(in crate::consumer) fn has_own(&self) -> bool {
        self.waiting.iter().any(|commit| commit.id.is_none())
    }

    pub(in crate::consumer) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// What is over, in order.
    pub(in crate::consumer) fn poll_finished(&mut self) -> Option<Finished> {
        self.finished.pop_front()
    }

    /// These are given up at the end of this generation: what waits for them may still be committed
    /// in it.
    pub(in crate::consumer) fn bind(
        &mut self,
        given_up: &BTreeSet<TopicPartition>,
        generation: Option<i32>,
    ) {
        if generation.is_none() {
            return self.lose(given_up);
        }
        for commit in &mut self.waiting {
            if commit.left.iter().any(|partition| given_up.contains(partition)) {
                commit.generation = commit.generation.or(generation);
            }
        }
    }

    /// These may be another's now: what was to be committed for them is not.
    pub(in crate::consumer) fn lose(&mut self, lost: &BTreeSet<TopicPartition>) {
        self.fail_waiting(|commit| commit.left.iter().find(|it| lost.contains(*it)).cloned());
    }

    /// Only this generation may be committed in now, or none.
    pub(in crate::consumer) fn drop_stale(&mut self, generation: Option<i32>) {
        self.fail_waiting(|commit| {
            let is_stale = commit.generation.is_some() && commit.generation != generation;
            commit.left.first().filter(|_| is_stale).cloned()
        });
    }

    /// Fails all for which `lost` names a partition. Of what is under way the answer will tell.
    fn fail_waiting(&mut self, lost: impl Fn(&Commit) -> Option<TopicPartition>) {
        let under_way = self.asked.map_or(0, |(_, count)| count);
        let mut kept = VecDeque::new();
        for (index, mut commit) in std::mem::take(&mut self.waiting).into_iter().enumerate() {
            match lost(&commit) {
                Some(partition) if index < under_way => {
                    commit.lost.get_or_insert(partition);
                    kept.push_back(commit);
                }
                Some(partition) => self.finish(commit, Err(CommitError::Lost(partition))),
                None => kept.push_back(commit),
            }
        }
        self.waiting = kept;
    }

    /// There will be nobody to commit as.
    pub(in crate::consumer) fn give_up(&mut self, error: &CommitError) {
        self.asked = None;
        for commit in std::mem::take(&mut self.waiting) {
            self.finish(commit, Err(error.clone()));
        }
    }

    /// Gives up what has waited for too long.
    pub(in crate::consumer) fn pass_time(&mut self, now: Instant, wake: &mut Wake) {
        if self.asked.is_some() {
            return; // the request has a deadline of its own
        }
        let mut kept = VecDeque::new();
        for commit in std::mem::take(&mut self.waiting) {
            if commit.deadline > now {
                wake.at(commit.deadline);
                kept.push_back(commit);
            } else {
                let (waited, last) = (commit.timeout, self.last.clone());
                self.finish(commit, Err(CommitError::TimedOut { waited, last }));
            }
        }
        self.waiting = kept;
    }

    /// Sends all that waits, as `identity`.
    pub(in crate::consumer) fn drive(
        &mut self,
        cluster: &mut Cluster,
        node: NodeId,
        identity: &Identity,
        now: Instant,
        wake: &mut Wake,
    ) {
        if self.asked.is_some() || self.waiting.is_empty() {
            return;
        }
        if self.not_before > now {
            return wake.at(self.not_before);
        }
        let request = self.request(identity);
        let first = self.waiting.front().expect("something waits").deadline;
        let timeout = cluster.config().request_timeout.min(first.since(now));
        let terms = SendTerms { version_max: NAMED_VERSION_MAX, answered: true, timeout };
        match cluster.send(node, Lane::Coordinator, &request, &terms, now) {
            Ok(id) => self.asked = Some((id, self.waiting.len())),
            Err(error) => self.give_up(&CommitError::Impossible(error.to_string())),
        }
    }

    fn request(&self, identity: &Identity) -> OffsetCommitRequest {
        let mut topics: BTreeMap<&str, BTreeMap<i32, &OffsetAndMetadata>> = BTreeMap::new();
        for commit in &self.waiting {
            for partition in &commit.left {
                // The later one counts.
                let partitions = topics.entry(&partition.topic).or_default();
                partitions.insert(partition.partition.0, &commit.offsets[partition]);
            }
        }
        let partition = |(index, offset): (i32, &OffsetAndMetadata)| OffsetCommitRequestPartition {
            partition_index: index,
            committed_offset: offset.offset,
            committed_leader_epoch: offset.leader_epoch.0,
            committed_metadata: Some(offset.metadata.clone()),
        };
        let topics = topics.into_iter().map(|(name, partitions)| OffsetCommitRequestTopic {
            name: name.to_owned(),
            partitions: partitions.into_iter().map(partition).collect(),
            ..Default::default()
        });
        OffsetCommitRequest {
            group_id: self.group_id.clone(),
            generation_id_or_member_epoch: identity.generation,
            member_id: identity.member_id.clone(),
            group_instance_id: identity.instance_id.clone(),
            topics: topics.collect(),
            ..Default::default()
        }
    }

    /// Whether this is the request under way.
    pub(in crate::consumer) fn is_asking(&self, request: RequestId) -> bool {
        self.asked.is_some_and(|(id, _)| id == request)
    }

    /// The answer to what is under way. Whether the membership is to be looked into.
    pub(in crate::consumer) fn handle(
        &mut self,
        result: Result<Answer, RequestError>,
        coordinator: &mut Coordinator,
        cluster: &mut Cluster,
        is_member: bool,
        now: Instant,
    ) -> bool {
        let Some((_, count)) = self.asked.take() else { return false };
        let response = match result.and_then(Answer::decode::<OffsetCommitRequest>) {
            Ok(response) => response,
            Err(error) if error.is_retriable() => {
                coordinator.lost(cluster, now);
                // Nobody knows what became of those.
                self.fail_waiting(|commit| commit.lost.clone());
                self.again(error.to_string(), cluster, now);
                return false;
            }
            Err(error) => {
                self.give_up(&CommitError::Impossible(error.to_string()));
                return false;
            }
        };
        let Some(code) = self.settle(count, &codes(&response), is_member) else {
            self.failures = 0;
            return false;
        };
        if matches!(code, ErrorCode::NotCoordinator | ErrorCode::CoordinatorNotAvailable) {
            coordinator.lost(cluster, now);
        }
        self.again(code.name().to_owned(), cluster, now);
        is_about_membership(code)
    }

    /// Takes the answer to the first `count`. What has failed for now stays at the front, in its
    /// order; the reason of one of those.
    fn settle(&mut self, count: usize, codes: &Codes, is_member: bool) -> Option<ErrorCode> {
        let mut kept = Vec::new();
        let mut reason = None;
        for mut commit in self.waiting.drain(..count).collect::<Vec<_>>() {
            match commit.read(codes, is_member) {
                Verdict::Over(result) => self.finish(commit, result),
                Verdict::Later(code) => {
                    reason = reason.or(Some(code));
                    kept.push(commit);
                }
            }
        }
        for commit in kept.into_iter().rev() {
            self.waiting.push_front(commit);
        }
        reason
    }

    fn again(&mut self, last: String, cluster: &mut Cluster, now: Instant) {
        self.last = last;
        self.failures = self.failures.saturating_add(1);
        let config = cluster.config();
        let backoff = Backoff { initial: config.retry_backoff, max: config.retry_backoff_max };
        self.not_before = now + backoff.wait(self.failures, cluster.rng());
    }

    fn finish(&mut self, commit: Commit, result: Result<(), CommitError>) {
        let Commit { id, offsets, .. } = commit;
        self.finished.push_back(Finished { id, offsets, result });
    }
}
