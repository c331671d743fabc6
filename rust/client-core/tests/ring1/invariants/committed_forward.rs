//! A committed offset never goes back by itself: who takes a partition over begins where it was
//! left, and who has lost it commits no more.

use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub(crate) struct CommittedForward(BTreeMap<i32, i64>);

impl CommittedForward {
    pub(crate) fn check(&mut self, partition: i32, offset: i64) {
        let before = self.0.insert(partition, offset).unwrap_or(0);
        assert!(before <= offset, "partition {partition} went back from {before} to {offset}");
    }
}
