//! Which epochs a heartbeat (KIP-848) may bear: that of the member, the one before if its answer
//! was lost, and those that join and leave.

use base::ErrorCode;
use coordinator::CoordinatorConfig;
use wire::consumer_group_heartbeat::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, TopicPartitions,
};

use crate::consumer_member::{ConsumerMember, ask, partitions, settle};
use crate::host::{Host, topic_id};

type Request = ConsumerGroupHeartbeatRequest;

fn host() -> Host {
    Host::new(CoordinatorConfig {
        consumer_assignment_interval_ms: 0,
        ..CoordinatorConfig::default()
    })
}

fn code(response: &ConsumerGroupHeartbeatResponse) -> ErrorCode {
    ErrorCode::from_code(response.error_code).unwrap()
}

/// Two members of four partitions, each of which has gone from epoch 1 or 0 to 2.
fn two_members(host: &mut Host) -> [ConsumerMember; 2] {
    let mut members = [ConsumerMember::new("a"), ConsumerMember::new("b")];
    members[0].beat(host);
    settle(host, &mut members);
    assert!(members.iter().all(|member| member.epoch == 2 && member.orders().len() == 2));
    members
}

fn orders(partitions: impl IntoIterator<Item = i32>) -> Vec<TopicPartitions> {
    let partitions = partitions.into_iter().collect();
    vec![TopicPartitions { topic_id: topic_id(1), partitions }]
}

#[test]
fn an_epoch_ahead_or_too_far_behind_is_fenced_whatever_is_held() {
    let mut host = host();
    let members = two_members(&mut host);
    let written = host.log.len();
    // The second member has never been in epoch 1.
    for (member, epoch, than) in [
        (&members[0], 3, "greater"),
        (&members[0], i32::MAX, "greater"),
        (&members[1], 1, "smaller"),
    ] {
        for topic_partitions in [None, Some(Vec::new()), Some(orders(member.orders()))] {
            let request =
                Request { member_epoch: epoch, topic_partitions, ..member.full_request() };
            let response = ask(&mut host, request);
            assert_eq!(code(&response), ErrorCode::FencedMemberEpoch, "{epoch}");
            let message = response.error_message.unwrap();
            assert!(message.contains(&format!("{than} member epoch ({epoch})")), "{message}");
            assert!(message.contains("rejoin"), "{message}");
            assert_eq!((response.member_id, response.assignment), (None, None));
        }
    }
    assert_eq!(host.log.len(), written);
}

#[test]
fn the_epoch_before_is_let_on_by_who_says_that_it_holds_no_more_than_it_should() {
    let mut host = host();
    let [member, other] = two_members(&mut host);
    let kept = member.orders();
    let taken = other.orders()[0];
    for (owned, expected) in [
        (None, ErrorCode::FencedMemberEpoch),
        (Some(orders([kept[0], taken])), ErrorCode::FencedMemberEpoch),
        (
            Some(vec![TopicPartitions { topic_id: topic_id(9), partitions: vec![kept[0]] }]),
            ErrorCode::FencedMemberEpoch,
        ),
        (Some(Vec::new()), ErrorCode::None),
        (Some(orders([kept[0]])), ErrorCode::None),
        (Some(orders(kept.clone())), ErrorCode::None),
    ] {
        let written = host.log.len();
        let request =
            Request { member_epoch: 1, topic_partitions: owned, ..member.short_request() };
        let response = ask(&mut host, request);
        assert_eq!(code(&response), expected);
        assert_eq!(host.log.len(), written);
        if expected == ErrorCode::None {
            assert_eq!(response.member_epoch, 2);
            assert_eq!(partitions(&response.assignment.unwrap()), member.owned);
        }
    }
}

/// What a late heartbeat says was so before it was told of what it has now.
#[test]
fn a_late_heartbeat_of_the_epoch_before_gives_nothing_up() {
    let mut host = host();
    let [member, mut other] = two_members(&mut host);
    let late =
        Request { member_epoch: 1, topic_partitions: Some(Vec::new()), ..member.full_request() };
    let mut newcomers = [ConsumerMember::new("c"), ConsumerMember::new("d")];
    for newcomer in &mut newcomers {
        newcomer.beat(&mut host);
    }
    let told = ask(&mut host, member.short_request()).assignment.unwrap();
    assert_eq!(partitions(&told).len(), 1, "it has one to give up");
    // The late heartbeat, which holds nothing, is not its word for that.
    assert_eq!(code(&ask(&mut host, late)), ErrorCode::None);
    for _ in 0..3 {
        for member in newcomers.iter_mut().chain([&mut other]) {
            member.beat(&mut host);
        }
    }
    let taken = newcomers.iter().chain([&other]).flat_map(ConsumerMember::orders);
    let taken: Vec<i32> = taken.collect();
    assert!(taken.iter().all(|index| !member.orders().contains(index)), "{taken:?}");
}

