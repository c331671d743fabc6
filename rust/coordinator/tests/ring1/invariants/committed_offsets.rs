//! A committed offset is the last one that was accepted, through restarts too: it never goes back
//! by itself.

use std::collections::BTreeMap;

use coordinator::CoordinatorRecord;
use wire::offset_fetch::OffsetFetchResponseGroup;

/// The offsets that members were told are committed, each with its place in the log.
#[derive(Debug, Default)]
pub(crate) struct CommittedOffsets {
    acknowledged: BTreeMap<usize, i64>,
}

impl CommittedOffsets {
    /// A member has been told that the commit at this place of the log is good.
    pub(crate) fn acknowledge(&mut self, place: usize, offset: i64) {
        self.acknowledged.insert(place, offset);
    }

    /// The log still has every commit that was acknowledged.
    pub(crate) fn check_log(&self, log: &[CoordinatorRecord]) {
        for (&place, &offset) in &self.acknowledged {
            match log.get(place) {
                Some(CoordinatorRecord::OffsetCommit(_, Some(value))) => {
                    assert_eq!(value.offset, offset, "the log changed at {place}");
                }
                other => panic!("offset {offset} was acknowledged, and is {other:?} at {place}"),
            }
        }
    }
}

/// What is fetched is what the log ends with.
pub(crate) fn check_fetch(fetched: &OffsetFetchResponseGroup, log: &[CoordinatorRecord]) {
    let mut last: BTreeMap<i32, i64> = BTreeMap::new();
    for record in log {
        if let CoordinatorRecord::OffsetCommit(key, Some(value)) = record {
            last.insert(key.partition, value.offset);
        }
    }
    let partitions = fetched.topics.iter().flat_map(|topic| &topic.partitions);
    let fetched: BTreeMap<i32, i64> =
        partitions.map(|found| (found.partition_index, found.committed_offset)).collect();
    assert_eq!(fetched, last);
}
