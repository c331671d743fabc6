//! Members that are not heard of, leave, or come back after a restart of their coordinator.

use base::ErrorCode;
use coordinator::{Cause, CoordinatorConfig, CoordinatorRecord};
use wire::leave_group::MemberIdentity;

use crate::classic_member::{
    Member, REBALANCE_TIMEOUT_MS, SESSION_TIMEOUT_MS, error_of, joined, leave, stable, synced,
};
use crate::host::Host;

const SESSION_MS: u64 = SESSION_TIMEOUT_MS as u64;
const REBALANCE_MS: u64 = REBALANCE_TIMEOUT_MS as u64;

fn host() -> Host {
    Host::new(CoordinatorConfig { initial_rebalance_delay_ms: 10, ..CoordinatorConfig::default() })
}

#[test]
fn a_member_that_is_not_heard_of_is_removed_and_the_others_go_on() {
    let mut host = host();
    let mut members = stable(&mut host, vec![Member::new(), Member::new()]);
    for _ in 0..3 {
        host.advance_ms(SESSION_MS / 2);
        members[0].heartbeat(&mut host);
    }
    assert_eq!(members[1].heartbeat(&mut host), ErrorCode::UnknownMemberId);
    let token = members[0].join(&mut host);
    let response = members[0].joined(&mut host, token);
    assert_eq!((response.generation_id, response.members.len()), (2, 1));
    let token = members[0].sync(&mut host, &[]);
    assert!(synced(&mut host, token).is_some());
    let expired =
        Cause::SessionExpired { member: members[1].id.clone(), timeout_ms: SESSION_TIMEOUT_MS };
    assert_eq!(host.rebalances.last().unwrap().causes[0], expired);
}

#[test]
fn a_commit_is_a_sign_of_life() {
    let mut host = host();
    let member = stable(&mut host, vec![Member::new()]).remove(0);
    for offset in 0..4 {
        host.advance_ms(SESSION_MS - 1);
        assert_eq!(member.commit(&mut host, 0, offset), ErrorCode::None);
    }
    assert_eq!(member.heartbeat(&mut host), ErrorCode::None);
}

#[test]
fn the_last_member_that_goes_leaves_an_empty_generation_on_record() {
    let mut host = host();
    let member = stable(&mut host, vec![Member::new()]).remove(0);
    host.advance_ms(SESSION_MS);
    let Some(CoordinatorRecord::GroupMetadata(_, Some(value))) = host.log.last() else {
        panic!("{:?}", host.log)
    };
    assert_eq!((value.generation, value.members.len()), (2, 0));
    assert_eq!((&value.protocol, &value.leader), (&None, &None));
    assert_eq!(member.heartbeat(&mut host), ErrorCode::UnknownMemberId);
}

#[test]
fn who_does_not_join_in_time_is_left_behind() {
    let mut host = host();
    let mut members = stable(&mut host, vec![Member::new(), Member::new()]);
    let token = members[0].join(&mut host);
    // The other one is alive, and busy.
    for _ in 0..REBALANCE_MS / 5_000 - 1 {
        host.advance_ms(5_000);
        assert_eq!(members[1].heartbeat(&mut host), ErrorCode::RebalanceInProgress);
        assert!(joined(&mut host, token).is_none());
    }
    host.advance_ms(5_000);
    let response = members[0].joined(&mut host, token);
    assert_eq!(response.members.len(), 1);
    assert_eq!(members[1].heartbeat(&mut host), ErrorCode::UnknownMemberId);
}

#[test]
fn another_leads_if_the_leader_does_not_join_in_time() {
    let mut host = host();
    let mut members = stable(&mut host, vec![Member::new(), Member::new()]);
    let mut third = Member::new();
    third.join(&mut host);
    let token = members[1].join(&mut host);
    for _ in 0..REBALANCE_MS / 5_000 {
        members[0].heartbeat(&mut host);
        host.advance_ms(5_000);
    }
    let response = members[1].joined(&mut host, token);
    assert_ne!(response.leader, members[0].id);
    assert!([&third.id, &members[1].id].contains(&&response.leader));
}

