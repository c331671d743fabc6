//! Consumer groups (KIP-848): joining, reconciling, fencing, following topics.

use base::ErrorCode;
use coordinator::{Assignor, Cause, CoordinatorConfig, GroupConfig, Response};
use wire::consumer_group_describe::{ConsumerGroupDescribeRequest, DescribedGroup};
use wire::consumer_group_heartbeat::ConsumerGroupHeartbeatRequest;

use crate::classic_member::client;
use crate::consumer_member::{ConsumerMember, REBALANCE_TIMEOUT_MS, ask, ask_as, settle};
use crate::groups::{delete, listed};
use crate::host::{Host, add_topic, remove_topic};

const SESSION_MS: u64 = 45_000;

fn host() -> Host {
    Host::new(CoordinatorConfig {
        consumer_assignment_interval_ms: 0,
        ..CoordinatorConfig::default()
    })
}

fn error(host: &mut Host, request: ConsumerGroupHeartbeatRequest) -> ErrorCode {
    ErrorCode::from_code(ask(host, request).error_code).unwrap()
}

fn describe(host: &mut Host) -> DescribedGroup {
    let request = ConsumerGroupDescribeRequest {
        group_ids: vec!["g".into()],
        ..ConsumerGroupDescribeRequest::default()
    };
    let token = host.send(&client(1), request);
    let Some(Response::ConsumerGroupDescribe(mut response)) = host.take(token) else {
        panic!("no answer")
    };
    response.groups.remove(0)
}

#[test]
fn the_first_member_is_given_everything_at_once() {
    let mut host = host();
    let mut member = ConsumerMember::new("a");
    let response = member.beat(&mut host);
    assert_eq!((response.error_code, response.member_epoch), (0, 1));
    assert_eq!(response.heartbeat_interval_ms, 5_000);
    assert_eq!(member.orders(), [0, 1, 2, 3]);
    let group = describe(&mut host);
    assert_eq!((&*group.group_state, group.group_epoch, group.assignment_epoch), ("Stable", 1, 1));
    assert_eq!(group.assignor_name, "uniform");
    let member = &group.members[0];
    assert_eq!((member.member_type, &member.instance_id, &member.rack_id), (1, &None, &None));
    assert_eq!(member.subscribed_topic_regex, None);
    assert_eq!(member.assignment.topic_partitions[0].topic_name, "orders");
}

#[test]
fn a_heartbeat_without_news_is_answered_without_an_assignment_and_writes_nothing() {
    let mut host = host();
    let mut member = ConsumerMember::new("a");
    member.beat(&mut host);
    let written = host.log.len();
    let response = ask(&mut host, member.short_request());
    assert_eq!((response.error_code, response.assignment), (0, None));
    assert_eq!(host.log.len(), written);
}

#[test]
fn a_partition_is_given_to_another_only_once_it_has_been_given_up() {
    let mut host = host();
    let mut first = ConsumerMember::new("a");
    first.beat(&mut host);
    let mut second = ConsumerMember::new("b");
    second.beat(&mut host);
    assert_eq!(second.orders(), Vec::<i32>::new(), "the first still holds them");
    assert_eq!(second.epoch, 2);

    let response = ask(&mut host, first.short_request());
    let told = crate::consumer_member::partitions(&response.assignment.unwrap());
    assert_eq!(told.len(), 2);
    assert_eq!(response.member_epoch, 1, "it stays in its epoch until it has given up the rest");
    assert_eq!(second.beat(&mut host).member_epoch, 2);
    assert_eq!(second.orders(), Vec::<i32>::new());

    first.owned = told;
    assert_eq!(first.beat(&mut host).member_epoch, 2);
    second.beat(&mut host);
    assert_eq!([first.orders(), second.orders()].concat().len(), 4);
    assert_eq!(second.orders().len(), 2);
    assert_eq!(describe(&mut host).group_state, "Stable");
}

#[test]
fn a_rebalance_is_told_with_its_causes_once_all_are_where_they_should_be() {
    let mut host = host();
    let mut members = vec![ConsumerMember::new("a"), ConsumerMember::new("b")];
    settle(&mut host, &mut members);
    let causes: Vec<&Cause> =
        host.rebalances.iter().flat_map(|rebalance| &rebalance.causes).collect();
    let joined = |id: &str| Cause::Joined { member: id.into(), reason: None };
    assert_eq!(causes, [&joined("a"), &joined("b")]);
    assert_eq!(host.rebalances.last().unwrap().members, 2);
}

