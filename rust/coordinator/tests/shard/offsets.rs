//! Committing, fetching and deleting offsets.

use base::{ErrorCode, Uuid};
use coordinator::{CoordinatorConfig, CoordinatorRecord, Response};
use wire::offset_commit::{OffsetCommitRequest, OffsetCommitRequestTopic};
use wire::offset_delete::{
    OffsetDeleteRequest, OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use wire::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
    OffsetFetchResponse, OffsetFetchResponsePartitions,
};

use crate::classic_member::{Member, client, stable};
use crate::host::{self, Host};

fn host() -> Host {
    Host::new(CoordinatorConfig { initial_rebalance_delay_ms: 0, ..CoordinatorConfig::default() })
}

fn ask(host: &mut Host, version: i16, request: OffsetFetchRequest) -> OffsetFetchResponse {
    let token = host.send(&client(version), request);
    let Some(Response::OffsetFetch(response)) = host.take(token) else { panic!("no answer") };
    response
}

fn request(group: &str, topics: Option<Vec<OffsetFetchRequestTopics>>) -> OffsetFetchRequest {
    let group = OffsetFetchRequestGroup {
        group_id: group.to_owned(),
        topics,
        ..OffsetFetchRequestGroup::default()
    };
    OffsetFetchRequest { groups: vec![group], ..OffsetFetchRequest::default() }
}

pub(crate) fn fetch(
    host: &mut Host,
    group: &str,
    topic: &str,
    index: i32,
) -> OffsetFetchResponsePartitions {
    let topic = OffsetFetchRequestTopics {
        name: topic.to_owned(),
        topic_id: Uuid::ZERO,
        partition_indexes: vec![index],
    };
    let response = ask(host, 9, request(group, Some(vec![topic])));
    assert_eq!(response.groups[0].error_code, 0);
    response.groups[0].topics[0].partitions[0].clone()
}

#[test]
fn a_commit_is_fetched_as_it_was_made() {
    let mut host = host();
    let member = stable(&mut host, vec![Member::new()]).remove(0);
    assert_eq!(member.commit(&mut host, 1, 42), ErrorCode::None);
    for _ in 0..2 {
        let partition = fetch(&mut host, "g", "orders", 1);
        assert_eq!((partition.committed_offset, partition.committed_leader_epoch), (42, 3));
        assert_eq!(partition.metadata.as_deref(), Some("note"));
        host.restart();
    }
    let nothing = fetch(&mut host, "g", "orders", 0);
    assert_eq!((nothing.committed_offset, nothing.committed_leader_epoch), (-1, -1));
    assert_eq!((nothing.metadata.as_deref(), nothing.error_code), (Some(""), 0));
}

#[test]
fn a_consumer_that_assigns_itself_commits_without_a_group() {
    let mut host = host();
    let simple = Member { group: "simple".into(), ..Member::new() };
    assert_eq!(simple.commit(&mut host, 0, 5), ErrorCode::None);
    host.restart();
    assert_eq!(simple.commit(&mut host, 0, 6), ErrorCode::None);
    assert_eq!(fetch(&mut host, "simple", "orders", 0).committed_offset, 6);
}

#[test]
fn a_commit_of_somebody_who_is_not_in_the_group_is_refused() {
    let mut host = host();
    let member = stable(&mut host, vec![Member::new()]).remove(0);
    let cases = [
        (Member { generation: 0, ..member.clone() }, ErrorCode::IllegalGeneration),
        (Member { generation: 2, ..member.clone() }, ErrorCode::IllegalGeneration),
        (Member { id: "who".into(), ..member.clone() }, ErrorCode::UnknownMemberId),
        (Member::new(), ErrorCode::UnknownMemberId),
        (Member { group: "no".into(), ..member.clone() }, ErrorCode::GroupIdNotFound),
        (Member { instance: Some("i".into()), ..member }, ErrorCode::UnknownMemberId),
    ];
    for (member, error) in cases {
        assert_eq!(member.commit(&mut host, 0, 1), error);
    }
    assert_eq!(fetch(&mut host, "g", "orders", 0).committed_offset, -1);
}

