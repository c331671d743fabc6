//! Where new partitions go: replicas spread evenly over brokers, leaders on brokers that may lead.
//! Racks are not looked at yet.

use base::{ErrorCode, NodeId, Rng};

use super::decision::Rejection;
use crate::image::{MetadataImage, PartitionEpoch, PartitionImage};

/// Chooses replicas for `partitions` partitions, each with `replication_factor` of them, the leader
/// first.
///
/// Brokers stand in a ring that starts at a random one, those that may lead before those that may
/// not. The leader moves on by one with each partition; its followers are the next ones, from a
/// start that moves on with each lap, so that partitions with the same leader do not all have the
/// same followers:
///
/// ```text
/// brokers 0..5, two replicas    first lap   0 1 | 1 2 | 2 3 | 3 4 | 4 0
///                               second lap  0 2 | 1 3 | 2 4 | 3 0 | 4 1
/// ```
pub(super) fn place(
    image: &MetadataImage,
    partitions: usize,
    replication_factor: usize,
    rng: &mut dyn Rng,
) -> Result<Vec<Vec<NodeId>>, Rejection> {
    let ids = |active: bool| {
        let brokers = image.brokers().filter(move |broker| broker.is_active() == active);
        brokers.map(|broker| broker.id).collect::<Vec<_>>()
    };
    let (mut active, inactive) = (ids(true), ids(false));
    let brokers = active.len() + inactive.len();
    let refused =
        |message: String| Err(Rejection::new(ErrorCode::InvalidReplicationFactor, message));
    if active.is_empty() {
        return refused("All brokers are currently fenced.".to_owned());
    }
    if replication_factor > brokers {
        return refused(format!(
            "The target replication factor of {replication_factor} cannot be reached because \
            only {brokers} broker(s) are \
             registered."
        ));
    }
    let start = rng.below(active.len() as u32) as usize;
    active.rotate_left(start);
    Ok((0..partitions)
        .map(|index| replicas(&active, &inactive, index, replication_factor))
        .collect())
}

fn replicas(active: &[NodeId], inactive: &[NodeId], index: usize, count: usize) -> Vec<NodeId> {
    let leader = index % active.len();
    let others = active.len() - 1;
    let lap = index / active.len();
    let followers = (0..others).map(|step| {
        let distance = 1 + (lap + step) % others;
        active[(leader + distance) % active.len()]
    });
    std::iter::once(active[leader])
        .chain(followers)
        .chain(inactive.iter().copied())
        .take(count)
        .collect()
}

/// A new partition on these brokers: in sync are those that may lead, and the first of them leads.
/// None may: no partition.
pub(super) fn new_partition(image: &MetadataImage, replicas: &[NodeId]) -> Option<PartitionImage> {
    let active = |id: &NodeId| image.broker(*id).is_some_and(|broker| broker.is_active());
    let isr: Vec<NodeId> = replicas.iter().copied().filter(active).collect();
    let directory = |id: &NodeId| image.broker(*id).map(|broker| broker.default_directory());
    Some(PartitionImage {
        leader: Some(*isr.first()?),
        isr,
        directories: replicas.iter().map(|id| directory(id).unwrap_or_default()).collect(),
        replicas: replicas.to_vec(),
        leader_epoch: base::LeaderEpoch(0),
        partition_epoch: PartitionEpoch(0),
    })
}
