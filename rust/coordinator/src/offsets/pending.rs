//! Offsets that were committed in transactions which have not ended: nobody is told of them, and
//! each waits for the marker of its producer.

use std::collections::{BTreeMap, BTreeSet};

use base::ProducerId;
use wire::coordinator_records::OffsetCommitKey;

use super::{ByPartition, CommittedOffset};

/// Where an offset was committed: group, topic and partition.
type Place = (String, String, i32);

/// The pending offsets of one shard.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct PendingOffsets {
    by_partition: ByPartition<BTreeMap<ProducerId, CommittedOffset>>,
    /// Where each producer has pending offsets. No producer in it has none.
    by_producer: BTreeMap<ProducerId, BTreeSet<Place>>,
}

impl PendingOffsets {
    /// A later commit of the same transaction takes the place of an earlier one.
    pub(super) fn insert(
        &mut self,
        producer: ProducerId,
        key: &OffsetCommitKey,
        offset: CommittedOffset,
    ) {
        self.by_partition.get_or_default(key).insert(producer, offset);
        let place = (key.group.clone(), key.topic.clone(), key.partition);
        self.by_producer.entry(producer).or_default().insert(place);
    }

    /// Nobody's transaction says anything of this partition any more.
    pub(super) fn remove(&mut self, key: &OffsetCommitKey) {
        let place = (key.group.clone(), key.topic.clone(), key.partition);
        for producer in self.by_partition.remove(key).into_iter().flatten().map(|(id, _)| id) {
            let Some(places) = self.by_producer.get_mut(&producer) else { continue };
            places.remove(&place);
            if places.is_empty() {
                self.by_producer.remove(&producer);
            }
        }
    }

    /// Takes out what a producer's transaction has committed.
    pub(super) fn take(&mut self, producer: ProducerId) -> Vec<(OffsetCommitKey, CommittedOffset)> {
        let mut taken = Vec::new();
        for (group, topic, partition) in self.by_producer.remove(&producer).unwrap_or_default() {
            let key = OffsetCommitKey { group, topic, partition };
            let Some(producers) = self.by_partition.get_mut(&key) else { continue };
            let offset = producers.remove(&producer);
            if producers.is_empty() {
                self.by_partition.remove(&key);
            }
            taken.extend(offset.map(|offset| (key, offset)));
        }
        taken
    }

    /// By partition.
    pub(super) fn by_partition(&self) -> &ByPartition<BTreeMap<ProducerId, CommittedOffset>> {
        &self.by_partition
    }
}
