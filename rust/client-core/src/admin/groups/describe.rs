//! DescribeGroups and ConsumerGroupDescribe: a group's members, and what each is assigned.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use base::{ErrorCode, NodeId, TopicPartition};
use bytes::Bytes;
use wire::consumer_group_describe::{self, Assignment, ConsumerGroupDescribeRequest};
use wire::consumer_protocol::{self, ConsumerProtocolAssignment, ConsumerProtocolSubscription};
use wire::describe_groups::{self, DescribeGroupsRequest, DescribedGroupMember};

use super::{GroupState, GroupType};
use crate::admin::{Each, each, for_each_name};
use crate::config::Address;
use crate::inquiry::{Inquiry, InquiryError, Reading, Target};

/// The protocol type of groups whose members' assignments are partitions.
const CONSUMER_PROTOCOL_TYPE: &str = "consumer";

/// A group in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupDescription {
    /// Its name.
    pub group_id: String,
    /// How its members and its coordinator speak.
    pub group_type: GroupType,
    /// What it is doing.
    pub state: GroupState,
    /// What its members do together; empty if it has only committed offsets.
    pub protocol_type: String,
    /// The assignor in use; of a group of another protocol type, whatever it has agreed on.
    pub assignor: String,
    /// The broker that coordinates it.
    pub coordinator: NodeId,
    /// Where that is.
    pub coordinator_address: Option<Address>,
    /// How often members or topics have changed (KIP-848).
    pub group_epoch: Option<i32>,
    /// The epoch for which the target assignment was made (KIP-848).
    pub target_assignment_epoch: Option<i32>,
    /// Its members, by id.
    pub members: Vec<MemberDescription>,
}

/// A member of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberDescription {
    /// The name that it goes by in the group.
    pub member_id: String,
    /// Its `group.instance.id`, if it is a static member.
    pub group_instance_id: Option<String>,
    /// Its `client.rack` (KIP-848).
    pub rack: Option<String>,
    /// Its `client.id`.
    pub client_id: String,
    /// From where it speaks.
    pub client_host: String,
    /// The epoch of the assignment that it has (KIP-848).
    pub member_epoch: Option<i32>,
    /// Whether it speaks the protocol of KIP-848, where the broker says (KIP-1099).
    pub is_upgraded: Option<bool>,
    /// The topics that it subscribes to by name.
    pub subscribed_topics: BTreeSet<String>,
    /// The pattern that it subscribes by (KIP-848).
    pub subscribed_regex: Option<String>,
    /// The partitions that it owns.
    pub assignment: BTreeSet<TopicPartition>,
    /// The partitions that it is to own (KIP-848).
    pub target_assignment: Option<BTreeSet<TopicPartition>>,
}

/// Describes groups of the protocol of KIP-848; any other is `GROUP_ID_NOT_FOUND`.
pub fn describe_consumer_groups(
    coordinator: NodeId,
    address: Option<&Address>,
    groups: &[String],
    timeout: Duration,
) -> Inquiry<ConsumerGroupDescribeRequest, Each<String, GroupDescription>> {
    let asked = groups.to_vec();
    let address = address.cloned();
    let request = ConsumerGroupDescribeRequest { group_ids: asked.clone(), ..Default::default() };
    Inquiry::new(Target::Coordinator(coordinator), request, timeout, move |response| {
        let described = response.groups.into_iter().map(|mut row| {
            let result = each(row.error_code, row.error_message.take());
            let name = row.group_id.clone();
            (name, result.map(|()| consumer_group(row, coordinator, address.clone())))
        });
        Reading::Done(for_each_name(&asked, described.collect()))
    })
}

/// Describes classic groups, of whatever protocol type.
pub fn describe_classic_groups(
    coordinator: NodeId,
    address: Option<&Address>,
    groups: &[String],
    timeout: Duration,
) -> Inquiry<DescribeGroupsRequest, Each<String, GroupDescription>> {
    let asked = groups.to_vec();
    let address = address.cloned();
    let request = DescribeGroupsRequest { groups: asked.clone(), ..Default::default() };
    Inquiry::new(Target::Coordinator(coordinator), request, timeout, move |response| {
        let described = response.groups.into_iter().map(|mut row| {
            let result = each(row.error_code, row.error_message.take());
            let name = row.group_id.clone();
            let described = classic_group(row, coordinator, address.clone());
            (name, result.and(described))
        });
        Reading::Done(for_each_name(&asked, described.collect()))
    })
}