#[test]
fn before_version_9_an_unknown_group_is_an_illegal_generation() {
    let mut host = host();
    let member = Member { generation: 3, id: "who".into(), ..Member::new() };
    let token = host.send(&client(8), member.commit_request("orders", 0, 1));
    let Some(Response::OffsetCommit(response)) = host.take(token) else { panic!("no answer") };
    let error = response.topics[0].partitions[0].error_code;
    assert_eq!(error, ErrorCode::IllegalGeneration.code());
}

#[test]
fn nobody_commits_while_a_generation_is_being_completed() {
    let mut host = host();
    let mut member = Member::new();
    let token = member.join(&mut host);
    member.joined(&mut host, token);
    assert_eq!(member.commit(&mut host, 0, 1), ErrorCode::RebalanceInProgress);
}

#[test]
fn while_members_are_asked_to_join_they_still_commit() {
    let mut host = host();
    let member = stable(&mut host, vec![Member::new()]).remove(0);
    Member::new().join(&mut host);
    assert_eq!(member.commit(&mut host, 0, 9), ErrorCode::None);
}

#[test]
fn metadata_that_is_too_long_refuses_its_partition_only() {
    let mut host = host();
    let mut request = Member::new().commit_request("orders", 0, 1);
    let mut second = request.topics[0].partitions[0].clone();
    second.partition_index = 1;
    second.committed_metadata = Some("x".repeat(4_097));
    request.topics[0].partitions.push(second);
    let token = host.send(&client(9), request);
    let Some(Response::OffsetCommit(response)) = host.take(token) else { panic!("no answer") };
    let errors: Vec<i16> =
        response.topics[0].partitions.iter().map(|partition| partition.error_code).collect();
    assert_eq!(errors, [0, ErrorCode::OffsetMetadataTooLarge.code()]);
    assert_eq!(fetch(&mut host, "g", "orders", 0).committed_offset, 1);
}

#[test]
fn a_topic_or_partition_that_is_not_there_cannot_be_committed() {
    let mut host = host();
    for (topic, index) in [("nothing", 0), ("orders", 4), ("orders", -1)] {
        let request = Member::new().commit_request(topic, index, 1);
        let token = host.send(&client(9), request);
        let Some(Response::OffsetCommit(response)) = host.take(token) else { panic!("no answer") };
        let error = response.topics[0].partitions[0].error_code;
        assert_eq!(error, ErrorCode::UnknownTopicOrPartition.code(), "{topic}-{index}");
    }
}

#[test]
fn version_10_names_topics_by_their_ids() {
    let mut host = host();
    let commit = |topic_id| {
        let request = Member::new().commit_request("", 2, 8);
        let topics = request.topics.into_iter();
        OffsetCommitRequest {
            topics: topics.map(|t| OffsetCommitRequestTopic { topic_id, ..t }).collect(),
            group_id: "g".into(),
            generation_id_or_member_epoch: -1,
            ..OffsetCommitRequest::default()
        }
    };
    for (id, error) in [(1, ErrorCode::None), (9, ErrorCode::UnknownTopicId)] {
        let token = host.send(&client(10), commit(host::topic_id(id)));
        let Some(Response::OffsetCommit(response)) = host.take(token) else { panic!("no answer") };
        assert_eq!(response.topics[0].topic_id, host::topic_id(id));
        assert_eq!(response.topics[0].partitions[0].error_code, error.code());
    }
    let asked = |id| OffsetFetchRequestTopics {
        topic_id: host::topic_id(id),
        partition_indexes: vec![2],
        ..OffsetFetchRequestTopics::default()
    };
    let response = ask(&mut host, 10, request("g", Some(vec![asked(1), asked(9)])));
    let topics = &response.groups[0].topics;
    assert_eq!(topics[0].partitions[0].committed_offset, 8);
    assert_eq!(topics[1].partitions[0].error_code, ErrorCode::UnknownTopicId.code());
    let all = ask(&mut host, 10, request("g", None));
    assert_eq!(all.groups[0].topics[0].topic_id, host::topic_id(1));
}

