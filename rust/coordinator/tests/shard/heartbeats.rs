//! What a member of a consumer group (KIP-848) says of itself: each field of its heartbeat, said,
//! left out, or said anew.

use base::ErrorCode;
use coordinator::{Assignor, Client, CoordinatorConfig, CoordinatorRecord, Response};
use wire::consumer_group_describe::{ConsumerGroupDescribeRequest, Member};
use wire::consumer_group_heartbeat::ConsumerGroupHeartbeatRequest;
use wire::coordinator_records::{
    ConsumerGroupCurrentMemberAssignmentKey, ConsumerGroupCurrentMemberAssignmentValue,
    ConsumerGroupMemberMetadataValue,
};

use crate::classic_member::client;
use crate::consumer_member::{
    ConsumerMember, REBALANCE_TIMEOUT_MS, ask, ask_as, partitions, settle,
};
use crate::host::{Host, topic_id};

type Request = ConsumerGroupHeartbeatRequest;

fn host() -> Host {
    Host::new(CoordinatorConfig {
        consumer_assignment_interval_ms: 0,
        ..CoordinatorConfig::default()
    })
}

/// A host that computes targets once in a while only.
fn patient_host() -> Host {
    Host::new(CoordinatorConfig {
        consumer_assignment_interval_ms: 20_000,
        ..CoordinatorConfig::default()
    })
}

fn described(host: &mut Host) -> (i32, Vec<Member>) {
    let group_ids = vec!["g".into()];
    let request = ConsumerGroupDescribeRequest { group_ids, ..Default::default() };
    let token = host.send(&client(1), request);
    let Some(Response::ConsumerGroupDescribe(mut response)) = host.take(token) else {
        panic!("no answer")
    };
    let group = response.groups.remove(0);
    (group.group_epoch, group.members)
}

/// What the log says last of a member.
fn metadata(host: &Host) -> &ConsumerGroupMemberMetadataValue {
    let said = host.log.iter().rev().find_map(|record| match record {
        CoordinatorRecord::ConsumerGroupMemberMetadata(_, value) => value.as_ref(),
        _ => None,
    });
    said.unwrap()
}

/// A member that has said all that there is to say.
fn talkative(host: &mut Host) -> ConsumerMember {
    let mut member = ConsumerMember::fixed("a", "i");
    member.assignor = Some("range".into());
    member.regex = Some("click.*".into());
    let request = Request { rack_id: Some("r1".into()), ..member.full_request() };
    let response = ask(host, request);
    assert_eq!(response.error_code, 0, "{response:?}");
    member.obey(&response);
    member
}

#[test]
fn a_first_heartbeat_that_lacks_something_is_told_what() {
    let good = ConsumerMember::new("a").full_request();
    let owns = vec![wire::consumer_group_heartbeat::TopicPartitions {
        topic_id: topic_id(1),
        partitions: vec![0],
    }];
    let but = |change: &dyn Fn(&mut Request)| {
        let mut request = good.clone();
        change(&mut request);
        request
    };
    let own = "TopicPartitions must be empty when (re-)joining.";
    let cases = [
        (but(&|r| r.member_id.clear()), "MemberId can't be empty."),
        (but(&|r| r.member_id = " \t".into()), "MemberId can't be empty."),
        (but(&|r| r.group_id = " ".into()), "GroupId can't be empty."),
        (but(&|r| r.instance_id = Some(" ".into())), "InstanceId can't be empty."),
        (but(&|r| r.rack_id = Some("\n".into())), "RackId can't be empty."),
        (but(&|r| r.member_epoch = -3), "MemberEpoch is invalid."),
        (but(&|r| r.member_epoch = i32::MIN), "MemberEpoch is invalid."),
        (but(&|r| r.member_epoch = -2), "InstanceId can't be null."),
        (
            but(&|r| r.rebalance_timeout_ms = -1),
            "RebalanceTimeoutMs must be provided in first request.",
        ),
        (but(&|r| r.topic_partitions = None), own),
        (but(&|r| r.topic_partitions = Some(owns.clone())), own),
        (
            but(&|r| r.subscribed_topic_names = None),
            "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when \
             (re-)joining.",
        ),
        (
            but(&|r| (r.member_id, r.group_id) = (String::new(), String::new())),
            "MemberId can't be empty.",
        ),
    ];
    for (request, expected) in cases {
        let mut host = host();
        let response = ask(&mut host, request);
        assert_eq!(response.error_code, ErrorCode::InvalidRequest.code(), "{expected}");
        assert_eq!(response.error_message.as_deref(), Some(expected));
        assert!(host.log.is_empty());
    }
}

