//! From the first join to a stable group.

use base::ErrorCode;
use bytes::Bytes;
use coordinator::{Cause, CoordinatorConfig, CoordinatorRecord};
use wire::join_group::JoinGroupRequest;

use crate::classic_member::{
    Member, SESSION_TIMEOUT_MS, client, error_of, joined, stable, subscription, synced,
};
use crate::host::Host;

fn host() -> Host {
    Host::new(CoordinatorConfig::default())
}

/// A coordinator that does not wait for more members.
fn eager() -> Host {
    Host::new(CoordinatorConfig { initial_rebalance_delay_ms: 0, ..CoordinatorConfig::default() })
}

#[test]
fn a_newcomer_is_told_its_id_and_asked_to_come_back_with_it() {
    let mut host = eager();
    let member = Member::new();
    let token = host.send(&client(4), member.join_request());
    let response = joined(&mut host, token).unwrap();
    assert_eq!(error_of(&response), ErrorCode::MemberIdRequired);
    assert_eq!(response.member_id.len(), "client-".len() + 36);
    assert_eq!(response.protocol_name.as_deref(), Some(""), "before version 7 it is not null");
    assert!(host.log.is_empty(), "an id that was handed out is soft state");
}

#[test]
fn before_version_4_a_newcomer_joins_at_once() {
    let mut host = eager();
    let token = host.send(&client(3), Member::new().join_request());
    let response = joined(&mut host, token).unwrap();
    assert_eq!((response.error_code, response.generation_id), (0, 1));
}

#[test]
fn an_id_that_was_handed_out_is_good_for_one_session() {
    let mut host = eager();
    let mut member = Member::new();
    let token = host.send(&client(9), member.join_request());
    member.id = joined(&mut host, token).unwrap().member_id;
    host.advance_ms(SESSION_TIMEOUT_MS as u64);
    let token = member.join(&mut host);
    let response = joined(&mut host, token).unwrap();
    assert_eq!(error_of(&response), ErrorCode::UnknownMemberId);
}

#[test]
fn a_new_group_waits_its_delay_and_begins_with_all_who_came() {
    let mut host = host();
    let (mut first, mut second) = (Member::new(), Member::new());
    let a = first.join(&mut host);
    host.advance_ms(2_000);
    let b = second.join(&mut host);
    host.advance_ms(999);
    assert!(joined(&mut host, a).is_none());
    // Somebody came: there may be more, for another delay.
    host.advance_ms(1);
    assert!(joined(&mut host, a).is_none());
    host.advance_ms(3_000);
    let response = first.joined(&mut host, a);
    assert_eq!(response.members.len(), 2, "the leader is told of everybody");
    assert_eq!(response.leader, first.id);
    assert_eq!(second.joined(&mut host, b).members, [], "the others are not");
    assert_eq!((first.generation, second.generation), (1, 1));
}

#[test]
fn a_group_that_keeps_growing_begins_after_the_rebalance_timeout_at_the_latest() {
    let mut host = host();
    let mut first = Member::new();
    let a = first.join(&mut host);
    for _ in 0..30 {
        Member::new().join(&mut host);
        host.advance_ms(2_000);
    }
    host.advance_ms(3_000);
    assert!(joined(&mut host, a).is_some());
}

#[test]
fn without_a_delay_the_first_member_is_answered_at_once() {
    let mut host = eager();
    let mut member = Member::new();
    let token = member.join(&mut host);
    member.joined(&mut host, token);
}

#[test]
fn the_leaders_assignment_reaches_everybody_and_is_persisted() {
    let mut host = host();
    let (mut first, mut second) = (Member::new(), Member::new());
    let (a, b) = (first.join(&mut host), second.join(&mut host));
    host.advance_ms(10_000);
    first.joined(&mut host, a);
    second.joined(&mut host, b);
    let waiting = second.sync(&mut host, &[]);
    assert!(synced(&mut host, waiting).is_none(), "the leader has not spoken yet");
    assert!(host.log.is_empty());
    let leading = first.sync(&mut host, &[(&first, "one"), (&second, "two")]);
    assert_eq!(synced(&mut host, leading).unwrap().assignment, "one");
    let response = synced(&mut host, waiting).unwrap();
    assert_eq!(response.assignment, "two");
    assert_eq!(response.protocol_name.as_deref(), Some("range"));
    let [CoordinatorRecord::GroupMetadata(key, Some(value))] = &host.log[..] else {
        panic!("{:?}", host.log)
    };
    assert_eq!((key.group.as_str(), value.generation, value.members.len()), ("g", 1, 2));
    assert_eq!(value.leader.as_deref(), Some(&*first.id));
}

