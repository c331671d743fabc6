//! Groups that move between the classic and the consumer protocol, with members and without.

use std::collections::BTreeSet;

use base::ErrorCode;
use bytes::Bytes;
use coordinator::{Cause, CoordinatorConfig, MigrationPolicy, ReplyToken, Response};
use wire::consumer_protocol::{
    self, ConsumerProtocolAssignment, ConsumerProtocolSubscription, assignment, subscription,
};
use wire::sync_group::SyncGroupRequestAssignment;

use crate::classic_member::{Member, SESSION_TIMEOUT_MS, client, error_of, joined, stable, synced};
use crate::consumer_member::ConsumerMember;
use crate::groups::listed;
use crate::host::Host;
use crate::offsets::fetch;

fn host() -> Host {
    with_policy(MigrationPolicy::Bidirectional)
}

fn with_policy(policy: MigrationPolicy) -> Host {
    Host::new(CoordinatorConfig {
        initial_rebalance_delay_ms: 10,
        consumer_assignment_interval_ms: 0,
        consumer_migration_policy: policy,
        ..CoordinatorConfig::default()
    })
}

/// A classic member that knows what it owns, as the cooperative assignors have it (KIP-429).
#[derive(Debug)]
struct Cooperative {
    member: Member,
    owned: Vec<i32>,
    joining: Option<ReplyToken>,
    syncing: Option<ReplyToken>,
}

impl Cooperative {
    fn new(member: Member, owned: &[i32]) -> Self {
        Self { member, owned: owned.to_vec(), joining: None, syncing: None }
    }

    fn subscription(&self) -> Bytes {
        let owned =
            subscription::TopicPartition { topic: "orders".into(), partitions: self.owned.clone() };
        let subscription = ConsumerProtocolSubscription {
            topics: vec!["orders".into()],
            owned_partitions: vec![owned],
            ..ConsumerProtocolSubscription::default()
        };
        consumer_protocol::encode(&subscription, 3).unwrap()
    }

    /// A heartbeat, and whatever follows from it, as far as it is answered.
    fn live(&mut self, host: &mut Host) {
        if let Some(token) = self.joining
            && !self.hear_joined(host, token)
        {
            return;
        }
        if let Some(token) = self.syncing
            && !self.hear_synced(host, token)
        {
            return;
        }
        match self.member.heartbeat(host) {
            ErrorCode::None => {}
            ErrorCode::RebalanceInProgress => self.join(host),
            error => panic!("{error} is no answer to {self:?}"),
        }
    }

    fn join(&mut self, host: &mut Host) {
        self.member.protocols[0].1 = self.subscription();
        let token = self.member.join(host);
        self.joining = Some(token);
        self.hear_joined(host, token);
    }

    /// Whether the join has been answered.
    fn hear_joined(&mut self, host: &mut Host, token: ReplyToken) -> bool {
        let Some(response) = joined(host, token) else { return false };
        assert_eq!(response.error_code, 0, "{response:?}");
        self.joining = None;
        self.member.generation = response.generation_id;
        let members: Vec<String> = response.members.into_iter().map(|m| m.member_id).collect();
        let mut request = self.member.sync_request(&[]);
        request.assignments = deal(&members);
        let token = host.send(&client(5), request);
        self.syncing = Some(token);
        self.hear_synced(host, token)
    }

    /// Whether the sync has been answered.
    fn hear_synced(&mut self, host: &mut Host, token: ReplyToken) -> bool {
        let Some(response) = synced(host, token) else { return false };
        assert_eq!(response.error_code, 0, "{response:?}");
        self.syncing = None;
        self.owned = orders(&response.assignment);
        true
    }
}

fn deal(members: &[String]) -> Vec<SyncGroupRequestAssignment> {
    let of = |number: usize| (0..4).filter(move |index| *index as usize % members.len() == number);
    let dealt = |(number, member): (usize, &String)| SyncGroupRequestAssignment {
        member_id: member.clone(),
        assignment: assigned(&of(number).collect::<Vec<i32>>()),
    };
    members.iter().enumerate().map(dealt).collect()
}

fn assigned(orders: &[i32]) -> Bytes {
    let topic = assignment::TopicPartition { topic: "orders".into(), partitions: orders.to_vec() };
    let assignment = ConsumerProtocolAssignment {
        assigned_partitions: vec![topic],
        ..ConsumerProtocolAssignment::default()
    };
    consumer_protocol::encode(&assignment, 3).unwrap()
}