#[test]
fn only_who_joins_or_leaves_for_a_while_in_version_0_may_lack_an_id() {
    for (epoch, instance, expected) in [
        (0, None, ErrorCode::None),
        (-2, Some("i"), ErrorCode::FencedInstanceId),
        (-1, Some("i"), ErrorCode::InvalidRequest),
        (1, Some("i"), ErrorCode::InvalidRequest),
    ] {
        let mut host = host();
        ConsumerMember::fixed("a", "i").beat(&mut host);
        let mut nameless = ConsumerMember::new("");
        (nameless.epoch, nameless.instance) = (epoch, instance.map(str::to_owned));
        let response = ask_as(&mut host, &client(0), nameless.full_request());
        assert_eq!(response.error_code, expected.code(), "in epoch {epoch}: {response:?}");
    }
}

#[test]
fn an_assignor_that_nobody_knows_is_refused_in_every_epoch() {
    let mut host = Host::new(CoordinatorConfig {
        consumer_assignors: vec![Assignor::Range],
        ..CoordinatorConfig::default()
    });
    let mut member = ConsumerMember::new("a");
    member.beat(&mut host);
    for (name, epoch) in [("uniform", 0), ("Range", 0), ("", 0), ("mine", 1), ("mine", -1)] {
        let request = Request {
            member_epoch: epoch,
            server_assignor: Some(name.into()),
            ..ConsumerMember::new("a").full_request()
        };
        let response = ask(&mut host, request);
        assert_eq!(response.error_code, ErrorCode::UnsupportedAssignor.code(), "`{name}`");
        let message =
            format!("ServerAssignor {name} is not supported. Supported assignors: range.");
        assert_eq!(response.error_message, Some(message));
    }
    let known = Request { server_assignor: Some("range".into()), ..member.short_request() };
    assert_eq!(ask(&mut host, known).error_code, 0);
}

#[test]
fn a_field_that_is_left_out_stays_as_it_was() {
    let mut host = host();
    let member = talkative(&mut host);
    let (said, written) = (metadata(&host).clone(), host.log.len());
    assert_eq!(said.rebalance_timeout_ms, REBALANCE_TIMEOUT_MS);
    assert_eq!(said.subscribed_topic_regex.as_deref(), Some("click.*"));
    let without_instance = Request { instance_id: None, ..member.short_request() };
    for request in [member.short_request(), without_instance] {
        let response = ask(&mut host, request);
        assert_eq!((response.error_code, response.member_epoch), (0, 1));
        assert_eq!(response.assignment, None, "nothing has changed for it");
    }
    assert_eq!(host.log.len(), written, "there was no news to write");
    let (_, members) = described(&mut host);
    let member = &members[0];
    assert_eq!(member.instance_id.as_deref(), Some("i"));
    assert_eq!(member.rack_id.as_deref(), Some("r1"));
    assert_eq!(member.subscribed_topic_names, ["orders"]);
    assert_eq!(member.subscribed_topic_regex.as_deref(), Some("click.*"));
}

