//! Who may speak for a member of a consumer group, and in which epoch.

use base::ErrorCode;
use coordinator::{CoordinatorConfig, CoordinatorRecord, Response};
use wire::consumer_group_heartbeat::ConsumerGroupHeartbeatRequest;
use wire::heartbeat::HeartbeatRequest;
use wire::leave_group::MemberIdentity;
use wire::offset_commit::OffsetCommitRequest;

use crate::classic_member::{Member, client, leave, synced};
use crate::consumer_member::{ConsumerMember, ask, settle};
use crate::host::{Host, topic_id};

fn host() -> Host {
    Host::new(CoordinatorConfig {
        consumer_assignment_interval_ms: 0,
        ..CoordinatorConfig::default()
    })
}

fn error(host: &mut Host, request: ConsumerGroupHeartbeatRequest) -> ErrorCode {
    ErrorCode::from_code(ask(host, request).error_code).unwrap()
}

/// The answer for each partition, in order.
fn commit(host: &mut Host, version: i16, request: OffsetCommitRequest) -> Vec<ErrorCode> {
    let token = host.send(&client(version), request);
    let Some(Response::OffsetCommit(response)) = host.take(token) else { panic!("no answer") };
    let partitions = response.topics.iter().flat_map(|topic| &topic.partitions);
    partitions.map(|partition| ErrorCode::from_code(partition.error_code).unwrap()).collect()
}

fn commit_of(member: &str, epoch: i32, topic: &str, index: i32) -> OffsetCommitRequest {
    let mut request = Member::new().commit_request(topic, index, 5);
    request.member_id = member.into();
    request.generation_id_or_member_epoch = epoch;
    request
}

#[test]
fn a_member_that_was_fenced_is_let_in_again_under_its_own_id() {
    let mut host = host();
    let mut members = vec![ConsumerMember::new("a"), ConsumerMember::new("b")];
    settle(&mut host, &mut members);
    let epoch = members[0].epoch;
    let strange = ConsumerGroupHeartbeatRequest { member_epoch: 77, ..members[0].full_request() };
    assert_eq!(error(&mut host, strange), ErrorCode::FencedMemberEpoch);
    let had = members[0].orders();
    members[0].epoch = 0;
    members[0].owned.clear();
    assert_eq!(members[0].try_beat(&mut host), ErrorCode::None);
    assert_eq!((members[0].epoch, members[0].orders()), (epoch, had));
}

#[test]
fn a_late_heartbeat_does_not_bring_back_a_static_member_that_has_left() {
    let mut host = host();
    let mut members = vec![ConsumerMember::fixed("a", "i"), ConsumerMember::new("b")];
    settle(&mut host, &mut members);
    let (late, mut earlier) = (members[0].full_request(), members[0].full_request());
    earlier.member_epoch -= 1;
    members[0].leave(&mut host, -2);
    assert_eq!(error(&mut host, late), ErrorCode::FencedMemberEpoch);
    assert_eq!(error(&mut host, earlier), ErrorCode::FencedMemberEpoch);
}

#[test]
fn a_static_member_that_is_back_commits_for_its_partitions_in_any_epoch() {
    let mut host = host();
    let mut members = vec![ConsumerMember::fixed("a", "i"), ConsumerMember::new("b")];
    settle(&mut host, &mut members);
    let kept = members[0].orders()[0];
    members[0].leave(&mut host, -2);
    let mut back = ConsumerMember::fixed("c", "i");
    back.beat(&mut host);
    assert!(back.epoch > 1);
    let early = commit_of("c", 1, "orders", kept);
    assert_eq!(commit(&mut host, 9, early), [ErrorCode::None]);
}

#[test]
fn a_commit_by_name_is_taken_from_an_owner_in_an_earlier_epoch_too() {
    let mut host = host();
    let mut members = vec![ConsumerMember::new("a"), ConsumerMember::new("b")];
    settle(&mut host, &mut members);
    let (kept, epoch) = (members[0].orders()[0], members[0].epoch);
    assert!(epoch > 1);
    for epoch in 1..=epoch {
        let request = commit_of("a", epoch, "orders", kept);
        assert_eq!(commit(&mut host, 9, request), [ErrorCode::None], "{epoch}");
    }
    let others = commit_of("a", 1, "orders", members[1].orders()[0]);
    assert_eq!(commit(&mut host, 9, others), [ErrorCode::StaleMemberEpoch]);
}

#[test]
fn a_topic_that_is_not_there_does_not_fail_the_rest_of_a_commit() {
    let mut host = host();
    let mut members = vec![ConsumerMember::new("a"), ConsumerMember::new("b")];
    settle(&mut host, &mut members);
    let kept = members[0].orders()[0];
    let mut request = commit_of("a", 1, "gone", 0);
    request.topics.extend(commit_of("a", 1, "orders", 99).topics);
    request.topics.extend(commit_of("a", 1, "orders", kept).topics);
    let unknown = ErrorCode::UnknownTopicOrPartition;
    assert_eq!(commit(&mut host, 9, request.clone()), [unknown, unknown, ErrorCode::None]);
    // And has an error of its own where the rest is refused.
    request.member_id = "who".into();
    let refused = ErrorCode::UnknownMemberId;
    assert_eq!(commit(&mut host, 9, request.clone()), [unknown, refused, refused]);
    request.topics.iter_mut().for_each(|topic| topic.topic_id = topic_id(9));
    let unknown = ErrorCode::UnknownTopicId;
    assert_eq!(commit(&mut host, 10, request), [unknown; 3]);
}