fn orders(assignment: &Bytes) -> Vec<i32> {
    let assignment: ConsumerProtocolAssignment = consumer_protocol::decode(assignment).unwrap();
    assignment.assigned_partitions.into_iter().flat_map(|topic| topic.partitions).collect()
}

/// Two classic members in a stable group: of partitions 0 and 2, and of 1 and 3.
fn classic_pair(host: &mut Host) -> Vec<Cooperative> {
    let members = stable(host, vec![Member::new(), Member::new()]);
    let leader = members[0].clone();
    let mut pair = vec![
        Cooperative::new(members[0].clone(), &[0, 2]),
        Cooperative::new(members[1].clone(), &[1, 3]),
    ];
    // Once more, with an assignment that can be read.
    let token = pair[0].member.join(host);
    assert!(joined(host, token).is_none());
    let other = pair[1].member.join(host);
    pair[0].member.joined(host, token);
    pair[1].member.joined(host, other);
    let waiting = pair[1].member.sync(host, &[]);
    let mut request = pair[0].member.sync_request(&[]);
    request.assignments = vec![
        SyncGroupRequestAssignment { member_id: leader.id, assignment: assigned(&[0, 2]) },
        SyncGroupRequestAssignment {
            member_id: pair[1].member.id.clone(),
            assignment: assigned(&[1, 3]),
        },
    ];
    let token = host.send(&client(5), request);
    assert_eq!(orders(&synced(host, token).unwrap().assignment), [0, 2]);
    assert_eq!(orders(&synced(host, waiting).unwrap().assignment), [1, 3]);
    pair
}

fn group_type(host: &mut Host) -> String {
    let token = host.send(&client(5), wire::list_groups::ListGroupsRequest::default());
    let Some(Response::ListGroups(response)) = host.take(token) else { panic!("no answer") };
    response.groups[0].group_type.clone()
}

fn live(host: &mut Host, classic: &mut [Cooperative], consumers: &mut [ConsumerMember]) {
    for _ in 0..12 {
        host.advance_ms(1_000);
        for member in classic.iter_mut() {
            member.live(host);
        }
        for member in consumers.iter_mut() {
            assert_eq!(member.try_beat(host), ErrorCode::None);
        }
    }
    let owned: Vec<i32> = classic
        .iter()
        .flat_map(|member| member.owned.clone())
        .chain(consumers.iter().flat_map(ConsumerMember::orders))
        .collect();
    let distinct: BTreeSet<i32> = owned.iter().copied().collect();
    assert_eq!((owned.len(), distinct.len()), (4, 4), "{classic:?} {consumers:?}");
}

#[test]
fn a_member_of_the_new_protocol_upgrades_the_group_and_the_classic_ones_stay() {
    let mut host = host();
    let mut classic = classic_pair(&mut host);
    let generation = classic[0].member.generation;
    let mut consumers = [ConsumerMember::new("c")];
    assert_eq!(consumers[0].try_beat(&mut host), ErrorCode::None);
    assert_eq!(group_type(&mut host), "consumer");
    assert_eq!(consumers[0].epoch, generation + 1);
    assert_eq!(consumers[0].orders(), Vec::<i32>::new(), "the others hold everything");
    assert_eq!(classic[0].member.heartbeat(&mut host), ErrorCode::RebalanceInProgress);
    live(&mut host, &mut classic, &mut consumers);
    assert!(!consumers[0].orders().is_empty());
    host.restart();
    live(&mut host, &mut classic, &mut consumers);
    let causes: Vec<&Cause> = host.rebalances.iter().flat_map(|r| &r.causes).collect();
    assert!(causes.contains(&&Cause::ProtocolChanged));
}

#[test]
fn when_the_last_member_of_the_new_protocol_goes_the_group_is_classic_again() {
    let mut host = host();
    let mut classic = classic_pair(&mut host);
    let mut consumers = vec![ConsumerMember::new("c")];
    consumers[0].beat(&mut host);
    live(&mut host, &mut classic, &mut consumers);
    assert_eq!(consumers[0].leave(&mut host, -1).error_code, 0);
    assert_eq!(group_type(&mut host), "classic");
    live(&mut host, &mut classic, &mut []);
    host.restart();
    assert_eq!(group_type(&mut host), "classic");
    live(&mut host, &mut classic, &mut []);
}