#[test]
fn who_leaves_makes_room_at_once() {
    let mut host = host();
    let mut members = vec![ConsumerMember::new("a"), ConsumerMember::new("b")];
    settle(&mut host, &mut members);
    let response = members[1].leave(&mut host, -1);
    assert_eq!((response.error_code, response.member_epoch), (0, -1));
    members[0].beat(&mut host);
    assert_eq!(members[0].orders(), [0, 1, 2, 3]);
    members[1].epoch = 2;
    assert_eq!(members[1].try_beat(&mut host), ErrorCode::UnknownMemberId);
}

#[test]
fn a_member_that_is_not_heard_of_is_removed() {
    let mut host = host();
    let mut members = vec![ConsumerMember::new("a"), ConsumerMember::new("b")];
    settle(&mut host, &mut members);
    for _ in 0..SESSION_MS / 5_000 {
        host.advance_ms(5_000);
        members[0].beat(&mut host);
    }
    assert_eq!(members[0].orders(), [0, 1, 2, 3]);
    assert_eq!(members[1].try_beat(&mut host), ErrorCode::UnknownMemberId);
    let expired = Cause::SessionExpired { member: "b".into(), timeout_ms: SESSION_MS as i32 };
    assert_eq!(host.rebalances.last().unwrap().causes, [expired]);
}

#[test]
fn a_groups_own_session_timeout_counts() {
    let mut host = host();
    let config = GroupConfig {
        consumer_session_timeout_ms: Some(6_000),
        consumer_heartbeat_interval_ms: Some(1_000),
        ..GroupConfig::default()
    };
    host.shard.set_group_config("g", config);
    let mut member = ConsumerMember::new("a");
    assert_eq!(member.beat(&mut host).heartbeat_interval_ms, 1_000);
    host.advance_ms(6_000);
    assert_eq!(member.try_beat(&mut host), ErrorCode::UnknownMemberId);
}

#[test]
fn a_member_that_does_not_give_up_its_partitions_in_time_is_removed() {
    let mut host = host();
    let mut slow = ConsumerMember::new("a");
    slow.beat(&mut host);
    let mut waiting = ConsumerMember::new("b");
    waiting.beat(&mut host);
    ask(&mut host, slow.short_request());
    for _ in 0..REBALANCE_TIMEOUT_MS / 5_000 {
        host.advance_ms(5_000);
        ask(&mut host, slow.short_request());
        waiting.beat(&mut host);
    }
    assert_eq!(waiting.orders(), [0, 1, 2, 3]);
    assert_eq!(error(&mut host, slow.short_request()), ErrorCode::UnknownMemberId);
}

#[test]
fn a_member_of_another_epoch_is_fenced_and_one_whose_answer_was_lost_is_not() {
    let mut host = host();
    let mut first = ConsumerMember::new("a");
    first.beat(&mut host);
    for epoch in [7, 3] {
        let request = ConsumerGroupHeartbeatRequest { member_epoch: epoch, ..first.full_request() };
        assert_eq!(error(&mut host, request), ErrorCode::FencedMemberEpoch);
    }
    let mut second = ConsumerMember::new("b");
    second.beat(&mut host);
    let before = first.clone();
    first.beat(&mut host);
    first.beat(&mut host);
    assert_eq!((first.epoch, first.orders().len()), (2, 2));
    // It holds too much for the epoch before, unless it tells that it does not.
    assert_eq!(error(&mut host, before.full_request()), ErrorCode::FencedMemberEpoch);
    let mut late = ConsumerMember { epoch: 1, ..first.clone() };
    let response = late.beat(&mut host);
    assert_eq!((response.error_code, late.epoch), (0, 2));
    assert_eq!(late.orders(), first.orders(), "it is told again what it holds");
}

