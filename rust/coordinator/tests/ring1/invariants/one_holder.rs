//! As far as the coordinator has written down, a partition is held by one member at a time: given
//! to it, or not yet given up by it.

use std::collections::{BTreeMap, BTreeSet};

use base::Uuid;
use coordinator::CoordinatorRecord;

#[derive(Debug, Default)]
pub(crate) struct OneHolder {
    read: usize,
    held: BTreeMap<String, BTreeSet<(Uuid, i32)>>,
}

impl OneHolder {
    /// Reads what has been appended; to be called between decisions.
    pub(crate) fn follow(&mut self, log: &[CoordinatorRecord]) {
        if log.len() == self.read {
            return;
        }
        for record in &log[self.read..] {
            let CoordinatorRecord::ConsumerGroupCurrentMemberAssignment(key, value) = record else {
                continue;
            };
            let topics = value.iter().flat_map(|value| {
                value.assigned_partitions.iter().chain(&value.partitions_pending_revocation)
            });
            let partitions =
                topics.flat_map(|topic| topic.partitions.iter().map(|&p| (topic.topic_id, p)));
            self.held.insert(key.member_id.clone(), partitions.collect());
        }
        self.read = log.len();
        let mut holders: BTreeMap<(Uuid, i32), &String> = BTreeMap::new();
        for (member, partitions) in &self.held {
            for &partition in partitions {
                if let Some(other) = holders.insert(partition, member) {
                    panic!("{other} and {member} hold {partition:?}");
                }
            }
        }
    }
}
