//! A member reads nothing but what the coordinator believes it to hold: given to it, and not yet
//! given up by it. Since the coordinator gives a partition to one member at a time, none has two
//! readers whom the coordinator both knows.

use std::collections::BTreeSet;

use client_core::consumer::Consumer;

use crate::group_host::GroupHost;

pub(crate) fn check_assignment(consumer: &Consumer, group: &GroupHost) {
    let Some(metadata) = consumer.group_metadata() else { return };
    // Whom the coordinator has forgotten will hear of it.
    let Some(held) = group.held(&metadata.member_id, metadata.generation) else { return };
    let read: BTreeSet<_> = consumer.assignment().map(|read| read.partition.0).collect();
    let member = metadata.member_id;
    assert!(read.is_subset(&held), "{member} reads {read:?} and was given {held:?}");
}
