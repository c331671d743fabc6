//! Once nothing goes wrong any more, every partition has an owner, in one generation.

use std::collections::BTreeMap;

use crate::member::Member;

pub(crate) fn check_settled(members: &[Member], partitions_count: i32) {
    let mut owners: BTreeMap<i32, String> = BTreeMap::new();
    let mut generations = Vec::new();
    for member in members {
        let Some((generation, partitions)) = member.owned() else {
            panic!("{member:?} has not settled")
        };
        generations.push(generation);
        for &partition in partitions {
            let earlier = owners.insert(partition, member.name());
            assert_eq!(earlier, None, "two own partition {partition}");
        }
    }
    generations.dedup();
    assert_eq!(generations.len(), 1, "members are in generations {generations:?}");
    assert_eq!(owners.len(), partitions_count as usize, "{owners:?}");
}
