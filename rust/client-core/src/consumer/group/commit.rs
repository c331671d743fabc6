//! One commit: what it is to write, and what an answer makes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use base::{ErrorCode, Instant, TopicPartition};
use thiserror::Error;
use wire::offset_commit::OffsetCommitResponse;

use super::OffsetAndMetadata;
use super::commits::COMMITS_MAX;

/// How often a commit is tried while its topic is unknown, which it also is for a moment after it
/// was made: a topic that is gone for good must not hold up a rebalance.
const UNKNOWN_TOPIC_ATTEMPTS_MAX: u32 = 5;

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

/// Offsets that are to be committed together.
#[derive(Debug)]
pub(super) struct Commit {
    pub(super) id: Option<CommitId>,
    pub(super) offsets: BTreeMap<TopicPartition, OffsetAndMetadata>,
    /// Those that are not committed yet.
    pub(super) left: BTreeSet<TopicPartition>,
    /// The only generation in which it is right, where it speaks of what the member does not own.
    pub(super) generation: Option<i32>,
    /// What was lost since it was sent: it is not tried again.
    pub(super) lost: Option<TopicPartition>,
    unknown_topic_attempts: u32,
    pub(super) timeout: Duration,
    pub(super) deadline: Instant,
}

impl Commit {
    pub(super) fn new(
        id: Option<CommitId>,
        offsets: BTreeMap<TopicPartition, OffsetAndMetadata>,
        generation: Option<i32>,
        timeout: Duration,
        now: Instant,
    ) -> Self {
        let left = offsets.keys().cloned().collect();
        let deadline = now + timeout;
        let (lost, unknown_topic_attempts) = (None, 0);
        Self { id, offsets, left, generation, lost, unknown_topic_attempts, timeout, deadline }
    }

    /// Reads what became of it; a partition that the answer leaves out was not committed.
    pub(super) fn read(&mut self, codes: &Codes, is_member: bool) -> Verdict {
        let left = std::mem::take(&mut self.left);
        let answered = |partition: &TopicPartition| {
            let name = (partition.topic.to_string(), partition.partition.0);
            codes.get(&name).copied().unwrap_or(ErrorCode::UnknownServerError)
        };
        let failed: Vec<_> = left
            .into_iter()
            .map(|partition| (answered(&partition), partition))
            .filter(|(code, _)| *code != ErrorCode::None)
            .collect();
        let unknown = failed.iter().any(|(code, _)| *code == ErrorCode::UnknownTopicOrPartition);
        self.unknown_topic_attempts += u32::from(unknown);
        let is_gone = self.unknown_topic_attempts >= UNKNOWN_TOPIC_ATTEMPTS_MAX;
        let for_good = failed.iter().find(|(code, _)| {
            !is_passing(*code, is_member)
                || (is_gone && *code == ErrorCode::UnknownTopicOrPartition)
        });
        if let Some((code, topic_partition)) = for_good.cloned() {
            return Verdict::Over(Err(CommitError::Refused { topic_partition, code }));
        }
        let Some((code, _)) = failed.first() else { return Verdict::Over(Ok(())) };
        if let Some(lost) = self.lost.take() {
            return Verdict::Over(Err(CommitError::Lost(lost)));
        }
        let code = *code;
        self.left = failed.into_iter().map(|(_, partition)| partition).collect();
        Verdict::Later(code)
    }
}

pub(super) type Codes = BTreeMap<(String, i32), ErrorCode>;

pub(super) fn codes(response: &OffsetCommitResponse) -> Codes {
    let rows = response.topics.iter().flat_map(|topic| {
        topic.partitions.iter().map(|row| {
            let code = ErrorCode::from_code(row.error_code);
            let name = (topic.name.clone(), row.partition_index);
            (name, code.unwrap_or(ErrorCode::UnknownServerError))
        })
    });
    rows.collect()
}

/// What became of a commit.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Over(Result<(), CommitError>),
    /// Something of it may succeed yet.
    Later(ErrorCode),
}

/// Whether the same commit, as whoever the member is by then, may succeed. Of a member that has
/// lost its partitions meanwhile nothing is left to be tried again.
fn is_passing(code: ErrorCode, is_member: bool) -> bool {
    code.is_retriable() || (is_member && is_about_membership(code))
}

pub(super) fn is_about_membership(code: ErrorCode) -> bool {
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