#[test]
fn what_makes_no_sense_is_refused_and_founds_no_group() {
    let mut host = host();
    let good = ConsumerMember::new("a").full_request();
    let invalid = |change: fn(&mut ConsumerGroupHeartbeatRequest)| {
        let mut request = good.clone();
        change(&mut request);
        request
    };
    let cases = [
        (invalid(|r| r.group_id.clear()), ErrorCode::InvalidRequest),
        (invalid(|r| r.member_id.clear()), ErrorCode::InvalidRequest),
        (invalid(|r| r.instance_id = Some(String::new())), ErrorCode::InvalidRequest),
        (invalid(|r| r.rack_id = Some(String::new())), ErrorCode::InvalidRequest),
        (invalid(|r| r.member_epoch = -3), ErrorCode::InvalidRequest),
        (invalid(|r| r.member_epoch = -2), ErrorCode::InvalidRequest),
        (invalid(|r| r.rebalance_timeout_ms = -1), ErrorCode::InvalidRequest),
        (invalid(|r| r.topic_partitions = None), ErrorCode::InvalidRequest),
        (invalid(|r| r.subscribed_topic_names = None), ErrorCode::InvalidRequest),
        (invalid(|r| r.server_assignor = Some("mine".into())), ErrorCode::UnsupportedAssignor),
        (
            invalid(|r| r.subscribed_topic_regex = Some("(".into())),
            ErrorCode::InvalidRegularExpression,
        ),
        (invalid(|r| r.member_epoch = 1), ErrorCode::GroupIdNotFound),
    ];
    for (request, expected) in cases {
        let response = ask(&mut host, request.clone());
        assert_eq!(response.error_code, expected.code(), "{request:?}");
        assert!(response.error_message.is_some());
    }
    assert_eq!(listed(&mut host), Vec::<String>::new());
    assert!(host.log.is_empty());
}

#[test]
fn in_version_0_the_coordinator_makes_the_members_id() {
    let mut host = host();
    let response = ask_as(&mut host, &client(0), ConsumerMember::new("").full_request());
    assert_eq!(response.error_code, 0);
    assert_eq!(response.member_id.unwrap().len(), 22);
}

#[test]
fn a_full_group_takes_nobody_in() {
    let mut host =
        Host::new(CoordinatorConfig { consumer_max_size: 1, ..CoordinatorConfig::default() });
    let mut member = ConsumerMember::new("a");
    member.beat(&mut host);
    let refused = ConsumerMember::new("b").try_beat(&mut host);
    assert_eq!(refused, ErrorCode::GroupMaxSizeReached);
    assert_eq!(member.try_beat(&mut host), ErrorCode::None);
}

#[test]
fn partitions_and_topics_that_come_and_go_are_followed() {
    let mut host = host();
    let mut members = vec![ConsumerMember::new("a")];
    members[0].topics.push("later".into());
    settle(&mut host, &mut members);
    assert_eq!(members[0].owned.len(), 4);
    let mut image = host.image.clone();
    add_topic(&mut image, "later", 8, 2);
    host.set_image(image);
    settle(&mut host, &mut members);
    assert_eq!(members[0].owned.len(), 6);
    let mut image = host.image.clone();
    remove_topic(&mut image, 1);
    host.set_image(image);
    settle(&mut host, &mut members);
    assert_eq!(members[0].owned.len(), 2);
    assert_eq!(host.rebalances.last().unwrap().causes, [Cause::TopicsChanged]);
}

#[test]
fn topics_that_came_while_the_coordinator_was_away_are_followed_too() {
    let mut host = host();
    let mut members = vec![ConsumerMember::new("a")];
    members[0].topics.push("later".into());
    settle(&mut host, &mut members);
    add_topic(&mut host.image, "later", 8, 2);
    host.restart();
    settle(&mut host, &mut members);
    assert_eq!(members[0].owned.len(), 6);
}

#[test]
fn a_regular_expression_matches_whole_names_and_new_topics_as_they_come() {
    let mut host = host();
    let mut image = host.image.clone();
    add_topic(&mut image, "orders-eu", 8, 2);
    add_topic(&mut image, "__consumer_offsets", 9, 50);
    host.set_image(image);
    let mut members = vec![ConsumerMember::new("a"), ConsumerMember::new("b")];
    for member in &mut members {
        member.topics.clear();
        member.regex = Some("order[s]|_+consumer.*".into());
    }
    settle(&mut host, &mut members);
    assert_eq!(members[0].owned.len() + members[1].owned.len(), 4);
    for member in &mut members {
        member.regex = Some("orders.*".into());
    }
    settle(&mut host, &mut members);
    assert_eq!(members[0].owned.len() + members[1].owned.len(), 6);
    let mut image = host.image.clone();
    add_topic(&mut image, "orders-us", 10, 2);
    host.set_image(image);
    settle(&mut host, &mut members);
    assert_eq!(members[0].owned.len() + members[1].owned.len(), 8);
    // An empty expression takes it back.
    members[0].regex = Some(String::new());
    members[0].topics = vec!["clicks".into()];
    settle(&mut host, &mut members);
    assert_eq!((members[0].owned.len(), members[1].owned.len()), (3, 8));
    host.restart();
    settle(&mut host, &mut members);
    assert_eq!((members[0].owned.len(), members[1].owned.len()), (3, 8));
}

