//! A member of a classic group: joins, syncs, sends heartbeats, commits, and believes what it is
//! told.

use std::time::Duration;

use base::{ErrorCode, Rng, SplitMix64};
use bytes::Bytes;
use coordinator::{Client, Response};
use wire::consumer_protocol::assignment::TopicPartition;
use wire::consumer_protocol::{self, ConsumerProtocolAssignment, ConsumerProtocolSubscription};
use wire::heartbeat::HeartbeatRequest;
use wire::join_group::{JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse};
use wire::leave_group::{LeaveGroupRequest, MemberIdentity};
use wire::offset_commit::{OffsetCommitRequest, OffsetCommitRequestTopic};
use wire::sync_group::{SyncGroupRequest, SyncGroupRequestAssignment, SyncGroupResponse};

use crate::faults::{Faults, happens};
use crate::member::Outgoing;
use crate::positions::Positions;
use crate::scenario::{GROUP, PARTITIONS, TOPIC};

const SESSION_TIMEOUT_MS: i32 = 10_000;
const REBALANCE_TIMEOUT_MS: i32 = 15_000;
const HEARTBEAT: Duration = Duration::from_secs(3);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
const JOIN_TIMEOUT: Duration = Duration::from_secs(25);
/// How long it tries to commit what it gives up.
const LAST_COMMIT: Duration = Duration::from_secs(5);
const RETRY: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Unjoined,
    Joining,
    Joined,
    Syncing,
    Stable,
    /// It gives up what it has, and commits that, if it can by then.
    Committing(Duration),
}

#[derive(Debug)]
pub(crate) struct ClassicMember {
    pub(crate) id: String,
    pub(crate) instance: Option<String>,
    pub(crate) wakes: Duration,
    generation: i32,
    phase: Phase,
    /// What the leader is to tell.
    plan: Vec<SyncGroupRequestAssignment>,
    owned: Vec<i32>,
    positions: Positions,
    /// It reads something else from time to time.
    flavour: u8,
}

impl ClassicMember {
    pub(crate) fn new(instance: Option<String>, wakes: Duration) -> Self {
        Self {
            id: String::new(),
            instance,
            wakes,
            generation: -1,
            phase: Phase::Unjoined,
            plan: Vec::new(),
            owned: Vec::new(),
            positions: Positions::default(),
            flavour: 0,
        }
    }

    pub(crate) fn owned(&self) -> Option<(i32, &[i32])> {
        (self.phase == Phase::Stable).then_some((self.generation, &self.owned[..]))
    }

    pub(crate) fn poll(
        &mut self,
        now: Duration,
        rng: &mut SplitMix64,
        faults: &Faults,
    ) -> Option<Outgoing> {
        if now < self.wakes {
            return None;
        }
        if let Phase::Committing(until) = self.phase
            && until <= now
        {
            self.join_again(now);
        }
        if self.phase == Phase::Stable {
            self.positions.work(rng);
        }
        let lacks_any = self.positions.lack_any(&self.owned);
        let (version, request, patience) = match self.phase {
            Phase::Committing(_) => {
                let topics = self.positions.commit(|_| true);
                (9, self.commit_request(topics).into(), RETRY)
            }
            Phase::Stable if lacks_any && rng.below(2) == 0 => {
                (8, self.positions.fetch(&self.owned, None).into(), HEARTBEAT)
            }
            Phase::Unjoined | Phase::Joining => {
                self.phase = Phase::Joining;
                (9, self.join_request().into(), JOIN_TIMEOUT)
            }
            Phase::Joined | Phase::Syncing => {
                self.phase = Phase::Syncing;
                (5, self.sync_request().into(), REQUEST_TIMEOUT)
            }
            Phase::Stable if rng.below(3) == 0 && !self.positions.is_empty() => {
                let topics = self.positions.commit_some(rng);
                (9, self.commit_request(topics).into(), HEARTBEAT)
            }
            Phase::Stable => {
                if happens(rng, faults.member_changes_its_mind) {
                    self.flavour ^= 1;
                    self.give_up(now);
                }
                (4, self.heartbeat_request().into(), HEARTBEAT)
            }
        };
        self.wakes = now + patience;
        Some((client(version), request))
    }

    pub(crate) fn hear(&mut self, now: Duration, response: Response) {
        match response {
            Response::JoinGroup(response) if self.phase == Phase::Joining => {
                self.joined(now, response);
            }
            Response::SyncGroup(response) if self.phase == Phase::Syncing => {
                self.synced(now, &response);
            }
            Response::Heartbeat(response) if self.phase == Phase::Stable => {
                self.obey(now, response.error_code);
            }
            Response::OffsetCommit(response) => {
                // A heartbeat does not wait for commits.
                self.wakes = self.wakes.min(now + Duration::from_millis(500));
                self.committed(now, response.topics[0].partitions[0].error_code);
            }
            Response::OffsetFetch(response) if self.phase == Phase::Stable => {
                self.wakes = self.wakes.min(now + Duration::from_millis(500));
                self.positions.begin(&self.id, &self.owned, &response);
            }
            _ => {}
        }
    }

    fn joined(&mut self, now: Duration, response: JoinGroupResponse) {
        match ErrorCode::from_code(response.error_code).unwrap() {
            ErrorCode::None => {
                self.id = response.member_id;
                self.generation = response.generation_id;
                self.phase = Phase::Joined;
                let members: Vec<String> =
                    response.members.into_iter().map(|member| member.member_id).collect();
                self.plan = if response.skip_assignment { Vec::new() } else { plan(&members) };
                self.wakes = now;
            }
            ErrorCode::MemberIdRequired => {
                self.id = response.member_id;
                self.wakes = now;
            }
            error => self.lose(now, error),
        }
    }

