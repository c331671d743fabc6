//! How a classic group looks from outside.

use wire::describe_groups::{DescribedGroup, DescribedGroupMember};
use wire::list_groups::ListedGroup;

use super::{ClassicGroup, Member, State};
use crate::explanation::{GroupStanding, MemberStanding};
use crate::now::Now;
use crate::rebalance::Ongoing;

/// The type of classic groups in ListGroups.
pub(crate) const CLASSIC: &str = "classic";

impl ClassicGroup {
    pub(crate) fn listed(&self) -> ListedGroup {
        ListedGroup {
            group_id: self.id.clone(),
            protocol_type: self.protocol_type().to_owned(),
            group_state: self.state.to_string(),
            group_type: CLASSIC.to_owned(),
        }
    }

    /// For people: who is waited for, and why.
    pub(crate) fn standing(&self, now: Now) -> GroupStanding {
        let member = |member: &Member| MemberStanding {
            member: member.id.clone(),
            instance: member.instance_id.clone(),
            client_id: member.client_id.clone(),
            host: member.client_host.clone(),
            awaited: self.awaited(member),
        };
        GroupStanding {
            group_type: CLASSIC,
            state: self.state.to_string(),
            generation: self.generation,
            members: self.members.values().map(member).collect(),
            rebalance: self.rebalance.as_ref().map(|ongoing: &Ongoing| ongoing.explained(now)),
        }
    }

    fn awaited(&self, member: &Member) -> Option<&'static str> {
        match self.state {
            State::PreparingRebalance if member.joining.is_none() => Some("has not joined yet"),
            State::CompletingRebalance if self.is_leader(&member.id) => {
                Some("leads, and has not sent the assignment yet")
            }
            State::CompletingRebalance if self.pending_syncs.contains(&member.id) => {
                Some("has not asked for its assignment yet")
            }
            _ => None,
        }
    }

    /// What members say and are assigned is told of a stable group only: before, it means nothing.
    pub(crate) fn described(&self) -> DescribedGroup {
        let protocol = match self.state {
            State::Stable => self.protocol.as_deref(),
            _ => None,
        };
        let member = |member: &Member| {
            let mut described = DescribedGroupMember {
                member_id: member.id.clone(),
                group_instance_id: member.instance_id.clone(),
                client_id: member.client_id.clone(),
                client_host: member.client_host.clone(),
                ..DescribedGroupMember::default()
            };
            if let Some(protocol) = protocol {
                described.member_metadata = member.metadata(protocol);
                described.member_assignment = member.assignment.clone();
            }
            described
        };
        DescribedGroup {
            group_id: self.id.clone(),
            group_state: self.state.to_string(),
            protocol_type: self.protocol_type().to_owned(),
            protocol_data: protocol.unwrap_or_default().to_owned(),
            members: self.members.values().map(member).collect(),
            ..DescribedGroup::default()
        }
    }
}
