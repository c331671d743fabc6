//! How far a group is behind: what it has committed beside where the logs end, and who reads it.

use std::collections::{BTreeMap, BTreeSet};

use base::TopicPartition;

use super::GroupDescription;
use crate::consumer::OffsetAndMetadata;
use crate::inquiry::InquiryError;

/// One partition of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionLag {
    /// Which.
    pub topic_partition: TopicPartition,
    /// What the group has committed.
    pub committed: Option<OffsetAndMetadata>,
    /// The high watermark, or why it is not known: the topic may be gone.
    pub end_offset: Result<i64, InquiryError>,
    /// The member that reads it.
    pub owner: Option<Owner>,
}

/// The member that reads a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The name that it goes by in the group.
    pub member_id: String,
    /// Its `group.instance.id`, if it is a static member.
    pub group_instance_id: Option<String>,
    /// Its `client.id`.
    pub client_id: String,
    /// From where it speaks.
    pub client_host: String,
}

impl PartitionLag {
    /// How many offsets lie between what is committed and the end, if both are known. Less than
    /// none if the log was cut, or the topic made anew, after the commit.
    pub fn lag(&self) -> Option<i64> {
        let end_offset = *self.end_offset.as_ref().ok()?;
        Some(end_offset.saturating_sub(self.committed.as_ref()?.offset))
    }
}

/// The partitions that a group reads or has read.
pub fn partitions_of_interest(
    description: Option<&GroupDescription>,
    committed: &BTreeMap<TopicPartition, OffsetAndMetadata>,
) -> BTreeSet<TopicPartition> {
    let members = description.into_iter().flat_map(|group| &group.members);
    let assigned = members.flat_map(|member| &member.assignment);
    assigned.chain(committed.keys()).cloned().collect()
}

/// A row for each partition of `end_offsets`, by topic and number.
pub fn lag(
    description: Option<&GroupDescription>,
    committed: &BTreeMap<TopicPartition, OffsetAndMetadata>,
    end_offsets: BTreeMap<TopicPartition, Result<i64, InquiryError>>,
) -> Vec<PartitionLag> {
    let mut owners = BTreeMap::new();
    for member in description.into_iter().flat_map(|group| &group.members) {
        let owner = Owner {
            member_id: member.member_id.clone(),
            group_instance_id: member.group_instance_id.clone(),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
        };
        owners.extend(member.assignment.iter().map(|name| (name, owner.clone())));
    }
    let row = |(topic_partition, end_offset)| PartitionLag {
        committed: committed.get(&topic_partition).cloned(),
        owner: owners.get(&topic_partition).cloned(),
        end_offset,
        topic_partition,
    };
    end_offsets.into_iter().map(row).collect()
}