#[test]
fn a_field_that_is_said_anew_is_written_once_and_begins_no_rebalance_unless_it_says_what_is_read() {
    let mut host = host();
    let member = talkative(&mut host);
    let short = member.short_request();
    let some = |text: &str| Some(text.to_owned());
    let (names, regex) = (Some(vec!["clicks".to_owned()]), some("c.*"));
    for (request, is_read) in [
        (Request { rack_id: some("r2"), ..short.clone() }, false),
        (Request { rebalance_timeout_ms: 5_000, ..short.clone() }, false),
        (Request { server_assignor: some("uniform"), ..short.clone() }, false),
        (Request { subscribed_topic_names: names, ..short.clone() }, true),
        (Request { subscribed_topic_regex: regex, ..short.clone() }, true),
    ] {
        let ((epoch, _), written) = (described(&mut host), host.log.len());
        let next_epoch = epoch + i32::from(is_read);
        let request = Request { member_epoch: epoch, ..request };
        assert_eq!(ask(&mut host, request.clone()).error_code, 0, "{request:?}");
        assert_eq!(described(&mut host).0, next_epoch, "{request:?}");
        let news = &host.log[written..];
        let of_member = |record: &&CoordinatorRecord| {
            matches!(record, CoordinatorRecord::ConsumerGroupMemberMetadata(..))
        };
        assert_eq!(news.iter().filter(of_member).count(), 1, "{news:?}");
        assert_eq!(news.len() == 1, !is_read, "{news:?}");
        // What it holds it may keep: it says so, and is where it should be again.
        let mut settled = member.clone();
        settled.epoch = epoch;
        let told = Request { topic_partitions: Some(Vec::new()), ..settled.short_request() };
        assert_eq!(ask(&mut host, told).error_code, 0);
    }
    let said = metadata(&host);
    assert_eq!(said.rack_id.as_deref(), Some("r2"));
    assert_eq!(said.server_assignor.as_deref(), Some("uniform"));
    assert_eq!(said.rebalance_timeout_ms, 5_000);
    assert_eq!(said.subscribed_topic_names, ["clicks"]);
}

#[test]
fn where_a_member_speaks_from_is_written_down_when_that_changes() {
    let mut host = host();
    let member = talkative(&mut host);
    let moved = Client { client_id: "new".into(), host: "/10.9.9.9".into(), api_version: 1 };
    assert_eq!(ask_as(&mut host, &moved, member.short_request()).error_code, 0);
    let said = metadata(&host);
    assert_eq!((&*said.client_id, &*said.client_host), ("new", "/10.9.9.9"));
    assert_eq!(described(&mut host).0, 1);
}

#[test]
fn names_are_a_set_that_has_no_order_and_nothing_twice() {
    let mut host = host();
    let mut member = ConsumerMember::new("a");
    member.topics = vec!["orders".into(), "clicks".into(), "orders".into()];
    member.beat(&mut host);
    assert_eq!(metadata(&host).subscribed_topic_names, ["clicks", "orders"]);
    let written = host.log.len();
    member.topics = vec!["clicks".into(), "orders".into()];
    member.beat(&mut host);
    assert_eq!(host.log.len(), written);
}

#[test]
fn a_member_may_read_nothing_and_is_a_member_all_the_same() {
    for (names, regex) in [(Some(Vec::new()), None), (None, Some(String::new()))] {
        let mut host = host();
        let request = Request {
            subscribed_topic_names: names,
            subscribed_topic_regex: regex,
            ..ConsumerMember::new("a").full_request()
        };
        let response = ask(&mut host, request);
        assert_eq!((response.error_code, response.member_epoch), (0, 1));
        assert_eq!(response.assignment.unwrap().topic_partitions, []);
        assert_eq!(described(&mut host).1.len(), 1);
    }
}

#[test]
fn an_empty_expression_where_there_was_none_is_no_news() {
    let mut host = host();
    let mut member = ConsumerMember::new("a");
    member.beat(&mut host);
    let written = host.log.len();
    member.regex = Some(String::new());
    assert_eq!(member.try_beat(&mut host), ErrorCode::None);
    assert_eq!((host.log.len(), member.epoch), (written, 1));
}

