//! The topics of every history, and what the metadata says of them.

use base::{TopicPartition, Uuid};
use metadata::MetadataImage;
use metadata::record::{FeatureLevelRecord, MetadataRecord, PartitionRecord, TopicRecord};

pub(crate) const ACCOUNTS: &str = "accounts";
pub(crate) const LISTS: &str = "lists";
pub(crate) const INPUT: &str = "input";
pub(crate) const OUTPUT: &str = "output";
pub(crate) const OFFSETS: &str = "__consumer_offsets";
pub(crate) const TRANSACTIONS: &str = "__transaction_state";

/// Each with how many partitions it has.
const TOPICS: [(&str, i32); 6] =
    [(ACCOUNTS, 4), (LISTS, 2), (INPUT, 3), (OUTPUT, 2), (OFFSETS, 1), (TRANSACTIONS, 1)];

/// A topic with its id, and how many partitions it has.
pub(crate) fn topics() -> impl Iterator<Item = (&'static str, Uuid, i32)> {
    TOPICS.iter().zip(1..).map(|((name, count), number)| (*name, Uuid([number; 16]), *count))
}

/// The topic's partitions.
pub(crate) fn partitions_of(topic: &str) -> Vec<TopicPartition> {
    let of_topic = topics().filter(|(name, ..)| *name == topic);
    of_topic
        .flat_map(|(name, _, count)| (0..count).map(move |index| TopicPartition::new(name, index)))
        .collect()
}

/// All that clients write to.
pub(crate) fn written() -> Vec<TopicPartition> {
    [ACCOUNTS, LISTS, INPUT, OUTPUT].into_iter().flat_map(partitions_of).collect()
}

pub(crate) fn name_of(id: Uuid) -> &'static str {
    let found = topics().find(|(_, known, _)| *known == id);
    found.map(|(name, ..)| name).expect("clients name topics that there are")
}

pub(crate) fn image(transaction_version: i16) -> MetadataImage {
    let mut image = MetadataImage::default();
    let name = "transaction.version".to_owned();
    let feature = FeatureLevelRecord { name, feature_level: transaction_version };
    let mut records = vec![MetadataRecord::from(feature)];
    for (name, topic_id, count) in topics() {
        records.push(TopicRecord { name: name.to_owned(), topic_id }.into());
        records.extend((0..count).map(|partition_id| partition(topic_id, partition_id).into()));
    }
    for record in &records {
        image.replay(record).expect("a new topic");
    }
    image
}

fn partition(topic_id: Uuid, partition_id: i32) -> PartitionRecord {
    PartitionRecord {
        partition_id,
        topic_id,
        replicas: vec![0],
        isr: vec![0],
        leader: 0,
        leader_epoch: 0,
        partition_epoch: 0,
        directories: vec![Uuid::ZERO],
    }
}