#[test]
fn a_member_without_an_assignment_gets_an_empty_one_and_a_strangers_is_dropped() {
    let mut host = eager();
    let mut member = Member::new();
    let token = member.join(&mut host);
    member.joined(&mut host, token);
    let stranger = Member { id: "stranger".into(), ..Member::new() };
    let token = member.sync(&mut host, &[(&stranger, "x")]);
    let response = synced(&mut host, token).unwrap();
    assert_eq!((response.error_code, response.assignment), (0, Bytes::new()));
}

#[test]
fn a_second_member_makes_the_first_join_again() {
    let mut host = eager();
    let mut first = stable(&mut host, vec![Member::new()]).remove(0);
    let mut second = Member { reason: Some("scaled out".into()), ..Member::new() };
    let b = second.join(&mut host);
    assert_eq!(first.heartbeat(&mut host), ErrorCode::RebalanceInProgress);
    let a = first.join(&mut host);
    assert_eq!(first.joined(&mut host, a).generation_id, 2);
    assert_eq!(second.joined(&mut host, b).generation_id, 2);
    assert_eq!(first.heartbeat(&mut host), ErrorCode::None);
    let token = first.sync(&mut host, &[]);
    assert!(synced(&mut host, token).is_some());
    let rebalance = host.rebalances.last().unwrap();
    assert_eq!((rebalance.generation, rebalance.members), (2, 2));
    assert_eq!(
        rebalance.causes[0],
        Cause::Joined { member: second.id.clone(), reason: Some("scaled out".into()) }
    );
}

#[test]
fn the_protocol_is_the_one_that_all_speak_and_most_prefer() {
    let mut host = host();
    let mut members = [
        Member::speaking(&["sticky", "range"]),
        Member::speaking(&["range", "sticky", "mine"]),
        Member::speaking(&["mine", "range", "sticky"]),
    ];
    let tokens: Vec<_> = members.iter_mut().map(|member| member.join(&mut host)).collect();
    host.advance_ms(10_000);
    for (member, token) in members.iter_mut().zip(tokens) {
        let response = member.joined(&mut host, token);
        assert_eq!(response.protocol_name.as_deref(), Some("range"));
        assert_eq!(response.protocol_type.as_deref(), Some("consumer"));
    }
}

#[test]
fn a_member_that_shares_no_protocol_is_refused() {
    let mut host = eager();
    stable(&mut host, vec![Member::new()]);
    let strangers = [
        Member::speaking(&["mine"]),
        Member { protocol_type: "connect".into(), ..Member::new() },
        Member { protocols: Vec::new(), ..Member::new() },
    ];
    for stranger in strangers {
        let token = host.send(&client(9), stranger.join_request());
        let response = joined(&mut host, token).unwrap();
        assert_eq!(error_of(&response), ErrorCode::InconsistentGroupProtocol);
    }
}

#[test]
fn other_protocol_types_are_carried_without_being_looked_into() {
    let mut host = eager();
    let metadata = Bytes::from_static(&[0xff, 0, 1]);
    let worker = Member {
        protocol_type: "connect".into(),
        protocols: vec![("compatible".into(), metadata.clone())],
        ..Member::new()
    };
    let mut worker = worker;
    let token = worker.join(&mut host);
    let response = worker.joined(&mut host, token);
    assert_eq!(response.members[0].metadata, metadata);
    let token = worker.sync(&mut host, &[(&worker, "task")]);
    assert_eq!(synced(&mut host, token).unwrap().assignment, "task");
}

#[test]
fn a_join_that_cannot_be_is_refused_and_leaves_no_group_behind() {
    let mut host = eager();
    let base = Member::new().join_request();
    let cases = [
        (JoinGroupRequest { group_id: String::new(), ..base.clone() }, ErrorCode::InvalidGroupId),
        (
            JoinGroupRequest { session_timeout_ms: 5_999, ..base.clone() },
            ErrorCode::InvalidSessionTimeout,
        ),
        (
            JoinGroupRequest { session_timeout_ms: 1_800_001, ..base.clone() },
            ErrorCode::InvalidSessionTimeout,
        ),
        (
            JoinGroupRequest { protocol_type: String::new(), ..base.clone() },
            ErrorCode::InconsistentGroupProtocol,
        ),
        (JoinGroupRequest { member_id: "who".into(), ..base }, ErrorCode::UnknownMemberId),
    ];
    for (request, error) in cases {
        let token = host.send(&client(9), request);
        assert_eq!(error_of(&joined(&mut host, token).unwrap()), error);
    }
    let groups = crate::groups::listed(&mut host);
    assert_eq!(groups, Vec::<String>::new());
}

