//! Groups as an operator sees them.

use std::time::Duration;

use base::{ErrorCode, TopicPartition};
use client::{
    Admin, Consumer, GroupFilter, GroupState, GroupType, MemberToRemove, Moved, OffsetAndMetadata,
    Record, ResetError, ResetTo, Subscription, TopicScope,
};

use super::fixture::{Broker, eventually, fresh_name};

const BEGIN_MS: i64 = 1_700_000_000_000;

fn only<K, V>(results: Vec<(K, V)>) -> V {
    assert_eq!(results.len(), 1);
    results.into_iter().next().unwrap().1
}

/// A topic of two partitions with ten records each, a second apart.
async fn filled(broker: &Broker) -> String {
    let topic = broker.lasting_topic(2).await;
    let producer = broker.producer(&[]).await;
    for index in 0..20 {
        let (partition, timestamp_ms) = (Some(index % 2), BEGIN_MS + 1000 * i64::from(index / 2));
        let record = Record {
            partition,
            value: Some(b"v"),
            timestamp_ms: Some(timestamp_ms),
            ..Record::to(&topic)
        };
        producer.send(&record).await.unwrap();
    }
    assert!(producer.close(Duration::from_secs(10)).await.is_ok());
    topic
}

/// Commits `offsets` of partitions 0, 1, ... from outside.
async fn commit(admin: &Admin, group: &str, topic: &str, offsets: &[i64]) {
    let offset = |(partition, offset): (i32, &i64)| {
        (TopicPartition::new(topic, partition), OffsetAndMetadata::of(*offset))
    };
    let offsets: Vec<_> = (0..).zip(offsets).map(offset).collect();
    for (name, result) in admin.alter_group_offsets(group, &offsets).await.unwrap() {
        result.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

/// Polls until both partitions are assigned; keeps the group's protocol going.
async fn joined(broker: &Broker, group: &str, topic: &str, more: &[(&str, &str)]) -> Consumer {
    let mut pairs = vec![("group.id", group), ("enable.auto.commit", "false")];
    pairs.extend_from_slice(more);
    let consumer = broker.consumer(&pairs).await;
    consumer.subscribe(Subscription::topics([topic])).unwrap();
    eventually(async || {
        let _polling = consumer.begin_poll(&[]).unwrap();
        if consumer.rebalance().is_some() {
            consumer.rebalanced().unwrap();
        }
        consumer.try_poll(1).unwrap();
        consumer.assignment().len() == 2
    })
    .await;
    consumer
}

pub(crate) async fn a_group_of_offsets_alone_is_listed_measured_reset_and_deleted(broker: Broker) {
    let (admin, topic, group) = (broker.admin().await, filled(&broker).await, fresh_name());
    commit(&admin, &group, &topic, &[4, 10]).await;
    let empty = GroupFilter { states: vec![GroupState::Empty], types: vec![] };
    let listed = admin.list_groups(&empty).await.unwrap();
    let listed = listed.into_iter().find(|row| row.group_id == group).unwrap();
    assert_eq!((listed.state, listed.group_type), (GroupState::Empty, GroupType::Classic));
    let stable = GroupFilter { states: vec![GroupState::Stable], types: vec![] };
    let others = admin.list_groups(&stable).await.unwrap();
    assert!(others.iter().all(|row| row.group_id != group));

    let described = admin.describe_groups(&[&group, "no-such-group"]).await;
    let [(_, unknown), (_, described)] = &described[..] else { panic!("{described:?}") };
    let described = described.as_ref().unwrap();
    assert_eq!((described.state, described.members.len()), (GroupState::Empty, 0));
    assert!(described.coordinator_address.is_some());
    assert_eq!(unknown.as_ref().unwrap_err().code(), Some(ErrorCode::GroupIdNotFound));

    let rows = only(admin.group_lags(&[&group]).await).unwrap();
    let lags: Vec<_> = rows.iter().map(client::PartitionLag::lag).collect();
    assert_eq!(lags, [Some(6), Some(0)]);

    let reset = async |to, execute| admin.reset_group_offsets(&group, &to, &[], execute).await;
    let plan = reset(ResetTo::Timestamp(BEGIN_MS + 2500), false).await.unwrap();
    let moves: Vec<_> = plan.iter().map(|row| (row.before, row.after, row.moved)).collect();
    assert_eq!(moves, [(Some(4), 3, None), (Some(10), 3, None)]);
    let committed = async || {
        let committed = only(admin.group_offsets(&[&group]).await).unwrap();
        committed.values().map(|committed| committed.offset).collect::<Vec<_>>()
    };
    assert_eq!(committed().await, [4, 10], "it was only planned");
    let plan = reset(ResetTo::ShiftBy(5), true).await.unwrap();
    assert_eq!(plan[1].moved, Some(Moved::BehindEnd(15)));
    assert_eq!(committed().await, [9, 10]);
    let one = [TopicScope { topic: topic.clone(), partitions: Some(vec![1]) }];
    admin.reset_group_offsets(&group, &ResetTo::Earliest, &one, true).await.unwrap();
    assert_eq!(committed().await, [9, 0]);
    let offsets = [(0, 3), (1, 99)].map(|(n, at)| (TopicPartition::new(topic.as_str(), n), at));
    let plan = reset(ResetTo::Offsets(offsets.into()), true).await.unwrap();
    assert_eq!(plan[1].moved, Some(Moved::BehindEnd(99)));
    assert_eq!(committed().await, [3, 10]);

    let partition = TopicPartition::new(topic.as_str(), 0);
    let forgotten = admin.delete_group_offsets(&group, &[partition]).await.unwrap();
    only(forgotten).unwrap();
    assert_eq!(committed().await, [10]);
    only(admin.delete_groups(&[&group]).await).unwrap();
    let gone = only(admin.delete_groups(&[&group]).await).unwrap_err();
    assert_eq!(gone.code(), Some(ErrorCode::GroupIdNotFound));
}

pub(crate) async fn a_group_with_members_is_described_and_refuses_changes(broker: Broker) {
    let (admin, topic, group) = (broker.admin().await, filled(&broker).await, fresh_name());
    let instance = [("group.instance.id", "one"), ("client.id", "me")];
    let consumer = joined(&broker, &group, &topic, &instance).await;
    let described = only(admin.describe_groups(&[&group]).await).unwrap();
    assert_eq!((described.state, described.group_type), (GroupState::Stable, GroupType::Classic));
    assert_eq!(
        (described.protocol_type.as_str(), described.assignor.as_str()),
        ("consumer", "range")
    );
    let [member] = &described.members[..] else { panic!("{described:?}") };
    assert_eq!(
        (member.client_id.as_str(), member.group_instance_id.as_deref()),
        ("me", Some("one"))
    );
    assert_eq!(member.subscribed_topics, [topic.clone()].into());
    let both = [TopicPartition::new(topic.as_str(), 0), TopicPartition::new(topic.as_str(), 1)];
    assert_eq!(member.assignment, both.clone().into());
    let rows = only(admin.group_lags(&[&group]).await).unwrap();
    let owners = rows.iter().map(|row| row.owner.as_ref().unwrap().member_id.as_str());
    assert!(owners.eq([&*member.member_id; 2]));

    let refused = admin.reset_group_offsets(&group, &ResetTo::Earliest, &[], true).await;
    let state = GroupState::Stable;
    assert_eq!(refused, Err(ResetError::Active { group_id: group.clone(), state }));
    let offsets = [(both[0].clone(), OffsetAndMetadata::of(1))];
    let refused = only(admin.alter_group_offsets(&group, &offsets).await.unwrap()).unwrap_err();
    assert_eq!(refused.code(), Some(ErrorCode::UnknownMemberId));
    assert!(refused.to_string().contains("the group has members"), "{refused}");
    let refused = only(admin.delete_groups(&[&group]).await).unwrap_err();
    assert_eq!(refused.code(), Some(ErrorCode::NonEmptyGroup));
    let refused = only(admin.delete_group_offsets(&group, &both[..1]).await.unwrap());
    assert_eq!(refused.unwrap_err().code(), Some(ErrorCode::GroupSubscribedToTopic));

    // The member is gone, and its session need not end first.
    consumer.close().await;
    let nobody = [MemberToRemove::Static("two".into())];
    let unknown = admin.remove_group_members(&group, Some(&nobody), None).await.unwrap();
    assert_eq!(only(unknown).unwrap_err().code(), Some(ErrorCode::UnknownMemberId));
    let removed = admin.remove_group_members(&group, None, Some("maintenance")).await.unwrap();
    assert_eq!(removed, [(MemberToRemove::Static("one".into()), Ok(()))]);
    eventually(async || {
        let described = only(admin.describe_groups(&[&group]).await).unwrap();
        described.state == GroupState::Empty
    })
    .await;
    let scope = [TopicScope::whole(topic)];
    let plan = admin.reset_group_offsets(&group, &ResetTo::Latest, &scope, true).await.unwrap();
    assert_eq!(plan.iter().map(|row| row.after).collect::<Vec<_>>(), [10, 10]);
}

pub(crate) async fn a_reset_that_cannot_be_says_what_is_wrong(broker: Broker) {
    let (admin, topic, group) = (broker.admin().await, filled(&broker).await, fresh_name());
    let reset = async |to, scope: &[TopicScope]| {
        let refused = admin.reset_group_offsets(&group, &to, scope, true).await;
        refused.unwrap_err().to_string()
    };
    let error = reset(ResetTo::Earliest, &[]).await;
    assert!(error.contains("has committed no offsets: name the topics"), "{error}");
    let error = reset(ResetTo::ShiftBy(1), &[TopicScope::whole(topic.as_str())]).await;
    assert_eq!(
        error,
        format!("{topic}-0 cannot be shifted: the group has committed no offset of it")
    );
    let error = reset(ResetTo::Latest, &[TopicScope::whole("no-such-topic")]).await;
    assert!(error.starts_with("topic no-such-topic: UNKNOWN_TOPIC_OR_PARTITION: "), "{error}");
    let third = TopicScope { topic: topic.clone(), partitions: Some(vec![2]) };
    let error = reset(ResetTo::Latest, &[third]).await;
    assert!(error.ends_with("the topic has 2 partitions"), "{error}");
}