fn consumer_group(
    row: consumer_group_describe::DescribedGroup,
    coordinator: NodeId,
    coordinator_address: Option<Address>,
) -> GroupDescription {
    let mut members: Vec<_> = row.members.into_iter().map(consumer_member).collect();
    members.sort_unstable_by(|a, b| a.member_id.cmp(&b.member_id));
    GroupDescription {
        group_id: row.group_id,
        group_type: GroupType::Consumer,
        state: GroupState::of(&row.group_state),
        protocol_type: CONSUMER_PROTOCOL_TYPE.to_owned(),
        assignor: row.assignor_name,
        coordinator,
        coordinator_address,
        group_epoch: Some(row.group_epoch),
        target_assignment_epoch: Some(row.assignment_epoch),
        members,
    }
}

fn consumer_member(row: consumer_group_describe::Member) -> MemberDescription {
    const CLASSIC: i8 = 0;
    const CONSUMER: i8 = 1;
    MemberDescription {
        member_id: row.member_id,
        group_instance_id: row.instance_id,
        rack: row.rack_id,
        client_id: row.client_id,
        client_host: row.client_host,
        member_epoch: Some(row.member_epoch),
        is_upgraded: match row.member_type {
            CLASSIC => Some(false),
            CONSUMER => Some(true),
            _ => None,
        },
        subscribed_topics: row.subscribed_topic_names.into_iter().collect(),
        subscribed_regex: row.subscribed_topic_regex.filter(|regex| !regex.is_empty()),
        assignment: partitions(&row.assignment),
        target_assignment: Some(partitions(&row.target_assignment)),
    }
}

fn partitions(assignment: &Assignment) -> BTreeSet<TopicPartition> {
    let topics = assignment.topic_partitions.iter();
    topics.flat_map(|topic| of_topic(&topic.topic_name, &topic.partitions)).collect()
}

fn of_topic<'a>(name: &str, partitions: &'a [i32]) -> impl Iterator<Item = TopicPartition> + 'a {
    let name: Arc<str> = name.into();
    partitions.iter().map(move |partition| TopicPartition::new(name.clone(), *partition))
}

/// Before version 6 an unknown group is described as a dead one.
fn classic_group(
    row: describe_groups::DescribedGroup,
    coordinator: NodeId,
    coordinator_address: Option<Address>,
) -> Result<GroupDescription, InquiryError> {
    let state = GroupState::of(&row.group_state);
    if state == GroupState::Dead {
        return Err(InquiryError::refused(ErrorCode::GroupIdNotFound, None));
    }
    let is_consumers = row.protocol_type == CONSUMER_PROTOCOL_TYPE;
    let members = row.members.into_iter().map(|member| classic_member(member, is_consumers));
    let mut members = members.collect::<Result<Vec<_>, _>>()?;
    members.sort_unstable_by(|a, b| a.member_id.cmp(&b.member_id));
    Ok(GroupDescription {
        group_id: row.group_id,
        group_type: GroupType::Classic,
        state,
        protocol_type: row.protocol_type,
        assignor: row.protocol_data,
        coordinator,
        coordinator_address,
        group_epoch: None,
        target_assignment_epoch: None,
        members,
    })
}

/// What the members of a group of another protocol type tell each other is theirs alone.
fn classic_member(
    row: DescribedGroupMember,
    is_consumer: bool,
) -> Result<MemberDescription, InquiryError> {
    let unreadable = |what: &str, error: &wire::DecodeError| {
        let member = &row.member_id;
        InquiryError::Impossible(format!("the {what} of member {member} cannot be read: {error}"))
    };
    let is_there = |bytes: &Bytes| is_consumer && !bytes.is_empty();
    let mut subscribed_topics = BTreeSet::new();
    if is_there(&row.member_metadata) {
        let read = consumer_protocol::decode::<ConsumerProtocolSubscription>(&row.member_metadata);
        let subscription = read.map_err(|error| unreadable("subscription", &error))?;
        subscribed_topics.extend(subscription.topics);
    }
    let mut assignment = BTreeSet::new();
    if is_there(&row.member_assignment) {
        let read = consumer_protocol::decode::<ConsumerProtocolAssignment>(&row.member_assignment);
        let assigned = read.map_err(|error| unreadable("assignment", &error))?;
        let topics = assigned.assigned_partitions.iter();
        assignment.extend(topics.flat_map(|topic| of_topic(&topic.topic, &topic.partitions)));
    }
    Ok(MemberDescription {
        member_id: row.member_id,
        group_instance_id: row.group_instance_id,
        rack: None,
        client_id: row.client_id,
        client_host: row.client_host,
        member_epoch: None,
        is_upgraded: Some(false),
        subscribed_topics,
        subscribed_regex: None,
        assignment,
        target_assignment: None,
    })
}