#[test]
fn a_group_takes_no_more_members_than_it_may() {
    let config = CoordinatorConfig { max_size: 2, ..CoordinatorConfig::default() };
    let mut host = Host::new(config);
    let members = stable(&mut host, vec![Member::new(), Member::new()]);
    let token = host.send(&client(3), Member::new().join_request());
    let response = joined(&mut host, token).unwrap();
    assert_eq!(error_of(&response), ErrorCode::GroupMaxSizeReached);
    assert_eq!(members[0].heartbeat(&mut host), ErrorCode::None, "the others are not disturbed");
}

#[test]
fn a_member_that_says_the_same_again_gets_the_same_answer() {
    let mut host = eager();
    let mut member = Member::new();
    let token = member.join(&mut host);
    member.joined(&mut host, token);
    // The answer got lost, so it asks again.
    let token = member.join(&mut host);
    assert_eq!(member.joined(&mut host, token).generation_id, 1);
}

#[test]
fn the_leader_can_ask_for_a_new_assignment_by_joining_again_and_the_others_cannot() {
    let mut host = host();
    let mut members = stable(&mut host, vec![Member::new(), Member::new()]);
    let token = members[1].join(&mut host);
    assert_eq!(members[1].joined(&mut host, token).generation_id, 1, "nothing has changed");
    members[0].join(&mut host);
    assert_eq!(members[1].heartbeat(&mut host), ErrorCode::RebalanceInProgress);
}

#[test]
fn a_member_that_reads_something_else_makes_the_group_rebalance() {
    let mut host = host();
    let mut members = stable(&mut host, vec![Member::new(), Member::new()]);
    members[1].protocols[0].1 = subscription(&["orders", "clicks"]);
    let b = members[1].join(&mut host);
    assert_eq!(members[0].heartbeat(&mut host), ErrorCode::RebalanceInProgress);
    let a = members[0].join(&mut host);
    members[0].joined(&mut host, a);
    assert_eq!(members[1].joined(&mut host, b).generation_id, 2);
}

#[test]
fn who_asks_twice_is_answered_twice() {
    let mut host = host();
    let mut member = Member::new();
    let first = member.join(&mut host);
    let second = member.join(&mut host);
    let given_up = joined(&mut host, first).unwrap();
    assert_eq!(error_of(&given_up), ErrorCode::RebalanceInProgress);
    host.advance_ms(10_000);
    member.joined(&mut host, second);
}

#[test]
fn a_sync_of_another_generation_or_member_is_refused() {
    let mut host = eager();
    let member = stable(&mut host, vec![Member::new()]).remove(0);
    let cases = [
        (Member { generation: 7, ..member.clone() }, ErrorCode::IllegalGeneration),
        (Member { id: "who".into(), ..member.clone() }, ErrorCode::UnknownMemberId),
        (Member { group: String::new(), ..member.clone() }, ErrorCode::InvalidGroupId),
        (Member { group: "other".into(), ..member.clone() }, ErrorCode::UnknownMemberId),
        (
            Member { protocol_type: "connect".into(), ..member.clone() },
            ErrorCode::InconsistentGroupProtocol,
        ),
    ];
    for (member, error) in cases {
        let token = member.sync(&mut host, &[]);
        assert_eq!(synced(&mut host, token).unwrap().error_code, error.code());
    }
    let token = member.sync(&mut host, &[]);
    assert_eq!(synced(&mut host, token).unwrap().assignment, "a0", "a repeat is answered");
}

#[test]
fn a_new_member_voids_the_generation_that_is_being_completed() {
    let mut host = host();
    let (mut first, mut second) = (Member::new(), Member::new());
    let (a, b) = (first.join(&mut host), second.join(&mut host));
    host.advance_ms(10_000);
    first.joined(&mut host, a);
    second.joined(&mut host, b);
    let waiting = second.sync(&mut host, &[]);
    Member::new().join(&mut host);
    let response = synced(&mut host, waiting).unwrap();
    assert_eq!(response.error_code, ErrorCode::RebalanceInProgress.code());
    let late = first.sync(&mut host, &[(&first, "one")]);
    let response = synced(&mut host, late).unwrap();
    assert_eq!(response.error_code, ErrorCode::RebalanceInProgress.code());
}