#[test]
fn an_empty_expression_takes_back_the_one_before() {
    let mut host = host();
    let mut member = talkative(&mut host);
    assert_eq!(member.owned.len(), 7);
    member.regex = Some(String::new());
    member.topics = vec!["orders".into()];
    settle(&mut host, std::slice::from_mut(&mut member));
    assert_eq!(member.owned.len(), 4);
    assert_eq!(described(&mut host).1[0].subscribed_topic_regex, None);
}

#[test]
fn an_expression_is_looked_at_when_its_member_has_passed() {
    let mut host = Host::new(CoordinatorConfig {
        consumer_assignment_interval_ms: 0,
        consumer_max_size: 1,
        ..CoordinatorConfig::default()
    });
    let mut member = ConsumerMember::new("a");
    member.beat(&mut host);
    let wrong = |member: &ConsumerMember, epoch: i32| Request {
        member_epoch: epoch,
        subscribed_topic_regex: Some("(".into()),
        ..member.full_request()
    };
    let (stranger, joining) = (ConsumerMember::new("b"), ConsumerMember::new("a"));
    let written = host.log.len();
    for (request, expected) in [
        (wrong(&member, 9), ErrorCode::FencedMemberEpoch),
        (wrong(&stranger, 0), ErrorCode::GroupMaxSizeReached),
        (wrong(&member, 1), ErrorCode::InvalidRegularExpression),
        (wrong(&joining, 0), ErrorCode::InvalidRegularExpression),
    ] {
        assert_eq!(ask(&mut host, request.clone()).error_code, expected.code(), "{request:?}");
        assert_eq!(host.log.len(), written);
    }
    // Whoever leaves is not asked what it reads.
    assert_eq!(ask(&mut host, wrong(&member, -1)).error_code, 0);
    let gone = ask(&mut host, wrong(&member, 1));
    assert_eq!(gone.error_code, ErrorCode::UnknownMemberId.code());
}

#[test]
fn topics_that_are_not_read_any_more_are_given_up_before_there_are_new_targets() {
    let mut host = patient_host();
    let mut member = ConsumerMember::new("a");
    member.topics.push("clicks".into());
    member.beat(&mut host);
    assert_eq!(member.owned.len(), 7);
    host.advance_ms(1_000);
    let names = Some(vec!["clicks".to_owned()]);
    let request = Request { subscribed_topic_names: names, ..member.short_request() };
    let response = ask(&mut host, request);
    let told = partitions(&response.assignment.unwrap());
    assert_eq!((response.member_epoch, told.len()), (1, 3), "the targets are those of before");
    assert!(told.iter().all(|(topic, _)| *topic == topic_id(2)));
    // It is asked to give them up until it says that it has.
    assert_eq!(ask(&mut host, member.short_request()).assignment, None);
    (member.owned, member.topics) = (told, vec!["clicks".into()]);
    assert_eq!(member.try_beat(&mut host), ErrorCode::None);
    assert_eq!(member.owned.len(), 3);
    // When there are, nothing else changes for it.
    settle(&mut host, std::slice::from_mut(&mut member));
    host.advance_ms(20_000);
    assert_eq!(member.try_beat(&mut host), ErrorCode::None);
    assert_eq!((member.epoch, member.owned.len()), (2, 3));
}

