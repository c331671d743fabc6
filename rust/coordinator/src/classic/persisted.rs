//! What is persisted of a classic group: its generation, its members, and what each was assigned.

use base::Instant;
use wire::coordinator_records::group_metadata::MemberMetadata;
use wire::coordinator_records::{GroupMetadataKey, GroupMetadataValue};
use wire::join_group::JoinGroupRequestProtocol;

use super::{ClassicGroup, Member, State};
use crate::record::CoordinatorRecord;

impl ClassicGroup {
    /// The record of the generation as it stands.
    pub(crate) fn record(&self) -> CoordinatorRecord {
        let protocol = self.protocol.as_deref().unwrap_or_default();
        let member = |member: &Member| MemberMetadata {
            member_id: member.id.clone(),
            group_instance_id: member.instance_id.clone(),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            rebalance_timeout: member.rebalance_timeout_ms,
            session_timeout: member.session_timeout_ms,
            subscription: member.metadata(protocol),
            assignment: member.assignment.clone(),
        };
        let value = GroupMetadataValue {
            protocol_type: self.protocol_type().to_owned(),
            generation: self.generation,
            protocol: self.protocol.clone(),
            leader: self.leader.clone(),
            current_state_timestamp: self.state_since_unix_ms.unwrap_or(-1),
            members: self.members.values().map(member).collect(),
        };
        CoordinatorRecord::GroupMetadata(key(&self.id), Some(value))
    }

    /// The group that a record tells of. Its members' sessions begin when the shard is loaded.
    pub(crate) fn load(id: &str, value: &GroupMetadataValue) -> Self {
        let state = if value.members.is_empty() { State::Empty } else { State::Stable };
        let mut group = Self {
            state,
            state_since_unix_ms: (value.current_state_timestamp != -1)
                .then_some(value.current_state_timestamp),
            generation: value.generation,
            protocol_type: (!value.protocol_type.is_empty()).then(|| value.protocol_type.clone()),
            protocol: value.protocol.clone(),
            leader: value.leader.clone(),
            ..Self::simple(id)
        };
        for metadata in &value.members {
            let member = load_member(value, metadata);
            if let Some(instance) = &member.instance_id {
                group.static_members.insert(instance.clone(), member.id.clone());
            }
            group.members.insert(member.id.clone(), member);
        }
        group.subscribed_topics = group.compute_subscribed_topics();
        group
    }
}

/// The record's only protocol is the one that the generation uses.
fn load_member(value: &GroupMetadataValue, member: &MemberMetadata) -> Member {
    let name = value.protocol.clone().unwrap_or_default();
    let rebalance_timeout_ms = match member.rebalance_timeout {
        -1 => member.session_timeout,
        rebalance_timeout => rebalance_timeout,
    };
    Member {
        id: member.member_id.clone(),
        instance_id: member.group_instance_id.clone(),
        client_id: member.client_id.clone(),
        client_host: member.client_host.clone(),
        rebalance_timeout_ms,
        session_timeout_ms: member.session_timeout,
        protocols: vec![JoinGroupRequestProtocol { name, metadata: member.subscription.clone() }],
        assignment: member.assignment.clone(),
        joining: None,
        syncing: None,
        is_new: false,
        session_ends: Instant(0),
    }
}

/// The record that forgets a group.
pub(crate) fn tombstone(group: &str) -> CoordinatorRecord {
    CoordinatorRecord::GroupMetadata(key(group), None)
}

fn key(group: &str) -> GroupMetadataKey {
    GroupMetadataKey { group: group.to_owned() }
}
