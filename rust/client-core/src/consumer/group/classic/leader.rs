//! What members say to each other through the coordinator, and what the leader makes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base::TopicPartition;
use bytes::{Buf, BufMut, Bytes};
use thiserror::Error;
use wire::consumer_protocol::{assignment, decode, encode, subscription};
use wire::join_group::JoinGroupResponseMember;
use wire::sync_group::SyncGroupRequestAssignment;
use wire::{ConsumerProtocolAssignment, ConsumerProtocolSubscription, DecodeError, EncodeError};

use crate::consumer::group::assignor::{AssignmentStrategy, Assignments, Assignor, Subscriber};

/// The version in which a subscription is written: that of Kafka's client.
const SUBSCRIPTION_VERSION: i16 = 3;
/// The version in which an assignment is written: all versions have the same fields.
const ASSIGNMENT_VERSION: i16 = 0;
/// No topic has more partitions than this, whatever a member claims to own.
const OWNED_MAX: usize = 1 << 20;

/// A member has said what cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("member `{member_id}` speaks another protocol: {source}")]
pub(super) struct ForeignMember {
    member_id: String,
    source: DecodeError,
}

/// What a member knows of itself when it joins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Oneself<'a> {
    pub(super) topics: &'a BTreeSet<Arc<str>>,
    /// What it owns and goes on owning: nothing, unless the group is cooperative.
    pub(super) owned: &'a BTreeSet<TopicPartition>,
    /// What it was assigned last.
    pub(super) last: &'a BTreeSet<TopicPartition>,
    /// When that was.
    pub(super) generation: i32,
    /// Where it is (`client.rack`, KIP-881).
    pub(super) rack: Option<&'a str>,
    /// What the program's own assignors say besides, by name.
    pub(super) user_data: &'a BTreeMap<Arc<str>, Option<Bytes>>,
}

/// What a member says to the assignor, should that be the one that all members know.
pub(super) fn subscription(
    strategy: &AssignmentStrategy,
    oneself: Oneself<'_>,
) -> Result<Bytes, EncodeError> {
    let owned = by_topic(oneself.owned).into_iter();
    let user_data = match strategy {
        AssignmentStrategy::Known(Assignor::Range | Assignor::RoundRobin) => None,
        AssignmentStrategy::Program(program) => {
            oneself.user_data.get(&program.name).cloned().unwrap_or_default()
        }
        AssignmentStrategy::Known(Assignor::Sticky) => {
            Some(write_sticky_user_data(oneself.last, oneself.generation))
        }
        // Where the generation was before the subscription had a field for it (KIP-792).
        AssignmentStrategy::Known(Assignor::CooperativeSticky) => {
            Some(Bytes::copy_from_slice(&oneself.generation.to_be_bytes()))
        }
    };
    let message = ConsumerProtocolSubscription {
        topics: oneself.topics.iter().map(ToString::to_string).collect(),
        user_data,
        owned_partitions: owned
            .map(|(topic, partitions)| subscription::TopicPartition { topic, partitions })
            .collect(),
        generation_id: oneself.generation,
        rack_id: oneself.rack.map(ToOwned::to_owned),
    };
    encode(&message, SUBSCRIPTION_VERSION)
}

/// All members as the assignor sees them.
pub(super) fn subscribers(
    strategy: &AssignmentStrategy,
    members: &[JoinGroupResponseMember],
) -> Result<Vec<Subscriber>, ForeignMember> {
    members.iter().map(|member| subscriber(strategy, member)).collect()
}

