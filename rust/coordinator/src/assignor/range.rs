//! The range assignor: the partitions of each topic in runs, one for each of its readers.
//!
//! Topics with as many partitions and the same readers are cut at the same places, so that what is
//! joined on a key comes to one member.

use std::collections::BTreeMap;

use base::Uuid;

use super::Reader;
use crate::consumer::Assignment;

pub(super) fn assign(
    members: &BTreeMap<String, Reader>,
    partition_counts: &BTreeMap<Uuid, i32>,
) -> BTreeMap<String, Assignment> {
    let mut assigned: BTreeMap<String, Assignment> =
        members.keys().map(|id| (id.clone(), Assignment::default())).collect();
    let order = in_order(members);
    for (&topic, &partitions) in partition_counts {
        let readers: Vec<&String> =
            order.iter().filter(|id| members[**id].topics.contains(&topic)).copied().collect();
        let count = i32::try_from(readers.len()).unwrap_or(i32::MAX);
        if count == 0 {
            continue;
        }
        let (run, longer_by_one) = (partitions / count, partitions % count);
        let mut start = 0;
        for (number, id) in (0..).zip(readers) {
            let end = start + run + i32::from(number < longer_by_one);
            let Some(assignment) = assigned.get_mut(id) else { continue };
            for partition in start..end {
                assignment.insert(topic, partition);
            }
            start = end;
        }
    }
    assigned
}

/// Static members first, by instance: a new id must not move anything.
fn in_order(members: &BTreeMap<String, Reader>) -> Vec<&String> {
    let mut order: Vec<&String> = members.keys().collect();
    order.sort_by_key(|id| match &members[*id].instance_id {
        Some(instance) => (0, instance, *id),
        None => (1, *id, *id),
    });
    order
}