    fn synced(&mut self, now: Duration, response: &SyncGroupResponse) {
        match ErrorCode::from_code(response.error_code).unwrap() {
            ErrorCode::None => {
                let told: ConsumerProtocolAssignment =
                    consumer_protocol::decode(&response.assignment).unwrap();
                let topics = told.assigned_partitions.into_iter();
                self.owned = topics.flat_map(|topic| topic.partitions).collect();
                self.phase = Phase::Stable;
                self.wakes = now + HEARTBEAT;
            }
            error => self.lose(now, error),
        }
    }

    fn obey(&mut self, now: Duration, error_code: i16) {
        match ErrorCode::from_code(error_code).unwrap() {
            ErrorCode::None => {}
            ErrorCode::RebalanceInProgress => self.give_up(now),
            error => self.lose(now, error),
        }
    }

    fn committed(&mut self, now: Duration, error_code: i16) {
        let is_last = matches!(self.phase, Phase::Committing(_));
        match ErrorCode::from_code(error_code).unwrap() {
            _ if self.phase != Phase::Stable && !is_last => {}
            ErrorCode::None => {
                self.positions.acknowledge();
                if is_last {
                    self.join_again(now);
                }
            }
            error => self.lose(now, error),
        }
    }

    /// It gives up all that it has before it joins again: what it has done is committed first.
    fn give_up(&mut self, now: Duration) {
        if self.positions.are_uncommitted(|_| true) {
            (self.phase, self.wakes) = (Phase::Committing(now + LAST_COMMIT), now);
        } else {
            self.join_again(now);
        }
    }

    fn join_again(&mut self, now: Duration) {
        self.phase = Phase::Unjoined;
        self.owned.clear();
        self.positions.clear();
        self.wakes = now + Duration::from_millis(100);
    }

    /// The generation is over for this member; it joins again, under its id if that is still good.
    fn lose(&mut self, now: Duration, error: ErrorCode) {
        match error {
            // If it is fenced, another life of the same instance has taken its place.
            ErrorCode::UnknownMemberId
            | ErrorCode::IllegalGeneration
            | ErrorCode::FencedInstanceId => {
                self.id.clear();
                self.generation = -1;
            }
            ErrorCode::RebalanceInProgress => {}
            other => panic!("{other} is no answer to a member"),
        }
        self.join_again(now);
    }

    pub(crate) fn die(&mut self, until: Duration) {
        *self = Self::new(self.instance.take(), until);
    }

    pub(crate) fn leave(&mut self, until: Duration) -> Outgoing {
        let identity = MemberIdentity {
            member_id: self.id.clone(),
            group_instance_id: self.instance.clone(),
            reason: Some("enough".into()),
        };
        self.die(until);
        let request = LeaveGroupRequest {
            group_id: GROUP.into(),
            members: vec![identity],
            ..LeaveGroupRequest::default()
        };
        (client(5), request.into())
    }

    fn join_request(&self) -> JoinGroupRequest {
        JoinGroupRequest {
            group_id: GROUP.into(),
            session_timeout_ms: SESSION_TIMEOUT_MS,
            rebalance_timeout_ms: REBALANCE_TIMEOUT_MS,
            member_id: self.id.clone(),
            group_instance_id: self.instance.clone(),
            protocol_type: "consumer".into(),
            protocols: vec![JoinGroupRequestProtocol {
                name: "range".into(),
                metadata: subscription(self.flavour),
            }],
            reason: None,
        }
    }

    fn sync_request(&self) -> SyncGroupRequest {
        SyncGroupRequest {
            group_id: GROUP.into(),
            generation_id: self.generation,
            member_id: self.id.clone(),
            group_instance_id: self.instance.clone(),
            protocol_type: Some("consumer".into()),
            protocol_name: Some("range".into()),
            assignments: self.plan.clone(),
        }
    }

    fn heartbeat_request(&self) -> HeartbeatRequest {
        HeartbeatRequest {
            group_id: GROUP.into(),
            generation_id: self.generation,
            member_id: self.id.clone(),
            group_instance_id: self.instance.clone(),
        }
    }

    fn commit_request(&self, topics: Vec<OffsetCommitRequestTopic>) -> OffsetCommitRequest {
        OffsetCommitRequest {
            group_id: GROUP.into(),
            generation_id_or_member_epoch: self.generation,
            member_id: self.id.clone(),
            group_instance_id: self.instance.clone(),
            topics,
            ..OffsetCommitRequest::default()
        }
    }
}

fn client(api_version: i16) -> Client {
    Client { client_id: "m".into(), host: "/10.0.0.1".into(), api_version }
}

/// The leader, who alone is told of the members, deals the partitions out in turn.
fn plan(members: &[String]) -> Vec<SyncGroupRequestAssignment> {
    let count = members.len();
    let dealt = |(number, member): (usize, &String)| {
        let partitions = (0..PARTITIONS).filter(|index| *index as usize % count == number);
        let topic = TopicPartition { topic: TOPIC.into(), partitions: partitions.collect() };
        let assignment = ConsumerProtocolAssignment {
            assigned_partitions: vec![topic],
            ..ConsumerProtocolAssignment::default()
        };
        SyncGroupRequestAssignment {
            member_id: member.clone(),
            assignment: consumer_protocol::encode(&assignment, 3).unwrap(),
        }
    };
    members.iter().enumerate().map(dealt).collect()
}

/// It has given up everything before it joins (eager, as the range assignor has it).
fn subscription(flavour: u8) -> Bytes {
    let subscription = ConsumerProtocolSubscription {
        topics: vec![TOPIC.into()],
        user_data: Some(Bytes::copy_from_slice(&[flavour])),
        ..ConsumerProtocolSubscription::default()
    };
    consumer_protocol::encode(&subscription, 3).unwrap()
}