/// A consumer group with a classic member, which holds two partitions.
fn with_classic(host: &mut Host, classic: Member) -> (Member, ConsumerMember) {
    let mut consumer = ConsumerMember::new("a");
    let mut classic = classic;
    for _ in 0..4 {
        assert_eq!(consumer.try_beat(host), ErrorCode::None);
        let token = classic.join(host);
        classic.joined(host, token);
        let token = classic.sync(host, &[]);
        assert_eq!(synced(host, token).unwrap().error_code, 0);
    }
    assert_eq!(consumer.orders().len(), 2);
    (classic, consumer)
}

#[test]
fn a_classic_member_of_a_consumer_group_commits_in_the_generations_since_it_was_given_a_partition()
{
    let mut host = host();
    let (classic, consumer) = with_classic(&mut host, Member::new());
    let index = (0..4).find(|index| !consumer.orders().contains(index)).unwrap();
    let given = classic.generation;
    let mut third = ConsumerMember::new("z");
    third.topics = vec!["clicks".into()];
    third.beat(&mut host);
    let mut classic = classic;
    let token = classic.join(&mut host);
    classic.joined(&mut host, token);
    assert!(classic.generation > given);
    let earlier = commit_of(&classic.id, given, "orders", index);
    assert_eq!(commit(&mut host, 9, earlier), [ErrorCode::None]);
    let too_early = commit_of(&classic.id, 0, "orders", index);
    assert_eq!(commit(&mut host, 9, too_early), [ErrorCode::IllegalGeneration]);
}

#[test]
fn who_names_an_instance_and_no_member_is_not_that_member() {
    let mut host = host();
    let (classic, _) = with_classic(&mut host, Member::fixed("i"));
    let nobody = Member { id: String::new(), ..classic.clone() };
    let token = nobody.sync(&mut host, &[]);
    let fenced = ErrorCode::FencedInstanceId;
    assert_eq!(synced(&mut host, token).unwrap().error_code, fenced.code());
    let request = HeartbeatRequest {
        group_id: "g".into(),
        generation_id: classic.generation,
        group_instance_id: Some("i".into()),
        ..HeartbeatRequest::default()
    };
    let token = host.send(&client(4), request);
    let Some(Response::Heartbeat(response)) = host.take(token) else { panic!("no answer") };
    assert_eq!(response.error_code, fenced.code());
}

#[test]
fn an_operator_removes_members_of_either_protocol() {
    let mut host = host();
    let (_, _) = with_classic(&mut host, Member::fixed("i"));
    let of_instance =
        MemberIdentity { group_instance_id: Some("i".into()), ..MemberIdentity::default() };
    let of_consumer = MemberIdentity { member_id: "a".into(), ..MemberIdentity::default() };
    let left = leave(&mut host, "g", vec![of_instance.clone(), of_consumer, of_instance]);
    let errors: Vec<i16> = left.members.iter().map(|member| member.error_code).collect();
    assert_eq!(errors, [0, 0, ErrorCode::UnknownMemberId.code()]);
}

#[test]
fn a_commits_metadata_is_counted_as_java_counts_it() {
    let config = CoordinatorConfig { offset_metadata_max_bytes: 4, ..CoordinatorConfig::default() };
    let mut host = Host::new(config);
    for (metadata, expected) in [
        ("ääää", ErrorCode::None),
        ("🚀🚀", ErrorCode::None),
        ("🚀🚀a", ErrorCode::OffsetMetadataTooLarge),
    ] {
        let mut request = commit_of("", -1, "orders", 0);
        request.topics[0].partitions[0].committed_metadata = Some(metadata.into());
        assert_eq!(commit(&mut host, 9, request), [expected], "{metadata}");
    }
}

#[test]
fn topics_are_looked_at_although_somebody_joins_right_after_they_have_changed() {
    let mut host = host();
    let mut members = vec![ConsumerMember::new("a"), ConsumerMember::new("b")];
    members[0].regex = Some("new.*".into());
    members[0].beat(&mut host);
    let mut image = host.image.clone();
    crate::host::add_topic(&mut image, "newest", 9, 1);
    host.set_image(image);
    members[1].beat(&mut host);
    settle(&mut host, &mut members);
    assert!(members[0].owned.contains(&(topic_id(9), 0)));
}

#[test]
fn an_expression_that_is_none_by_itself_is_refused() {
    let mut host = host();
    let long = "a".repeat(10_000);
    for expression in ["a)|(?:b", "a)(b", "(", &long] {
        let mut member = ConsumerMember::new("a");
        member.regex = Some(expression.to_owned());
        assert_eq!(member.try_beat(&mut host), ErrorCode::InvalidRegularExpression);
    }
}

#[test]
fn expressions_are_resolved_once_a_second_however_often_topics_change() {
    let mut host = host();
    let mut member = ConsumerMember::new("a");
    member.regex = Some("new.*".into());
    member.beat(&mut host);
    let add = |host: &mut Host, number: u8| {
        let mut image = host.image.clone();
        crate::host::add_topic(&mut image, &format!("new{number}"), number, 1);
        host.set_image(image);
        host.advance_ms(0);
        member.clone().beat(host);
        let resolved = host.log.iter().rev().find_map(|record| match record {
            CoordinatorRecord::ConsumerGroupRegularExpression(_, value) => value.as_ref(),
            _ => None,
        });
        resolved.unwrap().topics.len()
    };
    assert_eq!(add(&mut host, 10), 1, "the first does not wait");
    for number in 11..20 {
        host.advance_ms(100);
        assert_eq!(add(&mut host, number), 1);
    }
    host.advance_ms(100);
    assert_eq!(add(&mut host, 20), 10, "what came before this one");
    host.advance_ms(1_000);
    assert_eq!(add(&mut host, 21), 11);
}
