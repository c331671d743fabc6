//! Consumer groups as an operator sees them: which there are, who is in them, how far they have
//! come, and how to set them back or take them apart.
//!
//! Each question goes to the group's coordinator; a [`crate::group_survey::GroupSurvey`] finds it.

mod coordinator;
mod describe;
mod lag;
mod list;
mod offsets;
mod remove;
mod reset;
mod scope;

pub use coordinator::find_coordinators;
pub use describe::{
    GroupDescription, MemberDescription, describe_classic_groups, describe_consumer_groups,
};
pub use lag::{Owner, PartitionLag, lag, partitions_of_interest};
pub use list::{GroupFilter, GroupListing, GroupState, GroupType, UnknownName, list_groups};
pub use offsets::{commit_offsets, delete_offsets, fetch_offsets};
pub use remove::{MemberToRemove, delete_groups, remove_members};
pub use reset::{Moved, PartitionRange, PlannedOffset, ResetError, ResetTo, plan_reset};
pub use scope::{ScopeError, TopicScope};

use base::ErrorCode;

use crate::admin::Each;
use crate::inquiry::InquiryError;

/// The answer for each group that was asked about; one that is left out has an unknown error.
fn for_each_group<V>(asked: &[String], answered: Each<String, V>) -> Each<String, V> {
    let mut answered: std::collections::BTreeMap<_, _> = answered.into_iter().collect();
    let unanswered = || Err(InquiryError::refused(ErrorCode::UnknownServerError, None));
    let answer = |group: &String| {
        let result = answered.remove(group).unwrap_or_else(unanswered);
        (group.clone(), result)
    };
    asked.iter().map(answer).collect()
}

#[cfg(test)]
mod tests;
