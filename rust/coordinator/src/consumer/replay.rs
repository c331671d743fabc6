//! How each persisted record changes a consumer group.

use std::sync::Arc;

use wire::coordinator_records::ConsumerGroupRegularExpressionValue;

use super::{Assignment, ConsumerGroup, Current, ResolvedRegex};
use crate::record::CoordinatorRecord;

impl ConsumerGroup {
    /// The group that a record is about, if it is about a consumer group.
    pub(crate) fn of_record(record: &CoordinatorRecord) -> Option<&str> {
        use CoordinatorRecord as R;
        Some(match record {
            R::OffsetCommit(..) | R::GroupMetadata(..) => return None,
            R::ConsumerGroupMetadata(key, _) => &key.group_id,
            R::ConsumerGroupPartitionMetadata(key, _) => &key.group_id,
            R::ConsumerGroupMemberMetadata(key, _) => &key.group_id,
            R::ConsumerGroupTargetAssignmentMetadata(key, _) => &key.group_id,
            R::ConsumerGroupTargetAssignmentMember(key, _) => &key.group_id,
            R::ConsumerGroupCurrentMemberAssignment(key, _) => &key.group_id,
            R::ConsumerGroupRegularExpression(key, _) => &key.group_id,
        })
    }

    /// Takes a record in. Compaction may have left a tombstone without what it removed, and the
    /// records of a member in any order: nothing is taken for granted.
    pub(crate) fn replay(&mut self, record: &CoordinatorRecord) {
        use CoordinatorRecord as R;
        match record {
            R::OffsetCommit(..)
            | R::GroupMetadata(..)
            // What a broker of 4.0 wrote; the hash has taken its place.
            | R::ConsumerGroupPartitionMetadata(..) => {}
            R::ConsumerGroupMetadata(_, value) => {
                if let Some(value) = value {
                    self.epoch = value.epoch;
                    self.metadata_hash = value.metadata_hash;
                } else {
                    (self.epoch, self.metadata_hash) = (0, 0);
                }
            }
            R::ConsumerGroupMemberMetadata(key, Some(value)) => {
                let member = self.members.entry(key.member_id.clone()).or_default();
                Arc::make_mut(member).metadata = value.clone();
            }
            R::ConsumerGroupMemberMetadata(key, None) => {
                self.members.remove(&key.member_id);
            }
            R::ConsumerGroupTargetAssignmentMetadata(_, value) => {
                let value = value.clone().unwrap_or_default();
                self.assignment_epoch = value.assignment_epoch;
                self.assignment_timestamp_ms = value.assignment_timestamp;
            }
            R::ConsumerGroupTargetAssignmentMember(key, Some(value)) => {
                let target = Arc::new(Assignment::from_target(value));
                self.targets.insert(key.member_id.clone(), target);
            }
            R::ConsumerGroupTargetAssignmentMember(key, None) => {
                self.targets.remove(&key.member_id);
            }
            R::ConsumerGroupCurrentMemberAssignment(key, Some(value)) => {
                let member = self.members.entry(key.member_id.clone()).or_default();
                Arc::make_mut(member).current = Current::from_record(value);
            }
            R::ConsumerGroupCurrentMemberAssignment(key, None) => {
                if let Some(member) = self.members.get_mut(&key.member_id) {
                    Arc::make_mut(member).current = Current::default();
                }
            }
            R::ConsumerGroupRegularExpression(key, Some(value)) => {
                let resolved = Arc::new(ResolvedRegex::from(value));
                self.regexes.insert(key.regular_expression.clone(), resolved);
            }
            R::ConsumerGroupRegularExpression(key, None) => {
                self.regexes.remove(&key.regular_expression);
            }
        }
    }

    /// Whether nothing is left of it.
    pub(crate) fn is_gone(&self) -> bool {
        *self == Self::new(&self.id)
    }
}

impl From<&ConsumerGroupRegularExpressionValue> for ResolvedRegex {
    fn from(value: &ConsumerGroupRegularExpressionValue) -> Self {
        Self {
            topics: value.topics.iter().cloned().collect(),
            version: value.version,
            timestamp_ms: value.timestamp,
        }
    }
}
