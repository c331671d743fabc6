//! ListGroups, DescribeGroups, ConsumerGroupDescribe and DeleteGroups.

use base::ErrorCode;
use wire::consumer_group_describe as consumer;
use wire::consumer_group_describe::{ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse};
use wire::delete_groups::{DeletableGroupResult, DeleteGroupsRequest, DeleteGroupsResponse};
use wire::describe_groups::{DescribeGroupsRequest, DescribeGroupsResponse, DescribedGroup};
use wire::list_groups::{ListGroupsRequest, ListGroupsResponse, ListedGroup};

use crate::classic::{self, ClassicGroup, DEAD};
use crate::consumer::ConsumerGroup;
use crate::decision::Decision;
use crate::offsets;
use crate::request::Client;
use crate::shard::Shard;

/// From here on DescribeGroups says that it does not know a group (KIP-1043).
const GROUP_ID_NOT_FOUND_VERSION: i16 = 6;

impl Shard {
    /// The groups whose state and type are among those asked for; no filter lets all through.
    pub(crate) fn list_groups(&self, request: &ListGroupsRequest) -> ListGroupsResponse {
        let is_among = |filter: &[String], value: &str| {
            filter.is_empty() || filter.iter().any(|one| one.trim().eq_ignore_ascii_case(value))
        };
        let classic = self.classic.values().map(ClassicGroup::listed);
        let consumer = self.consumer.values().map(ConsumerGroup::listed);
        let is_asked_for = |group: &ListedGroup| {
            is_among(&request.states_filter, &group.group_state)
                && is_among(&request.types_filter, &group.group_type)
        };
        let groups = classic.chain(consumer).filter(is_asked_for).collect();
        ListGroupsResponse { groups, ..ListGroupsResponse::default() }
    }

    /// An unknown group is a dead one.
    pub(crate) fn describe_groups(
        &self,
        client: &Client,
        request: &DescribeGroupsRequest,
    ) -> DescribeGroupsResponse {
        let describe = |id: &String| {
            if let Some(group) = self.classic.get(id) {
                return group.described();
            }
            let mut dead = DescribedGroup {
                group_id: id.clone(),
                group_state: DEAD.to_owned(),
                ..DescribedGroup::default()
            };
            if client.api_version >= GROUP_ID_NOT_FOUND_VERSION {
                dead.error_code = ErrorCode::GroupIdNotFound.code();
                dead.error_message = Some(match self.consumer.get(id) {
                    Some(_) => format!("Group {id} is not a classic group."),
                    None => format!("Group {id} not found."),
                });
            }
            dead
        };
        let groups = request.groups.iter().map(describe).collect();
        DescribeGroupsResponse { groups, ..DescribeGroupsResponse::default() }
    }

    pub(crate) fn describe_consumer_groups(
        &self,
        request: &ConsumerGroupDescribeRequest,
    ) -> ConsumerGroupDescribeResponse {
        let describe = |id: &String| match self.consumer.get(id) {
            Some(group) => group.described(self.assignor_of(group).name(), &self.image),
            None => consumer::DescribedGroup {
                group_id: id.clone(),
                error_code: ErrorCode::GroupIdNotFound.code(),
                error_message: Some(format!("Group {id} not found.")),
                ..consumer::DescribedGroup::default()
            },
        };
        let groups = request.group_ids.iter().map(describe).collect();
        ConsumerGroupDescribeResponse { groups, ..ConsumerGroupDescribeResponse::default() }
    }

    /// A group that nobody is in can be deleted, with its offsets.
    pub(crate) fn delete_groups(
        &mut self,
        request: &DeleteGroupsRequest,
        decision: &mut Decision,
    ) -> DeleteGroupsResponse {
        let mut results = Vec::with_capacity(request.groups_names.len());
        for group_id in &request.groups_names {
            let error = match self.validate_delete(group_id) {
                Ok(()) => {
                    self.forget_offsets(group_id, decision);
                    self.forget_group(group_id, decision);
                    ErrorCode::None
                }
                Err(error) => error,
            };
            let (group_id, error_code) = (group_id.clone(), error.code());
            results.push(DeletableGroupResult { group_id, error_code });
        }
        DeleteGroupsResponse { results, ..DeleteGroupsResponse::default() }
    }

    fn validate_delete(&self, id: &str) -> Result<(), ErrorCode> {
        let is_empty = match (self.consumer.get(id), self.classic.get(id)) {
            (Some(group), _) => group.is_empty(),
            (None, Some(group)) => group.is_empty(),
            (None, None) => return Err(ErrorCode::GroupIdNotFound),
        };
        if is_empty { Ok(()) } else { Err(ErrorCode::NonEmptyGroup) }
    }

    fn forget_offsets(&self, group: &str, decision: &mut Decision) {
        for (topic, partition) in self.offsets.partitions_of_group(group) {
            decision.record(offsets::tombstone(group, topic, partition));
        }
    }

    /// Whether nobody is in the group, nor about to be.
    pub(crate) fn may_forget(&self, id: &str) -> bool {
        match self.consumer.get(id) {
            Some(group) => group.is_empty(),
            None => self.classic.get(id).is_none_or(ClassicGroup::is_idle),
        }
    }

    /// Forgets a group that nobody is in. Its soft state goes now, what is persisted of it with the
    /// replay of its tombstones.
    pub(crate) fn forget_group(&mut self, id: &str, decision: &mut Decision) {
        self.remove_classic(id);
        if let Some(group) = self.consumer.get(id) {
            decision.records.extend(group.tombstones());
        }
        if self.persisted.contains_key(id) {
            decision.record(classic::persisted::tombstone(id));
        }
    }
}
