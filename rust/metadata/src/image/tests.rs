//! The laws of the image: a snapshot is a log that gives it, a copy does not change with its
//! original, bad records change nothing.

use base::{LeaderEpoch, Uuid};
use proptest::prelude::*;

use super::*;
use crate::record::{
    ClusterIdRecord, ConfigRecord, FeatureLevelRecord, MetadataRecord, PartitionChangeRecord,
    PartitionRecord, ProducerIdsRecord, RegisterBrokerRecord, RemoveTopicRecord, TopicRecord,
    UncleanStartRecord,
};

fn id(number: u8) -> Uuid {
    Uuid([number; 16])
}

fn broker(broker_id: i32, broker_epoch: i64) -> MetadataRecord {
    RegisterBrokerRecord {
        broker_id,
        broker_epoch,
        incarnation_id: id(9),
        log_dirs: vec![id(8)],
        ..RegisterBrokerRecord::default()
    }
    .into()
}

fn topic(number: u8) -> MetadataRecord {
    TopicRecord { name: format!("topic-{number}"), topic_id: id(number) }.into()
}

fn partition(number: u8, partition_id: i32, leader: i32) -> MetadataRecord {
    PartitionRecord {
        partition_id,
        topic_id: id(number),
        replicas: vec![leader, leader + 1],
        isr: vec![leader],
        leader,
        leader_epoch: 0,
        partition_epoch: 0,
        directories: vec![Uuid::ZERO; 2],
    }
    .into()
}

fn config(resource_name: &str, name: &str, value: Option<&str>) -> MetadataRecord {
    ConfigRecord {
        resource_type: 2,
        resource_name: resource_name.to_owned(),
        name: name.to_owned(),
        value: value.map(str::to_owned),
    }
    .into()
}

fn replay(records: &[MetadataRecord]) -> MetadataImage {
    let mut image = MetadataImage::default();
    image.replay_all(records).unwrap();
    image
}

fn two_topics() -> MetadataImage {
    replay(&[
        ClusterIdRecord { cluster_id: "c".to_owned() }.into(),
        broker(1, 0),
        topic(1),
        config("topic-1", "retention.ms", Some("7")),
        partition(1, 0, 1),
        partition(1, 1, 2),
        topic(2),
        partition(2, 0, 1),
    ])
}

fn epochs(image: &MetadataImage, number: u8, index: i32) -> (i32, i32) {
    let partition = image.partition(TopicId(id(number)), PartitionIndex(index)).unwrap();
    (partition.leader_epoch.0, partition.partition_epoch.0)
}

#[test]
fn a_topic_is_found_by_name_and_by_id_with_its_partitions() {
    let image = two_topics();
    let topic = image.topic_by_name("topic-1").unwrap();
    assert_eq!(image.topic(topic.id), Some(topic));
    assert_eq!((topic.partition_count(), topic.replication_factor()), (2, 2));
    let led: Vec<_> = topic.partitions().map(|(index, p)| (index.0, p.leader)).collect();
    assert_eq!(led, [(0, Some(NodeId(1))), (1, Some(NodeId(2)))]);
    let names: Vec<_> = image.topics().map(|topic| topic.name.as_ref()).collect();
    assert_eq!(names, ["topic-1", "topic-2"]);
    assert_eq!(image.partitions_of(NodeId(3)).count(), 1);
    assert!(image.topic_by_name("topic-3").is_none());
}

#[test]
fn an_unclean_start_counts_up_the_epochs_of_every_partition_that_the_broker_leads() {
    let mut image = two_topics();
    let before = image.clone();
    image.replay(&UncleanStartRecord { broker_id: 1, broker_epoch: 0 }.into()).unwrap();
    assert_eq!(epochs(&image, 1, 0), (1, 1));
    assert_eq!(epochs(&image, 1, 1), (0, 0), "broker 2 leads it");
    assert_eq!(epochs(&image, 2, 0), (1, 1));
    assert_eq!(epochs(&before, 1, 0), (0, 0), "the copy has not changed");
}