#[test]
fn a_topic_made_anew_under_its_old_name_has_no_offsets() {
    let mut host = host();
    Member::new().commit(&mut host, 0, 5);
    let mut image = host.image.clone();
    host::remove_topic(&mut image, 1);
    host::add_topic(&mut image, "orders", 7, 4);
    // Deletion and creation come in one change.
    host.set_image(image);
    assert_eq!(fetch(&mut host, "g", "orders", 0).committed_offset, -1);
    let tombstones =
        host.log.iter().filter(|r| matches!(r, CoordinatorRecord::OffsetCommit(_, None)));
    assert_eq!(tombstones.count(), 1);
}

#[test]
fn all_offsets_of_several_groups_come_in_one_answer() {
    let mut host = host();
    let groups = ["a", "b"].map(|group| Member { group: group.into(), ..Member::new() });
    for (number, member) in groups.iter().enumerate() {
        member.commit(&mut host, number as i32, 10);
    }
    let request = OffsetFetchRequest {
        groups: [&request("a", None).groups[..], &request("b", None).groups[..]].concat(),
        ..OffsetFetchRequest::default()
    };
    let response = ask(&mut host, 8, request);
    for (number, group) in response.groups.iter().enumerate() {
        assert_eq!(group.topics.len(), 1);
        assert_eq!(group.topics[0].name, "orders");
        assert_eq!(group.topics[0].partitions[0].partition_index, number as i32);
    }
}

#[test]
fn one_group_is_fetched_in_the_singular_before_version_8() {
    let mut host = host();
    Member::new().commit(&mut host, 3, 4);
    let topics =
        vec![OffsetFetchRequestTopic { name: "orders".into(), partition_indexes: vec![3] }];
    for topics in [Some(topics), None] {
        let request =
            OffsetFetchRequest { group_id: "g".into(), topics, ..OffsetFetchRequest::default() };
        let response = ask(&mut host, 7, request);
        assert_eq!(response.groups, []);
        assert_eq!(response.topics[0].partitions[0].committed_offset, 4);
    }
}

fn delete(host: &mut Host, topic: &str, index: i32) -> (i16, i16) {
    let partitions = vec![OffsetDeleteRequestPartition { partition_index: index }];
    let topics = vec![OffsetDeleteRequestTopic { name: topic.to_owned(), partitions }];
    let token = host.send(&client(0), OffsetDeleteRequest { group_id: "g".into(), topics });
    let Some(Response::OffsetDelete(response)) = host.take(token) else { panic!("no answer") };
    let partition = response.topics.first().map_or(0, |topic| topic.partitions[0].error_code);
    (response.error_code, partition)
}

#[test]
fn offsets_of_topics_that_are_not_read_can_be_deleted() {
    let mut host = host();
    assert_eq!(delete(&mut host, "orders", 0), (ErrorCode::GroupIdNotFound.code(), 0));
    let member = stable(&mut host, vec![Member::new()]).remove(0);
    member.commit(&mut host, 0, 5);
    let token = host.send(&client(9), member.commit_request("clicks", 0, 5));
    host.take(token).unwrap();
    assert_eq!(delete(&mut host, "orders", 0), (0, ErrorCode::GroupSubscribedToTopic.code()));
    assert_eq!(delete(&mut host, "clicks", 0), (0, 0));
    assert_eq!(fetch(&mut host, "g", "clicks", 0).committed_offset, -1);
    assert_eq!(fetch(&mut host, "g", "orders", 0).committed_offset, 5);
}

#[test]
fn offsets_of_an_unknown_protocol_are_only_deleted_while_nobody_uses_them() {
    let mut host = host();
    let worker = Member { protocol_type: "connect".into(), ..Member::new() };
    let worker = stable(&mut host, vec![worker]).remove(0);
    worker.commit(&mut host, 0, 5);
    assert_eq!(delete(&mut host, "orders", 0), (ErrorCode::NonEmptyGroup.code(), 0));
    worker.leave(&mut host);
    assert_eq!(delete(&mut host, "orders", 0), (0, 0));
    assert_eq!(fetch(&mut host, "g", "orders", 0).committed_offset, -1);
}
