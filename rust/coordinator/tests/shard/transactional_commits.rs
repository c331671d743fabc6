//! Offsets that are committed in transactions: when they count, who may commit them, and what
//! becomes of them when their group, their topic or the transaction goes.

use std::time::Duration;

use base::{ErrorCode, ProducerEpoch, ProducerId};
use coordinator::{CoordinatorConfig, ReplyToken, Response, TransactionalProducer};
use wire::delete_groups::DeleteGroupsRequest;
use wire::offset_delete::{
    OffsetDeleteRequest, OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use wire::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
    OffsetFetchResponsePartitions,
};
use wire::txn_offset_commit::{
    TxnOffsetCommitRequest, TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};

use crate::classic_member::{Member, client, stable};
use crate::consumer_member::ConsumerMember;
use crate::groups::listed;
use crate::host::{self, Host};
use crate::offsets::fetch;

const MINUTE: Duration = Duration::from_mins(1);

fn host() -> Host {
    Host::new(CoordinatorConfig {
        initial_rebalance_delay_ms: 0,
        offsets_retention_minutes: 60,
        offsets_retention_check_interval_ms: 60_000,
        ..CoordinatorConfig::default()
    })
}

fn producer(id: i64, epoch: i16) -> TransactionalProducer {
    TransactionalProducer { id: ProducerId(id), epoch: ProducerEpoch(epoch) }
}

/// A commit by a producer that knows of no member.
fn request(of: TransactionalProducer, index: i32, offset: i64) -> TxnOffsetCommitRequest {
    let partition = TxnOffsetCommitRequestPartition {
        partition_index: index,
        committed_offset: offset,
        committed_leader_epoch: 3,
        committed_metadata: Some("note".into()),
    };
    let topic = TxnOffsetCommitRequestTopic { name: "orders".into(), partitions: vec![partition] };
    TxnOffsetCommitRequest {
        transactional_id: "t".into(),
        group_id: "g".into(),
        producer_id: of.id.0,
        producer_epoch: of.epoch.0,
        topics: vec![topic],
        ..TxnOffsetCommitRequest::default()
    }
}

/// The same by a producer whose consumer is a member.
fn request_of(
    member: &Member,
    of: TransactionalProducer,
    index: i32,
    offset: i64,
) -> TxnOffsetCommitRequest {
    TxnOffsetCommitRequest {
        group_id: member.group.clone(),
        generation_id: member.generation,
        member_id: member.id.clone(),
        group_instance_id: member.instance.clone(),
        ..request(of, index, offset)
    }
}

fn error_of(host: &mut Host, token: ReplyToken) -> ErrorCode {
    let Some(Response::TxnOffsetCommit(response)) = host.take(token) else { panic!("no answer") };
    ErrorCode::from_code(response.topics[0].partitions[0].error_code).unwrap()
}

fn send(host: &mut Host, request: TxnOffsetCommitRequest) -> ErrorCode {
    let token = host.send(&client(3), request);
    error_of(host, token)
}

fn fetch_stable(host: &mut Host, index: i32) -> OffsetFetchResponsePartitions {
    let topic = OffsetFetchRequestTopics {
        name: "orders".into(),
        partition_indexes: vec![index],
        ..OffsetFetchRequestTopics::default()
    };
    fetch_group_stable(host, Some(vec![topic])).remove(0)
}

fn fetch_group_stable(
    host: &mut Host,
    topics: Option<Vec<OffsetFetchRequestTopics>>,
) -> Vec<OffsetFetchResponsePartitions> {
    let group_id = "g".into();
    let groups =
        vec![OffsetFetchRequestGroup { group_id, topics, ..OffsetFetchRequestGroup::default() }];
    let request =
        OffsetFetchRequest { groups, require_stable: true, ..OffsetFetchRequest::default() };
    let token = host.send(&client(9), request);
    let Some(Response::OffsetFetch(response)) = host.take(token) else { panic!("no answer") };
    response.groups.into_iter().flat_map(|group| group.topics).flat_map(|t| t.partitions).collect()
}

fn offset(host: &mut Host, index: i32) -> i64 {
    fetch(host, "g", "orders", index).committed_offset
}

