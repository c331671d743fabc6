//! The records that forget a consumer group, or one of its members.

use wire::coordinator_records::{
    ConsumerGroupCurrentMemberAssignmentKey, ConsumerGroupMemberMetadataKey,
    ConsumerGroupMetadataKey, ConsumerGroupPartitionMetadataKey, ConsumerGroupRegularExpressionKey,
    ConsumerGroupTargetAssignmentMemberKey, ConsumerGroupTargetAssignmentMetadataKey,
};

use super::ConsumerGroup;
use crate::record::CoordinatorRecord as Record;

impl ConsumerGroup {
    /// Everything; a broker that stops half-way through their replay finds a group without members.
    pub(crate) fn tombstones(&self) -> Vec<Record> {
        let group_id = || self.id.clone();
        let mut records: Vec<Record> =
            self.members.keys().flat_map(|member| self.member_tombstones(member)).collect();
        records.extend(self.regexes.keys().map(|regex| self.regex_tombstone(regex)));
        let key = ConsumerGroupTargetAssignmentMetadataKey { group_id: group_id() };
        records.push(Record::ConsumerGroupTargetAssignmentMetadata(key, None));
        let key = ConsumerGroupPartitionMetadataKey { group_id: group_id() };
        records.push(Record::ConsumerGroupPartitionMetadata(key, None));
        let key = ConsumerGroupMetadataKey { group_id: group_id() };
        records.push(Record::ConsumerGroupMetadata(key, None));
        records
    }

    pub(crate) fn member_tombstones(&self, member: &str) -> [Record; 3] {
        let (group_id, member_id) = (self.id.clone(), member.to_owned());
        let current = ConsumerGroupCurrentMemberAssignmentKey {
            group_id: group_id.clone(),
            member_id: member_id.clone(),
        };
        let target = ConsumerGroupTargetAssignmentMemberKey {
            group_id: group_id.clone(),
            member_id: member_id.clone(),
        };
        let metadata = ConsumerGroupMemberMetadataKey { group_id, member_id };
        [
            Record::ConsumerGroupCurrentMemberAssignment(current, None),
            Record::ConsumerGroupTargetAssignmentMember(target, None),
            Record::ConsumerGroupMemberMetadata(metadata, None),
        ]
    }

    pub(crate) fn regex_tombstone(&self, regex: &str) -> Record {
        let key = ConsumerGroupRegularExpressionKey {
            group_id: self.id.clone(),
            regular_expression: regex.to_owned(),
        };
        Record::ConsumerGroupRegularExpression(key, None)
    }
}