#[test]
fn whoever_waits_to_join_is_told_when_the_group_is_upgraded() {
    let mut host = host();
    let mut classic = classic_pair(&mut host);
    let mut newcomer = Member::new();
    let token = newcomer.join(&mut host);
    ConsumerMember::new("c").beat(&mut host);
    let response = joined(&mut host, token).unwrap();
    assert_eq!(error_of(&response), ErrorCode::RebalanceInProgress);
    newcomer.protocols[0].1 = Cooperative::new(newcomer.clone(), &[]).subscription();
    let token = newcomer.join(&mut host);
    newcomer.joined(&mut host, token);
    classic[0].live(&mut host);
}

#[test]
fn a_policy_can_forbid_either_way() {
    for policy in [MigrationPolicy::Disabled, MigrationPolicy::Downgrade] {
        let mut host = with_policy(policy);
        let classic = classic_pair(&mut host);
        assert_eq!(ConsumerMember::new("c").try_beat(&mut host), ErrorCode::GroupIdNotFound);
        assert_eq!(classic[0].member.heartbeat(&mut host), ErrorCode::None);
    }
    let mut host = with_policy(MigrationPolicy::Upgrade);
    let mut classic = classic_pair(&mut host);
    let mut consumers = vec![ConsumerMember::new("c")];
    consumers[0].beat(&mut host);
    live(&mut host, &mut classic, &mut consumers);
    consumers[0].leave(&mut host, -1);
    assert_eq!(group_type(&mut host), "consumer");
    live(&mut host, &mut classic, &mut []);
}

#[test]
fn only_groups_of_consumers_whose_members_can_be_understood_are_upgraded() {
    let mut host = host();
    let worker = Member { protocol_type: "connect".into(), ..Member::new() };
    stable(&mut host, vec![worker]);
    assert_eq!(ConsumerMember::new("c").try_beat(&mut host), ErrorCode::GroupIdNotFound);

    let mut host = self::host();
    let mut garbled = Member::new();
    garbled.protocols[0].1 = Bytes::from_static(&[0, 3, 0xff]);
    let garbled = stable(&mut host, vec![garbled]).remove(0);
    assert_eq!(ConsumerMember::new("c").try_beat(&mut host), ErrorCode::GroupIdNotFound);
    assert_eq!(garbled.heartbeat(&mut host), ErrorCode::None, "nothing has changed for it");
}

#[test]
fn a_classic_member_of_a_consumer_group_leaves_expires_and_is_fenced_as_ever() {
    let mut host = host();
    let mut classic = classic_pair(&mut host);
    let mut consumers = vec![ConsumerMember::new("c")];
    consumers[0].beat(&mut host);
    live(&mut host, &mut classic, &mut consumers);
    let stale = Member { generation: 0, ..classic[0].member.clone() };
    assert_eq!(stale.heartbeat(&mut host), ErrorCode::IllegalGeneration);
    assert_eq!(stale.commit(&mut host, 0, 1), ErrorCode::IllegalGeneration);
    let index = classic[0].owned[0];
    assert_eq!(classic[0].member.commit(&mut host, index, 9), ErrorCode::None);
    assert_eq!(fetch(&mut host, "g", "orders", index).committed_offset, 9);
    let gone = classic.remove(1).member.leave(&mut host);
    assert_eq!(gone.members[0].error_code, 0);
    live(&mut host, &mut classic, &mut consumers);
    for _ in 0..SESSION_TIMEOUT_MS / 1_000 {
        host.advance_ms(1_000);
        consumers[0].beat(&mut host);
    }
    let expired = classic.remove(0).member.heartbeat(&mut host);
    assert_eq!(expired, ErrorCode::UnknownMemberId);
    live(&mut host, &mut [], &mut consumers);
}

#[test]
fn a_classic_member_that_is_asked_to_join_and_does_not_is_removed() {
    let mut host = host();
    let mut classic = classic_pair(&mut host);
    let mut consumers = vec![ConsumerMember::new("c")];
    consumers[0].beat(&mut host);
    // It is alive, and told again and again: its time runs from the first time on.
    for _ in 0..60 {
        assert_eq!(classic[1].member.heartbeat(&mut host), ErrorCode::RebalanceInProgress);
        classic[0].live(&mut host);
        host.advance_ms(1_000);
        consumers[0].beat(&mut host);
    }
    assert_eq!(classic[1].member.heartbeat(&mut host), ErrorCode::UnknownMemberId);
    live(&mut host, &mut classic[..1], &mut consumers);
}

