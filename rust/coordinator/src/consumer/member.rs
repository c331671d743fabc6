//! A member of a consumer group (KIP-848): what it wants, what it holds, how far it has come.

use wire::coordinator_records::consumer_group_member_metadata::ClassicMemberMetadata;
use wire::coordinator_records::{
    ConsumerGroupCurrentMemberAssignmentValue, ConsumerGroupMemberMetadataValue,
};

use super::assignment::Holdings;

/// The epoch of a heartbeat that joins.
pub(crate) const JOIN_EPOCH: i32 = 0;
/// The epoch of a heartbeat that leaves.
pub(crate) const LEAVE_EPOCH: i32 = -1;
/// The epoch of a static member that leaves and will be back.
pub(crate) const STATIC_LEAVE_EPOCH: i32 = -2;

/// Where a member stands on its way to what it is to own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum MemberState {
    /// It holds what it is to own in its epoch.
    #[default]
    Stable,
    /// It has to give up partitions before it may go on.
    UnrevokedPartitions,
    /// It waits for partitions that others have not given up.
    UnreleasedPartitions,
    /// A later release has written it.
    Unknown,
}

impl MemberState {
    fn from_code(code: i8) -> Self {
        match code {
            0 => Self::Stable,
            1 => Self::UnrevokedPartitions,
            2 => Self::UnreleasedPartitions,
            _ => Self::Unknown,
        }
    }

    fn code(self) -> i8 {
        match self {
            Self::Stable => 0,
            Self::UnrevokedPartitions => 1,
            Self::UnreleasedPartitions => 2,
            Self::Unknown => 127,
        }
    }
}

/// A member, as two records tell of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Member {
    /// Who it is and what it subscribes to.
    pub(crate) metadata: ConsumerGroupMemberMetadataValue,
    /// What it holds.
    pub(crate) current: Current,
}

impl Default for Member {
    fn default() -> Self {
        Self { metadata: ConsumerGroupMemberMetadataValue::unknown(), current: Current::default() }
    }
}

/// The expression that a member reads topics by. Kafka writes an empty one where there is none.
pub(crate) fn regex_of(metadata: &ConsumerGroupMemberMetadataValue) -> Option<&str> {
    metadata.subscribed_topic_regex.as_deref().filter(|regex| !regex.is_empty())
}

/// How far a member has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Current {
    pub(crate) epoch: i32,
    pub(crate) previous_epoch: i32,
    pub(crate) state: MemberState,
    pub(crate) assigned: Holdings,
    pub(crate) pending_revocation: Holdings,
}

impl Current {
    pub(crate) fn from_record(value: &ConsumerGroupCurrentMemberAssignmentValue) -> Self {
        let holdings = |topics| Holdings::from_record(topics, value.member_epoch);
        Self {
            epoch: value.member_epoch,
            previous_epoch: value.previous_member_epoch,
            state: MemberState::from_code(value.state),
            assigned: holdings(&value.assigned_partitions),
            pending_revocation: holdings(&value.partitions_pending_revocation),
        }
    }

    pub(crate) fn to_record(&self) -> ConsumerGroupCurrentMemberAssignmentValue {
        ConsumerGroupCurrentMemberAssignmentValue {
            member_epoch: self.epoch,
            previous_member_epoch: self.previous_epoch,
            state: self.state.code(),
            assigned_partitions: self.assigned.to_record(),
            partitions_pending_revocation: self.pending_revocation.to_record(),
        }
    }

    /// The next epoch; the one before is remembered, since the answer that tells may get lost.
    pub(crate) fn advance(&mut self, epoch: i32) {
        if self.epoch != epoch {
            self.previous_epoch = self.epoch;
            self.epoch = epoch;
        }
    }
}

impl Member {
    pub(crate) fn instance_id(&self) -> Option<&str> {
        self.metadata.instance_id.as_deref()
    }

    /// What there is to know of a member that speaks the classic protocol.
    pub(crate) fn classic(&self) -> Option<&ClassicMemberMetadata> {
        self.metadata.classic_member_metadata.as_ref()
    }

    pub(crate) fn regex(&self) -> Option<&str> {
        regex_of(&self.metadata)
    }

    /// Whether it holds what it is to own as of `assignment_epoch`.
    pub(crate) fn is_reconciled_to(&self, assignment_epoch: i32) -> bool {
        self.current.state == MemberState::Stable && self.current.epoch == assignment_epoch
    }
}
