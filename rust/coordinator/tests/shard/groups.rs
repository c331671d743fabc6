//! Listing, describing and deleting groups.

use base::ErrorCode;
use coordinator::{CoordinatorConfig, Response};
use wire::delete_groups::DeleteGroupsRequest;
use wire::describe_groups::{DescribeGroupsRequest, DescribedGroup};
use wire::list_groups::{ListGroupsRequest, ListedGroup};

use crate::classic_member::{Member, client, stable};
use crate::host::Host;

fn list(host: &mut Host, states: &[&str], types: &[&str]) -> Vec<ListedGroup> {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let request = ListGroupsRequest { states_filter: owned(states), types_filter: owned(types) };
    let token = host.send(&client(5), request);
    let Some(Response::ListGroups(response)) = host.take(token) else { panic!("no answer") };
    assert_eq!(response.error_code, 0);
    response.groups
}

/// The ids of all groups.
pub(crate) fn listed(host: &mut Host) -> Vec<String> {
    list(host, &[], &[]).into_iter().map(|group| group.group_id).collect()
}

pub(crate) fn describe(host: &mut Host, version: i16, group: &str) -> DescribedGroup {
    let request = DescribeGroupsRequest {
        groups: vec![group.to_owned()],
        ..DescribeGroupsRequest::default()
    };
    let token = host.send(&client(version), request);
    let Some(Response::DescribeGroups(mut response)) = host.take(token) else {
        panic!("no answer")
    };
    response.groups.remove(0)
}

pub(crate) fn delete(host: &mut Host, group: &str) -> ErrorCode {
    let request = DeleteGroupsRequest { groups_names: vec![group.to_owned()] };
    let token = host.send(&client(2), request);
    let Some(Response::DeleteGroups(response)) = host.take(token) else { panic!("no answer") };
    ErrorCode::from_code(response.results[0].error_code).unwrap()
}

fn host() -> Host {
    Host::new(CoordinatorConfig { initial_rebalance_delay_ms: 0, ..CoordinatorConfig::default() })
}

#[test]
fn groups_are_listed_by_state_and_type() {
    let mut host = host();
    stable(&mut host, vec![Member { group: "stable".into(), ..Member::new() }]);
    let simple = Member { group: "simple".into(), ..Member::new() };
    simple.commit(&mut host, 0, 1);
    let ids = |groups: Vec<ListedGroup>| -> Vec<String> {
        groups.into_iter().map(|group| group.group_id).collect()
    };
    assert_eq!(listed(&mut host), ["simple", "stable"]);
    assert_eq!(ids(list(&mut host, &["stable"], &[])), ["stable"]);
    assert_eq!(ids(list(&mut host, &["Empty ", "Dead"], &["Classic"])), ["simple"]);
    assert_eq!(ids(list(&mut host, &[], &["consumer"])), Vec::<String>::new());
    let groups = list(&mut host, &["Stable"], &[]);
    assert_eq!(
        (&*groups[0].protocol_type, &*groups[0].group_state, &*groups[0].group_type),
        ("consumer", "Stable", "classic")
    );
}

#[test]
fn a_stable_group_is_described_with_what_its_members_say_and_are_assigned() {
    let mut host = host();
    let member = stable(&mut host, vec![Member::fixed("i")]).remove(0);
    let group = describe(&mut host, 5, "g");
    assert_eq!((&*group.group_state, &*group.protocol_data), ("Stable", "range"));
    assert_eq!(group.protocol_type, "consumer");
    let described = &group.members[0];
    assert_eq!((&described.member_id, &*described.client_host), (&member.id, "/127.0.0.1"));
    assert_eq!(described.group_instance_id.as_deref(), Some("i"));
    assert_eq!(described.member_assignment, "a0");
    assert_eq!(described.member_metadata, member.protocols[0].1);
}

#[test]
fn before_a_group_is_stable_its_members_have_nothing_to_show() {
    let mut host = host();
    stable(&mut host, vec![Member::new()]);
    Member::new().join(&mut host);
    let group = describe(&mut host, 5, "g");
    assert_eq!((&*group.group_state, group.members.len()), ("PreparingRebalance", 2));
    assert!(group.members.iter().all(|member| member.member_metadata.is_empty()));
    assert_eq!(group.protocol_data, "");
}

#[test]
fn an_unknown_group_is_dead_and_later_versions_say_so() {
    let mut host = host();
    let group = describe(&mut host, 5, "who");
    assert_eq!((&*group.group_state, group.error_code), ("Dead", 0));
    let group = describe(&mut host, 6, "who");
    assert_eq!(group.error_code, ErrorCode::GroupIdNotFound.code());
    assert_eq!(group.error_message.as_deref(), Some("Group who not found."));
}

#[test]
fn an_empty_group_is_deleted_with_its_offsets_and_another_is_not() {
    let mut host = host();
    let member = stable(&mut host, vec![Member::new()]).remove(0);
    member.commit(&mut host, 2, 7);
    assert_eq!(delete(&mut host, "g"), ErrorCode::NonEmptyGroup);
    member.leave(&mut host);
    assert_eq!(delete(&mut host, "g"), ErrorCode::None);
    assert_eq!(delete(&mut host, "g"), ErrorCode::GroupIdNotFound);
    assert_eq!(listed(&mut host), Vec::<String>::new());
    host.restart();
    assert_eq!(listed(&mut host), Vec::<String>::new());
    assert_eq!(crate::offsets::fetch(&mut host, "g", "orders", 2).committed_offset, -1);
}