#[test]
fn members_choose_the_assignor() {
    let mut host = host();
    let mut image = host.image.clone();
    add_topic(&mut image, "orders-eu", 8, 4);
    host.set_image(image);
    let mut members = vec![ConsumerMember::new("a"), ConsumerMember::new("b")];
    for member in &mut members {
        member.topics.push("orders-eu".into());
        member.assignor = Some("range".into());
    }
    settle(&mut host, &mut members);
    assert_eq!(describe(&mut host).assignor_name, "range");
    for member in &members {
        let half = member.orders();
        assert_eq!(half.len(), 2);
        assert!(half.iter().all(|&p| member.owned.contains(&(crate::host::topic_id(8), p))));
    }
}

#[test]
fn the_broker_says_which_assignors_there_are() {
    let mut host = Host::new(CoordinatorConfig {
        consumer_assignors: vec![Assignor::Range],
        ..CoordinatorConfig::default()
    });
    let mut member = ConsumerMember::new("a");
    member.assignor = Some("uniform".into());
    assert_eq!(member.try_beat(&mut host), ErrorCode::UnsupportedAssignor);
    member.assignor = None;
    member.beat(&mut host);
    assert_eq!(describe(&mut host).assignor_name, "range");
}

#[test]
fn assignments_are_computed_no_more_often_than_the_interval_says() {
    let mut host = Host::new(CoordinatorConfig {
        consumer_assignment_interval_ms: 10_000,
        ..CoordinatorConfig::default()
    });
    let mut first = ConsumerMember::new("a");
    first.beat(&mut host);
    assert_eq!(first.orders().len(), 4, "the first one does not wait");
    for id in ["b", "c", "d"] {
        host.advance_ms(1_000);
        ConsumerMember::new(id).beat(&mut host);
    }
    let group = describe(&mut host);
    assert_eq!(
        (&*group.group_state, group.group_epoch, group.assignment_epoch),
        ("Assigning", 4, 1)
    );
    host.advance_ms(7_000);
    let group = describe(&mut host);
    assert_eq!((&*group.group_state, group.assignment_epoch), ("Reconciling", 4));
}

#[test]
fn a_static_member_that_leaves_for_a_while_finds_its_partitions_again() {
    let mut host = host();
    let mut members = vec![ConsumerMember::fixed("a", "i"), ConsumerMember::new("b")];
    settle(&mut host, &mut members);
    let had = members[0].orders();
    let response = members[0].leave(&mut host, -2);
    assert_eq!((response.error_code, response.member_epoch), (0, -2));
    members[1].beat(&mut host);
    assert_eq!(members[1].orders().len(), 2, "they wait for it");
    let mut back = ConsumerMember::fixed("c", "i");
    assert_eq!(back.try_beat(&mut host), ErrorCode::None);
    assert_eq!(back.orders(), had);
    let fenced = error(&mut host, members[0].short_request());
    assert_eq!(fenced, ErrorCode::FencedInstanceId);
    settle(&mut host, &mut [back, members.remove(1)]);
}

#[test]
fn a_static_member_that_does_not_come_back_in_time_is_removed() {
    let mut host = host();
    let mut members = vec![ConsumerMember::fixed("a", "i"), ConsumerMember::new("b")];
    settle(&mut host, &mut members);
    members[0].leave(&mut host, -2);
    for _ in 0..SESSION_MS / 5_000 {
        host.advance_ms(5_000);
        members[1].beat(&mut host);
    }
    assert_eq!(members[1].orders(), [0, 1, 2, 3]);
}

