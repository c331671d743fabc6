//! Where a group is to go on, as KIP-122 has it: a plan that can be looked at before it is carried
//! out.

use std::collections::BTreeMap;
use std::fmt;

use base::TopicPartition;
use thiserror::Error;

use super::{GroupState, OtherKind};
use crate::inquiry::InquiryError;

/// Where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResetTo {
    /// The first record there is.
    Earliest,
    /// After the last record there is.
    Latest,
    /// Where it is; after the last record where it has committed nothing.
    Current,
    /// This offset.
    Offset(i64),
    /// An offset of its own for each partition. One that is not named stays where it is.
    Offsets(BTreeMap<TopicPartition, i64>),
    /// So many offsets on, or back.
    ShiftBy(i64),
    /// The first record whose timestamp is at least this, in milliseconds since 1970; after the
    /// last one if there is none.
    Timestamp(i64),
}

/// What has to be known of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionRange {
    /// Which.
    pub topic_partition: TopicPartition,
    /// What the group has committed.
    pub committed: Option<i64>,
    /// The start of the log.
    pub earliest: i64,
    /// Its end.
    pub latest: i64,
    /// The first offset at or after the timestamp, if one is looked for and there is any.
    pub at_timestamp: Option<i64>,
}

/// What is to become of a partition's offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedOffset {
    /// Which partition.
    pub topic_partition: TopicPartition,
    /// What is committed before.
    pub before: Option<i64>,
    /// What is committed then.
    pub after: i64,
    /// Why that is not what was asked for, if so.
    pub moved: Option<Moved>,
}

/// Why a group does not go on exactly where it was told to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// The log starts after the offset that was asked for.
    BeforeStart(i64),
    /// The log ends before the offset that was asked for.
    BehindEnd(i64),
    /// No record is that young.
    NoRecord,
}

impl fmt::Display for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BeforeStart(asked) => write!(f, "the log starts after offset {asked}"),
            Self::BehindEnd(asked) => write!(f, "the log ends before offset {asked}"),
            Self::NoRecord => f.write_str("no record is that young"),
        }
    }
}

/// Why offsets are not reset.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ResetError {
    /// Somebody is in the group.
    #[error(
        "offsets can only be reset while the group is inactive, and group `{group_id}` is {state}: \
         stop its members first"
    )]
    Active {
        /// The group.
        group_id: String,
        /// What it is doing.
        state: GroupState,
    },
    /// What it has are no consumers' offsets.
    #[error("group {group_id}: it is {kind}, and no consumer group")]
    OtherKind {
        /// The group.
        group_id: String,
        /// What it is.
        kind: OtherKind,
    },
    /// There is nothing to count from.
    #[error("{0} cannot be shifted: the group has committed no offset of it")]
    NothingCommitted(TopicPartition),
    /// No topic was named, and the group has committed nothing.
    #[error("group `{0}` has committed no offsets: name the topics to be reset")]
    NothingToReset(String),
    /// The broker has not said what has to be known, or does not take the offsets.
    #[error("{about}: {error}")]
    Inquiry {
        /// The group, topic or partition.
        about: String,
        /// Why.
        error: InquiryError,
    },
}

/// Says where a group is to go on, within what there is to read.
pub fn plan_reset(
    to: &ResetTo,
    partitions: impl IntoIterator<Item = PartitionRange>,
) -> Result<Vec<PlannedOffset>, ResetError> {
    partitions.into_iter().map(|partition| reset(to, partition)).collect()
}

fn reset(to: &ResetTo, partition: PartitionRange) -> Result<PlannedOffset, ResetError> {
    let PartitionRange { topic_partition, committed: before, earliest, latest, at_timestamp } =
        partition;
    let (after, moved) = match to {
        ResetTo::Earliest => (earliest, None),
        ResetTo::Latest => (latest, None),
        ResetTo::Current => (before.unwrap_or(latest), None),
        ResetTo::Timestamp(_) => match at_timestamp {
            Some(offset) => (offset, None),
            None => (latest, Some(Moved::NoRecord)),
        },
        ResetTo::Offset(asked) => within(*asked, earliest, latest),
        ResetTo::Offsets(asked) => match asked.get(&topic_partition) {
            Some(asked) => within(*asked, earliest, latest),
            None => (before.unwrap_or(latest), None),
        },
        ResetTo::ShiftBy(by) => match before {
            Some(offset) => within(offset.saturating_add(*by), earliest, latest),
            None => return Err(ResetError::NothingCommitted(topic_partition)),
        },
    };
    Ok(PlannedOffset { topic_partition, before, after, moved })
}

fn within(asked: i64, earliest: i64, latest: i64) -> (i64, Option<Moved>) {
    if asked > latest {
        (latest, Some(Moved::BehindEnd(asked)))
    } else if asked < earliest {
        (earliest, Some(Moved::BeforeStart(asked)))
    } else {
        (asked, None)
    }
}