/// Whether a stable offset is refused.
fn is_unstable(host: &mut Host, index: i32) -> bool {
    let partition = fetch_stable(host, index);
    let is_unstable = partition.error_code == ErrorCode::UnstableOffsetCommit.code();
    if is_unstable {
        assert_eq!((partition.committed_offset, partition.committed_leader_epoch), (-1, -1));
    }
    is_unstable
}

#[test]
fn an_offset_counts_when_its_transaction_is_committed() {
    let mut host = host();
    Member::new().commit(&mut host, 0, 5);
    assert_eq!(send(&mut host, request(producer(1, 0), 0, 9)), ErrorCode::None);
    for _ in 0..2 {
        assert_eq!(offset(&mut host, 0), 5);
        assert!(is_unstable(&mut host, 0));
        host.restart();
    }
    host.end_transaction(producer(1, 0), true);
    for _ in 0..2 {
        let stable = fetch_stable(&mut host, 0);
        assert_eq!((stable.committed_offset, stable.committed_leader_epoch), (9, 3));
        assert_eq!((stable.metadata.as_deref(), stable.error_code), (Some("note"), 0));
        host.restart();
    }
}

#[test]
fn nothing_is_left_of_an_offset_whose_transaction_is_aborted() {
    let mut host = host();
    Member::new().commit(&mut host, 0, 5);
    for index in 0..2 {
        send(&mut host, request(producer(1, 0), index, 9));
    }
    host.end_transaction(producer(1, 0), false);
    for _ in 0..2 {
        assert!(!is_unstable(&mut host, 0) && !is_unstable(&mut host, 1));
        assert_eq!((offset(&mut host, 0), offset(&mut host, 1)), (5, -1));
        host.restart();
    }
}

#[test]
fn each_transaction_has_its_own_offsets_and_the_last_one_recorded_holds() {
    let mut host = host();
    for (id, value) in [(1, 10), (2, 20), (3, 30)] {
        send(&mut host, request(producer(id, 0), 0, value));
    }
    host.end_transaction(producer(2, 0), true);
    assert_eq!(offset(&mut host, 0), 20);
    host.end_transaction(producer(1, 0), true);
    assert_eq!(offset(&mut host, 0), 20, "it was recorded before the other");
    assert!(is_unstable(&mut host, 0));
    host.end_transaction(producer(3, 0), false);
    assert_eq!(fetch_stable(&mut host, 0).committed_offset, 20);
}

#[test]
fn all_offsets_of_a_group_are_fetched_without_those_that_are_not_stable() {
    let mut host = host();
    for index in 0..2 {
        Member::new().commit(&mut host, index, 5);
    }
    for index in 1..3 {
        send(&mut host, request(producer(1, 0), index, 9));
    }
    let told: Vec<_> = fetch_group_stable(&mut host, None)
        .iter()
        .map(|told| (told.partition_index, told.committed_offset, told.error_code))
        .collect();
    // What was never committed is not among all that is.
    assert_eq!(told, [(0, 5, 0), (1, -1, ErrorCode::UnstableOffsetCommit.code())]);
}

#[test]
fn one_group_is_asked_for_stable_offsets_in_the_singular() {
    let mut host = host();
    send(&mut host, request(producer(1, 0), 0, 9));
    let topic = OffsetFetchRequestTopic { name: "orders".into(), partition_indexes: vec![0] };
    let request = OffsetFetchRequest {
        group_id: "g".into(),
        topics: Some(vec![topic]),
        require_stable: true,
        ..OffsetFetchRequest::default()
    };
    let token = host.send(&client(7), request);
    let Some(Response::OffsetFetch(response)) = host.take(token) else { panic!("no answer") };
    let error = response.topics[0].partitions[0].error_code;
    assert_eq!(error, ErrorCode::UnstableOffsetCommit.code());
}

/// The log's part, as the host here plays it: nothing of the decision comes to be.
#[test]
fn a_batch_that_the_log_refuses_leaves_no_trace() {
    let mut host = host();
    send(&mut host, request(producer(1, 0), 0, 9));
    host.end_transaction(producer(1, 1), true);
    let token = host.send(&client(3), request(producer(1, 0), 0, 11));
    assert_eq!((host.take(token), &host.fenced[..]), (None, &[token][..]));
    assert_eq!(fetch_stable(&mut host, 0).committed_offset, 9);
}

