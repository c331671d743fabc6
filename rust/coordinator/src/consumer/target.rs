//! From what members read to what each is to own: the group's epoch, and the targets that follow
//! it.

use std::collections::{BTreeMap, BTreeSet};

use base::Uuid;
use wire::coordinator_records::{
    ConsumerGroupMetadataKey, ConsumerGroupMetadataValue, ConsumerGroupTargetAssignmentMemberKey,
    ConsumerGroupTargetAssignmentMetadataKey, ConsumerGroupTargetAssignmentMetadataValue,
};

use super::{ConsumerGroup, Draft};
use crate::assignor::{Assignor, Reader};
use crate::decision::TimerKey;

impl ConsumerGroup {
    /// The assignor that most members ask for, if any does; of equals the first by name.
    pub(crate) fn preferred_assignor(&self) -> Option<Assignor> {
        let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
        for (_, member) in self.members() {
            if let Some(name) = member.metadata.server_assignor.as_deref() {
                *votes.entry(name).or_default() += 1;
            }
        }
        let most = votes.values().copied().max()?;
        let (name, _) = votes.into_iter().find(|&(_, count)| count == most)?;
        Assignor::from_name(name)
    }
}

impl Draft<'_> {
    pub(crate) fn assignor(&self) -> Assignor {
        self.preferred_assignor().unwrap_or(self.config.default_assignor())
    }

    /// The next epoch: something has changed that asks for a new assignment.
    pub(crate) fn bump_epoch(&mut self) {
        let value = ConsumerGroupMetadataValue {
            epoch: self.epoch.saturating_add(1),
            metadata_hash: self.compute_metadata_hash(),
        };
        self.write((ConsumerGroupMetadataKey { group_id: self.id.clone() }, Some(value)));
    }

    /// Whether the topics that members read are no longer those of the epoch.
    pub(crate) fn have_topics_changed(&self) -> bool {
        self.compute_metadata_hash() != self.metadata_hash
    }

    /// Computes the targets if the epoch asks for it, and enough time has gone by since the last
    /// time; otherwise as soon as that is so (KIP-1263).
    pub(crate) fn update_targets(&mut self) {
        if self.epoch <= self.assignment_epoch || self.is_empty() {
            return;
        }
        let next_ms = self
            .assignment_timestamp_ms
            .saturating_add(i64::from(self.assignment_interval_ms()))
            .saturating_sub(self.now.unix_ms);
        // A clock that was set back must not stop a group for long.
        let pause_ms = i32::try_from(next_ms).unwrap_or(0).min(self.assignment_interval_ms());
        if self.assignment_epoch > 0 && pause_ms > 0 {
            let key = TimerKey::ConsumerAssignment { group: self.id.clone() };
            let at = self.now.in_ms(pause_ms);
            return self.decision.schedule(key, at);
        }
        self.compute_targets();
    }

    fn compute_targets(&mut self) {
        let (readers, partition_counts) = self.readers();
        let targets = self.assignor().assign(&readers, &partition_counts);
        for (member_id, target) in targets {
            if self.targets.get(&member_id).is_none_or(|known| **known != target) {
                let group_id = self.id.clone();
                let key = ConsumerGroupTargetAssignmentMemberKey { group_id, member_id };
                self.write((key, Some(target.to_target())));
            }
        }
        let value = ConsumerGroupTargetAssignmentMetadataValue {
            assignment_epoch: self.epoch,
            assignment_timestamp: self.now.unix_ms,
        };
        let key = ConsumerGroupTargetAssignmentMetadataKey { group_id: self.id.clone() };
        self.write((key, Some(value)));
        self.decision.cancel(TimerKey::ConsumerAssignment { group: self.id.clone() });
    }

    /// The members, and the topics that there are of those which they read.
    fn readers(&self) -> (BTreeMap<String, Reader>, BTreeMap<Uuid, i32>) {
        let mut partition_counts = BTreeMap::new();
        let mut readers = BTreeMap::new();
        for (id, member) in self.members() {
            let mut topics = BTreeSet::new();
            for name in self.topics_of(member) {
                let Some(topic) = self.image.topic_by_name(&name) else { continue };
                let count = i32::try_from(topic.partition_count()).unwrap_or(i32::MAX);
                partition_counts.insert(topic.id.0, count);
                topics.insert(topic.id.0);
            }
            let owned = self.targets.get(id).map(|target| (**target).clone()).unwrap_or_default();
            let instance_id = member.metadata.instance_id.clone();
            readers.insert(id.clone(), Reader { instance_id, topics, owned });
        }
        (readers, partition_counts)
    }

    /// Of id, name and partitions of every topic that is read and exists. It is kept in the log,
    /// so it must be the same in every release: FNV-1a, 64 bits.
    fn compute_metadata_hash(&self) -> i64 {
        let mut names = BTreeSet::new();
        for (_, member) in self.members() {
            names.extend(self.topics_of(member));
        }
        let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
        let mut eat = |bytes: &[u8]| {
            for &byte in bytes {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        };
        for name in names {
            let Some(topic) = self.image.topic_by_name(&name) else { continue };
            eat(&topic.id.0.0);
            eat(name.as_bytes());
            eat(&(topic.partition_count() as u64).to_be_bytes());
        }
        hash as i64
    }
}
