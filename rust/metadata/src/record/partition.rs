//! A partition's state, whole and as a change.

use base::Uuid;
use wire_derive::Message;

/// A partition exists in this state.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[message(data, key = 3, versions = "0", flexible = "0+")]
pub struct PartitionRecord {
    /// Its number.
    #[message(versions = "0+")]
    pub partition_id: i32,
    /// Its topic.
    #[message(versions = "0+")]
    pub topic_id: Uuid,
    /// The brokers that hold it, the preferred leader first.
    #[message(versions = "0+")]
    pub replicas: Vec<i32>,
    /// Those in sync.
    #[message(versions = "0+")]
    pub isr: Vec<i32>,
    /// The leader, or -1.
    #[message(versions = "0+")]
    pub leader: i32,
    /// Counts the leaders.
    #[message(versions = "0+")]
    pub leader_epoch: i32,
    /// Counts the changes.
    #[message(versions = "0+")]
    pub partition_epoch: i32,
    /// The log directory of each replica, in the order of `replicas`.
    #[message(versions = "0+")]
    pub directories: Vec<Uuid>,
}

/// What has changed in a partition; each change counts its partition epoch up.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[message(data, key = 5, versions = "0", flexible = "0+")]
pub struct PartitionChangeRecord {
    /// Its number.
    #[message(versions = "0+")]
    pub partition_id: i32,
    /// Its topic.
    #[message(versions = "0+")]
    pub topic_id: Uuid,
    /// The brokers in sync, if they have changed.
    #[message(versions = "0+", nullable = "0+", default = "null")]
    pub isr: Option<Vec<i32>>,
    /// The leader, -1 if there is none now, or [`PartitionChangeRecord::LEADER_UNCHANGED`]. Any
    /// other value, also the one that leads already, counts the leader epoch up.
    #[message(versions = "0+", default = "-2")]
    pub leader: i32,
    /// The brokers that hold it, if they have changed.
    #[message(versions = "0+", nullable = "0+", default = "null")]
    pub replicas: Option<Vec<i32>>,
    /// Their log directories, if they have changed.
    #[message(versions = "0+", nullable = "0+", default = "null")]
    pub directories: Option<Vec<Uuid>>,
}

impl PartitionChangeRecord {
    /// The leader stays, and so does its epoch.
    pub const LEADER_UNCHANGED: i32 = -2;
}
