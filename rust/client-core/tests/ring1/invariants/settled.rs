//! Once nothing goes wrong any more, every partition is read by one member, to its end, and that
//! is committed.

use std::collections::BTreeMap;

use crate::grouping::{PARTITIONS, RECORDS, World};

/// What is missing, if something is.
pub(crate) fn check_settled(world: &World) -> Result<(), String> {
    let mut readers: BTreeMap<i32, usize> = BTreeMap::new();
    for (index, member) in world.members.iter().enumerate() {
        for partition in member.consumer.assignment() {
            if let Some(other) = readers.insert(partition.partition.0, index) {
                return Err(format!("members {other} and {index} read {partition}"));
            }
        }
    }
    if readers.len() != PARTITIONS as usize {
        return Err(format!("only {readers:?} are read"));
    }
    let committed = &world.network.cluster.group.committed;
    let is_done = |partition: i32| committed.get(&partition) == Some(&RECORDS);
    match (0..PARTITIONS).find(|partition| !is_done(*partition)) {
        Some(partition) => Err(format!("{partition} was committed at {committed:?}")),
        None => Ok(()),
    }
}
