//! OffsetFetch, OffsetCommit and OffsetDelete as an operator uses them: from outside of the group.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base::{ErrorCode, LeaderEpoch, NodeId, TopicPartition};
use wire::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use wire::offset_delete::{
    OffsetDeleteRequest, OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use wire::offset_fetch::{OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchResponse};

use crate::admin::{Each, code, each};
use crate::consumer::OffsetAndMetadata;
use crate::inquiry::{Inquiry, InquiryError, Reading, Target};

/// From this version on a request can name several groups (KIP-709).
const SEVERAL_VERSION_MIN: i16 = 8;
/// The last version in which topics go by name.
const NAMED_VERSION_MAX: i16 = 9;

/// What a group has committed, by partition.
type Committed = BTreeMap<TopicPartition, OffsetAndMetadata>;

/// Everything that a group has committed. A group that nobody knows has committed nothing.
pub fn fetch_offsets(
    coordinator: NodeId,
    group_id: &str,
    timeout: Duration,
) -> Inquiry<OffsetFetchRequest, Committed> {
    let group_id = group_id.to_owned();
    let write = move |version| {
        let group_id = group_id.clone();
        if version < SEVERAL_VERSION_MIN {
            return OffsetFetchRequest { group_id, topics: None, ..Default::default() };
        }
        let group = OffsetFetchRequestGroup { group_id, topics: None, ..Default::default() };
        OffsetFetchRequest { groups: vec![group], ..Default::default() }
    };
    let target = Target::Coordinator(coordinator);
    Inquiry::by_version(target, NAMED_VERSION_MAX, write, timeout, |response| {
        match fetched(response) {
            Ok(committed) => Reading::Done(committed),
            Err(code) => Reading::Refused(code, None),
        }
    })
}

/// Sets how far a group without members has come.
pub fn commit_offsets(
    coordinator: NodeId,
    group_id: &str,
    offsets: &[(TopicPartition, OffsetAndMetadata)],
    timeout: Duration,
) -> Inquiry<OffsetCommitRequest, Each<TopicPartition, ()>> {
    let row = |offset: &OffsetAndMetadata, partition_index| OffsetCommitRequestPartition {
        partition_index,
        committed_offset: offset.offset,
        committed_leader_epoch: offset.leader_epoch.0,
        committed_metadata: Some(offset.metadata.clone()),
    };
    let topics = by_topic(offsets.iter().map(|(name, offset)| (name, offset)), row);
    let topic =
        |(name, partitions)| OffsetCommitRequestTopic { name, partitions, ..Default::default() };
    let request = OffsetCommitRequest {
        group_id: group_id.to_owned(),
        topics: topics.into_iter().map(topic).collect(),
        ..Default::default()
    };
    let target = Target::Coordinator(coordinator);
    let write = move |_| request.clone();
    Inquiry::by_version(target, NAMED_VERSION_MAX, write, timeout, |response| {
        let rows = response.topics.into_iter().flat_map(|topic| {
            let name: Arc<str> = topic.name.into();
            let rows = topic.partitions.into_iter();
            rows.map(move |row| {
                let name = TopicPartition::new(name.clone(), row.partition_index);
                (name, outsider(code(row.error_code)))
            })
        });
        of_whole_group(rows.collect())
    })
}

/// Forgets how far a group has come with partitions of topics that it does not subscribe to.
pub fn delete_offsets(
    coordinator: NodeId,
    group_id: &str,
    partitions: &[TopicPartition],
    timeout: Duration,
) -> Inquiry<OffsetDeleteRequest, Each<TopicPartition, ()>> {
    let row = |(): (), partition_index| OffsetDeleteRequestPartition { partition_index };
    let topics = by_topic(partitions.iter().map(|name| (name, ())), row);
    let topic = |(name, partitions)| OffsetDeleteRequestTopic { name, partitions };
    let request = OffsetDeleteRequest {
        group_id: group_id.to_owned(),
        topics: topics.into_iter().map(topic).collect(),
    };
    Inquiry::new(Target::Coordinator(coordinator), request, timeout, |response| {
        match code(response.error_code) {
            ErrorCode::None => {}
            code => return Reading::Refused(code, None),
        }
        let rows = response.topics.into_iter().flat_map(|topic| {
            let name: Arc<str> = topic.name.into();
            let rows = topic.partitions.into_iter();
            rows.map(move |row| {
                let name = TopicPartition::new(name.clone(), row.partition_index);
                (name, each(row.error_code, None))
            })
        });
        Reading::Done(rows.collect())
    })
}

/// Up to version 7 the answer is about one group, later about each of several.
fn fetched(response: OffsetFetchResponse) -> Result<Committed, ErrorCode> {
    let mut committed = Committed::new();
    check(response.error_code)?;
    for topic in response.topics {
        let name: Arc<str> = topic.name.into();
        for row in topic.partitions {
            check(row.error_code)?;
            let name = TopicPartition::new(name.clone(), row.partition_index);
            let (offset, epoch) = (row.committed_offset, row.committed_leader_epoch);
            committed.extend(offset_of(offset, epoch, row.metadata).map(|offset| (name, offset)));
        }
    }
    for group in response.groups {
        check(group.error_code)?;
        for topic in group.topics {
            let name: Arc<str> = topic.name.into();
            for row in topic.partitions {
                check(row.error_code)?;
                let name = TopicPartition::new(name.clone(), row.partition_index);
                let (offset, epoch) = (row.committed_offset, row.committed_leader_epoch);
                committed
                    .extend(offset_of(offset, epoch, row.metadata).map(|offset| (name, offset)));
            }
        }
    }
    Ok(committed)
}

fn check(error_code: i16) -> Result<(), ErrorCode> {
    match code(error_code) {
        ErrorCode::None => Ok(()),
        code => Err(code),
    }
}

fn offset_of(
    offset: i64,
    leader_epoch: i32,
    metadata: Option<String>,
) -> Option<OffsetAndMetadata> {
    let leader_epoch = LeaderEpoch(leader_epoch);
    let metadata = metadata.unwrap_or_default();
    (offset >= 0).then_some(OffsetAndMetadata { offset, leader_epoch, metadata })
}

/// A coordinator that is none, or not yet, says so of each partition.
fn of_whole_group<V>(rows: Each<TopicPartition, V>) -> Reading<Each<TopicPartition, V>> {
    let of_group = |code: &ErrorCode| {
        matches!(
            code,
            ErrorCode::NotCoordinator
                | ErrorCode::CoordinatorLoadInProgress
                | ErrorCode::CoordinatorNotAvailable
        )
    };
    let codes = rows.iter().filter_map(|(_, result)| result.as_ref().err()?.code());
    match codes.into_iter().find(of_group) {
        Some(code) => Reading::Refused(code, None),
        None => Reading::Done(rows),
    }
}

/// Whoever is not in a group may commit for it as long as nobody is.
fn outsider(code: ErrorCode) -> Result<(), InquiryError> {
    const ACTIVE: &str = "the group has members, and only they can commit for it: stop them first";
    match code {
        ErrorCode::None => Ok(()),
        ErrorCode::UnknownMemberId | ErrorCode::RebalanceInProgress => {
            Err(InquiryError::refused(code, Some(ACTIVE.to_owned())))
        }
        code => Err(InquiryError::refused(code, None)),
    }
}

fn by_topic<'a, T, R>(
    rows: impl Iterator<Item = (&'a TopicPartition, T)>,
    row: impl Fn(T, i32) -> R,
) -> BTreeMap<String, Vec<R>> {
    let mut topics: BTreeMap<String, Vec<R>> = BTreeMap::new();
    for (name, value) in rows {
        topics.entry(name.topic.to_string()).or_default().push(row(value, name.partition.0));
    }
    topics
}