#[test]
fn an_empty_group_changes_its_protocol_and_keeps_its_offsets() {
    for policy in [MigrationPolicy::Disabled, MigrationPolicy::Bidirectional] {
        let mut host = with_policy(policy);
        let member = stable(&mut host, vec![Member::new()]).remove(0);
        member.commit(&mut host, 0, 7);
        member.leave(&mut host);
        let mut consumer = ConsumerMember::new("c");
        assert_eq!(consumer.try_beat(&mut host), ErrorCode::None);
        assert_eq!(group_type(&mut host), "consumer");
        host.restart();
        assert_eq!(listed(&mut host), ["g"]);
        consumer.leave(&mut host, -1);
        stable(&mut host, vec![Member::new()]);
        assert_eq!(group_type(&mut host), "classic");
        host.restart();
        assert_eq!(group_type(&mut host), "classic");
        assert_eq!(fetch(&mut host, "g", "orders", 0).committed_offset, 7);
    }
}

#[test]
fn a_group_goes_on_counting_through_a_change_of_protocol_and_a_restart() {
    let mut host = host();
    let mut consumer = ConsumerMember::new("c");
    consumer.beat(&mut host);
    consumer.leave(&mut host, -1);
    // Only asks for an id, and the coordinator is gone before it comes back.
    host.send(&client(9), Member::new().join_request());
    host.restart();
    let member = stable(&mut host, vec![Member::new()]).remove(0);
    assert_eq!(member.generation, 3, "one for the member that came, one for that it went");
    member.leave(&mut host);
    let mut consumer = ConsumerMember::new("d");
    consumer.beat(&mut host);
    assert_eq!(consumer.epoch, 5);
}

#[test]
fn a_classic_static_member_in_place_of_the_last_of_the_new_protocol_makes_the_group_classic() {
    let mut host = host();
    let mut classic = classic_pair(&mut host);
    let mut consumers = vec![ConsumerMember::fixed("c", "i")];
    consumers[0].beat(&mut host);
    live(&mut host, &mut classic, &mut consumers);
    let mut back = Cooperative::new(Member::fixed("i"), &[]);
    back.member.protocols[0].1 = back.subscription();
    let token = back.member.join(&mut host);
    back.member.joined(&mut host, token);
    assert_eq!(group_type(&mut host), "classic");
    assert_ne!(consumers[0].try_beat(&mut host), ErrorCode::None, "it is fenced");
    classic.push(back);
    live(&mut host, &mut classic, &mut []);
    host.restart();
    live(&mut host, &mut classic, &mut []);
    let causes: Vec<&Cause> = host.rebalances.iter().flat_map(|r| &r.causes).collect();
    assert!(causes.iter().any(|cause| matches!(cause, Cause::Replaced { .. })), "{causes:?}");
}

#[test]
fn a_classic_static_member_does_not_downgrade_a_group_whose_policy_forbids_it() {
    let mut host = with_policy(MigrationPolicy::Upgrade);
    let mut consumers = vec![ConsumerMember::fixed("a", "i")];
    crate::consumer_member::settle(&mut host, &mut consumers);
    let mut back = Member::fixed("i");
    back.protocols[0].1 = Cooperative::new(back.clone(), &[]).subscription();
    let token = back.join(&mut host);
    back.joined(&mut host, token);
    assert_eq!(group_type(&mut host), "consumer");
}

#[test]
fn a_classic_static_member_takes_the_place_of_one_of_the_new_protocol() {
    let mut host = host();
    let mut consumers = vec![ConsumerMember::fixed("a", "i"), ConsumerMember::new("b")];
    crate::consumer_member::settle(&mut host, &mut consumers);
    let mut back = Member::fixed("i");
    back.protocols[0].1 = Cooperative::new(back.clone(), &[]).subscription();
    let token = back.join(&mut host);
    back.joined(&mut host, token);
    let token = back.sync(&mut host, &[]);
    let assignment = synced(&mut host, token).unwrap().assignment;
    assert_eq!(orders(&assignment), consumers[0].orders());
    assert_eq!(consumers[0].try_beat(&mut host), ErrorCode::FencedInstanceId);
}
