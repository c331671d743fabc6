//! A broker's start after an unclean stop.

use wire_derive::Message;

/// The leader epoch of every partition that the broker leads goes up by one: what it appended
/// unsynced before the stop and lost must not share (epoch, offset) with what it appends from now
/// on. One record stands for all its partitions, so that a start costs one sync however many there
/// are.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[message(data, key = 1001, versions = "0", flexible = "0+")]
pub struct UncleanStartRecord {
    /// The broker.
    #[message(versions = "0+")]
    pub broker_id: i32,
    /// Its epoch.
    #[message(versions = "0+")]
    pub broker_epoch: i64,
}
