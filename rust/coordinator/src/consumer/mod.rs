//! A consumer group (KIP-848): the coordinator assigns, and each member is led, one heartbeat at a
//! time, from what it holds to what it is to own.
//!
//! ```text
//! group epoch        grows when members or topics change
//! assignment epoch   follows it: the targets were computed for it
//! member epochs      follow that, each at its member's pace
//! ```
//!
//! All of it is persisted, and changed by replay alone.

mod assignment;
mod classic_member;
mod decide;
mod describe;
mod draft;
mod heartbeat;
mod leave;
mod member;
mod migration;
mod reconcile;
mod regex;
mod replay;
mod subscription;
mod target;
mod tombstones;
mod validate;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use assignment::Assignment;
pub(crate) use assignment::Holdings;
pub(crate) use draft::Draft;
pub(crate) use member::{Current, Member, MemberState};

/// A consumer group.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ConsumerGroup {
    pub(crate) id: String,
    epoch: i32,
    /// Of the topics that the epoch was computed for.
    metadata_hash: i64,
    members: BTreeMap<String, Arc<Member>>,
    assignment_epoch: i32,
    assignment_timestamp_ms: i64,
    targets: BTreeMap<String, Arc<Assignment>>,
    /// The topics that each expression matched when it was last looked at.
    regexes: BTreeMap<String, Arc<ResolvedRegex>>,
}

/// The topics that an expression matches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ResolvedRegex {
    pub(crate) topics: BTreeSet<String>,
    pub(crate) version: i64,
    pub(crate) timestamp_ms: i64,
}

/// Where a group stands; all of it follows from epochs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GroupState {
    /// It has no members.
    Empty,
    /// Its targets are older than its epoch.
    Assigning,
    /// Members are on their way to their targets.
    Reconciling,
    /// Everybody holds what it is to own.
    Stable,
}

impl GroupState {
    /// As Kafka spells it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::Assigning => "Assigning",
            Self::Reconciling => "Reconciling",
            Self::Stable => "Stable",
        }
    }
}

impl ConsumerGroup {
    pub(crate) fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            epoch: 0,
            metadata_hash: 0,
            members: BTreeMap::new(),
            assignment_epoch: 0,
            assignment_timestamp_ms: 0,
            targets: BTreeMap::new(),
            regexes: BTreeMap::new(),
        }
    }

    pub(crate) fn epoch(&self) -> i32 {
        self.epoch
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub(crate) fn state(&self) -> GroupState {
        if self.members.is_empty() {
            GroupState::Empty
        } else if self.epoch > self.assignment_epoch {
            GroupState::Assigning
        } else if self.members.values().all(|m| m.is_reconciled_to(self.assignment_epoch)) {
            GroupState::Stable
        } else {
            GroupState::Reconciling
        }
    }

    pub(crate) fn member(&self, id: &str) -> Option<&Arc<Member>> {
        self.members.get(id)
    }

    pub(crate) fn members(&self) -> impl ExactSizeIterator<Item = (&String, &Arc<Member>)> {
        self.members.iter()
    }

    /// The static member of this instance.
    pub(crate) fn static_member(&self, instance: &str) -> Option<(&String, &Arc<Member>)> {
        self.members.iter().find(|(_, member)| member.instance_id() == Some(instance))
    }

    /// The topics that a member reads, by name or by expression.
    pub(crate) fn topics_of(&self, member: &Member) -> BTreeSet<String> {
        let mut topics: BTreeSet<String> =
            member.metadata.subscribed_topic_names.iter().cloned().collect();
        if let Some(resolved) = member.regex().and_then(|regex| self.regexes.get(regex)) {
            topics.extend(resolved.topics.iter().cloned());
        }
        topics
    }

    pub(crate) fn is_subscribed_to(&self, topic: &str) -> bool {
        self.members.values().any(|member| {
            member.metadata.subscribed_topic_names.iter().any(|name| name == topic)
                || member
                    .regex()
                    .and_then(|regex| self.regexes.get(regex))
                    .is_some_and(|resolved| resolved.topics.contains(topic))
        })
    }
}
