//! Whether a request comes from a member, and from one that is up to date.

use base::{ErrorCode, TopicId};
use wire::offset_commit::OffsetCommitRequest;
use wire::offset_fetch::OffsetFetchRequestGroup;

use super::{ConsumerGroup, Member};
use crate::offsets::is_of_nobody;

/// A member of the new protocol commits with this version or a later one.
const MEMBER_EPOCH_VERSION: i16 = 9;

impl ConsumerGroup {
    /// A commit of the member's epoch is good. One of an earlier epoch is too, if the member has
    /// held the partitions without a break since then: the answer that told it of its new epoch is
    /// still under way.
    pub(crate) fn validate_commit(
        &self,
        version: i16,
        request: &OffsetCommitRequest,
        partitions: impl Iterator<Item = (TopicId, i32)>,
    ) -> Result<(), ErrorCode> {
        let epoch = request.generation_id_or_member_epoch;
        if epoch < 0 && self.is_empty() {
            return Ok(());
        }
        let member = self.committer(request)?;
        if member.classic().is_none() && version < MEMBER_EPOCH_VERSION {
            return Err(ErrorCode::UnsupportedVersion);
        }
        validate_epoch(member, epoch, partitions)
    }

    /// A transaction's commit may come from outside of the membership, and knows of epochs in every
    /// version. Its answer may not say that one is stale.
    pub(crate) fn validate_transactional_commit(
        &self,
        commit: &OffsetCommitRequest,
        partitions: impl Iterator<Item = (TopicId, i32)>,
    ) -> Result<(), ErrorCode> {
        let epoch = commit.generation_id_or_member_epoch;
        if is_of_nobody(commit) || (epoch < 0 && self.is_empty()) {
            return Ok(());
        }
        let member = self.committer(commit)?;
        validate_epoch(member, epoch, partitions).map_err(|_| ErrorCode::IllegalGeneration)
    }

    fn committer(&self, commit: &OffsetCommitRequest) -> Result<&Member, ErrorCode> {
        let member = self.member(&commit.member_id).ok_or(ErrorCode::UnknownMemberId)?;
        if let Some(instance) = &commit.group_instance_id
            && member.instance_id() != Some(instance)
        {
            return Err(ErrorCode::FencedInstanceId);
        }
        Ok(member)
    }

    /// A fetch that names no member is anybody's.
    pub(crate) fn validate_fetch(
        &self,
        request: &OffsetFetchRequestGroup,
    ) -> Result<(), ErrorCode> {
        let Some(id) = &request.member_id else {
            return if request.member_epoch < 0 { Ok(()) } else { Err(ErrorCode::UnknownMemberId) };
        };
        if id.is_empty() && request.member_epoch < 0 {
            return Ok(());
        }
        let member = self.member(id).ok_or(ErrorCode::UnknownMemberId)?;
        if request.member_epoch == member.current.epoch { Ok(()) } else { Err(stale(member)) }
    }
}

fn validate_epoch(
    member: &Member,
    epoch: i32,
    partitions: impl Iterator<Item = (TopicId, i32)>,
) -> Result<(), ErrorCode> {
    if epoch == member.current.epoch || holds_since(member, epoch, partitions) {
        Ok(())
    } else {
        Err(stale(member))
    }
}

fn holds_since(
    member: &Member,
    epoch: i32,
    mut partitions: impl Iterator<Item = (TopicId, i32)>,
) -> bool {
    let current = &member.current;
    epoch >= 0
        && epoch < current.epoch
        && partitions.all(|(topic, index)| {
            let given = current.assigned.epoch(topic.0, index);
            let given = given.or_else(|| current.pending_revocation.epoch(topic.0, index));
            given.is_some_and(|given| given <= epoch)
        })
}

fn stale(member: &Member) -> ErrorCode {
    match member.classic() {
        Some(_) => ErrorCode::IllegalGeneration,
        None => ErrorCode::StaleMemberEpoch,
    }
}
