//! Consumer groups as an operator sees them: which there are, who is in them, how far they have
//! come, and how to set them back or take them apart.
//!
//! Each question goes to the group's coordinator; a
//! [`crate::coordinator_survey::CoordinatorSurvey`] finds it.

mod describe;
mod lag;
mod list;
mod offsets;
mod other_kind;
mod remove;
mod reset;
mod scope;

pub use describe::{
    GroupDescription, MemberDescription, describe_classic_groups, describe_consumer_groups,
};
pub use lag::{Owner, PartitionLag, lag, partitions_of_interest};
pub use list::{GroupFilter, GroupListing, GroupState, GroupType, list_groups};
pub use offsets::{commit_offsets, delete_offsets, fetch_offsets};
pub use other_kind::OtherKind;
pub use remove::{MemberToRemove, delete_groups, remove_members};
pub use reset::{Moved, PartitionRange, PlannedOffset, ResetError, ResetTo, plan_reset};
pub use scope::{ScopeError, TopicScope};

#[cfg(test)]
mod tests;
