//! Each question in the versions that differ, and how its answers read.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use base::{ErrorCode, LeaderEpoch, NodeId, TopicPartition};
use bytes::Bytes;
use proptest::prelude::*;
use wire::consumer_protocol::assignment::TopicPartition as Assigned;
use wire::consumer_protocol::{self, ConsumerProtocolAssignment, ConsumerProtocolSubscription};
use wire::find_coordinator::{Coordinator, FindCoordinatorResponse};
use wire::list_groups::{ListGroupsResponse, ListedGroup};
use wire::offset_commit::{
    OffsetCommitResponse, OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use wire::offset_fetch::{
    OffsetFetchResponse, OffsetFetchResponseGroup, OffsetFetchResponsePartition,
    OffsetFetchResponsePartitions, OffsetFetchResponseTopic, OffsetFetchResponseTopics,
};
use wire::{
    Message, Writer, consumer_group_describe, delete_groups as wire_delete, describe_groups,
};
use wire::{leave_group, offset_delete};

use super::*;
use crate::admin::find_coordinators;
use crate::consumer::OffsetAndMetadata;
use crate::coordinator_survey::CoordinatorKind;
use crate::inquiry::{InquiryError, Reading, Target};

const TIMEOUT: Duration = Duration::from_mins(1);
const NODE: NodeId = NodeId(3);

fn names(groups: &[&str]) -> Vec<String> {
    groups.iter().map(|group| (*group).to_owned()).collect()
}

fn done<A>(reading: Reading<A>) -> A {
    match reading {
        Reading::Done(answer) => answer,
        Reading::Again(code) | Reading::Refused(code, _) => panic!("{code:?}"),
    }
}

fn code_of<V>(result: &Result<V, InquiryError>) -> Option<ErrorCode> {
    result.as_ref().err().and_then(InquiryError::code)
}

#[test]
fn coordinators_are_looked_for_one_by_one_where_the_broker_cannot_do_it_at_once() {
    let inquiry = find_coordinators(CoordinatorKind::Group, &names(&["a", "b"]), TIMEOUT);
    let single = inquiry.asked_in(3);
    assert_eq!((single.key.as_str(), single.coordinator_keys.len()), ("a", 0));
    let several = inquiry.asked_in(6);
    assert_eq!(
        (several.key.as_str(), several.coordinator_keys.as_slice()),
        ("", &names(&["a", "b"])[..])
    );
    for version in 0..=6 {
        inquiry.asked_in(version).encode(&mut Writer::new(), version).unwrap();
    }
    let response = FindCoordinatorResponse { node_id: 3, ..Default::default() };
    assert_eq!(done(inquiry.read(response)), [("a".to_owned(), Ok(NODE))]);
    let row = Coordinator {
        key: "b".into(),
        error_code: ErrorCode::CoordinatorNotAvailable as i16,
        ..Default::default()
    };
    let response = FindCoordinatorResponse { coordinators: vec![row], ..Default::default() };
    let found = done(inquiry.read(response));
    let codes: Vec<_> =
        found.iter().map(|(name, result)| (name.as_str(), code_of(result))).collect();
    let missing = Some(ErrorCode::UnknownServerError);
    assert_eq!(codes, [("a", missing), ("b", Some(ErrorCode::CoordinatorNotAvailable))]);
}

#[test]
fn a_list_is_asked_for_by_state_and_type_and_waits_for_a_coordinator_that_is_loading() {
    let filter = GroupFilter { states: vec![GroupState::Stable], types: vec![GroupType::Consumer] };
    let inquiry = list_groups(NODE, &filter, TIMEOUT);
    let (target, request) = inquiry.asked();
    assert_eq!(target, Target::Node(NODE));
    assert_eq!(request.states_filter, ["Stable"]);
    assert_eq!(request.types_filter, ["consumer"]);
    let loading = ErrorCode::CoordinatorLoadInProgress;
    let response = ListGroupsResponse { error_code: loading as i16, ..Default::default() };
    assert_eq!(inquiry.read(response), Reading::Again(loading));
    let row = |state: &str, kind: &str| ListedGroup {
        group_id: "g".into(),
        group_state: state.into(),
        group_type: kind.into(),
        ..Default::default()
    };
    let groups = vec![row("Empty", "classic"), row("", ""), row("Brooding", "quorum")];
    let response = ListGroupsResponse { groups, ..Default::default() };
    let listed = done(inquiry.read(response));
    let read: Vec<_> = listed.iter().map(|group| (group.state, group.group_type)).collect();
    let unknown = (GroupState::Unknown, GroupType::Unknown);
    assert_eq!(read, [(GroupState::Empty, GroupType::Classic), unknown, unknown]);
}

#[test]
fn states_and_types_are_read_in_any_case_and_others_are_told_which_there_are() {
    assert_eq!("preparingREBALANCE".parse(), Ok(GroupState::PreparingRebalance));
    assert_eq!("classic".parse(), Ok(GroupType::Classic));
    let error = "busy".parse::<GroupState>().unwrap_err().to_string();
    assert!(error.starts_with("`busy` is no state of a group: use one of PreparingRebalance, "));
    assert!("unknown".parse::<GroupType>().is_err(), "nobody can ask for it");
}

fn classic_row(
    state: &str,
    members: Vec<describe_groups::DescribedGroupMember>,
) -> describe_groups::DescribedGroup {
    describe_groups::DescribedGroup {
        group_id: "g".into(),
        group_state: state.into(),
        protocol_type: "consumer".into(),
        protocol_data: "range".into(),
        members,
        ..Default::default()
    }
}

fn classic_member(id: &str, assignment: Bytes) -> describe_groups::DescribedGroupMember {
    let subscription =
        ConsumerProtocolSubscription { topics: vec!["t".to_owned()], ..Default::default() };
    describe_groups::DescribedGroupMember {
        member_id: id.into(),
        client_id: "c".into(),
        client_host: "/127.0.0.1".into(),
        group_instance_id: Some(format!("{id}-instance")),
        member_metadata: consumer_protocol::encode(&subscription, 1).unwrap(),
        member_assignment: assignment,
    }
}

fn assignment(partitions: Vec<i32>) -> Bytes {
    let topic = Assigned { topic: "t".to_owned(), partitions };
    let assignment =
        ConsumerProtocolAssignment { assigned_partitions: vec![topic], user_data: None };
    consumer_protocol::encode(&assignment, 1).unwrap()
}

fn read_classic(row: describe_groups::DescribedGroup) -> Result<GroupDescription, InquiryError> {
    let inquiry = describe_classic_groups(NODE, None, &names(&["g"]), TIMEOUT);
    let response =
        describe_groups::DescribeGroupsResponse { groups: vec![row], ..Default::default() };
    let mut read = done(inquiry.read(response));
    assert_eq!(read.len(), 1);
    read.remove(0).1
}

#[test]
fn a_classic_groups_members_are_read_from_what_they_told_each_other() {
    let members = vec![
        classic_member("b", assignment(vec![2, 0])),
        classic_member("a", Bytes::new()), // the leader has not assigned yet
    ];
    let group = read_classic(classic_row("Stable", members)).unwrap();
    assert_eq!((group.group_type, group.state), (GroupType::Classic, GroupState::Stable));
    assert_eq!((group.assignor.as_str(), group.coordinator), ("range", NODE));
    let [a, b] = &group.members[..] else { panic!("{group:?}") };
    assert_eq!((a.member_id.as_str(), a.assignment.len()), ("a", 0));
    assert_eq!(a.subscribed_topics, ["t".to_owned()].into());
    assert_eq!(b.group_instance_id.as_deref(), Some("b-instance"));
    let owned = [TopicPartition::new("t", 0), TopicPartition::new("t", 2)];
    assert_eq!(b.assignment, owned.into());
    assert_eq!((b.target_assignment.as_ref(), b.member_epoch), (None, None));
}

#[test]
fn what_members_of_another_protocol_tell_each_other_is_not_looked_into() {
    let member = classic_member("m", Bytes::from_static(b"not an assignment"));
    let row = describe_groups::DescribedGroup {
        protocol_type: "connect".into(),
        ..classic_row("Stable", vec![member.clone()])
    };
    let group = read_classic(row).unwrap();
    assert_eq!((group.protocol_type.as_str(), group.members.len()), ("connect", 1));
    assert!(group.members[0].assignment.is_empty());
    let error = read_classic(classic_row("Stable", vec![member])).unwrap_err().to_string();
    assert!(error.starts_with("the assignment of member m cannot be read"), "{error}");
}

#[test]
fn an_unknown_group_is_not_found_however_the_version_says_so() {
    let dead = read_classic(classic_row("Dead", vec![]));
    let told = describe_groups::DescribedGroup {
        error_code: ErrorCode::GroupIdNotFound as i16,
        error_message: Some("Group g not found.".into()),
        ..classic_row("Dead", vec![])
    };
    assert_eq!(code_of(&dead), Some(ErrorCode::GroupIdNotFound));
    let told = read_classic(told).unwrap_err().to_string();
    assert_eq!(told, "GROUP_ID_NOT_FOUND: Group g not found.");
    assert!(dead.unwrap_err().to_string().ends_with("there is no such group: check its name"));
}

#[test]
fn a_consumer_groups_members_have_what_they_own_and_what_they_are_to_own() {
    let partitions = |partitions: Vec<i32>| consumer_group_describe::Assignment {
        topic_partitions: vec![consumer_group_describe::TopicPartitions {
            topic_name: "t".into(),
            partitions,
            ..Default::default()
        }],
    };
    let member = |id: &str, member_type| consumer_group_describe::Member {
        member_id: id.into(),
        member_epoch: 4,
        subscribed_topic_regex: Some(String::new()),
        assignment: partitions(vec![0]),
        target_assignment: partitions(vec![0, 1]),
        member_type,
        ..Default::default()
    };
    let row = consumer_group_describe::DescribedGroup {
        group_id: "g".into(),
        group_state: "Reconciling".into(),
        group_epoch: 5,
        assignment_epoch: 4,
        assignor_name: "uniform".into(),
        members: vec![member("b", 0), member("a", 1), member("c", -1)],
        ..Default::default()
    };
    let inquiry = describe_consumer_groups(NODE, None, &names(&["g", "other"]), TIMEOUT);
    assert_eq!(inquiry.asked().0, Target::Coordinator(NODE));
    let response = consumer_group_describe::ConsumerGroupDescribeResponse {
        groups: vec![row],
        ..Default::default()
    };
    let read = done(inquiry.read(response));
    assert_eq!(code_of(&read[1].1), Some(ErrorCode::UnknownServerError), "it was left out");
    let group = read[0].1.as_ref().unwrap();
    assert_eq!((group.group_epoch, group.target_assignment_epoch), (Some(5), Some(4)));
    assert_eq!(group.state, GroupState::Reconciling);
    let upgraded: Vec<_> = group.members.iter().map(|member| member.is_upgraded).collect();
    assert_eq!(upgraded, [Some(true), Some(false), None]);
    let first = &group.members[0];
    assert_eq!(first.assignment, [TopicPartition::new("t", 0)].into());
    assert_eq!(first.target_assignment.as_ref().map(BTreeSet::len), Some(2));
    assert_eq!((first.member_epoch, first.subscribed_regex.as_ref()), (Some(4), None));
}

#[test]
fn committed_offsets_are_read_whether_the_answer_is_about_one_group_or_several() {
    let inquiry = fetch_offsets(NODE, "g", TIMEOUT);
    for version in 2..=9 {
        let request = inquiry.asked_in(version);
        request.encode(&mut Writer::new(), version).unwrap();
        let asks_for_all = match request.groups.first() {
            Some(group) => group.topics.is_none(),
            None => request.topics.is_none(),
        };
        assert!(asks_for_all, "version {version}");
    }
    let rows = [(0, 7), (3, -1)];
    let one = OffsetFetchResponse {
        topics: vec![OffsetFetchResponseTopic {
            name: "t".to_owned(),
            partitions: rows
                .map(|(partition_index, committed_offset)| OffsetFetchResponsePartition {
                    partition_index,
                    committed_offset,
                    metadata: Some("m".into()),
                    ..Default::default()
                })
                .into(),
        }],
        ..Default::default()
    };
    let topics = vec![OffsetFetchResponseTopics {
        name: "t".to_owned(),
        partitions: rows
            .map(|(partition_index, committed_offset)| OffsetFetchResponsePartitions {
                partition_index,
                committed_offset,
                metadata: Some("m".into()),
                ..Default::default()
            })
            .into(),
        ..Default::default()
    }];
    let group = OffsetFetchResponseGroup { topics, ..Default::default() };
    let several = OffsetFetchResponse { groups: vec![group.clone()], ..Default::default() };
    let offset =
        OffsetAndMetadata { offset: 7, leader_epoch: LeaderEpoch::NONE, metadata: "m".to_owned() };
    for response in [one, several] {
        let committed = done(inquiry.read(response));
        assert_eq!(committed, [(TopicPartition::new("t", 0), offset.clone())].into());
    }
    let moved = OffsetFetchResponseGroup { error_code: ErrorCode::NotCoordinator as i16, ..group };
    let response = OffsetFetchResponse { groups: vec![moved], ..Default::default() };
    let refused = inquiry.read(response);
    assert_eq!(refused, Reading::Refused(ErrorCode::NotCoordinator, None));
}

fn committed_response(codes: &[ErrorCode]) -> OffsetCommitResponse {
    let row = |(partition_index, code): (i32, &ErrorCode)| OffsetCommitResponsePartition {
        partition_index,
        error_code: *code as i16,
    };
    let topic = OffsetCommitResponseTopic {
        name: "t".into(),
        partitions: (0..).zip(codes).map(row).collect(),
        ..Default::default()
    };
    OffsetCommitResponse { topics: vec![topic], ..Default::default() }
}

#[test]
fn a_commit_from_outside_is_refused_in_plain_words_while_the_group_has_members() {
    let offsets = [(TopicPartition::new("t", 1), OffsetAndMetadata::of(5))];
    let inquiry = commit_offsets(NODE, "g", &offsets, TIMEOUT);
    for version in 2..=9 {
        let request = inquiry.asked_in(version);
        request.encode(&mut Writer::new(), version).unwrap();
        assert_eq!((request.generation_id_or_member_epoch, request.member_id.as_str()), (-1, ""));
        assert_eq!(request.topics[0].partitions[0].committed_offset, 5);
    }
    let response = committed_response(&[ErrorCode::None, ErrorCode::UnknownMemberId]);
    let read = done(inquiry.read(response));
    assert_eq!(read[0], (TopicPartition::new("t", 0), Ok(())));
    let error = read[1].1.as_ref().unwrap_err().to_string();
    assert!(error.contains("the group has members"), "{error}");
    let loading = ErrorCode::CoordinatorLoadInProgress;
    let response = committed_response(&[loading, loading]);
    assert_eq!(inquiry.read(response), Reading::Refused(loading, None), "it is tried again");
}

#[test]
fn offsets_to_be_forgotten_have_their_own_results_unless_the_group_itself_is_refused() {
    let partitions = [TopicPartition::new("t", 0), TopicPartition::new("t", 1)];
    let inquiry = delete_offsets(NODE, "g", &partitions, TIMEOUT);
    let (_, request) = inquiry.asked();
    assert_eq!(request.topics.len(), 1);
    assert_eq!(request.topics[0].partitions.len(), 2);
    let subscribed = ErrorCode::GroupSubscribedToTopic;
    let row = |partition_index, code| offset_delete::OffsetDeleteResponsePartition {
        partition_index,
        error_code: code as i16,
    };
    let topic = offset_delete::OffsetDeleteResponseTopic {
        name: "t".into(),
        partitions: vec![row(0, ErrorCode::None), row(1, subscribed)],
    };
    let response =
        offset_delete::OffsetDeleteResponse { topics: vec![topic], ..Default::default() };
    let read = done(inquiry.read(response));
    let codes: Vec<_> = read.iter().map(|(_, result)| code_of(result)).collect();
    assert_eq!(codes, [None, Some(subscribed)]);
    let refused = ErrorCode::GroupIdNotFound;
    let response =
        offset_delete::OffsetDeleteResponse { error_code: refused as i16, ..Default::default() };
    assert_eq!(inquiry.read(response), Reading::Refused(refused, None));
}

#[test]
fn each_group_to_be_deleted_has_its_own_result() {
    let inquiry = delete_groups(NODE, &names(&["a", "b"]), TIMEOUT);
    assert_eq!(inquiry.asked().1.groups_names, ["a", "b"]);
    let row = wire_delete::DeletableGroupResult {
        group_id: "b".into(),
        error_code: ErrorCode::NonEmptyGroup as i16,
    };
    let response = wire_delete::DeleteGroupsResponse { results: vec![row], ..Default::default() };
    let read = done(inquiry.read(response));
    let codes: Vec<_> = read.iter().map(|(_, result)| code_of(result)).collect();
    assert_eq!(codes, [Some(ErrorCode::UnknownServerError), Some(ErrorCode::NonEmptyGroup)]);
}

#[test]
fn members_leave_by_the_name_that_they_have_and_with_a_reason() {
    let members = [MemberToRemove::Static("i".into()), MemberToRemove::Dynamic("m".into())];
    let inquiry = remove_members(NODE, "g", &members, "moving house", TIMEOUT);
    let (_, request) = inquiry.asked();
    for version in 3..=5 {
        request.encode(&mut Writer::new(), version).unwrap();
    }
    let named: Vec<_> = request
        .members
        .iter()
        .map(|row| {
            (row.member_id.as_str(), row.group_instance_id.as_deref(), row.reason.as_deref())
        })
        .collect();
    assert_eq!(named, [("", Some("i"), Some("moving house")), ("m", None, Some("moving house"))]);
    let row = leave_group::MemberResponse {
        member_id: "m".into(),
        error_code: ErrorCode::UnknownMemberId as i16,
        ..Default::default()
    };
    let response = leave_group::LeaveGroupResponse { members: vec![row], ..Default::default() };
    let read = done(inquiry.read(response));
    assert_eq!(code_of(&read[0].1), Some(ErrorCode::UnknownServerError), "it was left out");
    let error = read[1].1.as_ref().unwrap_err().to_string();
    assert_eq!(error, "UNKNOWN_MEMBER_ID: the group has no such member");
}

fn range(committed: Option<i64>, earliest: i64, latest: i64, at: Option<i64>) -> PartitionRange {
    let topic_partition = TopicPartition::new("t", 0);
    PartitionRange { topic_partition, committed, earliest, latest, at_timestamp: at }
}

/// Where the one partition goes, and why not where it was told to.
fn planned(to: &ResetTo, range: PartitionRange) -> Result<(i64, Option<Moved>), ResetError> {
    plan_reset(to, [range]).map(|plan| (plan[0].after, plan[0].moved))
}

#[test]
fn a_reset_goes_where_it_is_told_to() {
    let row = || range(Some(50), 10, 100, Some(70));
    assert_eq!(planned(&ResetTo::Earliest, row()), Ok((10, None)));
    assert_eq!(planned(&ResetTo::Latest, row()), Ok((100, None)));
    assert_eq!(planned(&ResetTo::Current, row()), Ok((50, None)));
    assert_eq!(planned(&ResetTo::Offset(20), row()), Ok((20, None)));
    assert_eq!(planned(&ResetTo::ShiftBy(-5), row()), Ok((45, None)));
    assert_eq!(planned(&ResetTo::Timestamp(1), row()), Ok((70, None)));
    let each = |name: &str, offset| {
        ResetTo::Offsets(BTreeMap::from([(TopicPartition::new(name, 0), offset)]))
    };
    assert_eq!(planned(&each("t", 20), row()), Ok((20, None)));
    assert_eq!(planned(&each("other", 20), row()), Ok((50, None)), "it stays where it is");
    assert_eq!(planned(&each("t", 101), row()), Ok((100, Some(Moved::BehindEnd(101)))));
}

#[test]
fn a_reset_stays_within_the_log_and_says_so() {
    let row = || range(Some(50), 10, 100, None);
    assert_eq!(planned(&ResetTo::Offset(5), row()), Ok((10, Some(Moved::BeforeStart(5)))));
    assert_eq!(planned(&ResetTo::ShiftBy(51), row()), Ok((100, Some(Moved::BehindEnd(101)))));
    let far = planned(&ResetTo::ShiftBy(i64::MAX), row());
    assert_eq!(far, Ok((100, Some(Moved::BehindEnd(i64::MAX)))));
    assert_eq!(planned(&ResetTo::Timestamp(1), row()), Ok((100, Some(Moved::NoRecord))));
}

#[test]
fn without_a_committed_offset_the_current_one_is_the_end_and_there_is_nothing_to_shift() {
    let row = || range(None, 10, 100, None);
    assert_eq!(planned(&ResetTo::Current, row()), Ok((100, None)));
    let refused = planned(&ResetTo::ShiftBy(1), row());
    assert_eq!(refused, Err(ResetError::NothingCommitted(TopicPartition::new("t", 0))));
}

proptest! {
    #[test]
    fn no_reset_leads_out_of_the_log(
        committed in proptest::option::of(any::<i64>()),
        earliest in 0..1000i64,
        length in 0..1000i64,
        number in any::<i64>(),
    ) {
        let latest = earliest + length;
        for to in [ResetTo::Latest, ResetTo::Offset(number), ResetTo::ShiftBy(number)] {
            if let Ok((after, _)) = planned(&to, range(committed, earliest, latest, None)) {
                let log = earliest..=latest;
                prop_assert!(log.contains(&after), "{after} of {log:?}");
            }
        }
    }
}

#[test]
fn lag_joins_what_is_assigned_what_is_committed_and_where_the_logs_end() {
    let group =
        read_classic(classic_row("Stable", vec![classic_member("a", assignment(vec![0, 1]))]));
    let group = group.unwrap();
    let name = |partition| TopicPartition::new("t", partition);
    // Partition 1 has nothing committed, 2 nobody to read it, 3 was cut, and 4 is of a topic that
    // is gone.
    let committed: BTreeMap<_, _> = [(0, 4), (2, 10), (3, 9), (4, 1)]
        .map(|(p, at)| (name(p), OffsetAndMetadata::of(at)))
        .into();
    let partitions = partitions_of_interest(Some(&group), &committed);
    assert_eq!(partitions, (0..5).map(name).collect());
    let gone = InquiryError::refused(ErrorCode::UnknownTopicOrPartition, None);
    let ends = [(0, Ok(10)), (1, Ok(5)), (2, Ok(10)), (3, Ok(7)), (4, Err(gone))];
    let ends = ends.map(|(partition, end)| (name(partition), end));
    let rows = lag(Some(&group), &committed, ends.into());
    let lags: Vec<_> = rows.iter().map(PartitionLag::lag).collect();
    assert_eq!(lags, [Some(6), None, Some(0), Some(-2), None]);
    let owner = |row: &PartitionLag| row.owner.as_ref().map(|owner| owner.member_id.clone());
    let owners: Vec<_> = rows.iter().map(owner).collect();
    let a = Some("a".to_owned());
    assert_eq!(owners, [a.clone(), a, None, None, None]);
}
