//! What is to be committed, and what became of it. One request is under way at a time, with all
//! that waits, so that no earlier offset can overtake a later one.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use base::{ErrorCode, Instant, NodeId, TopicPartition};
use thiserror::Error;
use wire::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
    OffsetCommitResponse,
};

use super::committed::NAMED_VERSION_MAX;
use super::coordinator::Coordinator;
use super::{Identity, OffsetAndMetadata};
use crate::backoff::Backoff;
use crate::cluster::Cluster;
use crate::connection::SendTerms;
use crate::node::Lane;
use crate::request::{Answer, RequestError, RequestId};
use crate::wake::Wake;

/// How many commits may wait; one more is refused.
const COMMITS_MAX: usize = 10_000;

/// Names one commit of a consumer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommitId(pub u64);

/// Why offsets were not committed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CommitError {
    /// The partition is not this member's any more, so its offsets are not for it to commit.
    #[error(
        "{0} was lost since it was read: the group has rebalanced, and whoever has it now reads \
         those records again"
    )]
    Lost(TopicPartition),
    /// The coordinator refuses.
    #[error("the offset of {topic_partition} was not committed: {}", code.name())]
    Refused {
        /// Which partition.
        topic_partition: TopicPartition,
        /// Kafka's word for the reason.
        code: ErrorCode,
    },
    /// It took too long.
    #[error("offsets were not committed within {} ms: {last}", waited.as_millis())]
    TimedOut {
        /// How long it was tried.
        waited: Duration,
        /// What stood in the way last.
        last: String,
    },
    /// It cannot be asked.
    #[error("offsets cannot be committed: {0}")]
    Impossible(String),
    /// There is nobody to commit as.
    #[error("offsets cannot be committed: this consumer is not a member of its group now")]
    NotMember,
    /// The consumer has no group.
    #[error("offsets cannot be committed without a group.id")]
    NoGroup,
    /// Commits come faster than the coordinator takes them.
    #[error("{COMMITS_MAX} commits wait for the coordinator already: wait for some of them")]
    TooMany,
}

impl CommitError {
    /// Kafka's code, where there is one.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            Self::Lost(_) => Some(ErrorCode::IllegalGeneration),
            Self::TimedOut { .. } => Some(ErrorCode::RequestTimedOut),
            _ => None,
        }
    }

    /// Whether the same commit may succeed later.
    pub fn is_retriable(&self) -> bool {
        matches!(self, Self::TimedOut { .. } | Self::TooMany)
    }
}

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

#[derive(Debug)]
struct Commit {
    id: Option<CommitId>,
    offsets: BTreeMap<TopicPartition, OffsetAndMetadata>,
    timeout: Duration,
    deadline: Instant,
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

    /// Commits these for somebody who waits for it.
    pub(in crate::consumer) fn push(
        &mut self,
        offsets: BTreeMap<TopicPartition, OffsetAndMetadata>,
        timeout: Duration,
        now: Instant,
    ) -> Result<CommitId, CommitError> {
        if self.waiting.len() >= COMMITS_MAX {
            return Err(CommitError::TooMany);
        }
        self.next_id += 1;
        let id = CommitId(self.next_id);
        self.waiting.push_back(Commit { id: Some(id), offsets, timeout, deadline: now + timeout });
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
            self.waiting.push_back(Commit { id: None, offsets, timeout, deadline: now + timeout });
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

    /// These are another's now: what was to be committed for them is not.
    pub(in crate::consumer) fn lose(&mut self, lost: &BTreeSet<TopicPartition>) {
        let under_way = self.asked.map_or(0, |(_, count)| count);
        let mut kept = VecDeque::new();
        for (index, commit) in std::mem::take(&mut self.waiting).into_iter().enumerate() {
            let partition = commit.offsets.keys().find(|partition| lost.contains(*partition));
            match partition.cloned() {
                // The answer will tell.
                Some(partition) if index >= under_way => {
                    self.finish(commit, Err(CommitError::Lost(partition)));
                }
                _ => kept.push_back(commit),
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
        for (partition, offset) in self.waiting.iter().flat_map(|commit| &commit.offsets) {
            // The later one counts.
            topics.entry(&partition.topic).or_default().insert(partition.partition.0, offset);
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
                self.again(error.to_string(), cluster, now);
                return false;
            }
            Err(error) => {
                self.give_up(&CommitError::Impossible(error.to_string()));
                return false;
            }
        };
        let codes = codes(&response);
        if let Some(code) = codes.values().copied().find(|code| is_passing(*code, is_member)) {
            if matches!(code, ErrorCode::NotCoordinator | ErrorCode::CoordinatorNotAvailable) {
                coordinator.lost(cluster, now);
            }
            self.again(code.name().to_owned(), cluster, now);
            return is_about_membership(code);
        }
        self.failures = 0;
        for commit in self.waiting.drain(..count).collect::<Vec<_>>() {
            let result = read(&commit, &codes);
            self.finish(commit, result);
        }
        false
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

type Codes = BTreeMap<(String, i32), ErrorCode>;

fn codes(response: &OffsetCommitResponse) -> Codes {
    let rows = response.topics.iter().flat_map(|topic| {
        topic.partitions.iter().map(|row| {
            let code = ErrorCode::from_code(row.error_code);
            let name = (topic.name.clone(), row.partition_index);
            (name, code.unwrap_or(ErrorCode::UnknownServerError))
        })
    });
    rows.collect()
}

/// What became of one commit; a partition that the answer leaves out was not committed.
fn read(commit: &Commit, codes: &Codes) -> Result<(), CommitError> {
    for partition in commit.offsets.keys() {
        let name = (partition.topic.to_string(), partition.partition.0);
        let code = codes.get(&name).copied().unwrap_or(ErrorCode::UnknownServerError);
        if code != ErrorCode::None {
            let topic_partition = partition.clone();
            return Err(CommitError::Refused { topic_partition, code });
        }
    }
    Ok(())
}

/// Whether the same commit, as whoever the member is by then, may succeed. Of a member that has
/// lost its partitions meanwhile nothing is left to be tried again.
fn is_passing(code: ErrorCode, is_member: bool) -> bool {
    code.is_retriable() || (is_member && is_about_membership(code))
}

fn is_about_membership(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::IllegalGeneration
            | ErrorCode::UnknownMemberId
            | ErrorCode::RebalanceInProgress
            | ErrorCode::FencedInstanceId
            | ErrorCode::StaleMemberEpoch
            | ErrorCode::FencedMemberEpoch
    )
}
