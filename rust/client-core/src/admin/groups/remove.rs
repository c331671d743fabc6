//! DeleteGroups, and LeaveGroup in the name of members: groups and members that are to be gone.

use std::time::Duration;

use base::{ErrorCode, NodeId};
use wire::delete_groups::DeleteGroupsRequest;
use wire::leave_group::{LeaveGroupRequest, MemberIdentity};

use crate::admin::{Each, code, each, for_each_name};
use crate::inquiry::{Inquiry, Reading, Target};

/// A member that is to be removed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MemberToRemove {
    /// The static member of this `group.instance.id`.
    Static(String),
    /// The member of this id.
    Dynamic(String),
}

impl MemberToRemove {
    /// The name that it was given.
    pub fn name(&self) -> &str {
        match self {
            Self::Static(name) | Self::Dynamic(name) => name,
        }
    }
}

/// Deletes groups without members, with all that they have committed.
pub fn delete_groups(
    coordinator: NodeId,
    groups: &[String],
    timeout: Duration,
) -> Inquiry<DeleteGroupsRequest, Each<String, ()>> {
    let asked = groups.to_vec();
    let request = DeleteGroupsRequest { groups_names: asked.clone() };
    Inquiry::new(Target::Coordinator(coordinator), request, timeout, move |response| {
        let rows = response.results.into_iter();
        let rows = rows.map(|row| (row.group_id, each(row.error_code, None)));
        Reading::Done(for_each_name(&asked, rows.collect()))
    })
}

/// Makes members leave, so that nobody waits for the end of their sessions (KIP-345, KIP-571). A
/// member that still runs joins again.
pub fn remove_members(
    coordinator: NodeId,
    group_id: &str,
    members: &[MemberToRemove],
    reason: &str,
    timeout: Duration,
) -> Inquiry<LeaveGroupRequest, Each<MemberToRemove, ()>> {
    let identity = |member: &MemberToRemove| {
        let reason = Some(reason.to_owned());
        match member {
            MemberToRemove::Static(name) => MemberIdentity {
                group_instance_id: Some(name.clone()),
                reason,
                ..Default::default()
            },
            MemberToRemove::Dynamic(id) => {
                MemberIdentity { member_id: id.clone(), reason, ..Default::default() }
            }
        }
    };
    let request = LeaveGroupRequest {
        group_id: group_id.to_owned(),
        members: members.iter().map(identity).collect(),
        ..Default::default()
    };
    let asked = members.to_vec();
    Inquiry::new(Target::Coordinator(coordinator), request, timeout, move |response| {
        match code(response.error_code) {
            ErrorCode::None => {}
            code => return Reading::Refused(code, None),
        }
        let result = |member: &MemberToRemove| {
            let row = response.members.iter().find(|row| match member {
                MemberToRemove::Static(name) => row.group_instance_id.as_ref() == Some(name),
                MemberToRemove::Dynamic(id) => row.member_id == *id,
            });
            let code = row.map_or(ErrorCode::UnknownServerError as i16, |row| row.error_code);
            (member.clone(), each(code, None))
        };
        Reading::Done(asked.iter().map(result).collect())
    })
}