#[test]
fn who_still_gives_up_partitions_and_reads_even_less_has_more_to_give_up() {
    let mut host = host();
    let mut first = ConsumerMember::new("a");
    first.topics.push("clicks".into());
    first.beat(&mut host);
    let mut second = ConsumerMember::new("b");
    second.beat(&mut host);
    let response = ask(&mut host, first.short_request());
    let told = partitions(&response.assignment.unwrap());
    assert!(told.len() < 7 && told.iter().any(|(topic, _)| *topic == topic_id(2)));
    let names = Some(vec!["orders".to_owned()]);
    let request = Request { subscribed_topic_names: names, ..first.short_request() };
    let response = ask(&mut host, request);
    let told = partitions(&response.assignment.unwrap());
    assert!(told.iter().all(|(topic, _)| *topic == topic_id(1)), "{told:?}");
    assert_eq!(response.member_epoch, 1, "it has not given up anything yet");
    (first.owned, first.topics) = (told, vec!["orders".into()]);
    let mut members = [first, second];
    settle(&mut host, &mut members);
    for member in &members {
        assert_eq!((member.orders().len(), member.owned.len()), (2, 2));
    }
}

#[test]
fn partitions_that_are_left_out_are_still_held_and_an_empty_list_holds_none() {
    for (says_nothing, is_free) in [(false, true), (true, false)] {
        let mut host = host();
        let mut first = ConsumerMember::new("a");
        first.beat(&mut host);
        let mut second = ConsumerMember::new("b");
        second.beat(&mut host);
        ask(&mut host, first.short_request());
        let owned = if says_nothing { None } else { Some(Vec::new()) };
        let request = Request { topic_partitions: owned, ..first.short_request() };
        assert_eq!(ask(&mut host, request).error_code, 0);
        second.beat(&mut host);
        assert_eq!(!second.orders().is_empty(), is_free);
    }
}

#[test]
fn partitions_that_a_member_does_not_have_are_no_reason_to_take_what_it_has() {
    let mut host = host();
    let mut member = ConsumerMember::new("a");
    member.beat(&mut host);
    let had = member.owned.clone();
    member.owned = [(topic_id(9), 3), (topic_id(1), 99)].into();
    let response = member.beat(&mut host);
    assert_eq!((response.error_code, response.member_epoch), (0, 1));
    assert_eq!(member.owned, had, "it is told what it has");
}

#[test]
fn a_new_rebalance_timeout_counts_for_what_is_to_be_given_up_next() {
    let mut host = host();
    let mut first = ConsumerMember::new("a");
    first.beat(&mut host);
    let request = Request { rebalance_timeout_ms: 3_000, ..first.short_request() };
    assert_eq!(ask(&mut host, request).error_code, 0);
    ConsumerMember::new("b").beat(&mut host);
    ask(&mut host, first.short_request());
    host.advance_ms(2_999);
    assert_eq!(ask(&mut host, first.short_request()).error_code, 0);
    host.advance_ms(1);
    let late = ask(&mut host, first.short_request());
    assert_eq!(late.error_code, ErrorCode::UnknownMemberId.code());
}

#[test]
fn a_member_whose_state_a_later_release_has_written_begins_anew() {
    let mut host = host();
    let mut member = ConsumerMember::new("a");
    member.beat(&mut host);
    let key = ConsumerGroupCurrentMemberAssignmentKey {
        group_id: "g".into(),
        member_id: member.id.clone(),
    };
    let last = host.log.iter().rev().find_map(|record| match record {
        CoordinatorRecord::ConsumerGroupCurrentMemberAssignment(_, value) => value.clone(),
        _ => None,
    });
    let value = ConsumerGroupCurrentMemberAssignmentValue { state: 99, ..last.unwrap() };
    host.log.push(CoordinatorRecord::ConsumerGroupCurrentMemberAssignment(key, Some(value)));
    host.commit_log();
    host.restart();
    for request in [member.short_request(), member.full_request()] {
        let response = ask(&mut host, request);
        assert_eq!(response.error_code, ErrorCode::FencedMemberEpoch.code());
    }
    member.epoch = 0;
    member.owned.clear();
    assert_eq!(member.try_beat(&mut host), ErrorCode::None);
    assert_eq!(member.orders(), [0, 1, 2, 3]);
}
