//! A made-up group coordinator, as Kafka decides: members join in rounds, a leader assigns, who is
//! silent is out, and only members of this generation commit. It checks what no client may break.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use base::{ErrorCode, Instant};
use bytes::Bytes;
use client_core::ConnectionId;
use wire::consumer_protocol::{ConsumerProtocolAssignment, decode};
use wire::find_coordinator::{Coordinator, FindCoordinatorResponse};
use wire::heartbeat::{HeartbeatRequest, HeartbeatResponse};
use wire::join_group::{JoinGroupRequest, JoinGroupResponse, JoinGroupResponseMember};
use wire::leave_group::{LeaveGroupRequest, LeaveGroupResponse};
use wire::offset_commit::{
    OffsetCommitRequest, OffsetCommitResponse, OffsetCommitResponsePartition,
    OffsetCommitResponseTopic,
};
use wire::offset_fetch::{
    OffsetFetchRequest, OffsetFetchResponse, OffsetFetchResponseGroup,
    OffsetFetchResponsePartitions, OffsetFetchResponseTopics,
};
use wire::sync_group::{SyncGroupRequest, SyncGroupResponse};
use wire::{ApiKey, Message, Reader, encode_response};

/// Where an answer goes that is held back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    pub(crate) connection: ConnectionId,
    pub(crate) correlation_id: i32,
    pub(crate) version: i16,
}

#[derive(Debug, Default)]
pub(crate) struct FakeGroup {
    members: BTreeMap<String, Member>,
    generation: i32,
    protocol: String,
    phase: Phase,
    next_id: u32,
    pub(crate) committed: BTreeMap<i32, i64>,
    /// Who has committed what, to be compared with what was given out.
    pub(crate) commits: Vec<(ConnectionId, i32, i64)>,
    held: Vec<(ConnectionId, Bytes)>,
    /// Owners by partition, of this generation.
    owners: BTreeMap<i32, String>,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Empty,
    Joining {
        until: Instant,
    },
    Syncing,
    Stable,
}

#[derive(Debug)]
struct Member {
    protocols: Vec<(String, Bytes)>,
    joining: Option<Caller>,
    syncing: Option<Caller>,
    assignment: Bytes,
    session: Duration,
    rebalance: Duration,
    heard: Instant,
}

impl FakeGroup {
    /// Time passes: the silent are out, and a round of joining ends.
    pub(crate) fn pass_time(&mut self, now: Instant) {
        let is_silent =
            |member: &Member| member.joining.is_none() && member.heard + member.session <= now;
        let silent: Vec<_> =
            self.members.iter().filter(|(_, m)| is_silent(m)).map(|(id, _)| id.clone()).collect();
        for id in silent {
            self.remove(&id, now);
        }
        if let Phase::Joining { until } = self.phase {
            if until <= now {
                self.members.retain(|_, member| member.joining.is_some());
            }
            self.end_joining(now);
        }
    }

    /// Answers that were held back and are not any more.
    pub(crate) fn released(&mut self) -> Vec<(ConnectionId, Bytes)> {
        std::mem::take(&mut self.held)
    }

    pub(crate) fn answer(
        &mut self,
        api: ApiKey,
        caller: Caller,
        mut reader: Reader,
        now: Instant,
    ) -> Option<Bytes> {
        let version = caller.version;
        match api {
            ApiKey::FindCoordinator => Some(reply(api, caller, &find(version))),
            ApiKey::JoinGroup => {
                let request = JoinGroupRequest::decode(&mut reader, version).unwrap();
                let refusal = self.join(request, caller, now)?;
                Some(reply(api, caller, &refusal))
            }
            ApiKey::SyncGroup => {
                let request = SyncGroupRequest::decode(&mut reader, version).unwrap();
                let response = self.sync(&request, caller, now)?;
                Some(reply(api, caller, &response))
            }
            ApiKey::Heartbeat => {
                let request = HeartbeatRequest::decode(&mut reader, version).unwrap();
                let code = self.beat(&request.member_id, request.generation_id, now);
                let error_code = code as i16;
                Some(reply(api, caller, &HeartbeatResponse { error_code, ..Default::default() }))
            }
            ApiKey::LeaveGroup => {
                let request = LeaveGroupRequest::decode(&mut reader, version).unwrap();
                let ids = request.members.into_iter().map(|member| member.member_id);
                for id in ids.chain([request.member_id]) {
                    self.remove(&id, now);
                }
                Some(reply(api, caller, &LeaveGroupResponse::default()))
            }
            ApiKey::OffsetCommit => {
                let request = OffsetCommitRequest::decode(&mut reader, version).unwrap();
                Some(reply(api, caller, &self.commit(&request, caller.connection)))
            }
            ApiKey::OffsetFetch => {
                let request = OffsetFetchRequest::decode(&mut reader, version).unwrap();
                Some(reply(api, caller, &self.offsets(&request)))
            }
            other => panic!("{other:?} is not for a coordinator"),
        }
    }

