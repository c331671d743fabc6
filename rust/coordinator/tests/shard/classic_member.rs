//! A member of a classic group, as a consumer's client plays it.

use base::ErrorCode;
use base::codec::{Message, Writer};
use bytes::Bytes;
use coordinator::{Client, ReplyToken, Response};
use wire::consumer_protocol::ConsumerProtocolSubscription;
use wire::heartbeat::HeartbeatRequest;
use wire::join_group::{JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse};
use wire::leave_group::{LeaveGroupRequest, LeaveGroupResponse, MemberIdentity};
use wire::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use wire::sync_group::{SyncGroupRequest, SyncGroupRequestAssignment, SyncGroupResponse};

use crate::host::Host;

pub(crate) const SESSION_TIMEOUT_MS: i32 = 10_000;
pub(crate) const REBALANCE_TIMEOUT_MS: i32 = 60_000;

/// A client that sends its requests in this version.
pub(crate) fn client(api_version: i16) -> Client {
    Client { client_id: "client".into(), host: "/127.0.0.1".into(), api_version }
}

#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) group: String,
    pub(crate) id: String,
    pub(crate) instance: Option<String>,
    pub(crate) generation: i32,
    pub(crate) protocols: Vec<(String, Bytes)>,
    pub(crate) protocol_type: String,
    pub(crate) reason: Option<String>,
}

impl Member {
    /// A member that reads `orders`, and has no id yet.
    pub(crate) fn new() -> Self {
        Self {
            group: "g".into(),
            id: String::new(),
            instance: None,
            generation: -1,
            protocols: vec![("range".into(), subscription(&["orders"]))],
            protocol_type: "consumer".into(),
            reason: None,
        }
    }

    pub(crate) fn fixed(instance: &str) -> Self {
        Self { instance: Some(instance.into()), ..Self::new() }
    }

    pub(crate) fn speaking(protocols: &[&str]) -> Self {
        let protocols =
            protocols.iter().map(|name| ((*name).to_owned(), subscription(&["orders"]))).collect();
        Self { protocols, ..Self::new() }
    }

    pub(crate) fn join_request(&self) -> JoinGroupRequest {
        let protocols = self.protocols.iter().map(|(name, metadata)| JoinGroupRequestProtocol {
            name: name.clone(),
            metadata: metadata.clone(),
        });
        JoinGroupRequest {
            group_id: self.group.clone(),
            session_timeout_ms: SESSION_TIMEOUT_MS,
            rebalance_timeout_ms: REBALANCE_TIMEOUT_MS,
            member_id: self.id.clone(),
            group_instance_id: self.instance.clone(),
            protocol_type: self.protocol_type.clone(),
            protocols: protocols.collect(),
            reason: self.reason.clone(),
        }
    }

    /// Sends a join; a newcomer is told its id first, and comes back with it.
    pub(crate) fn join(&mut self, host: &mut Host) -> ReplyToken {
        let token = host.send(&client(9), self.join_request());
        if !self.id.is_empty() || self.instance.is_some() {
            return token;
        }
        let response = joined(host, token).unwrap();
        assert_eq!(response.error_code, ErrorCode::MemberIdRequired.code());
        self.id = response.member_id;
        host.send(&client(9), self.join_request())
    }

    /// Takes the join's answer, which must be there and good.
    pub(crate) fn joined(&mut self, host: &mut Host, token: ReplyToken) -> JoinGroupResponse {
        let response = joined(host, token).expect("the join is answered");
        assert_eq!(response.error_code, 0, "{response:?}");
        self.id.clone_from(&response.member_id);
        self.generation = response.generation_id;
        response
    }

    pub(crate) fn sync_request(&self, assignments: &[(&Member, &str)]) -> SyncGroupRequest {
        let assignment = |(member, assignment): &(&Member, &str)| SyncGroupRequestAssignment {
            member_id: member.id.clone(),
            assignment: Bytes::copy_from_slice(assignment.as_bytes()),
        };
        SyncGroupRequest {
            group_id: self.group.clone(),
            generation_id: self.generation,
            member_id: self.id.clone(),
            group_instance_id: self.instance.clone(),
            protocol_type: Some(self.protocol_type.clone()),
            protocol_name: None,
            assignments: assignments.iter().map(assignment).collect(),
        }
    }

    pub(crate) fn sync(&self, host: &mut Host, assignments: &[(&Member, &str)]) -> ReplyToken {
        host.send(&client(5), self.sync_request(assignments))
    }

