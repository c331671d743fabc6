//! A partition in the image: who holds it, who leads it, and the epochs that count its changes.

use base::{DirectoryId, LeaderEpoch, NodeId, PartitionIndex, TopicId, Uuid};

use crate::record::{PartitionChangeRecord, PartitionRecord};

/// Counts the changes of a partition, so that a change decided on an older state is refused
/// (KIP-497).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionEpoch(pub i32);

/// A partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionImage {
    /// The brokers that hold it, the preferred leader first.
    pub replicas: Vec<NodeId>,
    /// Those in sync.
    pub isr: Vec<NodeId>,
    /// The log directory of each replica, in the order of `replicas`.
    pub directories: Vec<DirectoryId>,
    /// The leader, if there is one.
    pub leader: Option<NodeId>,
    /// Counts the leaders.
    pub leader_epoch: LeaderEpoch,
    /// Counts the changes.
    pub partition_epoch: PartitionEpoch,
}

impl PartitionImage {
    pub(super) fn from_record(record: &PartitionRecord) -> Self {
        Self {
            replicas: nodes(&record.replicas),
            isr: nodes(&record.isr),
            directories: directories(&record.directories),
            leader: leader(record.leader),
            leader_epoch: LeaderEpoch(record.leader_epoch),
            partition_epoch: PartitionEpoch(record.partition_epoch),
        }
    }

    /// The record that gives this state.
    pub fn to_record(&self, topic_id: TopicId, partition: PartitionIndex) -> PartitionRecord {
        PartitionRecord {
            partition_id: partition.0,
            topic_id: topic_id.0,
            replicas: self.replicas.iter().map(|node| node.0).collect(),
            isr: self.isr.iter().map(|node| node.0).collect(),
            leader: self.leader.unwrap_or(NodeId::NONE).0,
            leader_epoch: self.leader_epoch.0,
            partition_epoch: self.partition_epoch.0,
            directories: self.directories.iter().map(|directory| directory.0).collect(),
        }
    }

    pub(super) fn apply(&mut self, change: &PartitionChangeRecord) {
        if let Some(isr) = &change.isr {
            self.isr = nodes(isr);
        }
        if let Some(replicas) = &change.replicas {
            self.replicas = nodes(replicas);
        }
        if let Some(changed) = &change.directories {
            self.directories = directories(changed);
        }
        if change.leader != PartitionChangeRecord::LEADER_UNCHANGED {
            self.leader = leader(change.leader);
            self.leader_epoch.0 += 1;
        }
        self.partition_epoch.0 += 1;
    }

    /// The same leader, in a new epoch.
    pub(super) fn bump_epochs(&mut self) {
        self.leader_epoch.0 += 1;
        self.partition_epoch.0 += 1;
    }
}

fn leader(id: i32) -> Option<NodeId> {
    (id >= 0).then_some(NodeId(id))
}

fn nodes(ids: &[i32]) -> Vec<NodeId> {
    ids.iter().copied().map(NodeId).collect()
}

fn directories(ids: &[Uuid]) -> Vec<DirectoryId> {
    ids.iter().copied().map(DirectoryId).collect()
}
