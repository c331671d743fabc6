//! How far a member has come with what it owns: it begins where the group has committed to, and
//! marks each of its commits with where that was.

use std::collections::BTreeMap;

use base::{ErrorCode, Rng, SplitMix64};
use wire::offset_commit::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use wire::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics, OffsetFetchResponse,
};

use crate::scenario::{GROUP, TOPIC};

/// The offsets of the partitions that a member works on.
#[derive(Debug, Default)]
pub(crate) struct Positions {
    by_partition: BTreeMap<i32, Position>,
    /// How often the member has begun with a partition.
    begun: u32,
    /// What the last commit says, until it is answered.
    sent: Vec<(i32, i64)>,
}

#[derive(Debug)]
struct Position {
    mark: String,
    at: i64,
    /// What it knows to be committed.
    committed: i64,
}

impl Positions {
    /// The member owns nothing any more, or does not know whether it does.
    pub(crate) fn clear(&mut self) {
        self.by_partition.clear();
        self.sent.clear();
    }

    /// The member owns no others.
    pub(crate) fn keep(&mut self, owned: &[i32]) {
        self.by_partition.retain(|partition, _| owned.contains(partition));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_partition.is_empty()
    }

    /// Whether it has yet to begin with something.
    pub(crate) fn lack_any(&self, owned: &[i32]) -> bool {
        owned.iter().any(|partition| !self.by_partition.contains_key(partition))
    }

    /// Where to begin, the group is asked, in a member's name or in nobody's.
    pub(crate) fn fetch(&self, owned: &[i32], member: Option<(&str, i32)>) -> OffsetFetchRequest {
        let lacking = owned.iter().filter(|partition| !self.by_partition.contains_key(partition));
        let topic = OffsetFetchRequestTopics {
            name: TOPIC.into(),
            partition_indexes: lacking.copied().collect(),
            ..OffsetFetchRequestTopics::default()
        };
        let group = OffsetFetchRequestGroup {
            group_id: GROUP.into(),
            member_id: member.map(|(id, _)| id.to_owned()),
            member_epoch: member.map_or(-1, |(_, epoch)| epoch),
            topics: Some(vec![topic]),
        };
        let groups = vec![group];
        OffsetFetchRequest { groups, require_stable: true, ..OffsetFetchRequest::default() }
    }

    /// It begins with what it has been told about, as far as it owns it. What is not stable yet it
    /// asks for again.
    pub(crate) fn begin(&mut self, id: &str, owned: &[i32], told: &OffsetFetchResponse) {
        for partition in told.groups[0].topics.iter().flat_map(|topic| &topic.partitions) {
            if partition.error_code == ErrorCode::UnstableOffsetCommit.code() {
                continue;
            }
            assert_eq!(partition.error_code, 0, "{told:?}");
            let (index, from) = (partition.partition_index, partition.committed_offset);
            if owned.contains(&index) && !self.by_partition.contains_key(&index) {
                self.begun += 1;
                let mark = format!("{id}/{}@{from}", self.begun);
                let at = from.max(0);
                self.by_partition.insert(index, Position { mark, at, committed: at });
            }
        }
    }

    /// It goes on with all that it works on.
    pub(crate) fn work(&mut self, rng: &mut SplitMix64) {
        for position in self.by_partition.values_mut() {
            position.at += i64::from(rng.below(100));
        }
    }

    /// Whether there is work on one of these that is not known to be committed.
    pub(crate) fn are_uncommitted(&self, which: impl Fn(i32) -> bool) -> bool {
        let mut positions = self.by_partition.iter();
        positions.any(|(partition, position)| which(*partition) && position.committed < position.at)
    }

    /// A commit of how far it has come with these.
    pub(crate) fn commit(&mut self, which: impl Fn(i32) -> bool) -> Vec<OffsetCommitRequestTopic> {
        let chosen = self.by_partition.iter().filter(|(partition, _)| which(**partition));
        let partitions: Vec<OffsetCommitRequestPartition> = chosen
            .map(|(&partition_index, position)| OffsetCommitRequestPartition {
                partition_index,
                committed_offset: position.at,
                committed_metadata: Some(position.mark.clone()),
                ..OffsetCommitRequestPartition::default()
            })
            .collect();
        self.sent =
            partitions.iter().map(|sent| (sent.partition_index, sent.committed_offset)).collect();
        let name = TOPIC.into();
        vec![OffsetCommitRequestTopic { name, partitions, ..OffsetCommitRequestTopic::default() }]
    }

    /// A commit of one of them, or of all.
    pub(crate) fn commit_some(&mut self, rng: &mut SplitMix64) -> Vec<OffsetCommitRequestTopic> {
        let chosen = rng.below(2 * self.by_partition.len() as u32) as usize;
        match self.by_partition.keys().nth(chosen).copied() {
            Some(one) => self.commit(|partition| partition == one),
            None => self.commit(|_| true),
        }
    }

    /// The last commit was good.
    pub(crate) fn acknowledge(&mut self) {
        for (partition, offset) in self.sent.drain(..) {
            if let Some(position) = self.by_partition.get_mut(&partition) {
                position.committed = position.committed.max(offset);
            }
        }
    }
}
