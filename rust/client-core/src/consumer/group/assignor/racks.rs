//! Where members and the replicas of partitions are, and whether that makes a difference (KIP-881).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base::TopicPartition;

use super::Subscriber;

/// The racks in which each partition has replicas, in sync or not. A partition is left out if none
/// of its brokers says where it is.
pub type PartitionRacks = BTreeMap<TopicPartition, BTreeSet<Arc<str>>>;

static NOWHERE: BTreeSet<Arc<str>> = BTreeSet::new();

/// The racks of a group's members, by index, and of its partitions.
pub(super) struct Racks<'a> {
    members: Vec<Option<&'a str>>,
    partitions: &'a PartitionRacks,
}

impl<'a> Racks<'a> {
    pub(super) fn new(subscribers: &[&'a Subscriber], partitions: &'a PartitionRacks) -> Self {
        let rack = |member: &&'a Subscriber| member.rack.as_deref().filter(|rack| !rack.is_empty());
        Self { members: subscribers.iter().map(rack).collect(), partitions }
    }

    /// The rack of a member.
    pub(super) fn of_member(&self, member: usize) -> Option<&'a str> {
        self.members[member]
    }

    /// The racks of a partition.
    pub(super) fn of_partition(&self, partition: &TopicPartition) -> &'a BTreeSet<Arc<str>> {
        self.partitions.get(partition).unwrap_or(&NOWHERE)
    }

    /// Whether a member reads what is kept in these racks without leaving its own. One that does
    /// not say where it is is near to everything.
    pub(super) fn is_near(&self, member: usize, racks: &BTreeSet<Arc<str>>) -> bool {
        self.members[member].is_none_or(|rack| racks.contains(rack))
    }

    /// Whether it matters which of these members reads which of these partitions: one of them is in
    /// a rack that has some of the partitions, and not every rack has them all.
    pub(super) fn matter<'p>(
        &self,
        members: impl IntoIterator<Item = usize>,
        partitions: impl IntoIterator<Item = &'p BTreeSet<Arc<str>>>,
    ) -> bool {
        let racks: BTreeSet<&str> =
            members.into_iter().filter_map(|member| self.members[member]).collect();
        if racks.is_empty() {
            return false;
        }
        let (mut all, mut lengths) = (BTreeSet::new(), BTreeSet::new());
        for racks in partitions {
            all.extend(racks.iter().map(|rack| &**rack));
            lengths.insert(racks.len());
        }
        !racks.is_disjoint(&all) && lengths.iter().any(|length| *length < all.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matter(members: &[Option<&str>], partitions: &[&[&str]]) -> bool {
        let nowhere = PartitionRacks::new();
        let racks = Racks { members: members.to_vec(), partitions: &nowhere };
        let sets: Vec<BTreeSet<Arc<str>>> = partitions
            .iter()
            .map(|racks| racks.iter().map(|rack| Arc::from(*rack)).collect())
            .collect();
        racks.matter(0..members.len(), &sets)
    }

    /// Kafka's own cases of `useRackAwareAssignment`.
    #[test]
    fn racks_matter_if_a_member_is_in_one_that_has_some_of_the_partitions_and_not_all() {
        let everywhere: [&[&str]; 2] = [&["a", "b", "c"], &["a", "b", "c"]];
        let spread: [&[&str]; 3] = [&["a"], &["b"], &["c"]];
        let (a, b, c, d) = (Some("a"), Some("b"), Some("c"), Some("d"));
        for members in [&[None, None][..], &[d], &[a, b, c], &[a, b], &[a, d], &[]] {
            assert!(!matter(members, &everywhere), "{members:?}");
        }
        for members in [&[a, b, c][..], &[a, b], &[a, d], &[a, None]] {
            assert!(matter(members, &spread), "{members:?}");
        }
        for members in [&[None][..], &[d, None], &[]] {
            assert!(!matter(members, &spread), "{members:?}");
        }
        assert!(!matter(&[a], &[&[], &[]]));
        assert!(matter(&[a], &[&["a"], &[]]), "of one partition nobody knows where it is");
    }

    #[test]
    fn an_empty_rack_is_none() {
        let member = Subscriber { rack: Some(String::new()), ..super::super::tests::anybody() };
        let nowhere = PartitionRacks::new();
        let racks = Racks::new(&[&member], &nowhere);
        assert_eq!(racks.of_member(0), None);
        assert!(racks.is_near(0, racks.of_partition(&TopicPartition::new("t", 0))));
    }
}