#[test]
fn a_member_commits_in_its_generation_and_nobody_else_in_its_name() {
    let mut host = host();
    let member = stable(&mut host, vec![Member::new()]).remove(0);
    let nobody = Member { group: "g".into(), ..Member::new() };
    let cases = [
        (Member { generation: 0, ..member.clone() }, ErrorCode::IllegalGeneration),
        (Member { generation: 2, ..member.clone() }, ErrorCode::IllegalGeneration),
        (Member { generation: -1, ..member.clone() }, ErrorCode::IllegalGeneration),
        (Member { id: "who".into(), ..member.clone() }, ErrorCode::UnknownMemberId),
        (Member { instance: Some("i".into()), ..member.clone() }, ErrorCode::UnknownMemberId),
        (Member { group: "no".into(), ..member.clone() }, ErrorCode::IllegalGeneration),
        (Member { group: String::new(), ..nobody.clone() }, ErrorCode::InvalidGroupId),
        (nobody, ErrorCode::None),
        (member, ErrorCode::None),
    ];
    for (member, error) in cases {
        let request = request_of(&member, producer(1, 0), 0, 1);
        assert_eq!(send(&mut host, request), error, "{member:?}");
    }
}

#[test]
fn a_static_member_that_was_replaced_is_fenced() {
    let mut host = host();
    let member = stable(&mut host, vec![Member::fixed("i")]).remove(0);
    let impostor = Member { id: "another".into(), ..member };
    let request = request_of(&impostor, producer(1, 0), 0, 1);
    assert_eq!(send(&mut host, request), ErrorCode::FencedInstanceId);
}

#[test]
fn a_transaction_may_commit_while_a_generation_is_being_completed() {
    let mut host = host();
    let mut member = Member::new();
    let token = member.join(&mut host);
    member.joined(&mut host, token);
    let request = request_of(&member, producer(1, 0), 0, 1);
    assert_eq!(send(&mut host, request), ErrorCode::None);
    assert_eq!(member.commit(&mut host, 0, 1), ErrorCode::RebalanceInProgress);
}

#[test]
fn a_transactions_commit_keeps_no_member_alive() {
    let mut host = host();
    let member = stable(&mut host, vec![Member::new()]).remove(0);
    for _ in 0..10 {
        host.advance_ms(1_000);
        send(&mut host, request_of(&member, producer(1, 0), 0, 1));
    }
    host.advance_ms(1);
    assert_eq!(member.heartbeat(&mut host), ErrorCode::UnknownMemberId);
}

#[test]
fn a_member_of_the_new_protocol_commits_in_its_epoch() {
    let mut host = host();
    let mut member = ConsumerMember::new("m");
    assert_eq!(member.try_beat(&mut host), ErrorCode::None);
    let of = |epoch, id: &str| TxnOffsetCommitRequest {
        generation_id: epoch,
        member_id: id.into(),
        ..request(producer(1, 0), 0, 7)
    };
    let epoch = member.epoch;
    assert_eq!(send(&mut host, of(epoch, "who")), ErrorCode::UnknownMemberId);
    assert_eq!(send(&mut host, of(epoch + 1, "m")), ErrorCode::IllegalGeneration);
    assert_eq!(send(&mut host, of(epoch, "m")), ErrorCode::None);
    assert_eq!(send(&mut host, of(-1, "")), ErrorCode::None, "it says nothing of a member");
}

#[test]
fn partitions_that_cannot_be_committed_have_their_own_errors() {
    let mut host = host();
    let mut request = request(producer(1, 0), 0, 1);
    let first = request.topics[0].partitions[0].clone();
    let with = |index: i32, metadata: String| TxnOffsetCommitRequestPartition {
        partition_index: index,
        committed_metadata: Some(metadata),
        ..first.clone()
    };
    request.topics[0].partitions.extend([with(1, "x".repeat(4_097)), with(4, String::new())]);
    let token = host.send(&client(3), request);
    let Some(Response::TxnOffsetCommit(response)) = host.take(token) else { panic!("no answer") };
    let errors: Vec<i16> =
        response.topics[0].partitions.iter().map(|partition| partition.error_code).collect();
    let expected =
        [ErrorCode::None, ErrorCode::OffsetMetadataTooLarge, ErrorCode::UnknownTopicOrPartition];
    assert_eq!(errors, expected.map(ErrorCode::code));
    assert_eq!(host.log.len(), 1);
}

