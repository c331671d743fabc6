//! Offsets that nobody needs any more: those of a group that has been empty for long, of a topic
//! that a group has stopped reading, of a topic that is gone.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use base::Uuid;
use metadata::image::TopicImage;
use wire::coordinator_records::OffsetCommitValue;

use super::{CommittedOffset, tombstone};
use crate::classic::ClassicGroup;
use crate::decision::{Decision, TimerKey};
use crate::now::Now;
use crate::shard::Shard;

/// The most records of one decision: what is left expires with the next.
const EXPIRED_PER_DECISION_MAX: usize = 1_000;

/// From when on a group's offsets grow old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExpirySince {
    /// They do not: the group is using them, or is about to.
    Never,
    /// Since each was committed.
    Commit,
    /// Since the group became empty.
    Empty(i64),
}

impl ExpirySince {
    fn is_expired(self, value: &OffsetCommitValue, now: Now, retention_ms: i64) -> bool {
        let since = match self {
            Self::Never => return false,
            // The commit had a retention of its own, which versions up to 4 could ask for.
            _ if value.expire_timestamp != -1 => return now.unix_ms >= value.expire_timestamp,
            Self::Commit => value.commit_timestamp,
            Self::Empty(since) => since,
        };
        now.unix_ms.saturating_sub(since) >= retention_ms
    }
}

impl Shard {
    /// Forgets what has expired, and groups of which nothing is left.
    pub(crate) fn expire_offsets(&mut self, now: Now, decision: &mut Decision) {
        let names: BTreeSet<&String> =
            self.classic.keys().chain(self.consumer.keys()).chain(self.offsets.groups()).collect();
        let mut gone = Vec::new();
        for group in names {
            if decision.records.len() >= EXPIRED_PER_DECISION_MAX {
                break;
            }
            if self.expire_offsets_of(now, group, decision) && self.may_forget(group) {
                gone.push(group.clone());
            }
        }
        for group in gone {
            self.forget_group(&group, decision);
        }
        let pause = match decision.records.len() {
            EXPIRED_PER_DECISION_MAX.. => Duration::ZERO,
            _ => self.config.offsets_retention_check_interval(),
        };
        decision.schedule(TimerKey::OffsetExpiry, now.instant + pause);
    }

    /// Answers whether no offset of the group is left, nor will be. One that a transaction may
    /// replace is not old: its tombstone would take away what that commits.
    fn expire_offsets_of(&self, now: Now, group: &str, decision: &mut Decision) -> bool {
        let since = self.classic.get(group).map(ClassicGroup::expiry_since);
        let since = since.unwrap_or(ExpirySince::Commit);
        let mut is_nothing_left = !self.offsets.has_pending(group);
        for (topic, partitions) in self.offsets.of_group(group) {
            let is_subscribed = self.is_subscribed(group, topic);
            let topic_id = self.image.topic_by_name(topic).map(|image| image.id.0);
            for (&partition, CommittedOffset { value, .. }) in partitions {
                let may_go = decision.records.len() < EXPIRED_PER_DECISION_MAX
                    && !self.offsets.is_pending(group, topic, partition);
                // A coordinator that stopped right after the topic was deleted has left it.
                let is_of_another =
                    value.topic_id != Uuid::ZERO && topic_id != Some(value.topic_id);
                let is_old = || since.is_expired(value, now, self.config.offsets_retention_ms());
                if may_go && (is_of_another || (!is_subscribed && is_old())) {
                    decision.record(tombstone(group, topic, partition));
                } else {
                    is_nothing_left = false;
                }
            }
        }
        is_nothing_left
    }

    /// Forgets the offsets of topics that have been deleted, and what transactions would commit.
    pub(crate) fn forget_topics(&self, deleted: &[Arc<TopicImage>], decision: &mut Decision) {
        if deleted.is_empty() {
            return;
        }
        let deleted: BTreeSet<&str> = deleted.iter().map(|topic| &*topic.name).collect();
        for group in self.offsets.groups() {
            for (topic, partition) in self.offsets.partitions_of_group(group) {
                if deleted.contains(topic.as_str()) {
                    decision.record(tombstone(group, topic, partition));
                }
            }
        }
    }
}