    fn join(
        &mut self,
        request: JoinGroupRequest,
        caller: Caller,
        now: Instant,
    ) -> Option<JoinGroupResponse> {
        let refuse = |code: ErrorCode, member_id: String| {
            let error_code = code as i16;
            Some(JoinGroupResponse { error_code, member_id, ..Default::default() })
        };
        if request.member_id.is_empty() {
            self.next_id += 1;
            let id = format!("member-{}", self.next_id);
            self.members.insert(id.clone(), Member::new(&request, now));
            return refuse(ErrorCode::MemberIdRequired, id);
        }
        let Some(member) = self.members.get_mut(&request.member_id) else {
            return refuse(ErrorCode::UnknownMemberId, request.member_id);
        };
        *member = Member { joining: Some(caller), ..Member::new(&request, now) };
        self.begin_joining(now);
        self.end_joining(now);
        None
    }

    fn begin_joining(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Joining { .. }) {
            return;
        }
        for member in self.members.values_mut() {
            if let Some(caller) = member.syncing.take() {
                let error_code = ErrorCode::RebalanceInProgress as i16;
                let response = SyncGroupResponse { error_code, ..Default::default() };
                let frame = reply(ApiKey::SyncGroup, caller, &response);
                self.held.push((caller.connection, frame));
            }
        }
        let longest = self.members.values().map(|member| member.rebalance).max();
        self.phase = Phase::Joining { until: now + longest.unwrap_or_default() };
    }

    /// The round is over once everybody has joined.
    fn end_joining(&mut self, now: Instant) {
        if !self.members.values().all(|member| member.joining.is_some()) {
            return;
        }
        self.generation += 1;
        self.owners.clear();
        let Some(leader) = self.members.keys().next().cloned() else {
            self.phase = Phase::Empty;
            return;
        };
        let first = &self.members[&leader].protocols;
        let knows = |name: &str, member: &Member| member.protocols.iter().any(|(n, _)| n == name);
        let common = first.iter().find(|(name, _)| self.members.values().all(|m| knows(name, m)));
        self.protocol = common.expect("the members have one in common").0.clone();
        self.phase = Phase::Syncing;
        let subscriptions: Vec<_> = self
            .members
            .iter()
            .map(|(id, member)| JoinGroupResponseMember {
                member_id: id.clone(),
                metadata: member.metadata(&self.protocol),
                ..Default::default()
            })
            .collect();
        for (id, member) in &mut self.members {
            let caller = member.joining.take().expect("everybody has joined");
            member.heard = now;
            member.assignment = Bytes::new();
            let members = if *id == leader { subscriptions.clone() } else { Vec::new() };
            let response = JoinGroupResponse {
                generation_id: self.generation,
                protocol_name: Some(self.protocol.clone()),
                leader: leader.clone(),
                member_id: id.clone(),
                members,
                ..Default::default()
            };
            let frame = reply(ApiKey::JoinGroup, caller, &response);
            self.held.push((caller.connection, frame));
        }
    }

    fn sync(
        &mut self,
        request: &SyncGroupRequest,
        caller: Caller,
        now: Instant,
    ) -> Option<SyncGroupResponse> {
        let code = match self.beat(&request.member_id, request.generation_id, now) {
            ErrorCode::None => match self.phase {
                Phase::Syncing => None,
                _ => Some(ErrorCode::None),
            },
            code => Some(code),
        };
        if let Some(code) = code {
            let assignment = match code {
                ErrorCode::None => self.members[&request.member_id].assignment.clone(),
                _ => Bytes::new(),
            };
            let error_code = code as i16;
            return Some(SyncGroupResponse { error_code, assignment, ..Default::default() });
        }
        let member = self.members.get_mut(&request.member_id).expect("it has beaten");
        member.syncing = Some(caller);
        if !request.assignments.is_empty() {
            self.settle(request);
        }
        None
    }

    /// The leader has spoken. One owner for each partition, of whom the group knows.
    fn settle(&mut self, request: &SyncGroupRequest) {
        self.phase = Phase::Stable;
        for row in &request.assignments {
            let message: ConsumerProtocolAssignment = decode(&row.assignment).unwrap();
            for partition in message.assigned_partitions.iter().flat_map(|row| &row.partitions) {
                let before = self.owners.insert(*partition, row.member_id.clone());
                assert_eq!(before, None, "partition {partition} has two owners");
            }
            let member = self.members.get_mut(&row.member_id).expect("only members are assigned");
            member.assignment = row.assignment.clone();
        }
        for member in self.members.values_mut() {
            if let Some(caller) = member.syncing.take() {
                let assignment = member.assignment.clone();
                let response = SyncGroupResponse { assignment, ..Default::default() };
                let frame = reply(ApiKey::SyncGroup, caller, &response);
                self.held.push((caller.connection, frame));
            }
        }
    }

    fn beat(&mut self, id: &str, generation: i32, now: Instant) -> ErrorCode {
        let Some(member) = self.members.get_mut(id) else { return ErrorCode::UnknownMemberId };
        if generation != self.generation {
            return ErrorCode::IllegalGeneration;
        }
        member.heard = now;
        match self.phase {
            Phase::Joining { .. } => ErrorCode::RebalanceInProgress,
            _ => ErrorCode::None,
        }
    }

    fn remove(&mut self, id: &str, now: Instant) {
        if self.members.remove(id).is_some() {
            self.begin_joining(now);
            self.end_joining(now);
        }
    }

    fn commit(
        &mut self,
        request: &OffsetCommitRequest,
        connection: ConnectionId,
    ) -> OffsetCommitResponse {
        let code = if !self.members.contains_key(&request.member_id) {
            ErrorCode::UnknownMemberId
        } else if request.generation_id_or_member_epoch != self.generation {
            ErrorCode::IllegalGeneration
        } else if self.phase == Phase::Syncing {
            ErrorCode::RebalanceInProgress
        } else {
            ErrorCode::None
        };
        let mut topics = Vec::new();
        for topic in &request.topics {
            let mut partitions = Vec::new();
            for row in &topic.partitions {
                let partition_index = row.partition_index;
                if code == ErrorCode::None {
                    self.committed.insert(partition_index, row.committed_offset);
                    self.commits.push((connection, partition_index, row.committed_offset));
                }
                let error_code = code as i16;
                partitions.push(OffsetCommitResponsePartition { partition_index, error_code });
            }
            let name = topic.name.clone();
            topics.push(OffsetCommitResponseTopic { name, partitions, ..Default::default() });
        }
        OffsetCommitResponse { topics, ..Default::default() }
    }

    fn offsets(&self, request: &OffsetFetchRequest) -> OffsetFetchResponse {
        let row = |partition_index: &i32| OffsetFetchResponsePartitions {
            partition_index: *partition_index,
            committed_offset: self.committed.get(partition_index).copied().unwrap_or(-1),
            ..Default::default()
        };
        let group = |group: &wire::offset_fetch::OffsetFetchRequestGroup| {
            let topics = group.topics.iter().flatten().map(|topic| OffsetFetchResponseTopics {
                name: topic.name.clone(),
                partitions: topic.partition_indexes.iter().map(row).collect(),
                ..Default::default()
            });
            OffsetFetchResponseGroup { topics: topics.collect(), ..Default::default() }
        };
        let groups = request.groups.iter().map(group).collect();
        OffsetFetchResponse { groups, ..Default::default() }
    }

    /// The partitions that have an owner in this generation.
    pub(crate) fn owned(&self) -> BTreeSet<i32> {
        self.owners.keys().copied().collect()
    }
}

