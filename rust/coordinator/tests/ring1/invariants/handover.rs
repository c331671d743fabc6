//! Who is given a partition goes on where the owner before it has stopped: what was accepted of
//! that one before it gave the partition up is what the next one begins with, and nothing of it is
//! accepted after that.
//!
//! Commits bear a mark: whose they are, and where that owner began (`positions.rs`). On a
//! connection that keeps the order of messages the commits of a partition make one chain.

use std::collections::BTreeMap;

use coordinator::CoordinatorRecord;

#[derive(Debug, Default)]
pub(crate) struct Handover {
    read: usize,
    /// The last commit of each partition: its mark, and its offset.
    last: BTreeMap<i32, (String, i64)>,
    /// How often a partition has gone on from one owner to another.
    pub(crate) count: usize,
}

impl Handover {
    /// Reads what has been appended.
    pub(crate) fn follow(&mut self, log: &[CoordinatorRecord]) {
        for record in &log[self.read..] {
            if let CoordinatorRecord::OffsetCommit(key, Some(value)) = record {
                self.accept(key.partition, &value.metadata, value.offset);
            }
        }
        self.read = log.len();
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
