//! How a consumer group looks from outside.

use metadata::MetadataImage;
use wire::consumer_group_describe::{
    Assignment as DescribedAssignment, DescribedGroup, Member as DescribedMember, TopicPartitions,
};
use wire::list_groups::ListedGroup;

use super::member::STATIC_LEAVE_EPOCH;
use super::{Assignment, ConsumerGroup, Member, MemberState};
use crate::classic::CONSUMER_PROTOCOL_TYPE;
use crate::explanation::{GroupStanding, MemberStanding, RebalanceUnderWay};

/// The type of consumer groups in ListGroups.
pub(crate) const CONSUMER: &str = "consumer";
/// Member types of ConsumerGroupDescribe 1 (KIP-1099).
const CLASSIC_MEMBER: i8 = 0;
const CONSUMER_MEMBER: i8 = 1;

impl ConsumerGroup {
    pub(crate) fn listed(&self) -> ListedGroup {
        ListedGroup {
            group_id: self.id.clone(),
            protocol_type: CONSUMER_PROTOCOL_TYPE.to_owned(),
            group_state: self.state().name().to_owned(),
            group_type: CONSUMER.to_owned(),
        }
    }

    pub(crate) fn described(&self, assignor: &str, image: &MetadataImage) -> DescribedGroup {
        let members = self.members().map(|(id, member)| self.described_member(id, member, image));
        DescribedGroup {
            group_id: self.id.clone(),
            group_state: self.state().name().to_owned(),
            group_epoch: self.epoch,
            assignment_epoch: self.assignment_epoch,
            assignor_name: assignor.to_owned(),
            members: members.collect(),
            ..DescribedGroup::default()
        }
    }

    /// For people: who is waited for, and why.
    pub(crate) fn standing(&self, rebalance: Option<RebalanceUnderWay>) -> GroupStanding {
        let member = |(id, member): (&String, &std::sync::Arc<Member>)| MemberStanding {
            member: id.clone(),
            instance: member.metadata.instance_id.clone(),
            client_id: member.metadata.client_id.clone(),
            host: member.metadata.client_host.clone(),
            awaited: self.awaited(member),
        };
        GroupStanding {
            group_type: CONSUMER,
            state: self.state().name().to_owned(),
            generation: self.epoch,
            members: self.members().map(member).collect(),
            rebalance,
        }
    }

    fn awaited(&self, member: &Member) -> Option<&'static str> {
        match member.current.state {
            _ if member.current.epoch == STATIC_LEAVE_EPOCH => Some("has left and may come back"),
            MemberState::UnrevokedPartitions => Some("has partitions to give up"),
            MemberState::UnreleasedPartitions => {
                Some("waits for partitions that others have not given up")
            }
            _ if !member.is_reconciled_to(self.assignment_epoch) => {
                Some("has not heard of the last assignment yet")
            }
            _ => None,
        }
    }

    fn described_member(
        &self,
        id: &str,
        member: &Member,
        image: &MetadataImage,
    ) -> DescribedMember {
        let metadata = &member.metadata;
        let held = member.current.assigned.assignment();
        let target = self.targets.get(id).map(|target| described_assignment(target, image));
        DescribedMember {
            member_id: id.to_owned(),
            instance_id: metadata.instance_id.clone(),
            rack_id: metadata.rack_id.clone(),
            member_epoch: member.current.epoch,
            client_id: metadata.client_id.clone(),
            client_host: metadata.client_host.clone(),
            subscribed_topic_names: metadata.subscribed_topic_names.clone(),
            subscribed_topic_regex: member.regex().map(str::to_owned),
            assignment: described_assignment(&held, image),
            target_assignment: target.unwrap_or_default(),
            member_type: match member.classic() {
                Some(_) => CLASSIC_MEMBER,
                None => CONSUMER_MEMBER,
            },
        }
    }
}

/// Topics that are gone have no name to be told by, and are left out.
fn described_assignment(assignment: &Assignment, image: &MetadataImage) -> DescribedAssignment {
    let topic = |(topic_id, partitions): (base::Uuid, &std::collections::BTreeSet<i32>)| {
        let topic = image.topic(base::TopicId(topic_id))?;
        Some(TopicPartitions {
            topic_id,
            topic_name: topic.name.to_string(),
            partitions: partitions.iter().copied().collect(),
        })
    };
    DescribedAssignment { topic_partitions: assignment.topics().filter_map(topic).collect() }
}
