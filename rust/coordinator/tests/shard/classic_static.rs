//! Static members (KIP-345): they come back under a new id, and keep what they had.

use base::ErrorCode;
use coordinator::CoordinatorConfig;
use wire::leave_group::MemberIdentity;

use crate::classic_member::{
    Member, SESSION_TIMEOUT_MS, client, error_of, joined, leave, stable, subscription, synced,
};
use crate::host::Host;

fn host() -> Host {
    Host::new(CoordinatorConfig { initial_rebalance_delay_ms: 10, ..CoordinatorConfig::default() })
}

#[test]
fn a_static_member_joins_without_being_told_its_id_first() {
    let mut host = host();
    let mut member = Member::fixed("i");
    let token = member.join(&mut host);
    host.advance_ms(100);
    member.joined(&mut host, token);
    assert!(member.id.starts_with("i-"), "{}", member.id);
}

#[test]
fn a_static_member_that_comes_back_has_its_assignment_without_a_rebalance() {
    let mut host = host();
    let members = stable(&mut host, vec![Member::fixed("i"), Member::new()]);
    let mut back = Member::fixed("i");
    let token = back.join(&mut host);
    let response = back.joined(&mut host, token);
    assert_eq!(response.generation_id, 1);
    assert_ne!(back.id, members[0].id);
    assert!(response.skip_assignment, "it leads, and is told not to assign anew");
    assert_eq!(response.members.len(), 2);
    let token = back.sync(&mut host, &[]);
    assert_eq!(synced(&mut host, token).unwrap().assignment, "a0");
    assert_eq!(members[1].heartbeat(&mut host), ErrorCode::None);
    host.restart();
    assert_eq!(back.heartbeat(&mut host), ErrorCode::None, "the new id is persisted");
}

#[test]
fn the_one_that_was_replaced_is_fenced() {
    let mut host = host();
    let old = stable(&mut host, vec![Member::fixed("i")]).remove(0);
    let mut back = Member::fixed("i");
    let token = back.join(&mut host);
    back.joined(&mut host, token);
    assert_eq!(old.heartbeat(&mut host), ErrorCode::FencedInstanceId);
    assert_eq!(old.commit(&mut host, 0, 5), ErrorCode::FencedInstanceId);
    let token = old.sync(&mut host, &[]);
    let response = synced(&mut host, token).unwrap();
    assert_eq!(response.error_code, ErrorCode::FencedInstanceId.code());
    let token = host.send(&client(9), old.join_request());
    assert_eq!(error_of(&joined(&mut host, token).unwrap()), ErrorCode::FencedInstanceId);
    let response = old.leave(&mut host);
    assert_eq!(response.members[0].error_code, ErrorCode::FencedInstanceId.code());
    assert_eq!(back.commit(&mut host, 0, 5), ErrorCode::None);
}

#[test]
fn the_one_that_waits_is_told_when_it_is_replaced() {
    let mut host = host();
    let mut member = Member::fixed("i");
    let waiting = member.join(&mut host);
    let mut back = Member::fixed("i");
    let token = back.join(&mut host);
    let fenced = joined(&mut host, waiting).unwrap();
    assert_eq!(error_of(&fenced), ErrorCode::FencedInstanceId);
    host.advance_ms(100);
    back.joined(&mut host, token);
}

#[test]
fn before_version_9_a_static_leader_is_told_of_the_old_leader() {
    let mut host = host();
    let old = stable(&mut host, vec![Member::fixed("i")]).remove(0);
    let token = host.send(&client(8), Member::fixed("i").join_request());
    let response = joined(&mut host, token).unwrap();
    assert_eq!(response.leader, old.id, "or it would assign anew");
    assert_eq!(response.members, []);
}

#[test]
fn a_static_member_that_speaks_something_else_makes_the_group_rebalance() {
    let mut host = host();
    let members = stable(
        &mut host,
        vec![
            Member { instance: Some("i".into()), ..Member::speaking(&["range", "sticky"]) },
            Member::speaking(&["sticky", "range"]),
        ],
    );
    let mut back = Member { instance: Some("i".into()), ..Member::speaking(&["sticky"]) };
    back.protocols[0].1 = subscription(&["orders"]);
    let token = back.join(&mut host);
    assert!(joined(&mut host, token).is_none());
    assert_eq!(members[1].heartbeat(&mut host), ErrorCode::RebalanceInProgress);
}

#[test]
fn an_operator_removes_a_static_member_by_its_instance() {
    let mut host = host();
    let member = stable(&mut host, vec![Member::fixed("i")]).remove(0);
    let by_instance = |instance: &str| MemberIdentity {
        group_instance_id: Some(instance.to_owned()),
        ..MemberIdentity::default()
    };
    let response = leave(&mut host, "g", vec![by_instance("i"), by_instance("j")]);
    let errors: Vec<i16> = response.members.iter().map(|member| member.error_code).collect();
    assert_eq!(errors, [0, ErrorCode::UnknownMemberId.code()]);
    assert_eq!(member.heartbeat(&mut host), ErrorCode::UnknownMemberId);
}

#[test]
fn a_static_member_keeps_its_place_through_a_rebalance_until_its_session_ends() {
    let mut host = host();
    let mut members = stable(&mut host, vec![Member::new(), Member::fixed("i")]);
    let token = members[0].join(&mut host);
    host.advance_ms(SESSION_TIMEOUT_MS as u64);
    let response = members[0].joined(&mut host, token);
    assert_eq!(response.members.len(), 1, "its session has ended, and the join with it");
    assert_eq!(members[1].heartbeat(&mut host), ErrorCode::UnknownMemberId);
}