fn subscriber(
    strategy: &AssignmentStrategy,
    member: &JoinGroupResponseMember,
) -> Result<Subscriber, ForeignMember> {
    let said: ConsumerProtocolSubscription = decode(&member.metadata).map_err(|source| {
        let member_id = member.member_id.clone();
        ForeignMember { member_id, source }
    })?;
    let owned = said
        .owned_partitions
        .into_iter()
        .flat_map(|row| of_topic(row.topic.as_str().into(), row.partitions))
        .collect();
    let mut subscriber = Subscriber {
        member_id: member.member_id.clone(),
        instance_id: member.group_instance_id.clone(),
        topics: said.topics.iter().map(|topic| topic.as_str().into()).collect(),
        owned,
        generation: said.generation_id,
        user_data: said.user_data,
        rack: said.rack_id,
    };
    let user_data = subscriber.user_data.clone().unwrap_or_default();
    match strategy {
        AssignmentStrategy::Known(Assignor::Range | Assignor::RoundRobin)
        | AssignmentStrategy::Program(_) => {}
        // What an assignor of another make has put there is as good as nothing.
        AssignmentStrategy::Known(Assignor::Sticky) => {
            let last = read_sticky_user_data(user_data);
            (subscriber.owned, subscriber.generation) = last.unwrap_or_default();
        }
        AssignmentStrategy::Known(Assignor::CooperativeSticky) => {
            if subscriber.generation < 0 {
                subscriber.generation = user_data.clone().try_get_i32().unwrap_or(-1);
            }
        }
    }
    Ok(subscriber)
}

/// What the leader hands in.
pub(super) fn assignments(
    assignments: Assignments,
) -> Result<Vec<SyncGroupRequestAssignment>, EncodeError> {
    let row = |(member_id, partitions): (String, Vec<TopicPartition>)| {
        let rows = by_topic(&partitions).into_iter();
        let message = ConsumerProtocolAssignment {
            assigned_partitions: rows
                .map(|(topic, partitions)| assignment::TopicPartition { topic, partitions })
                .collect(),
            user_data: None,
        };
        let assignment = encode(&message, ASSIGNMENT_VERSION)?;
        Ok(SyncGroupRequestAssignment { member_id, assignment })
    };
    assignments.into_iter().map(row).collect()
}

/// What a member is assigned. No bytes at all mean nothing.
pub(super) fn read_assignment(bytes: &Bytes) -> Result<BTreeSet<TopicPartition>, DecodeError> {
    if bytes.is_empty() {
        return Ok(BTreeSet::new());
    }
    let message: ConsumerProtocolAssignment = decode(bytes)?;
    let rows = message.assigned_partitions.into_iter();
    Ok(rows.flat_map(|row| of_topic(row.topic.as_str().into(), row.partitions)).collect())
}

fn by_topic<'a>(
    partitions: impl IntoIterator<Item = &'a TopicPartition>,
) -> BTreeMap<String, Vec<i32>> {
    let mut topics: BTreeMap<String, Vec<i32>> = BTreeMap::new();
    for partition in partitions {
        topics.entry(partition.topic.to_string()).or_default().push(partition.partition.0);
    }
    topics
}

fn of_topic(topic: Arc<str>, partitions: Vec<i32>) -> impl Iterator<Item = TopicPartition> {
    let partitions = partitions.into_iter().filter(|partition| *partition >= 0);
    partitions.map(move |partition| TopicPartition::new(topic.clone(), partition))
}

/// Version 1 of what Kafka's sticky assignor remembers (KIP-341):
///
/// ```text
/// int32 n, n x { int16 length, topic, int32 m, m x int32 partition }, int32 generation
/// ```
fn write_sticky_user_data(owned: &BTreeSet<TopicPartition>, generation: i32) -> Bytes {
    let topics = by_topic(owned);
    let mut bytes = Vec::new();
    bytes.put_i32(topics.len() as i32);
    for (topic, partitions) in topics {
        // The coordinator that named the topic had the same limit: 249 bytes.
        bytes.put_u16(topic.len() as u16);
        bytes.put_slice(topic.as_bytes());
        bytes.put_i32(partitions.len() as i32);
        for partition in partitions {
            bytes.put_i32(partition);
        }
    }
    bytes.put_i32(generation);
    bytes.into()
}