impl Member {
    fn new(request: &JoinGroupRequest, now: Instant) -> Self {
        let protocols =
            request.protocols.iter().map(|row| (row.name.clone(), row.metadata.clone()));
        let millis = |ms: i32| Duration::from_millis(ms.unsigned_abs().into());
        Self {
            protocols: protocols.collect(),
            joining: None,
            syncing: None,
            assignment: Bytes::new(),
            session: millis(request.session_timeout_ms),
            rebalance: millis(request.rebalance_timeout_ms),
            heard: now,
        }
    }

    fn metadata(&self, protocol: &str) -> Bytes {
        let row = self.protocols.iter().find(|(name, _)| name == protocol);
        row.map(|(_, metadata)| metadata.clone()).unwrap_or_default()
    }
}

/// The coordinator is node 1, whoever asks.
fn find(version: i16) -> FindCoordinatorResponse {
    if version < 4 {
        return FindCoordinatorResponse { node_id: 1, ..Default::default() };
    }
    let coordinators = vec![Coordinator { node_id: 1, ..Default::default() }];
    FindCoordinatorResponse { coordinators, ..Default::default() }
}

fn reply<M: Message>(api: ApiKey, caller: Caller, response: &M) -> Bytes {
    let frame = encode_response(api, caller.version, caller.correlation_id, response).unwrap();
    frame.collect().unwrap().slice(4..)
}
