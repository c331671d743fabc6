//! A partition's state, whole and as a change.

use base::Uuid;

/// A partition exists in this state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartitionRecord {
    /// Its number.
    pub partition_id: i32,
    /// Its topic.
    pub topic_id: Uuid,
    /// The brokers that hold it, the preferred leader first.
    pub replicas: Vec<i32>,
    /// Those in sync.
    pub isr: Vec<i32>,
    /// The leader, or -1.
    pub leader: i32,
    /// Counts the leaders.
    pub leader_epoch: i32,
    /// Counts the changes.
    pub partition_epoch: i32,
    /// The log directory of each replica, in the order of `replicas`.
    pub directories: Vec<Uuid>,
}

/// What has changed in a partition; each change counts its partition epoch up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionChangeRecord {
    /// Its number.
    pub partition_id: i32,
    /// Its topic.
    pub topic_id: Uuid,
    /// The brokers in sync, if they have changed.
    pub isr: Option<Vec<i32>>,
    /// The leader, -1 if there is none now, or [`PartitionChangeRecord::LEADER_UNCHANGED`]. Any other value, also the one
    /// that leads already, counts the leader epoch up.
    pub leader: i32,
    /// The brokers that hold it, if they have changed.
    pub replicas: Option<Vec<i32>>,
    /// Their log directories, if they have changed.
    pub directories: Option<Vec<Uuid>>,
}

impl PartitionChangeRecord {
    /// The leader stays, and so does its epoch.
    pub const LEADER_UNCHANGED: i32 = -2;
}

impl Default for PartitionChangeRecord {
    fn default() -> Self {
        Self {
            partition_id: 0,
            topic_id: Uuid::ZERO,
            isr: None,
            leader: Self::LEADER_UNCHANGED,
            replicas: None,
            directories: None,
        }
    }
}