#[test]
fn a_commit_of_which_nothing_can_be_written_is_part_of_no_transaction() {
    let mut host = host();
    let mut request = request(producer(1, 0), 0, 1);
    request.topics[0].name = "nothing".into();
    assert_eq!(send(&mut host, request), ErrorCode::UnknownTopicOrPartition);
    assert!(host.log.is_empty());
}

#[test]
fn more_than_a_batch_holds_is_refused_as_a_whole() {
    let mut host = Host::new(CoordinatorConfig { append_bytes_max: 100, ..Default::default() });
    assert_eq!(send(&mut host, request(producer(1, 0), 0, 1)), ErrorCode::UnknownServerError);
    assert!(host.log.is_empty() && !is_unstable(&mut host, 0));
}

#[test]
fn a_pending_offset_can_be_deleted() {
    let mut host = host();
    send(&mut host, request(producer(1, 0), 0, 9));
    let partitions = vec![OffsetDeleteRequestPartition { partition_index: 0 }];
    let topics = vec![OffsetDeleteRequestTopic { name: "orders".into(), partitions }];
    let token = host.send(&client(0), OffsetDeleteRequest { group_id: "g".into(), topics });
    assert!(matches!(host.take(token), Some(Response::OffsetDelete(_))));
    assert!(!is_unstable(&mut host, 0));
    host.end_transaction(producer(1, 0), true);
    assert_eq!(offset(&mut host, 0), -1);
    host.restart();
    assert_eq!(offset(&mut host, 0), -1);
}

#[test]
fn a_group_is_deleted_with_its_pending_offsets() {
    let mut host = host();
    Member::new().commit(&mut host, 0, 5);
    for index in 0..2 {
        send(&mut host, request(producer(1, 0), index, 9));
    }
    let written = host.log.len();
    let token = host.send(&client(2), DeleteGroupsRequest { groups_names: vec!["g".into()] });
    assert!(matches!(host.take(token), Some(Response::DeleteGroups(_))));
    assert_eq!(host.log.len(), written + 2, "one tombstone a partition");
    host.end_transaction(producer(1, 0), true);
    assert_eq!(listed(&mut host), Vec::<String>::new());
    host.restart();
    assert_eq!(listed(&mut host), Vec::<String>::new());
}

#[test]
fn a_topic_that_is_deleted_takes_pending_offsets_with_it() {
    let mut host = host();
    send(&mut host, request(producer(1, 0), 0, 9));
    let mut image = host.image.clone();
    host::remove_topic(&mut image, 1);
    host::add_topic(&mut image, "orders", 7, 4);
    host.set_image(image);
    host.end_transaction(producer(1, 0), true);
    assert_eq!(offset(&mut host, 0), -1);
}

#[test]
fn what_a_transaction_may_replace_does_not_expire_nor_does_its_group() {
    let mut host = host();
    Member::new().commit(&mut host, 0, 5);
    for index in 0..2 {
        send(&mut host, request(producer(1, 0), index, 9));
    }
    host.advance(120 * MINUTE);
    assert_eq!((offset(&mut host, 0), listed(&mut host)), (5, vec!["g".to_owned()]));
    host.end_transaction(producer(1, 0), false);
    host.advance(2 * MINUTE);
    assert_eq!((offset(&mut host, 0), listed(&mut host)), (-1, Vec::new()));
}

#[test]
fn a_group_that_has_nothing_but_pending_offsets_is_one_until_they_are_aborted() {
    let mut host = host();
    send(&mut host, request(producer(1, 0), 0, 9));
    for _ in 0..2 {
        assert_eq!(listed(&mut host), ["g"]);
        host.restart();
    }
    host.end_transaction(producer(1, 0), false);
    assert_eq!(listed(&mut host), Vec::<String>::new());
}

#[test]
fn a_group_whose_members_leave_keeps_what_is_pending() {
    let mut host = host();
    let member = stable(&mut host, vec![Member::new()]).remove(0);
    send(&mut host, request_of(&member, producer(1, 0), 0, 9));
    member.leave(&mut host);
    host.advance(120 * MINUTE);
    host.restart();
    host.end_transaction(producer(1, 0), true);
    assert_eq!(offset(&mut host, 0), 9);
}
