//! A broker's start after an unclean stop.

/// The leader epoch of every partition that the broker leads goes up by one: what it appended unsynced before the stop and
/// lost must not share (epoch, offset) with what it appends from now on. One record stands for all its partitions, so that a
/// start costs one sync however many there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UncleanStartRecord {
    /// The broker.
    pub broker_id: i32,
    /// Its epoch.
    pub broker_epoch: i64,
}