#[test]
fn a_change_of_leader_counts_up_both_epochs_and_any_other_change_one() {
    let mut image = two_topics();
    let change =
        PartitionChangeRecord { topic_id: id(1), isr: Some(vec![1, 2]), ..Default::default() };
    image.replay(&change.into()).unwrap();
    assert_eq!(epochs(&image, 1, 0), (0, 1));
    let change = PartitionChangeRecord { topic_id: id(1), leader: -1, ..Default::default() };
    image.replay(&change.into()).unwrap();
    let partition = image.partition(TopicId(id(1)), PartitionIndex(0)).unwrap();
    assert_eq!((partition.leader, partition.leader_epoch), (None, LeaderEpoch(1)));
    assert_eq!(partition.isr, [NodeId(1), NodeId(2)]);
}

#[test]
fn a_removed_topic_takes_its_partitions_and_configs_along_and_frees_its_name() {
    let mut image = two_topics();
    let entity = ConfigEntity::Topic("topic-1".to_owned());
    assert_eq!(image.configs(&entity)["retention.ms"], "7");
    image.replay(&RemoveTopicRecord { topic_id: id(1) }.into()).unwrap();
    assert!(image.topic_by_name("topic-1").is_none());
    assert!(image.configs(&entity).is_empty());
    image
        .replay(&TopicRecord { name: "topic-1".to_owned(), topic_id: id(3) }.into())
        .expect("the name is free");
    assert_eq!(image.topic_by_name("topic-1").unwrap().partition_count(), 0);
}

#[test]
fn an_entity_whose_last_config_is_deleted_is_as_if_it_had_none() {
    let mut image = two_topics();
    image.replay(&config("topic-1", "retention.ms", None)).unwrap();
    assert_eq!(image.configured().len(), 0);
    image.replay(&config("topic-1", "never.set", None)).unwrap();
    assert_eq!(image.configured().len(), 0);
}

#[test]
fn a_record_that_contradicts_the_image_is_refused_and_changes_nothing() {
    let image = two_topics();
    let change = PartitionChangeRecord { topic_id: id(1), partition_id: 9, ..Default::default() };
    let short =
        PartitionChangeRecord { topic_id: id(1), replicas: Some(vec![1]), ..Default::default() };
    let bad: Vec<(MetadataRecord, &str)> = vec![
        (
            ClusterIdRecord { cluster_id: "d".to_owned() }.into(),
            "cluster `d`, after it named cluster `c`",
        ),
        (broker(1, -1), "not above"),
        (topic(1), "exists already"),
        (TopicRecord { name: "topic-1".to_owned(), topic_id: id(7) }.into(), "exists already"),
        (RemoveTopicRecord { topic_id: id(7) }.into(), "does not exist"),
        (partition(7, 0, 1), "does not exist"),
        (change.into(), "partition 9"),
        (short.into(), "1 replicas in 2 directories"),
        (UncleanStartRecord { broker_id: 5, broker_epoch: 0 }.into(), "broker 5 is not registered"),
        (ConfigRecord { resource_type: 3, ..Default::default() }.into(), "Unknown resource type 3"),
        (ProducerIdsRecord { next_producer_id: -1, ..Default::default() }.into(), "go back"),
    ];
    for (record, reason) in bad {
        let mut copy = image.clone();
        let error = copy.replay(&record).expect_err(reason).to_string();
        assert!(error.contains(reason), "{error}");
        assert_eq!(copy, image, "{record:?}");
    }
}

#[test]
fn of_several_records_all_are_taken_in_or_none() {
    let mut image = two_topics();
    let before = image.clone();
    image.replay_all(&[topic(3), partition(3, 0, 1), topic(1)]).unwrap_err();
    assert_eq!(image, before);
}

