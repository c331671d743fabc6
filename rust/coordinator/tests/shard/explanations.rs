//! What a group's explanation says: whom it waits for, and why it was rebalanced.

use std::time::Duration;

use base::ErrorCode;
use bytes::Bytes;
use coordinator::{Cause, CoordinatorConfig, GroupStanding};
use wire::sync_group::SyncGroupRequestAssignment;

use crate::classic_member::{Member, client, joined, stable, synced};
use crate::consumer_member::{ConsumerMember, settle};
use crate::host::Host;

fn host() -> Host {
    Host::new(CoordinatorConfig {
        consumer_assignment_interval_ms: 0,
        append_bytes_max: 4_096,
        ..CoordinatorConfig::default()
    })
}

fn standing(host: &Host) -> GroupStanding {
    host.shard.explain(host.now(), "g").now.expect("the group is there")
}

fn awaited(host: &Host) -> Vec<Option<&'static str>> {
    standing(host).members.iter().map(|member| member.awaited).collect()
}

#[test]
fn a_group_that_is_not_there_says_so() {
    let text = host().shard.explain(host().now(), "g").to_string();
    assert!(text.contains("there is no such group"), "{text}");
    assert!(text.contains("no rebalance has ended"), "{text}");
}

#[test]
fn a_classic_group_names_who_has_not_joined_and_who_has_not_synced() {
    let mut host = host();
    let mut members = stable(&mut host, vec![Member::new(), Member::new()]);
    assert_eq!(awaited(&host), [None, None]);
    assert_eq!(standing(&host).rebalance, None);
    let mut newcomer = Member { reason: Some("started".into()), ..Member::new() };
    newcomer.join(&mut host);
    host.advance_ms(1_500);
    let now = standing(&host);
    assert_eq!(now.state, "PreparingRebalance");
    let rebalance = now.rebalance.unwrap();
    assert_eq!(rebalance.since, Duration::from_millis(1_500));
    let reason = Some("started".to_owned());
    assert_eq!(rebalance.causes, [Cause::Joined { member: newcomer.id.clone(), reason }]);
    let absent = awaited(&host).iter().filter(|a| **a == Some("has not joined yet")).count();
    assert_eq!(absent, 2);
    let tokens: Vec<_> = members.iter_mut().map(|member| member.join(&mut host)).collect();
    let leader = joined(&mut host, tokens[0]).unwrap().leader;
    let now = standing(&host);
    let waited_for = now.members.iter().find(|member| member.member == leader).unwrap();
    assert_eq!(waited_for.awaited, Some("leads, and has not sent the assignment yet"));
    let text = host.shard.explain(host.now(), "g").to_string();
    assert!(text.starts_with("group g: classic, CompletingRebalance, generation 2"), "{text}");
    assert!(text.contains("joined (started)"), "{text}");
}

#[test]
fn a_consumer_group_names_who_has_something_to_give_up() {
    let mut host = host();
    let mut members = vec![ConsumerMember::new("a")];
    settle(&mut host, &mut members);
    ConsumerMember::new("b").beat(&mut host);
    assert_eq!(members[0].try_beat(&mut host), ErrorCode::None);
    let waits = "waits for partitions that others have not given up";
    assert_eq!(awaited(&host), [Some("has partitions to give up"), Some(waits)]);
    let causes = standing(&host).rebalance.unwrap().causes;
    assert_eq!(causes, [Cause::Joined { member: "b".into(), reason: None }]);
}

#[test]
fn the_last_rebalances_are_told_with_their_causes_until_the_shard_is_loaded_anew() {
    let mut host = host();
    let members = stable(&mut host, vec![Member::new(), Member::new()]);
    let leaving = Member { reason: Some("closed".into()), ..members[1].clone() };
    leaving.leave(&mut host);
    let mut staying = members[0].clone();
    let token = staying.join(&mut host);
    staying.joined(&mut host, token);
    let token = staying.sync(&mut host, &[(&staying.clone(), "all")]);
    assert_eq!(synced(&mut host, token).unwrap().error_code, 0);
    let past = host.shard.explain(host.now(), "g").past;
    let generations: Vec<i32> = past.iter().map(|rebalance| rebalance.generation).collect();
    assert_eq!(generations, [1, 2]);
    assert_eq!((past[1].members, past[1].ended_unix_ms), (1, host.now().unix_ms));
    let text = host.shard.explain(host.now(), "g").to_string();
    assert!(text.contains("left (closed)"), "{text}");
    assert_eq!(past[1].causes[0].kind(), "left");
    host.restart();
    assert_eq!(host.shard.explain(host.now(), "g").past, []);
}

#[test]
fn an_assignment_that_the_log_cannot_hold_is_refused_and_leaves_other_groups_alone() {
    let mut host = host();
    let mut member = Member::new();
    let token = member.join(&mut host);
    host.advance_ms(6_000);
    member.joined(&mut host, token);
    let mut request = member.sync_request(&[]);
    let assignment = Bytes::from(vec![0; 5_000]);
    request.assignments =
        vec![SyncGroupRequestAssignment { member_id: member.id.clone(), assignment }];
    let token = host.send(&client(5), request);
    let answer = synced(&mut host, token).unwrap();
    assert_eq!(answer.error_code, ErrorCode::UnknownServerError.code());
    let causes = standing(&host).rebalance.unwrap().causes;
    assert!(matches!(causes.last(), Some(Cause::AssignmentTooLarge { bytes_max: 4_096 })));
    assert_eq!(member.heartbeat(&mut host), ErrorCode::RebalanceInProgress);
    let token = member.join(&mut host);
    member.joined(&mut host, token);
    let token = member.sync(&mut host, &[(&member.clone(), "less")]);
    assert_eq!(synced(&mut host, token).unwrap().error_code, 0);
}

#[test]
fn a_commit_that_the_log_cannot_hold_is_refused_whole() {
    let mut host = host();
    let member = stable(&mut host, vec![Member::new()]).remove(0);
    let mut request = member.commit_request("orders", 0, 1);
    let partition = request.topics[0].partitions[0].clone();
    request.topics[0].partitions = vec![partition; 100];
    let before = host.log.len();
    let token = host.send(&client(9), request.clone());
    let Some(coordinator::Response::OffsetCommit(response)) = host.take(token) else {
        panic!("no answer")
    };
    let codes: Vec<i16> = response.topics[0].partitions.iter().map(|p| p.error_code).collect();
    assert_eq!(codes, [ErrorCode::UnknownServerError.code(); 100]);
    assert_eq!(host.log.len(), before);
    assert_eq!(member.commit(&mut host, 0, 2), ErrorCode::None);
}
