//! One step of a member from what it holds towards what it is to own.
//!
//! ```text
//!            has something to give up              has given it up
//! Stable -----------------------------> Unrevoked -----------------> the step once more
//!    |                                                                 |
//!    | others still hold what it is to own                             |
//!    +-------------------------------------> Unreleased <--------------+
//! ```
//!
//! A partition is given to a member only once no other holds it. So it has one owner at a time,
//! however late anybody's heartbeats are.

use std::collections::BTreeSet;
use std::sync::Arc;

use base::{ErrorCode, Uuid};
use metadata::MetadataImage;
use wire::consumer_group_heartbeat::TopicPartitions;
use wire::coordinator_records::ConsumerGroupCurrentMemberAssignmentKey;

use super::heartbeat::Refusal;
use super::{Assignment, ConsumerGroup, Current, Draft, Holdings, MemberState};

/// What the member says that it holds; nothing if it has not said anything.
pub(crate) type Owned<'a> = Option<&'a [TopicPartitions]>;

impl Draft<'_> {
    /// Leads the member on by a step, if there is one to take. What it has just said that it does
    /// not read any more it gives up at once, although the targets may still be those of before.
    pub(crate) fn reconcile(
        &mut self,
        id: &str,
        owned: Owned<'_>,
        has_subscribed: bool,
    ) -> Result<(), Refusal> {
        let Some(member) = self.member(id) else { return Ok(()) };
        if !has_subscribed && member.is_reconciled_to(self.assignment_epoch) {
            return Ok(());
        }
        let target = self.target_of(id, self.image);
        let current = &member.current;
        let next = match current.state {
            MemberState::UnrevokedPartitions if holds(owned, &current.pending_revocation) => {
                if !has_subscribed {
                    return Ok(());
                }
                give_up_more(current, &self.topics_read_by(id, self.image))
            }
            MemberState::UnrevokedPartitions => {
                // The next step is taken from an epoch on, so that a late answer is told from it.
                let epoch = current.epoch.saturating_add(1);
                let epoch = epoch.min(self.assignment_epoch);
                self.step(id, current, epoch, &target, owned)
            }
            // Nobody knows what it has to give up: it has to begin without anything.
            MemberState::Unknown if owned.is_none_or(|owned| !owned.is_empty()) => {
                let message = "The consumer group member is in an unknown state. The member must \
                               abandon all its partitions and rejoin.";
                return Err(Refusal::new(ErrorCode::FencedMemberEpoch, message));
            }
            MemberState::Unknown => self.step(id, current, self.assignment_epoch, &target, owned),
            MemberState::Stable | MemberState::UnreleasedPartitions => {
                self.step(id, current, current.epoch, &target, owned)
            }
        };
        if next != *current {
            self.set_current(id, &next);
        }
        Ok(())
    }

    /// Writes how far the member has come, and begins or ends its time to give up partitions.
    pub(crate) fn set_current(&mut self, id: &str, next: &Current) {
        let key = ConsumerGroupCurrentMemberAssignmentKey {
            group_id: self.id.clone(),
            member_id: id.to_owned(),
        };
        self.write((key, Some(next.to_record())));
        let Some(member) = self.member(id).map(Arc::clone) else { return };
        if member.classic().is_some() {
            return;
        }
        let key = self.rebalance_key(id);
        if next.state == MemberState::UnrevokedPartitions {
            let at = self.now.in_ms(member.metadata.rebalance_timeout_ms);
            self.decision.schedule(key, at);
        } else {
            self.decision.cancel(key);
        }
    }

    fn step(
        &self,
        id: &str,
        current: &Current,
        epoch: i32,
        target: &Assignment,
        owned: Owned<'_>,
    ) -> Current {
        let mut kept = Holdings::default();
        let mut revoked = Holdings::default();
        for (topic, partition, given) in current.assigned.iter() {
            let to = if target.contains(topic, partition) { &mut kept } else { &mut revoked };
            to.insert(topic, partition, given);
        }
        let mut next = current.clone();
        if !revoked.is_empty() && holds(owned, &revoked) {
            next.advance(epoch);
            next.state = MemberState::UnrevokedPartitions;
            (next.assigned, next.pending_revocation) = (kept, revoked);
            return next;
        }
        let held_by_others = self.held_by_others(id, target);
        next.advance(self.assignment_epoch);
        for (topic, partition) in target.partitions() {
            if !kept.contains(topic, partition) && !held_by_others.contains(&(topic, partition)) {
                kept.insert(topic, partition, next.epoch);
            }
        }
        (next.assigned, next.pending_revocation) = (kept, Holdings::default());
        next.state = if held_by_others.is_empty() {
            MemberState::Stable
        } else {
            MemberState::UnreleasedPartitions
        };
        next
    }
}

impl ConsumerGroup {
    /// What a member is to own of what it reads.
    pub(crate) fn target_of(&self, id: &str, image: &MetadataImage) -> Assignment {
        let Some(target) = self.targets.get(id) else { return Assignment::default() };
        let read = self.topics_read_by(id, image);
        target.partitions().filter(|(topic, _)| read.contains(topic)).collect()
    }

    /// The topics that there are of those which a member reads.
    fn topics_read_by(&self, id: &str, image: &MetadataImage) -> BTreeSet<Uuid> {
        let Some(member) = self.member(id) else { return BTreeSet::new() };
        let names = self.topics_of(member);
        names.iter().filter_map(|name| image.topic_by_name(name)).map(|topic| topic.id.0).collect()
    }

    /// What others hold of what a member is to own.
    pub(crate) fn held_by_others(&self, id: &str, target: &Assignment) -> BTreeSet<(Uuid, i32)> {
        let mut held = BTreeSet::new();
        if target.is_empty() {
            return held;
        }
        for (other, member) in self.members() {
            if other == id {
                continue;
            }
            let Current { assigned, pending_revocation, .. } = &member.current;
            for (topic, partition, _) in assigned.iter().chain(pending_revocation.iter()) {
                if target.contains(topic, partition) {
                    held.insert((topic, partition));
                }
            }
        }
        held
    }
}

/// The member has not given up yet what it was told to, and what it does not read is added to that.
fn give_up_more(current: &Current, read: &BTreeSet<Uuid>) -> Current {
    let mut next = Current { assigned: Holdings::default(), ..current.clone() };
    for (topic, partition, given) in current.assigned.iter() {
        let to =
            if read.contains(&topic) { &mut next.assigned } else { &mut next.pending_revocation };
        to.insert(topic, partition, given);
    }
    next
}

/// Whether the member may still hold one of these. One that does not say may.
fn holds(owned: Owned<'_>, partitions: &Holdings) -> bool {
    let Some(owned) = owned else { return true };
    owned.iter().any(|topic| {
        topic.partitions.iter().any(|&partition| partitions.contains(topic.topic_id, partition))
    })
}
