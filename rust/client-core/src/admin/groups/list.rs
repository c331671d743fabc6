//! ListGroups: the groups that one broker coordinates.

use std::time::Duration;

use base::{ErrorCode, NodeId};
use wire::list_groups::{ListGroupsRequest, ListedGroup};

use crate::admin::code;
use crate::admin::names::named;
use crate::inquiry::{Inquiry, Reading, Target};

/// A group in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupListing {
    /// Its name.
    pub group_id: String,
    /// What its members do together: `consumer`, `connect`, or what they please; empty if it has
    /// only committed offsets.
    pub protocol_type: String,
    /// Its state, where the broker says.
    pub state: GroupState,
    /// Its type, where the broker says.
    pub group_type: GroupType,
}

/// Which groups to list; all if both are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupFilter {
    /// Those in one of these states.
    pub states: Vec<GroupState>,
    /// Those of one of these types.
    pub types: Vec<GroupType>,
}

named! {
    /// What a group is doing.
    GroupState: "state of a group",
    /// A classic group waits for its members to join.
    PreparingRebalance "PreparingRebalance",
    /// A classic group waits for its leader to assign.
    CompletingRebalance "CompletingRebalance",
    /// Everybody has what is assigned to him.
    Stable "Stable",
    /// It is gone.
    Dead "Dead",
    /// It has no members.
    Empty "Empty",
    /// The coordinator is about to assign.
    Assigning "Assigning",
    /// Members are giving up and taking over what was assigned.
    Reconciling "Reconciling",
    /// A streams group waits for its topics.
    NotReady "NotReady",
}

named! {
    /// How a group's members and its coordinator speak.
    GroupType: "type of a group",
    /// By the protocol in which members assign: JoinGroup and SyncGroup.
    Classic "Classic",
    /// By the protocol in which the coordinator assigns (KIP-848).
    Consumer "Consumer",
    /// Several members read a partition (KIP-932).
    Share "Share",
    /// Tasks of Kafka Streams are assigned (KIP-1071).
    Streams "Streams",
}

impl GroupState {
    /// Whether nobody is in the group, so that its offsets can be changed from outside.
    pub fn is_inactive(self) -> bool {
        matches!(self, Self::Empty | Self::Dead)
    }
}

/// Asks `node` which groups it coordinates.
pub fn list_groups(
    node: NodeId,
    filter: &GroupFilter,
    timeout: Duration,
) -> Inquiry<ListGroupsRequest, Vec<GroupListing>> {
    let request = ListGroupsRequest {
        states_filter: filter.states.iter().map(|state| state.name().to_owned()).collect(),
        types_filter: filter.types.iter().map(|kind| kind.name().to_lowercase()).collect(),
    };
    Inquiry::new(Target::Node(node), request, timeout, |response| match code(response.error_code) {
        ErrorCode::None => Reading::Done(response.groups.into_iter().map(listing).collect()),
        code if code.is_retriable() => Reading::Again(code),
        code => Reading::Refused(code, None),
    })
}

fn listing(row: ListedGroup) -> GroupListing {
    GroupListing {
        group_id: row.group_id,
        protocol_type: row.protocol_type,
        state: GroupState::of(&row.group_state),
        group_type: GroupType::of(&row.group_type),
    }
}
