//! Who is given a partition goes on where the owner before it has stopped: what was accepted of
//! that one before it gave the partition up is what the next one begins with, and nothing of it is
//! accepted after that. What is committed in a transaction counts when that is, and who begins
//! waits for it.
//!
//! Commits bear a mark: whose they are, and where that owner began (`positions.rs`). On a
//! connection that keeps the order of messages the commits of a partition make one chain.

use std::collections::BTreeMap;

use base::ProducerId;
use coordinator::CoordinatorRecord;

use crate::host::{Entry, Host};

#[derive(Debug, Default)]
pub(crate) struct Handover {
    /// How many records and markers.
    read: (usize, usize),
    /// What was committed in transactions that have not ended: mark and offset.
    pending: BTreeMap<(ProducerId, i32), (String, i64)>,
    /// The last commit of each partition: its mark, and its offset.
    last: BTreeMap<i32, (String, i64)>,
    /// How often a partition has gone on from one owner to another.
    pub(crate) count: usize,
}

impl Handover {
    /// Reads what has been appended.
    pub(crate) fn follow(&mut self, host: &Host) {
        for entry in host.entries(self.read) {
            match entry {
                Entry::Record(_, CoordinatorRecord::OffsetCommit(key, Some(value))) => {
                    self.accept(key.partition, &value.metadata, value.offset);
                }
                Entry::Transactional(_, id, CoordinatorRecord::OffsetCommit(key, Some(value))) => {
                    let commit = (value.metadata.clone(), value.offset);
                    self.pending.insert((id, key.partition), commit);
                }
                Entry::Marker(producer, is_committed) => self.end(producer, is_committed),
                _ => {}
            }
        }
        self.read = (host.log.len(), host.markers.len());
    }

    fn end(&mut self, producer: ProducerId, is_committed: bool) {
        let ended = self.pending.extract_if(.., |(id, _), _| *id == producer);
        for ((_, partition), (mark, offset)) in ended.collect::<Vec<_>>() {
            if is_committed {
                self.accept(partition, &mark, offset);
            }
        }
    }

    fn accept(&mut self, partition: i32, mark: &str, offset: i64) {
        let (owner, began_at) = mark.split_once('@').expect("every member marks its commits");
        let began_at: i64 = began_at.parse().expect("a number");
        match self.last.insert(partition, (mark.to_owned(), offset)) {
            Some((last, before)) if last == mark => {
                assert!(offset >= before, "{owner} went back from {before} to {offset}");
            }
            Some((last, before)) => {
                assert_eq!(
                    began_at, before,
                    "{owner} began with partition {partition} at {began_at}, \
                     {last} ended at {before}"
                );
                self.count += 1;
            }
            None => assert_eq!(began_at, -1, "{owner} was the first"),
        }
    }
}