#[test]
fn who_joins_and_does_not_sync_is_removed() {
    let mut host = host();
    let mut members = [Member::new(), Member::new()];
    let tokens: Vec<_> = members.iter_mut().map(|member| member.join(&mut host)).collect();
    host.advance_ms(100);
    for (member, token) in members.iter_mut().zip(tokens) {
        member.joined(&mut host, token);
    }
    let token = members[0].sync(&mut host, &[]);
    assert!(synced(&mut host, token).is_some());
    for _ in 0..REBALANCE_MS / 5_000 {
        members[0].heartbeat(&mut host);
        members[1].heartbeat(&mut host);
        host.advance_ms(5_000);
    }
    assert_eq!(members[1].heartbeat(&mut host), ErrorCode::UnknownMemberId);
    assert_eq!(members[0].heartbeat(&mut host), ErrorCode::RebalanceInProgress);
}

#[test]
fn a_new_member_that_waits_for_long_does_not_wait_for_ever() {
    let mut host = host();
    let members = stable(&mut host, vec![Member::new()]);
    let mut request = Member::new();
    let token = request.join(&mut host);
    for _ in 0..REBALANCE_MS / 5_000 {
        assert!(joined(&mut host, token).is_none());
        members[0].heartbeat(&mut host);
        host.advance_ms(5_000);
    }
    request.joined(&mut host, token);
}

#[test]
fn who_leaves_is_gone_at_once_and_its_reason_is_on_record() {
    let mut host = host();
    let mut members = stable(&mut host, vec![Member::new(), Member::new()]);
    members[1].reason = Some("the consumer is being closed".into());
    let response = members[1].leave(&mut host);
    assert_eq!((response.error_code, response.members[0].error_code), (0, 0));
    assert_eq!(members[0].heartbeat(&mut host), ErrorCode::RebalanceInProgress);
    let token = members[0].join(&mut host);
    members[0].joined(&mut host, token);
    let token = members[0].sync(&mut host, &[]);
    assert!(synced(&mut host, token).is_some());
    let left = Cause::Left { member: members[1].id.clone(), reason: members[1].reason.clone() };
    assert_eq!(host.rebalances.last().unwrap().causes[0], left);
}

#[test]
fn each_of_those_who_leave_together_has_an_answer_of_its_own() {
    let mut host = host();
    let members = stable(&mut host, vec![Member::new(), Member::new()]);
    let named = |id: &str| MemberIdentity { member_id: id.to_owned(), ..MemberIdentity::default() };
    let response =
        leave(&mut host, "g", vec![named("who"), named(&members[0].id), named(&members[1].id)]);
    let errors: Vec<i16> = response.members.iter().map(|member| member.error_code).collect();
    assert_eq!(errors, [ErrorCode::UnknownMemberId.code(), 0, 0]);
    let response = leave(&mut host, "nobody", vec![named("who")]);
    assert_eq!(response.members[0].error_code, ErrorCode::UnknownMemberId.code());
}

#[test]
fn whoever_waits_is_answered_when_it_leaves() {
    let mut host = host();
    let mut member = Member::new();
    let token = member.join(&mut host);
    member.leave(&mut host);
    let response = joined(&mut host, token).unwrap();
    assert_eq!(error_of(&response), ErrorCode::UnknownMemberId);
}

#[test]
fn a_restart_of_the_coordinator_is_not_noticed_by_members() {
    let mut host = host();
    let members = stable(&mut host, vec![Member::new(), Member::new()]);
    host.restart();
    for (number, member) in members.iter().enumerate() {
        assert_eq!(member.heartbeat(&mut host), ErrorCode::None);
        let token = member.sync(&mut host, &[]);
        let assignment = synced(&mut host, token).unwrap().assignment;
        assert_eq!(assignment, format!("a{number}"));
    }
    host.advance_ms(SESSION_MS);
    assert_eq!(members[0].heartbeat(&mut host), ErrorCode::UnknownMemberId);
}

#[test]
fn a_group_that_is_loaded_with_too_many_members_is_rebalanced() {
    let mut host = host();
    let mut members = stable(&mut host, vec![Member::new(), Member::new()]);
    host.config.max_size = 1;
    host.restart();
    assert_eq!(members[0].heartbeat(&mut host), ErrorCode::RebalanceInProgress);
    let first = members[0].join(&mut host);
    let second = members[1].join(&mut host);
    let refused = joined(&mut host, second).unwrap();
    assert_eq!(error_of(&refused), ErrorCode::GroupMaxSizeReached);
    members[0].joined(&mut host, first);
}
