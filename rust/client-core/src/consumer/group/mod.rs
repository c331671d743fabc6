//! The member of a consumer group, in Kafka's classic protocol or the new one (KIP-848): who
//! coordinates the group, which partitions are this member's, and what is committed.
//!
//! ```text
//!            Member ── Membership: is there one, for which topics, is the program there
//!               │         └── Ownership: what is owned, what the program is to be told
//!               └── Protocol: ClassicMember (JoinGroup, SyncGroup, Heartbeat; the leader assigns)
//!                         or  ConsumerMember (ConsumerGroupHeartbeat; the coordinator assigns)
//! ```
//! Heartbeats follow from time alone, never from what the program does. The program is told of
//! every change before it is given another record, in calls of its own: a partition is given up
//! only once the program has come back, and what it has come back for is committed first.

mod assignor;
mod classic;
mod commit;
mod commits;
mod committed;
mod consumer;
mod member;
mod membership;
mod ownership;
mod rebalances;
mod subscription;

use std::time::Duration;

use base::{ErrorCode, LeaderEpoch, TopicPartition};
use thiserror::Error;

pub use assignor::{
    AssignmentStrategy, Assignments, Assignor, Errand, ErrandAnswer, GroupPartitions,
    PartitionCounts, PartitionRacks, ProgramAssignor, Subscriber,
};
pub use commit::{CommitError, CommitId};
pub use rebalances::{RebalanceReport, RebalanceTotals};
pub use subscription::{Pattern, PatternError, Subscription};

pub(super) use commits::{Commits, Finished};
pub(super) use committed::{read_committed, request_committed};
pub(super) use member::{Identity, Member};
pub(super) use ownership::Change;
pub(super) use subscription::Topics;

/// What the program is to be told before it gets another record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rebalance {
    /// These are this member's from now on.
    Assigned(Vec<TopicPartition>),
    /// These are to be given up: they still are this member's until the program has been told.
    Revoked(Vec<TopicPartition>),
    /// These are not this member's any more, and may already be another's.
    Lost(Vec<TopicPartition>),
}

/// An offset to commit, or one that was committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetAndMetadata {
    /// The offset of the next record to be read.
    pub offset: i64,
    /// The epoch of the record before it, if it is known.
    pub leader_epoch: LeaderEpoch,
    /// Whatever the program wants to remember with it.
    pub metadata: String,
}

impl OffsetAndMetadata {
    /// An offset and nothing else.
    pub fn of(offset: i64) -> Self {
        Self { offset, leader_epoch: LeaderEpoch::NONE, metadata: String::new() }
    }
}

/// Why a consumer is not a member of its group.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum GroupError {
    /// The program stayed away for too long.
    #[error(
        "the program was away for {} ms longer than max.poll.interval.ms ({} ms) allows, so this \
         member has left the group: do less between two polls, or allow more",
        exceeded_by.as_millis(), limit.as_millis()
    )]
    PollIntervalExceeded {
        /// `max.poll.interval.ms`.
        limit: Duration,
        /// By how much.
        exceeded_by: Duration,
    },
    /// Another member has the same `group.instance.id`.
    #[error(
        "another member of group `{group_id}` has the group.instance.id `{instance_id}`, and has \
         taken this one's place"
    )]
    Fenced {
        /// The group.
        group_id: String,
        /// The name that both have.
        instance_id: String,
    },
    /// Another member has the same `group.instance.id`, and has not left it.
    #[error(
        "another member of group `{group_id}` has the group.instance.id `{instance_id}`: close it, \
         or wait until the group has given it up"
    )]
    InstanceInUse {
        /// The group.
        group_id: String,
        /// The name that both have.
        instance_id: String,
    },
    /// The coordinator refuses.
    #[error(
        "group `{group_id}` does not take this member: {}{}",
        code.name(), said.as_ref().map(|said| format!(" ({said})")).unwrap_or_default()
    )]
    Refused {
        /// The group.
        group_id: String,
        /// Kafka's word for the reason.
        code: ErrorCode,
        /// What the coordinator says besides.
        said: Option<String>,
    },
    /// The group cannot be spoken to.
    #[error("group `{group_id}` cannot be joined: {reason}")]
    Impossible {
        /// The group.
        group_id: String,
        /// Why.
        reason: String,
    },
    /// The consumer has no `group.id`.
    #[error("this consumer has no group.id: give it one, or assign partitions")]
    NoGroup,
}

impl GroupError {
    /// Kafka's code, where there is one.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Fenced { .. } => Some(ErrorCode::FencedInstanceId),
            Self::InstanceInUse { .. } => Some(ErrorCode::UnreleasedInstanceId),
            Self::Refused { code, .. } => Some(*code),
            Self::PollIntervalExceeded { .. } | Self::Impossible { .. } | Self::NoGroup => None,
        }
    }

    /// Whether the consumer is of no more use as a member.
    pub fn is_fatal(&self) -> bool {
        !matches!(self, Self::PollIntervalExceeded { .. })
    }
}