#[test]
fn a_join_that_is_sent_again_is_told_the_same_again() {
    let mut host = host();
    let mut member = ConsumerMember::new("a");
    let request = member.full_request();
    member.beat(&mut host);
    let written = host.log.len();
    for _ in 0..2 {
        let response = ask(&mut host, request.clone());
        assert_eq!((code(&response), response.member_epoch), (ErrorCode::None, 1));
        assert_eq!(partitions(&response.assignment.unwrap()), member.owned);
    }
    assert_eq!(host.log.len(), written, "it is the same member");
}

#[test]
fn who_joins_anew_holds_nothing_of_what_it_had_to_give_up() {
    let mut host = host();
    let mut first = ConsumerMember::new("a");
    first.beat(&mut host);
    let mut second = ConsumerMember::new("b");
    second.beat(&mut host);
    ask(&mut host, first.short_request());
    second.beat(&mut host);
    assert_eq!(second.orders(), Vec::<i32>::new());
    first.epoch = 0;
    first.owned.clear();
    let response = first.beat(&mut host);
    assert_eq!((code(&response), first.epoch, first.orders().len()), (ErrorCode::None, 2, 2));
    second.beat(&mut host);
    assert_eq!(second.orders().len(), 2);
}

#[test]
fn an_epoch_of_a_member_or_a_group_that_is_not_there_is_told_so() {
    let mut host = host();
    for epoch in [1, -1, i32::MAX] {
        let mut member = ConsumerMember::new("a");
        member.epoch = epoch;
        let response = ask(&mut host, member.full_request());
        assert_eq!(code(&response), ErrorCode::GroupIdNotFound, "{epoch}");
    }
    ConsumerMember::fixed("a", "i").beat(&mut host);
    let unknown = ErrorCode::UnknownMemberId;
    for (id, instance, epoch, expected) in [
        ("b", None, 1, unknown),
        ("b", None, -1, unknown),
        ("b", Some("j"), 1, unknown),
        ("b", Some("j"), -1, unknown),
        ("b", Some("j"), -2, unknown),
        // The instance is another member's.
        ("b", Some("i"), 1, ErrorCode::FencedInstanceId),
        ("b", Some("i"), -1, ErrorCode::FencedInstanceId),
        ("b", Some("i"), -2, ErrorCode::FencedInstanceId),
        // The member is there, and is not that instance.
        ("a", Some("j"), 1, unknown),
        ("a", Some("j"), -1, unknown),
        // Without its instance it is known by its id.
        ("a", None, 1, ErrorCode::None),
        ("a", None, -2, ErrorCode::InvalidRequest),
        ("a", None, -1, ErrorCode::None),
        ("a", Some("i"), 1, unknown),
    ] {
        let mut member = ConsumerMember::new(id);
        (member.instance, member.epoch) = (instance.map(str::to_owned), epoch);
        let response = ask(&mut host, member.short_request());
        assert_eq!(code(&response), expected, "{id} {instance:?} {epoch}");
    }
}

#[test]
fn who_leaves_is_told_its_epoch_and_nothing_else() {
    for (instance, epoch) in [(None, -1), (Some("i"), -1), (Some("i"), -2)] {
        let mut host = host();
        let mut member = ConsumerMember::new("a");
        member.instance = instance.map(str::to_owned);
        member.beat(&mut host);
        // Neither the epoch that it was in nor what it holds is asked for.
        let response = member.leave(&mut host, epoch);
        let expected = ConsumerGroupHeartbeatResponse {
            member_id: Some("a".into()),
            member_epoch: epoch,
            ..ConsumerGroupHeartbeatResponse::default()
        };
        assert_eq!(response, expected);
        let again = member.leave(&mut host, epoch);
        let twice = if epoch == -2 { ErrorCode::None } else { ErrorCode::UnknownMemberId };
        assert_eq!(code(&again), twice, "{instance:?} {epoch}");
    }
}

#[test]
fn who_left_for_a_while_is_in_no_epoch_until_it_joins() {
    let mut host = host();
    let mut member = ConsumerMember::fixed("a", "i");
    member.beat(&mut host);
    let had = member.owned.clone();
    let (short, full) = (member.short_request(), member.full_request());
    member.leave(&mut host, -2);
    for request in [short, full] {
        assert_eq!(code(&ask(&mut host, request)), ErrorCode::FencedMemberEpoch);
    }
    member.epoch = 0;
    assert_eq!(member.try_beat(&mut host), ErrorCode::None);
    assert_eq!((member.epoch, member.owned), (1, had));
}
