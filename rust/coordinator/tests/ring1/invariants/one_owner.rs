//! In one generation a partition has one owner.

use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub(crate) struct OneOwner {
    owners: BTreeMap<(i32, i32), String>,
}

impl OneOwner {
    /// A member has come to believe that it owns these partitions.
    pub(crate) fn claim(&mut self, generation: i32, partitions: &[i32], member: &str) {
        for &partition in partitions {
            let owner = self.owners.entry((generation, partition)).or_insert(member.to_owned());
            assert_eq!(owner, member, "two own partition {partition} in generation {generation}");
        }
    }
}