#[test]
fn an_instance_that_is_in_use_cannot_be_taken() {
    let mut host = host();
    ConsumerMember::fixed("a", "i").beat(&mut host);
    let taken = ConsumerMember::fixed("b", "i").try_beat(&mut host);
    assert_eq!(taken, ErrorCode::UnreleasedInstanceId);
    let mut stranger = ConsumerMember::fixed("a", "j");
    stranger.epoch = 1;
    assert_eq!(stranger.try_beat(&mut host), ErrorCode::UnknownMemberId);
}

#[test]
fn a_restart_of_the_coordinator_is_not_noticed_by_members() {
    let mut host = host();
    let mut members = [ConsumerMember::new("a"), ConsumerMember::new("b")];
    members[0].beat(&mut host);
    members[1].beat(&mut host);
    ask(&mut host, members[0].short_request());
    host.restart();
    let (rebalance_ms, step_ms) = (REBALANCE_TIMEOUT_MS as u64, 5_000);
    for _ in 0..rebalance_ms / step_ms {
        host.advance_ms(step_ms);
        ask(&mut host, members[0].short_request());
        members[1].beat(&mut host);
    }
    let fenced = error(&mut host, members[0].short_request());
    assert_eq!(fenced, ErrorCode::UnknownMemberId, "its time to give up went on");
    host.restart();
    assert_eq!(members[1].try_beat(&mut host), ErrorCode::None);
    host.advance_ms(SESSION_MS);
    assert_eq!(members[1].try_beat(&mut host), ErrorCode::UnknownMemberId);
}

#[test]
fn an_empty_consumer_group_can_be_deleted() {
    let mut host = host();
    let mut member = ConsumerMember::new("a");
    member.beat(&mut host);
    assert_eq!(delete(&mut host, "g"), ErrorCode::NonEmptyGroup);
    member.leave(&mut host, -1);
    assert_eq!(delete(&mut host, "g"), ErrorCode::None);
    assert_eq!(listed(&mut host), Vec::<String>::new());
    host.restart();
    assert_eq!(listed(&mut host), Vec::<String>::new());
}

#[test]
fn commits_are_taken_from_the_members_epoch_and_from_owners_of_earlier_ones() {
    let mut host = host();
    let mut members = vec![ConsumerMember::new("a"), ConsumerMember::new("b")];
    settle(&mut host, &mut members);
    let kept = members[0].orders()[0];
    let commit = |host: &mut Host, id: &str, epoch: i32, index: i32, version: i16| {
        let mut request = crate::classic_member::Member::new().commit_request("orders", index, 5);
        request.member_id = id.into();
        request.generation_id_or_member_epoch = epoch;
        request.topics[0].topic_id = crate::host::topic_id(1);
        let token = host.send(&client(version), request);
        let Some(Response::OffsetCommit(response)) = host.take(token) else { panic!("no answer") };
        ErrorCode::from_code(response.topics[0].partitions[0].error_code).unwrap()
    };
    let epoch = members[0].epoch;
    assert_eq!(commit(&mut host, "a", epoch, kept, 10), ErrorCode::None);
    assert_eq!(commit(&mut host, "a", 1, kept, 10), ErrorCode::None, "it has held it since then");
    assert_eq!(commit(&mut host, "b", 1, members[1].orders()[0], 10), ErrorCode::StaleMemberEpoch);
    assert_eq!(commit(&mut host, "a", epoch + 1, kept, 10), ErrorCode::StaleMemberEpoch);
    assert_eq!(commit(&mut host, "who", epoch, kept, 10), ErrorCode::UnknownMemberId);
    assert_eq!(commit(&mut host, "a", epoch, kept, 8), ErrorCode::UnsupportedVersion);
    assert_eq!(commit(&mut host, "", -1, kept, 10), ErrorCode::UnknownMemberId);
}

#[test]
fn each_group_follows_its_topics_in_a_decision_of_its_own() {
    let mut host = host();
    for group in ["g", "h"] {
        let request = ConsumerGroupHeartbeatRequest {
            group_id: group.into(),
            ..ConsumerMember::new("a").full_request()
        };
        assert_eq!(ask(&mut host, request).error_code, 0);
    }
    let mut image = host.image.clone();
    remove_topic(&mut image, 1);
    let written = host.log.len();
    host.set_image(image);
    assert_eq!(host.log.len(), written, "all groups together may be too much for a batch");
    host.advance_ms(1);
    assert!(host.log.len() > written);
    assert_eq!(describe(&mut host).group_epoch, 2);
}