#[test]
fn the_difference_of_two_images_names_what_was_created_changed_and_deleted() {
    let before = two_topics();
    let mut after = before.clone();
    assert_eq!(after.topic_changes_since(&before), TopicChanges::default());
    after
        .replay_all(&[
            topic(3),
            RemoveTopicRecord { topic_id: id(1) }.into(),
            partition(2, 1, 1),
            config("topic-2", "k", Some("v")),
        ])
        .unwrap();
    let changes = after.topic_changes_since(&before);
    let names = |topics: &[Arc<TopicImage>]| -> Vec<String> {
        topics.iter().map(|topic| topic.name.to_string()).collect()
    };
    assert_eq!(names(&changes.created), ["topic-3"]);
    assert_eq!(names(&changes.changed), ["topic-2"]);
    assert_eq!(names(&changes.deleted), ["topic-1"]);
    let entity = |name: &str| ConfigEntity::Topic(name.to_owned());
    assert_eq!(after.config_changes_since(&before), [entity("topic-1"), entity("topic-2")]);
}

#[test]
fn a_copy_shares_what_has_not_changed() {
    let before = two_topics();
    let mut after = before.clone();
    after.replay(&partition(2, 1, 1)).unwrap();
    let shared =
        |name| Arc::ptr_eq(before.topic_by_name(name).unwrap(), after.topic_by_name(name).unwrap());
    assert!(shared("topic-1"));
    assert!(!shared("topic-2"));
}

/// Any record over a small world, sensible or not.
fn any_record() -> impl Strategy<Value = MetadataRecord> {
    let number = 0..4_u8;
    prop_oneof![
        (0..3_i32, 0..4_i64).prop_map(|(id, epoch)| broker(id, epoch)),
        number.clone().prop_map(topic),
        number.clone().prop_map(|n| RemoveTopicRecord { topic_id: id(n) }.into()),
        (number.clone(), 0..3_i32, 0..3_i32).prop_map(|(n, p, leader)| partition(n, p, leader)),
        (number.clone(), 0..3_i32, -2..3_i32).prop_map(|(n, partition_id, leader)| {
            PartitionChangeRecord { topic_id: id(n), partition_id, leader, ..Default::default() }
                .into()
        }),
        (number, 0..3, proptest::option::of("[ab]")).prop_map(|(n, key, value)| {
            config(&format!("topic-{n}"), &format!("key-{key}"), value.as_deref())
        }),
        (0..3_i16).prop_map(|feature_level| {
            FeatureLevelRecord { name: "f".to_owned(), feature_level }.into()
        }),
        (0..3_i64).prop_map(|blocks| {
            ProducerIdsRecord { next_producer_id: blocks * 1000, ..Default::default() }.into()
        }),
        Just(ClusterIdRecord { cluster_id: "c".to_owned() }.into()),
        (0..3_i32).prop_map(|broker_id| UncleanStartRecord { broker_id, broker_epoch: 0 }.into()),
    ]
}

proptest! {
    /// A record that is refused leaves the image alone, and the rest of the log is taken in after
    /// it.
    #[test]
    fn a_snapshot_gives_back_the_image_and_equal_images_have_equal_snapshots(
        log in proptest::collection::vec(any_record(), 0..80),
    ) {
        let mut image = MetadataImage::default();
        for record in &log {
            let before = image.clone();
            if image.replay(record).is_err() {
                prop_assert_eq!(&image, &before);
            }
        }
        let snapshot: Vec<_> = image.to_records().collect();
        let restored = replay(&snapshot);
        prop_assert_eq!(&restored, &image);
        prop_assert!(restored.to_records().eq(snapshot));
    }

    /// The law: a live image that took snapshots on the way equals the replay of the whole log.
    #[test]
    fn a_restart_from_any_snapshot_and_the_rest_of_the_log_gives_the_live_image(
        log in proptest::collection::vec(any_record(), 0..80),
        cut in 0..80_usize,
    ) {
        let mut live = MetadataImage::default();
        let taken: Vec<_> = log.into_iter().filter(|record| live.replay(record).is_ok()).collect();
        let (early, late) = taken.split_at(cut.min(taken.len()));
        let snapshot: Vec<_> = replay(early).to_records().collect();
        let mut restarted = replay(&snapshot);
        restarted.replay_all(late).unwrap();
        prop_assert_eq!(restarted, live);
    }
}
