//! A committed offset is the last one that was accepted, through restarts too: it never goes back
//! by itself.

use std::collections::BTreeMap;

use base::{ErrorCode, ProducerId};
use coordinator::CoordinatorRecord;
use wire::offset_fetch::OffsetFetchResponseGroup;

use crate::host::{Entry, Host};

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

/// What is fetched is what the log ends with: the last commit of each partition that counts, and,
/// of who asks for what is stable, none that an open transaction may replace.
pub(crate) fn check_fetch(fetched: &OffsetFetchResponseGroup, stable: bool, host: &Host) {
    let (last, pending) = committed(host);
    let expected: BTreeMap<i32, (i64, i16)> = last
        .into_iter()
        .map(|(partition, (_, offset))| {
            let is_pending = pending.keys().any(|(_, pending)| *pending == partition);
            let unstable = (-1, ErrorCode::UnstableOffsetCommit.code());
            (partition, if stable && is_pending { unstable } else { (offset, 0) })
        })
        .collect();
    let partitions = fetched.topics.iter().flat_map(|topic| &topic.partitions);
    let fetched: BTreeMap<i32, (i64, i16)> = partitions
        .map(|told| (told.partition_index, (told.committed_offset, told.error_code)))
        .collect();
    assert_eq!(fetched, expected);
}

/// By partition, and by producer and partition, each with its place in the log.
type Commits<K> = BTreeMap<K, (usize, i64)>;

/// What counts, and what will count if its transaction is committed.
fn committed(host: &Host) -> (Commits<i32>, Commits<(ProducerId, i32)>) {
    let (mut last, mut pending) = (Commits::new(), Commits::new());
    for entry in host.entries((0, 0)) {
        match entry {
            Entry::Record(place, CoordinatorRecord::OffsetCommit(key, Some(value))) => {
                last.insert(key.partition, (place, value.offset));
            }
            Entry::Transactional(place, id, CoordinatorRecord::OffsetCommit(key, Some(value))) => {
                pending.insert((id, key.partition), (place, value.offset));
            }
            Entry::Marker(id, is_committed) => {
                for ((_, partition), commit) in pending.extract_if(.., |(of, _), _| *of == id) {
                    let is_later = last.get(&partition).is_none_or(|last| *last < commit);
                    if is_committed && is_later {
                        last.insert(partition, commit);
                    }
                }
            }
            _ => {}
        }
    }
    (last, pending)
}
