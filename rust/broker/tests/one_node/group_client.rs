//! The requests of members of groups, and of who commits without being in one.

use base::{ErrorCode, Uuid};
use bytes::Bytes;
use wire::describe_groups::{DescribeGroupsRequest, DescribedGroup};
use wire::find_coordinator::FindCoordinatorRequest;
use wire::heartbeat::HeartbeatRequest;
use wire::join_group::{JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse};
use wire::leave_group::{LeaveGroupRequest, LeaveGroupResponse, MemberIdentity};
use wire::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use wire::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics, OffsetFetchResponseGroup,
};
use wire::sync_group::{SyncGroupRequest, SyncGroupRequestAssignment, SyncGroupResponse};

use crate::requests::assert_code;
use crate::test_client::TestClient;

/// The last versions of commits and fetches that name topics; later ones use ids.
pub(crate) const COMMIT_BY_NAME: i16 = 9;
pub(crate) const FETCH_BY_NAME: i16 = 9;

/// A member that joins for the first time.
pub(crate) fn join_request(group: &str, session_timeout_ms: i32) -> JoinGroupRequest {
    let metadata = Bytes::from_static(b"subscription");
    JoinGroupRequest {
        group_id: group.to_owned(),
        session_timeout_ms,
        rebalance_timeout_ms: 60_000,
        protocol_type: "consumer".to_owned(),
        protocols: vec![JoinGroupRequestProtocol { name: "range".to_owned(), metadata }],
        ..JoinGroupRequest::default()
    }
}

/// A commit of one partition by nobody in particular.
pub(crate) fn commit_request(group: &str, topic: &str, offset: i64) -> OffsetCommitRequest {
    let partition = OffsetCommitRequestPartition {
        committed_offset: offset,
        committed_leader_epoch: 0,
        committed_metadata: Some("note".to_owned()),
        ..OffsetCommitRequestPartition::default()
    };
    let topic = OffsetCommitRequestTopic {
        name: topic.to_owned(),
        partitions: vec![partition],
        ..OffsetCommitRequestTopic::default()
    };
    OffsetCommitRequest {
        group_id: group.to_owned(),
        topics: vec![topic],
        ..OffsetCommitRequest::default()
    }
}

/// A fetch of one partition's offset.
pub(crate) fn offset_fetch_request(group: &str, topic: &str) -> OffsetFetchRequest {
    let topic = OffsetFetchRequestTopics {
        name: topic.to_owned(),
        topic_id: Uuid::ZERO,
        partition_indexes: vec![0],
    };
    let group = OffsetFetchRequestGroup {
        group_id: group.to_owned(),
        topics: Some(vec![topic]),
        ..OffsetFetchRequestGroup::default()
    };
    OffsetFetchRequest { groups: vec![group], ..OffsetFetchRequest::default() }
}

impl TestClient {
    /// Waits until there is a coordinator.
    pub(crate) async fn find_coordinator(&mut self, group: &str) {
        let request = FindCoordinatorRequest {
            coordinator_keys: vec![group.to_owned()],
            ..FindCoordinatorRequest::default()
        };
        let answer = self.call(&request).await;
        assert_code(answer.coordinators[0].error_code, ErrorCode::None);
    }

    /// Commits an offset of partition 0 and gives the partition's error.
    pub(crate) async fn commit(&mut self, group: &str, topic: &str, offset: i64) -> i16 {
        self.commit_with(&commit_request(group, topic, offset)).await
    }

    /// Commits and gives the first partition's error.
    pub(crate) async fn commit_with(&mut self, request: &OffsetCommitRequest) -> i16 {
        self.call_in(COMMIT_BY_NAME, request).await.topics[0].partitions[0].error_code
    }

    /// What a group has committed of one topic.
    pub(crate) async fn fetch_group(
        &mut self,
        group: &str,
        topic: &str,
    ) -> OffsetFetchResponseGroup {
        let answer = self.call_in(FETCH_BY_NAME, &offset_fetch_request(group, topic)).await;
        answer.groups.into_iter().next().unwrap()
    }

    /// How far a group has come with partition 0; -1: it has not begun.
    pub(crate) async fn committed(&mut self, group: &str, topic: &str) -> i64 {
        let group = self.fetch_group(group, topic).await;
        assert_code(group.error_code, ErrorCode::None);
        assert_code(group.topics[0].partitions[0].error_code, ErrorCode::None);
        group.topics[0].partitions[0].committed_offset
    }

    /// As [`Self::committed`], once its shard is loaded, and its log is committed as far as it has
    /// been written.
    pub(crate) async fn committed_in_the_end(&mut self, group: &str, topic: &str) -> i64 {
        let passing = [ErrorCode::CoordinatorLoadInProgress, ErrorCode::CoordinatorNotAvailable];
        let passing = passing.map(ErrorCode::code);
        while passing.contains(&self.fetch_group(group, topic).await.error_code) {}
        self.committed(group, topic).await
    }

    /// Joins a group, coming back with the id that is handed out to a newcomer.
    pub(crate) async fn join(&mut self, request: &JoinGroupRequest) -> JoinGroupResponse {
        let first = self.call(request).await;
        if first.error_code != ErrorCode::MemberIdRequired.code() {
            return first;
        }
        self.call(&JoinGroupRequest { member_id: first.member_id, ..request.clone() }).await
    }

    /// Hands in the assignments of all members, of which the leader's own comes back.
    pub(crate) async fn sync(
        &mut self,
        group: &str,
        joined: &JoinGroupResponse,
        assignments: &[(&str, &'static [u8])],
    ) -> SyncGroupResponse {
        self.call(&sync_request(group, joined, assignments)).await
    }

    /// What the coordinator says to a member's heartbeat.
    pub(crate) async fn heartbeat(&mut self, group: &str, joined: &JoinGroupResponse) -> i16 {
        let request = HeartbeatRequest {
            group_id: group.to_owned(),
            generation_id: joined.generation_id,
            member_id: joined.member_id.clone(),
            ..HeartbeatRequest::default()
        };
        self.call(&request).await.error_code
    }

    /// Takes a member out of its group.
    pub(crate) async fn leave(&mut self, group: &str, member_id: &str) -> LeaveGroupResponse {
        let member_id = member_id.to_owned();
        let members = vec![MemberIdentity { member_id, ..MemberIdentity::default() }];
        let group_id = group.to_owned();
        self.call(&LeaveGroupRequest { group_id, members, ..LeaveGroupRequest::default() }).await
    }

    /// What a classic group looks like.
    pub(crate) async fn describe_group(&mut self, group: &str) -> DescribedGroup {
        let groups = vec![group.to_owned()];
        let request = DescribeGroupsRequest { groups, ..DescribeGroupsRequest::default() };
        self.call(&request).await.groups.into_iter().next().unwrap()
    }
}

/// What a member asks for once it has joined.
pub(crate) fn sync_request(
    group: &str,
    joined: &JoinGroupResponse,
    assignments: &[(&str, &'static [u8])],
) -> SyncGroupRequest {
    let assignments = assignments.iter().map(|(member, assignment)| SyncGroupRequestAssignment {
        member_id: (*member).to_owned(),
        assignment: Bytes::from_static(assignment),
    });
    SyncGroupRequest {
        group_id: group.to_owned(),
        generation_id: joined.generation_id,
        member_id: joined.member_id.clone(),
        assignments: assignments.collect(),
        ..SyncGroupRequest::default()
    }
}