    pub(crate) fn heartbeat(&self, host: &mut Host) -> ErrorCode {
        let request = HeartbeatRequest {
            group_id: self.group.clone(),
            generation_id: self.generation,
            member_id: self.id.clone(),
            group_instance_id: self.instance.clone(),
        };
        let token = host.send(&client(4), request);
        let Some(Response::Heartbeat(response)) = host.take(token) else { panic!("no answer") };
        ErrorCode::from_code(response.error_code).unwrap()
    }

    pub(crate) fn leave(&self, host: &mut Host) -> LeaveGroupResponse {
        let identity = MemberIdentity {
            member_id: self.id.clone(),
            group_instance_id: self.instance.clone(),
            reason: self.reason.clone(),
        };
        leave(host, &self.group, vec![identity])
    }

    pub(crate) fn commit_request(&self, topic: &str, at: i32, offset: i64) -> OffsetCommitRequest {
        let partition = OffsetCommitRequestPartition {
            partition_index: at,
            committed_offset: offset,
            committed_leader_epoch: 3,
            committed_metadata: Some("note".into()),
        };
        OffsetCommitRequest {
            group_id: self.group.clone(),
            generation_id_or_member_epoch: self.generation,
            member_id: self.id.clone(),
            group_instance_id: self.instance.clone(),
            topics: vec![OffsetCommitRequestTopic {
                name: topic.to_owned(),
                partitions: vec![partition],
                ..OffsetCommitRequestTopic::default()
            }],
            ..OffsetCommitRequest::default()
        }
    }

    pub(crate) fn commit(&self, host: &mut Host, at: i32, offset: i64) -> ErrorCode {
        let token = host.send(&client(9), self.commit_request("orders", at, offset));
        let Some(Response::OffsetCommit(response)) = host.take(token) else { panic!("no answer") };
        ErrorCode::from_code(response.topics[0].partitions[0].error_code).unwrap()
    }
}

pub(crate) fn leave(
    host: &mut Host,
    group: &str,
    members: Vec<MemberIdentity>,
) -> LeaveGroupResponse {
    let request =
        LeaveGroupRequest { group_id: group.to_owned(), members, ..LeaveGroupRequest::default() };
    let token = host.send(&client(5), request);
    let Some(Response::LeaveGroup(response)) = host.take(token) else { panic!("no answer") };
    response
}

pub(crate) fn joined(host: &mut Host, token: ReplyToken) -> Option<JoinGroupResponse> {
    match host.take(token)? {
        Response::JoinGroup(response) => Some(response),
        other => panic!("{other:?} is no answer to a join"),
    }
}

pub(crate) fn synced(host: &mut Host, token: ReplyToken) -> Option<SyncGroupResponse> {
    match host.take(token)? {
        Response::SyncGroup(response) => Some(response),
        other => panic!("{other:?} is no answer to a sync"),
    }
}

pub(crate) fn error_of(response: &JoinGroupResponse) -> ErrorCode {
    ErrorCode::from_code(response.error_code).unwrap()
}

/// What a consumer that reads these topics says of itself.
pub(crate) fn subscription(topics: &[&str]) -> Bytes {
    let subscription = ConsumerProtocolSubscription {
        topics: topics.iter().map(|topic| (*topic).to_owned()).collect(),
        ..ConsumerProtocolSubscription::default()
    };
    let mut writer = Writer::new();
    writer.write_slice(&[0, 3]);
    subscription.encode(&mut writer, 3).unwrap();
    writer.finish().unwrap().collect().unwrap()
}

/// A stable group of as many members; the first is its leader.
pub(crate) fn stable(host: &mut Host, members: Vec<Member>) -> Vec<Member> {
    let mut members = members;
    let tokens: Vec<_> = members.iter_mut().map(|member| member.join(host)).collect();
    host.advance_ms(6_000);
    for (member, token) in members.iter_mut().zip(tokens) {
        member.joined(host, token);
    }
    let names: Vec<String> = (0..members.len()).map(|number| format!("a{number}")).collect();
    let assignments: Vec<_> = members.iter().zip(&names).map(|(m, name)| (m, &**name)).collect();
    let tokens: Vec<_> = members.iter().map(|member| member.sync(host, &assignments)).collect();
    for token in tokens {
        let response = synced(host, token).expect("the sync is answered");
        assert_eq!(response.error_code, 0, "{response:?}");
    }
    members
}