/// What was owned and since when; version 0 does not say since when.
fn read_sticky_user_data(mut bytes: Bytes) -> Option<(Vec<TopicPartition>, i32)> {
    let mut owned = Vec::new();
    for _ in 0..bytes.try_get_i32().ok()? {
        let length = usize::from(bytes.try_get_u16().ok()?);
        if length > bytes.remaining() {
            return None;
        }
        let topic: Arc<str> = std::str::from_utf8(&bytes.split_to(length)).ok()?.into();
        for _ in 0..bytes.try_get_i32().ok()? {
            let partition = bytes.try_get_i32().ok()?;
            if partition < 0 || owned.len() == OWNED_MAX {
                return None;
            }
            owned.push(TopicPartition::new(topic.clone(), partition));
        }
    }
    Some((owned, bytes.try_get_i32().unwrap_or(-1)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, prop_assert, proptest};

    use super::*;

    fn owned() -> BTreeSet<TopicPartition> {
        [("a", 0), ("a", 7), ("b", 1)]
            .map(|(topic, index)| TopicPartition::new(topic, index))
            .into()
    }

    fn said(assignor: Assignor, oneself: Oneself<'_>) -> Subscriber {
        let member = JoinGroupResponseMember {
            member_id: "m".to_owned(),
            metadata: subscription(&AssignmentStrategy::Known(assignor), oneself).unwrap(),
            ..Default::default()
        };
        subscribers(&AssignmentStrategy::Known(assignor), &[member]).unwrap().remove(0)
    }

    #[test]
    fn the_leader_hears_what_members_own_and_since_when() {
        let (topics, owned, nothing) = (["a".into(), "b".into()].into(), owned(), BTreeSet::new());
        let user_data = BTreeMap::new();
        let cooperative = Oneself {
            topics: &topics,
            owned: &owned,
            last: &owned,
            generation: 7,
            rack: Some("r"),
            user_data: &user_data,
        };
        let eager = Oneself { owned: &nothing, ..cooperative };
        for (assignor, oneself) in
            [(Assignor::CooperativeSticky, cooperative), (Assignor::Sticky, eager)]
        {
            let heard = said(assignor, oneself);
            assert_eq!(heard.owned, owned.iter().cloned().collect::<Vec<_>>());
            assert_eq!((heard.generation, heard.topics.len()), (7, 2));
            assert_eq!(heard.rack.as_deref(), Some("r"));
        }
        assert_eq!(said(Assignor::Range, eager).owned, []);
    }

    #[test]
    fn an_older_cooperative_member_says_its_generation_as_user_data() {
        let message = ConsumerProtocolSubscription {
            user_data: Some(Bytes::from_static(&[0, 0, 0, 9])),
            ..Default::default()
        };
        let metadata = encode(&message, 1).unwrap();
        let member = JoinGroupResponseMember { metadata, ..Default::default() };
        let heard = subscribers(&AssignmentStrategy::Known(Assignor::CooperativeSticky), &[member])
            .unwrap();
        assert_eq!(heard[0].generation, 9);
    }

    #[test]
    fn the_sticky_user_data_are_kafkas() {
        let bytes = write_sticky_user_data(&[TopicPartition::new("t", 2)].into(), 5);
        let golden = [0, 0, 0, 1, 0, 1, b't', 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 5];
        assert_eq!(bytes[..], golden);
        let version_0 = bytes.slice(..bytes.len() - 4);
        let expected = vec![TopicPartition::new("t", 2)];
        assert_eq!(read_sticky_user_data(version_0), Some((expected, -1)));
    }

    #[test]
    fn an_assignment_reads_as_it_was_written() {
        let rows = [("m".to_owned(), owned().into_iter().collect())].into();
        let written = assignments(rows).unwrap().remove(0);
        assert_eq!(read_assignment(&written.assignment).unwrap(), owned());
        assert_eq!(read_assignment(&Bytes::new()).unwrap(), BTreeSet::new());
        assert!(read_assignment(&Bytes::from_static(&[0])).is_err());
    }

    #[test]
    fn a_member_that_speaks_another_protocol_is_named() {
        let member = JoinGroupResponseMember { member_id: "x".to_owned(), ..Default::default() };
        let error = subscribers(&AssignmentStrategy::Known(Assignor::Range), &[member])
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("member `x` speaks another protocol"), "{error}");
    }

    proptest! {
        #[test]
        fn user_data_of_anybody_are_read_within_bounds(
            bytes in prop::collection::vec(any::<u8>(), 0..64),
        ) {
            let owned = read_sticky_user_data(bytes.clone().into()).unwrap_or_default().0;
            prop_assert!(owned.len() * 4 <= bytes.len());
        }
    }
}
